package main

import (
	"fmt"
	"io"
	"math"
	"time"

	"github.com/whiskstore/whiskstore/cache"
)

// moment is one event of the history, for the picture of a violation.
type moment struct {
	at   time.Duration
	doc  int
	node int // -1 is the store
	what string
	v    int
}

// checker judges what readers are served.
type checker struct {
	hits, misses uint64
	stale        [2]uint64 // hits that were behind at all: coherent, degraded
	degraded     uint64    // hits while degraded
	worst        [2]time.Duration
	buckets      [40]uint64 // staleness of the stale hits, by power of two of a millisecond's 1/16

	recent [1 << 14]moment // ring
	n      int

	violation       string
	doc, node, seen int
	at              time.Duration
}

func (c *checker) note(at time.Duration, doc, node int, what string, v int) {
	c.recent[c.n%len(c.recent)] = moment{at, doc, node, what, v}
	c.n++
}

// hit judges version v of a document, served by a node from its cache.
func (c *checker) hit(w *world, n *node, doc, v int) {
	c.hits++
	d := &w.docs[doc]
	c.note(w.now, doc, n.id(), "hit", v)
	if v < n.floor[doc] {
		c.fail(w, n, doc, v, "a writer does not read its own write")
		return
	}
	if !d.coarse && n.number == 0 && v < n.shown[doc] {
		c.fail(w, n, doc, v, "hits go back")
		return
	}
	if v == d.newest {
		c.judge(w, n, doc, v, 0)
		return
	}
	next := max(v+1, d.newest-len(d.since)+1) // commits further back are not remembered
	c.judge(w, n, doc, v, w.now-d.since[next%len(d.since)])
}

// absent judges an absence that is served.
func (c *checker) absent(w *world, n *node, doc int) {
	c.hits++
	d := &w.docs[doc]
	c.note(w.now, doc, n.id(), "hit absent", 0)
	stale := time.Duration(0)
	if !d.deleted {
		stale = w.now - d.gone
	}
	c.judge(w, n, doc, 0, stale)
}

// judge holds the staleness of a hit against what the state of the cache promises.
func (c *checker) judge(w *world, n *node, doc, v int, stale time.Duration) {
	health := 0
	bound := coherentBound
	if n.cache.Health().State == cache.Degraded {
		health, bound = 1, degradedBound
		c.degraded++
	}
	if stale == 0 {
		return
	}
	c.stale[health]++
	c.worst[health] = max(c.worst[health], stale)
	c.buckets[min(len(c.buckets)-1, int(math.Log2(float64(stale/(time.Millisecond/16))+1)))]++
	if stale > bound {
		c.fail(w, n, doc, v, fmt.Sprintf("a hit is %v behind while %v; the bound is %v", stale, n.cache.Health().State, bound))
	}
}

func (c *checker) fail(w *world, n *node, doc, v int, text string) {
	if c.violation == "" {
		c.violation = fmt.Sprintf("node %s, document %d, version %d of %d: %s", n.name(), doc, v, w.docs[doc].newest, text)
		c.doc, c.node, c.seen, c.at = doc, n.id(), v, w.now
	}
}

// history is what is left of the events when those are taken away that have no
// part in the violation: other documents, other nodes' reads, and everything
// before the version that was served was superseded.
func (c *checker) history() []moment {
	var all []moment
	for i := max(0, c.n-len(c.recent)); i < c.n; i++ {
		m := c.recent[i%len(c.recent)]
		if m.doc == c.doc && (m.node == -1 || m.node == c.node) {
			all = append(all, m)
		}
	}
	first := 0
	for i, m := range all {
		if m.what == "commit" && m.v == c.seen {
			first = i
		}
	}
	all = all[first:]
	kept := all[:0]
	for i, m := range all { // of hits on one version in a row, the first and the last
		if m.what == "hit" && i > 0 && i < len(all)-1 && all[i+1].what == "hit" && all[i+1].v == m.v && len(kept) > 0 && kept[len(kept)-1].what == "hit" {
			continue
		}
		kept = append(kept, m)
	}
	return kept
}

// percentile is the staleness that a share q of all hits does not exceed.
func (c *checker) percentile(q float64) time.Duration {
	rest := float64(c.hits) * (1 - q)
	for i := len(c.buckets) - 1; i >= 0; i-- {
		if rest -= float64(c.buckets[i]); rest < 0 {
			return time.Duration(math.Exp2(float64(i+1))) * time.Millisecond / 16
		}
	}
	return 0
}

// report prints the figures of a run.
func (c *checker) report(out io.Writer, w *world, took time.Duration) {
	stale := c.stale[0] + c.stale[1]
	fmt.Fprintf(out, "%d writes in %v of virtual time, %.0f writes/s real time\n", w.writes, w.now.Round(time.Second), float64(w.writes)/took.Seconds())
	fmt.Fprintf(out, "%d hits (%d while degraded), %d misses\n", c.hits, c.degraded, c.misses)
	if c.hits > 0 {
		nines := math.Inf(1)
		if stale > 0 {
			nines = -math.Log10(float64(stale) / float64(c.hits))
		}
		fmt.Fprintf(out, "hits that were the newest version: %.6f of %d (%.1f nines)\n", 1-float64(stale)/float64(c.hits), c.hits, nines)
		fmt.Fprintf(out, "staleness of hits at most: p50 %v, p99 %v, p99.9 %v, p99.99 %v; worst coherent %v, degraded %v\n",
			c.percentile(.5), c.percentile(.99), c.percentile(.999), c.percentile(.9999), c.worst[0], c.worst[1])
	}
	if c.violation == "" {
		fmt.Fprintln(out, "no violation")
		return
	}
	fmt.Fprintf(out, "VIOLATION after %d writes at %v: %s\n", w.writes, c.at, c.violation)
	for _, m := range c.history() {
		where := "store"
		if m.node >= 0 {
			where = fmt.Sprintf("node %d/%d", m.node/nodes, m.node%nodes)
		}
		fmt.Fprintf(out, "  %14v  %-9s %-10s v%d\n", m.at, where, m.what, m.v)
	}
}
