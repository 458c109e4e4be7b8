package simulate

import (
	"fmt"
	"io"
	"time"

	"github.com/whiskstore/whiskstore/cache"
)

// Rate is how many writes were simulated in a second of real time, the
// minimising of a violation not counted.
func (r *Result) Rate() float64 { return float64(r.Writes) / r.Took.Seconds() }

// WriteSummary writes the figures, and the violation with its minimised history.
func (r *Result) WriteSummary(out io.Writer) {
	p := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
	p("seed %d, rules off: %s", r.Seed, r.Off)
	p("%d writes in %v of virtual time, %.0f writes/s of real time", r.Writes, r.Virtual.Round(time.Second), r.Rate())
	p("%d hits (%d coherent, %d suspect, %d degraded), %d misses, everything held judged at %d rests",
		r.Hits, r.ByState[cache.Coherent], r.ByState[cache.Suspect], r.ByState[cache.Degraded], r.Misses, r.Rests)
	share, nines := r.Newest()
	more := ""
	if r.Stale == 0 {
		more = "at least "
	}
	p("newest version: %.6f of %d hits, %s%.2f nines", share, r.Hits, more, nines)
	p("staleness of hits at most: p50 %v, p99 %v, p99.9 %v, p99.99 %v of %d hits",
		r.Percentile(.5), r.Percentile(.99), r.Percentile(.999), r.Percentile(.9999), r.Hits)
	p("worst: %v while coherent or suspect (bound %v), %v while degraded (bound %v)",
		r.WorstCoherent.Round(time.Millisecond), coherentBound, r.WorstDegraded.Round(time.Millisecond), degradedBound)
	if r.Violation == nil {
		if r.Interrupted {
			p("interrupted; no violation so far")
		} else {
			p("no violation")
		}
		return
	}
	p("VIOLATION at %v on node %d, document %d: %s", r.Violation.At, r.Violation.Node, r.Violation.Doc, r.Violation.Text)
	m := r.Minimal
	p("minimised in %d replays: %s", m.Replays, m.Violation.Text)
	for _, s := range m.Stimuli {
		p("  stimulus  %s", s)
	}
	if m.Faults != "" {
		p("  besides   %s", m.Faults)
	}
	for _, h := range m.History {
		where := "store"
		if h.Node != nowhere {
			where = fmt.Sprintf("node %d", h.Node)
		}
		p("  %14v  %-7s %s", h.At.Round(time.Microsecond), where, h)
	}
}
