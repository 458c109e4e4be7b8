package cosmos

import (
	"context"

	"github.com/whiskstore/whiskstore/integration/bench"
)

// Sizes are the amounts of data of the figures.
type Sizes struct {
	Docs int // of a list whose CPU time is measured
	Rows int // of the list whose memory is measured
}

// Figures are the claims about the backend.
func Figures(s Sizes) []bench.Figure {
	one := func(o bench.Outcome, err error) ([]bench.Outcome, error) { return []bench.Outcome{o}, err }
	return []bench.Figure{
		{Name: "cosmos-get", Measure: func(ctx context.Context, o *bench.Options) ([]bench.Outcome, error) {
			a, stop, err := Serve(ctx)
			if err != nil {
				return nil, err
			}
			defer stop()
			r, err := Get(ctx, a, o)
			// The ratio of rates is the inverse of that of times.
			return one(bench.Outcome{Result: r, Target: "+15 µs, +12 allocations, the interval of the rates' ratio reaches 0.95",
				Met: r.DiffNanos.Median <= 15_000 && r.AllocsB-r.AllocsA <= 12 && 1/r.Ratio.Low >= 0.95}, err)
		}},
		{Name: "cosmos-newest-30", Measure: func(ctx context.Context, o *bench.Options) ([]bench.Outcome, error) {
			r, err := overRanges(ctx, 300, 30, o, "-latency", "10ms")
			return one(bench.Outcome{Result: r, Target: "16 ranges at most 1.6 times the time of one", Met: r.Ratio.Median <= 1.6}, err)
		}},
		{Name: "cosmos-list-cpu", Measure: func(ctx context.Context, o *bench.Options) ([]bench.Outcome, error) {
			few := *o
			few.Rounds = min(o.Rounds, 31) // of long lists
			r, err := overRanges(ctx, s.Docs, 0, &few)
			return one(bench.Outcome{Result: r, Target: "16 ranges at most 1.3 times the CPU time per row of one", Met: r.CPURatio.Median <= 1.3}, err)
		}},
		{Name: "cosmos-list-memory", Measure: func(ctx context.Context, _ *bench.Options) ([]bench.Outcome, error) {
			a, stop, err := Serve(ctx, "-ranges", "16")
			if err != nil {
				return nil, err
			}
			defer stop()
			m, err := ListMemory(ctx, a, s.Rows)
			return one(bench.Outcome{Text: m.String(), Target: "+32 MiB", Met: m.Added() <= 32}, err)
		}},
	}
}

// overRanges compares lists over one range with those over 16.
func overRanges(ctx context.Context, docs, limit int, o *bench.Options, args ...string) (bench.Result, error) {
	one, stopOne, err := Serve(ctx, append(args, "-ranges", "1")...)
	if err != nil {
		return bench.Result{}, err
	}
	defer stopOne()
	many, stopMany, err := Serve(ctx, append(args, "-ranges", "16")...)
	if err != nil {
		return bench.Result{}, err
	}
	defer stopMany()
	return List(ctx, one, many, docs, limit, o)
}
