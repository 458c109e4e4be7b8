package cosmos

import (
	"os"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/integration/bench"
)

// TestFigures measures a little, and with WHISKSTORE_BENCH=1 long enough to hold
// the figures to their bounds.
func TestFigures(t *testing.T) {
	strict := os.Getenv("WHISKSTORE_BENCH") != ""
	o, docs, rows := &bench.Options{Rounds: 7, Sample: 10 * time.Millisecond}, 300, 3000
	if strict {
		o, docs, rows = &bench.Options{Rounds: 201, Sample: 50 * time.Millisecond}, 20_000, 1_000_000
	}
	for _, f := range Figures(Sizes{Docs: docs, Rows: rows}) {
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
