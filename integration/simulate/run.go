package simulate

import (
	"context"
	"fmt"
	"time"
)

// Result is what a run showed.
type Result struct {
	Seed        uint64        `json:"seed"`
	Off         string        `json:"disabled"`
	Writes      int           `json:"writes"`
	Virtual     time.Duration `json:"virtualTime"`
	Took        time.Duration `json:"took"`
	Interrupted bool          `json:"interrupted"` // before all was simulated
	Figures
	Violation *Violation `json:"violation,omitempty"`
	Minimal   *Minimal   `json:"minimal,omitempty"`
}

// Run simulates until the writes are done, ctx ends or a promise breaks.
func Run(ctx context.Context, cfg Config) (*Result, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	start := time.Now()
	w := newWorld(cfg.Seed, cfg.Disabled, everyFault, 0)
	defer w.close()
	p := progress{cfg: cfg, start: start, next: start.Add(time.Second)}
	w.follow(newGenerator(cfg.Seed, cfg.Writes), 0, func() bool {
		p.tell(w)
		return ctx.Err() == nil
	})
	p.end()
	res := &Result{
		Seed: cfg.Seed, Off: cfg.Disabled.String(), Writes: w.writes, Virtual: w.now, Took: time.Since(start),
		Interrupted: ctx.Err() != nil, Figures: w.judge.Figures, Violation: w.judge.violation,
	}
	switch {
	case res.Violation == nil:
	case cfg.Whole:
		res.Minimal = (&minimiser{}).result(w)
	default:
		res.Minimal = minimise(ctx, w, cfg)
	}
	return res, nil
}

// follow lets the stimuli from the time from on happen, and everything that
// comes of them. on is asked now and then whether to go on.
func (w *world) follow(g *generator, from time.Duration, on func() bool) {
	for steps := 1; w.judge.violation == nil; steps++ {
		s, ok := g.next()
		if !ok {
			return
		}
		if s.at < from {
			continue
		}
		for {
			at, ok := w.due()
			if !ok || at > s.at || w.judge.violation != nil {
				break
			}
			w.step()
		}
		if w.judge.violation != nil {
			return
		}
		w.now = max(w.now, s.at)
		w.take(s)
		if steps%1024 == 0 && !on() {
			return
		}
	}
}

// progress tells how far a run is.
type progress struct {
	cfg         Config
	start, next time.Time
	told        bool
}

func (p *progress) tell(w *world) {
	now := time.Now()
	if now.Before(p.next) {
		return
	}
	every := 10 * time.Second
	format := "%d of %d writes, %.0f/s, %v of virtual time, %d hits, %d stale, none beyond its bound\n"
	if p.cfg.Live {
		every = time.Second / 4
		format = "\r\x1b[K" + format[:len(format)-1]
	}
	p.next, p.told = now.Add(every), true
	fmt.Fprintf(p.cfg.Progress, format, w.writes, p.cfg.Writes, float64(w.writes)/now.Sub(p.start).Seconds(),
		w.now.Round(time.Second), w.judge.Hits, w.judge.Stale)
}

func (p *progress) end() {
	if p.told && p.cfg.Live {
		fmt.Fprint(p.cfg.Progress, "\r\x1b[K")
	}
}
