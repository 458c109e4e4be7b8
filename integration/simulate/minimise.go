package simulate

import (
	"context"
	"slices"
	"time"
)

// Minimal is the smallest run found that still breaks a promise.
type Minimal struct {
	Violation Violation `json:"violation"`
	Stimuli   []string  `json:"stimuli"` // what came from outside
	Faults    string    `json:"faults"`  // that messages and operations suffered
	History   []Moment  `json:"history"` // of the document, its node and the store
	Replays   int       `json:"replays"`
}

// maxReplays bounds the search for a smaller run.
const maxReplays = 600

// minimiser looks for a smaller run by leaving things out.
type minimiser struct {
	ctx     context.Context
	cfg     Config
	until   time.Duration
	best    *world
	replays int
}

// minimise looks for a smaller run that breaks a promise too: one that begins
// later, concerns one document, has fewer kinds of faults and fewer stimuli.
// What is left out changes nothing about what is left in, because everything has
// dice of its own.
func minimise(ctx context.Context, w *world, cfg Config) *Minimal {
	m := &minimiser{ctx: ctx, cfg: cfg, until: w.now, best: w}
	doc := w.judge.violation.Doc
	from := time.Duration(0)
	with := everyFault
	all := func(stimulus) bool { return true }
	near := func(s stimulus) bool { return s.kind > stWrite+1 || s.doc == doc || s.doc == doc^1 }
	for back := 2 * time.Second; back < w.now; back *= 2 {
		if m.replay(w.now-back, with, near) || back < time.Minute && m.replay(w.now-back, with, all) {
			from = w.now - back
			break
		}
	}
	if m.best == w && !m.replay(from, with, near) && !m.replay(from, with, all) {
		return m.result(w) // not again from here: the run itself has to do
	}
	for f := range faults {
		if m.replay(from, with&^(1<<f), m.kept()) {
			with &^= 1 << f
		}
	}
	m.fewer(from, with)
	return m.result(m.best)
}

// kept keeps what the best run took.
func (m *minimiser) kept() func(stimulus) bool { return only(m.best.taken) }

func only(list []stimulus) func(stimulus) bool {
	names := make(map[uint64]bool, len(list))
	for _, s := range list {
		names[s.name] = true
	}
	return func(s stimulus) bool { return names[s.name] || s.kind > stFault }
}

// fewer leaves out stimuli, in halves, quarters and so on, down to each one.
func (m *minimiser) fewer(from time.Duration, with faultSet) {
	for size := (len(m.best.taken) + 1) / 2; size > 0; {
		list := m.best.taken
		left := false
		for at := 0; at < len(list); {
			if m.replay(from, with, only(slices.Concat(list[:at], list[min(at+size, len(list)):]))) {
				list, left = m.best.taken, true
				continue
			}
			at += size
		}
		if size == 1 && left {
			continue
		}
		size /= 2
	}
}

// replay runs again without some stimuli and faults. If a promise breaks, the
// run is the best one from now on.
func (m *minimiser) replay(from time.Duration, with faultSet, keep func(stimulus) bool) bool {
	if m.ctx.Err() != nil || m.replays >= maxReplays {
		return false
	}
	m.replays++
	w := newWorld(m.cfg.Seed, m.cfg.Disabled, with, max(from-2*lagBudget, 0))
	defer w.close()
	w.keep = keep
	w.follow(newGenerator(m.cfg.Seed, m.cfg.Writes), from, func() bool { return w.now <= m.until })
	if w.judge.violation == nil {
		return false
	}
	m.best = w
	return true
}

func (m *minimiser) result(w *world) *Minimal {
	r := &Minimal{Violation: *w.judge.violation, Replays: m.replays, History: w.judge.history()}
	if w.keep != nil {
		for _, s := range w.taken {
			r.Stimuli = append(r.Stimuli, s.String())
		}
		r.Faults = w.faults.String()
	}
	return r
}

// history is what has to do with the violation: the document on its node and in
// the store, from the commit of the version that was served on, hits that tell
// nothing new left out.
func (j *judge) history() []Moment {
	v := j.violation
	var all []Moment
	first := 0
	for i := max(0, j.n-len(j.ring)); i < j.n; i++ {
		m := j.ring[i%len(j.ring)]
		if (m.Doc == v.Doc || m.Doc == noDocument && m.What != "watermark") && (m.Node == v.Node || m.Node == nowhere) {
			if m.What == "commit" && m.Version <= v.Version {
				first = len(all)
			}
			all = append(all, m)
		}
	}
	all = all[first:]
	var kept []Moment
	for i, m := range all {
		if n := len(kept); m.What == "hit" && n > 0 && i < len(all)-1 && kept[n-1].What == "hit" && kept[n-1].Version == m.Version {
			continue
		}
		kept = append(kept, m)
	}
	if len(kept) > 400 {
		kept = kept[len(kept)-400:]
	}
	return kept
}
