package tworegions

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/entity"
)

// Coherence is what the caches did and what they were told.
type Coherence struct {
	LagBudget    time.Duration    `json:"lagBudget"`
	MaxSilence   time.Duration    `json:"maxSilence"`
	MaxStaleness time.Duration    `json:"maxStaleness"`
	ClockSkew    time.Duration    `json:"clockSkew"`
	Regions      []CoherenceStats `json:"regions"`

	// TooLate counts documents that were replicated later than the lag budget
	// allows: the protocol promises nothing about those meanwhile.
	TooLate int `json:"tooLate"`
}

// CoherenceStats is about the caches of one region's nodes.
type CoherenceStats struct {
	Region string `json:"region"`

	Hits   uint64 `json:"hits"`
	Misses uint64 `json:"misses"`
	Joined uint64 `json:"joined"` // of the hits, those that waited for another's load

	Judged int64            `json:"judged"` // hits that were compared with the truth
	Stale  int64            `json:"stale"`  // that were not the newest state, as the state of the cache allows
	Worst  time.Duration    `json:"worst"`  // the longest since a state served had been replaced
	Beyond int64            `json:"beyond"` // stale ones that the state of the cache did not allow
	Late   int64            `json:"late"`   // the same, of documents that were replicated too late
	States map[string]int64 `json:"states"` // reads by the state of the cache

	Announced uint64            `json:"announced"` // by nodes
	Published int64             `json:"published"` // by pumps
	Messages  uint64            `json:"messages"`  // that caches were told
	Confirmed uint64            `json:"confirmed"` // of them, those that found a value at least as new
	Repaired  uint64            `json:"repaired"`  // those that removed an older one
	NotHeld   uint64            `json:"notHeld"`   // those about documents that were not held
	Fences    int               `json:"fences"`    // that stand
	Lost      int64             `json:"lost"`      // on purpose
	TakeOvers int64             `json:"takeOvers"` // of pumps
	Losses    map[string]uint64 `json:"losses"`    // as the nodes noticed them, by reason
}

// coherence returns the figures so far.
func (s *scenario) coherence() Coherence {
	c := Coherence{
		LagBudget: s.cfg.LagBudget, MaxSilence: s.cfg.maxSilence(), MaxStaleness: s.cfg.maxStaleness(), ClockSkew: clockSkew,
		TooLate: s.truth.tooLate(),
	}
	for _, r := range s.regions {
		stats := r.coherence()
		for _, n := range s.nodes {
			if n.region == r {
				stats.add(n.caches)
			}
		}
		c.Regions = append(c.Regions, stats)
	}
	return c
}

func (r *region) coherence() CoherenceStats {
	s := CoherenceStats{Region: r.name, Losses: map[string]uint64{}}
	for _, p := range r.pumps {
		s.Published += p.published.Load()
		s.Lost += p.lost.Load()
		s.TakeOvers += p.takeOvers.Load()
	}
	r.served.mu.Lock()
	defer r.served.mu.Unlock()
	s.Judged, s.Stale, s.Worst, s.Beyond, s.Late = r.served.judged, r.served.stale, r.served.worst, r.served.beyond, r.served.late
	s.States = maps.Clone(r.served.byState)
	return s
}

// add adds a node's.
func (s *CoherenceStats) add(c *caches) {
	all := []cache.Stats{c.documents[store.Whisks].Stats(), c.documents[store.Subjects].Stats(), c.identities.Table().Stats()}
	for _, one := range all {
		s.Hits += one.Hits
		s.Misses += one.Misses
		s.Joined += one.Joined
		s.Fences += one.Fences
		s.Messages += one.Messages
		s.Confirmed += one.Confirmed
		s.Repaired += one.Repaired
	}
	s.NotHeld = s.Messages - s.Confirmed - s.Repaired
	sent, _ := c.announcer.Counts()
	s.Announced += sent
	for reason, n := range c.tracker.Stats().Losses {
		s.Losses[reason] += n
	}
}

// rest waits until the caches have heard of all writes, and looks through what
// they hold.
func (s *scenario) rest(ctx context.Context, failed <-chan error) error {
	ended := time.Now()
	timeout := time.After(s.cfg.drainTimeout)
	again := time.NewTicker(cacheTick)
	defer again.Stop()
	for {
		rested := true
		for _, n := range s.nodes {
			rested = rested && n.caches.restedAt(ended)
		}
		if rested {
			break
		}
		select {
		case err := <-failed:
			return err
		case <-timeout:
			s.ledger.check(NothingStale, false, "the caches had not heard of the last write %v after it", s.cfg.drainTimeout)
			return nil
		case <-again.C:
		}
	}
	for _, p := range s.truth.places() {
		newest := s.truth.newest(p)
		for _, n := range s.nodes {
			if err := n.atRest(ctx, p, newest); err != nil {
				return err
			}
		}
	}
	for _, seen := range s.truth.unwritten() {
		s.ledger.check(NoStaleHit, false, "%s was served at %q, which nobody wrote in the last %v", seen.id, seen.mark, s.truth.keep)
	}
	return nil
}

// atRest looks at what the node's caches hold of a document.
func (n *node) atRest(ctx context.Context, p place, newest state) error {
	if doc, _, held := n.caches.documents[p.collection].Peek(p.id); held {
		mark := markOf(p.collection, doc)
		n.ledger.check(NothingStale, !newest.gone && mark == newest.mark, "%s holds %s at %s, it is at %s (deleted %t)", n.name, p.id, mark, newest.mark, newest.gone)
	}
	namespace, ours := strings.CutSuffix(p.id, subjectSuffix)
	if p.collection != store.Subjects || !ours {
		return nil
	}
	n.credentialsAtRest(ctx, p, newest)
	id, err := n.caches.identities.ByNamespace(ctx, namespace)
	if newest.mark == absenceMark {
		n.ledger.check(NothingStale, err != nil, "%s finds the identity of %s, which is blocked", n.name, namespace)
		return nil
	}
	n.ledger.check(NothingStale, err == nil && id.AuthKey.UUID == newest.mark, "%s finds the identity of %s with credentials %s, they are %s (%v)",
		n.name, namespace, id.AuthKey.UUID, newest.mark, err)
	limits := n.truth.newest(place{store.Subjects, entity.LimitsID(id.Namespace.Name)})
	if got := id.Limits.InvocationsPerMinute; err == nil && !limits.gone {
		n.ledger.check(NothingStale, got != nil && fmt.Sprint(*got) == limits.mark, "%s finds other limits of %s than %s", n.name, namespace, limits.mark)
	}
	return nil
}

// credentialsAtRest looks whether the newest credentials of a subject are good, and
// those before are not.
func (n *node) credentialsAtRest(ctx context.Context, subject place, newest state) {
	for _, s := range n.truth.latest(subject) {
		if s.mark == absenceMark {
			continue
		}
		_, err := n.caches.identities.ByCredentials(ctx, entity.AuthKey{UUID: s.mark, Key: n.secret})
		var want error
		if s.mark != newest.mark {
			want = store.ErrNotFound
		}
		n.ledger.check(NothingStale, errors.Is(err, want), "%s asks for %s with credentials %s, they are %s: %v", n.name, subject.id, s.mark, newest.mark, err)
	}
}

func writeCoherence(w io.Writer, c Coherence) {
	table(w, "caches\thits\tmisses\tjoined\tstale, allowed\tworst\tnot allowed\texcused\treads while", func(tw io.Writer) {
		for _, r := range c.Regions {
			fmt.Fprintf(tw, "%s\t%d\t%d\t%d\t%d\t%v\t%d\t%d\t%s\n", r.Region, r.Hits, r.Misses, r.Joined, r.Stale, r.Worst.Round(time.Millisecond), r.Beyond, r.Late, shares(r.States))
		}
	})
	fmt.Fprintln(w)
	table(w, "bus\tannounced\tpublished\tlost\tmessages\tconfirmed\trepaired\tnot held\tfences\tpumps taken over", func(tw io.Writer) {
		for _, r := range c.Regions {
			fmt.Fprintf(tw, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\n", r.Region, r.Announced, r.Published, r.Lost, r.Messages, r.Confirmed, r.Repaired, r.NotHeld, r.Fences, r.TakeOvers)
		}
	})
	for _, r := range c.Regions {
		fmt.Fprintf(w, "%s booked losses: %s\n", r.Region, counted(r.Losses))
	}
	fmt.Fprintf(w, "A coherent cache may miss what was written in the last %v (lag budget; max-silence %v, clocks within %v),\n"+
		"a degraded one %v more (max-staleness and clocks). At a start, messages may have been missed: that is a loss, too.\n",
		c.LagBudget, c.MaxSilence, c.ClockSkew, c.MaxStaleness+2*c.ClockSkew)
	if c.TooLate > 0 {
		fmt.Fprintf(w, "%d documents were replicated later than the lag budget: nothing is promised about them meanwhile (excused).\n", c.TooLate)
	}
}

// counted lists counts by name.
func counted(counts map[string]uint64) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, counts[name]))
	}
	return strings.Join(parts, ", ")
}

// shares lists states by their share.
func shares(counts map[string]int64) string {
	var sum int64
	for _, n := range counts {
		sum += n
	}
	var parts []string
	for _, state := range []cache.State{cache.Coherent, cache.Suspect, cache.Degraded} {
		if n := counts[state.String()]; n > 0 {
			parts = append(parts, fmt.Sprintf("%v %.0f%%", state, 100*float64(n)/float64(sum)))
		}
	}
	return strings.Join(parts, ", ")
}
