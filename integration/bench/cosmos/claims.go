package cosmos

import (
	"context"
	"fmt"

	"github.com/whiskstore/whiskstore/integration/bench"
)

// Figure is one claim about the backend, with the servers that it needs.
type Figure struct {
	Name    string
	Measure func(ctx context.Context, o *bench.Options, s Sizes) (Outcome, error)
}

// Sizes are the amounts of data of the figures.
type Sizes struct {
	Docs int // of a list whose CPU time is measured
	Rows int // of the list whose memory is measured
}

// Outcome is what a figure came to. Either Result or Text is set.
type Outcome struct {
	bench.Result
	Text   string
	Target string
	Met    bool
}

func (o Outcome) String() string {
	if o.Text != "" {
		return fmt.Sprintf("%s; target: %s; met: %v", o.Text, o.Target, o.Met)
	}
	iv := func(i bench.Interval, unit float64) string {
		return fmt.Sprintf("%.3f [%.3f, %.3f]", i.Median/unit, i.Low/unit, i.High/unit)
	}
	return fmt.Sprintf("%s: A is %s, B is %s; %d rounds of %d operations\n"+
		"time A %s µs, B %s µs, B/A %s, B-A %s µs; CPU time B/A %s, B-A %s µs\n"+
		"allocations %.2f and %.2f; requests %.2f and %.2f; bytes of answers %.0f and %.0f; target: %s; met: %v",
		o.Name, o.A, o.B, o.Rounds, o.OpsPerSample, iv(o.NanosA, 1000), iv(o.NanosB, 1000), iv(o.Ratio, 1), iv(o.DiffNanos, 1000),
		iv(o.CPURatio, 1), iv(o.CPUDiffNanos, 1000), o.AllocsA, o.AllocsB, o.RequestsA, o.RequestsB, o.AnswersA, o.AnswersB, o.Target, o.Met)
}

// Figures are the claims about the backend.
func Figures() []Figure {
	return []Figure{
		{"cosmos-get", func(ctx context.Context, o *bench.Options, _ Sizes) (Outcome, error) {
			a, stop, err := Serve(ctx)
			if err != nil {
				return Outcome{}, err
			}
			defer stop()
			r, err := Get(ctx, a, o)
			// The ratio of rates is the inverse of that of times.
			return Outcome{Result: r, Target: "+15 µs, +12 allocations, the interval of the rates' ratio reaches 0.95",
				Met: r.DiffNanos.Median <= 15_000 && r.AllocsB-r.AllocsA <= 12 && 1/r.Ratio.Low >= 0.95}, err
		}},
		{"cosmos-newest-30", func(ctx context.Context, o *bench.Options, _ Sizes) (Outcome, error) {
			r, err := overRanges(ctx, 300, 30, o, "-latency", "10ms")
			return Outcome{Result: r, Target: "16 ranges at most 1.6 times the time of one", Met: r.Ratio.Median <= 1.6}, err
		}},
		{"cosmos-list-cpu", func(ctx context.Context, o *bench.Options, s Sizes) (Outcome, error) {
			few := *o
			few.Rounds = min(o.Rounds, 31) // of long lists
			r, err := overRanges(ctx, s.Docs, 0, &few)
			return Outcome{Result: r, Target: "16 ranges at most 1.3 times the CPU time per row of one", Met: r.CPURatio.Median <= 1.3}, err
		}},
		{"cosmos-list-memory", func(ctx context.Context, _ *bench.Options, s Sizes) (Outcome, error) {
			a, stop, err := Serve(ctx, "-ranges", "16")
			if err != nil {
				return Outcome{}, err
			}
			defer stop()
			m, err := ListMemory(ctx, a, s.Rows)
			return Outcome{Text: m.String(), Target: "+32 MiB", Met: m.Added() <= 32}, err
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
