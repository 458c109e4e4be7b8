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
	strict := os.Getenv("WHISKSTORE_BENCH") != ""
	o, s := &bench.Options{Rounds: 7, Sample: 5 * time.Millisecond}, Sizes{Entries: 100_000, Records: 100_000}
	if strict {
		o, s = nil, Sizes{Entries: 1_000_000, Records: 2_000_000}
	}
	for _, f := range Figures(s) {
		t.Run(f.Name, func(t *testing.T) {
			outcomes, err := f.Measure(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			for _, out := range outcomes {
				t.Logf("%v", out)
				if strict && !out.Met {
					t.Errorf("%s: missed %s", f.Name, out.Target)
				}
			}
		})
	}
}
