package cachebench

import (
	"context"
	"fmt"
	"time"

	"github.com/whiskstore/whiskstore/integration/bench"
)

// Sizes are the amounts of data of the figures.
type Sizes struct {
	Entries int // of the large cache
	Records int // that are applied
}

const (
	small = 1000 // entries

	// steady is how long a large cache is hit in a round, so that most hits find the
	// processor's caches as hits leave them, and not as the collection of garbage
	// before the sample does.
	steady = 400 * time.Millisecond
)

// Figures are the claims about the cache.
func Figures(s Sizes) []bench.Figure {
	one := func(o bench.Outcome, err error) ([]bench.Outcome, error) { return []bench.Outcome{o}, err }
	return []bench.Figure{
		{Name: "cache-hit", Measure: func(ctx context.Context, o *bench.Options) ([]bench.Outcome, error) {
			few, err := Hit(ctx, small, o)
			if err != nil {
				return nil, err
			}
			large := *o
			large.Sample = max(large.Sample, steady)
			many, err := Hit(ctx, s.Entries, &large)
			if err != nil {
				return nil, err
			}
			growth := bench.Growth(few, many)
			return []bench.Outcome{
				{Result: few, Target: "1.5 times, 1 allocation", Met: few.Ratio.Median <= 1.5 && few.AllocsB <= 1},
				{Result: many, Target: "1.2 times the growth", Met: growth.Median <= 1.2},
				{
					Text: fmt.Sprintf("hit, from %d to %d keys: %.1f ns beside %.1f ns, then %.1f beside %.1f: the growth is %.2f [%.2f, %.2f] of golang-lru's own",
						small, s.Entries, few.NanosB.Median, few.NanosA.Median, many.NanosB.Median, many.NanosA.Median, growth.Median, growth.Low, growth.High),
					Target: "at most 1.2", Met: growth.Median <= 1.2,
				},
			}, nil
		}},
		{Name: "cache-zipf", Measure: func(ctx context.Context, o *bench.Options) ([]bench.Outcome, error) {
			r, err := Zipf(ctx, 100_000, 2, o)
			return one(bench.Outcome{Result: r, Target: "1.05 times", Met: r.Ratio.Median <= 1.05}, err)
		}},
		{Name: "cache-apply", Measure: func(ctx context.Context, o *bench.Options) ([]bench.Outcome, error) {
			rate, err := Apply(ctx, s.Records)
			return one(bench.Outcome{
				Text:   fmt.Sprintf("records, from bytes and headers to applied line: %.0f [%.0f, %.0f] per second on one goroutine", rate.Median, rate.Low, rate.High),
				Target: "at least 500,000", Met: rate.Median >= 500_000,
			}, err)
		}},
		{Name: "cache-memory", Measure: func(ctx context.Context, o *bench.Options) ([]bench.Outcome, error) {
			f, err := Memory(ctx, s.Entries)
			return one(bench.Outcome{
				Text: fmt.Sprintf("%d entries: %.0f bytes each beyond key and value, version included; %+.0f while a fence of that version stands, %+.0f while one of an older version does; a fence of a key that is not held: %.0f",
					s.Entries, f.Entry, f.OwnFence, f.OlderFence, f.Alone),
				Target: "at most 256 with the fence", Met: f.Entry+max(f.OwnFence, f.OlderFence) <= 256,
			}, err)
		}},
	}
}
