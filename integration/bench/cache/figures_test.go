package cachebench

import (
	"os"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/integration/bench"
)

// TestFigures measures a little and prints it; with WHISKSTORE_BENCH=1 it takes
// its time and holds the figures to their targets.
func TestFigures(t *testing.T) {
	opts, million, records := &bench.Options{Rounds: 5, Sample: 5 * time.Millisecond}, 100_000, 100_000
	strict := os.Getenv("WHISKSTORE_BENCH") != ""
	if strict {
		opts, million, records = &bench.Options{Rounds: 11, Sample: 20 * time.Millisecond}, 1_000_000, 2_000_000
	}
	target := func(met bool, format string, args ...any) {
		t.Helper()
		t.Logf(format, args...)
		if strict && !met {
			t.Errorf("missed: "+format, args...)
		}
	}
	ctx := t.Context()
	small, err := Hit(ctx, 1000, opts)
	if err != nil {
		t.Fatal(err)
	}
	target(small.Ratio.Low <= 1.5 && small.AllocsB <= 1, "%s: %.1f ns beside %.1f ns, ratio %.2f [%.2f, %.2f], target 1.5; %.2f allocations, target 1",
		small.Name, small.NanosB.Median, small.NanosA.Median, small.Ratio.Median, small.Ratio.Low, small.Ratio.High, small.AllocsB)
	large, err := Hit(ctx, million, opts)
	if err != nil {
		t.Fatal(err)
	}
	growth := (large.NanosB.Median / small.NanosB.Median) / (large.NanosA.Median / small.NanosA.Median)
	target(growth <= 1.2, "from 1000 to %d keys: %.1f ns beside %.1f ns, growth %.2f of golang-lru's own, target 1.2", million, large.NanosB.Median, large.NanosA.Median, growth)
	zipf, err := Zipf(ctx, 100_000, 2, opts)
	if err != nil {
		t.Fatal(err)
	}
	target(zipf.Ratio.Low <= 1.05, "%s: ratio %.2f [%.2f, %.2f], target 1.05", zipf.Name, zipf.Ratio.Median, zipf.Ratio.Low, zipf.Ratio.High)
	rate, err := Apply(ctx, records)
	if err != nil {
		t.Fatal(err)
	}
	target(rate >= 500_000, "records applied: %.0f/s, target 500000", rate)
	f, err := Memory(ctx, million)
	if err != nil {
		t.Fatal(err)
	}
	target(f.Entry+max(f.OwnFence, f.OlderFence) <= 256, "%d entries: %.0f bytes each beyond key and value, %+.0f while a fence of the version held stands, %+.0f while one of an older version stands; target 256 together; a fence alone %.0f",
		million, f.Entry, f.OwnFence, f.OlderFence, f.Alone)
}
