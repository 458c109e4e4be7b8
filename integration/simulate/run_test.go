package simulate_test

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/integration/simulate"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func run(t *testing.T, cfg simulate.Config) *simulate.Result {
	t.Helper()
	res, err := simulate.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func summary(res *simulate.Result) string {
	var b strings.Builder
	res.WriteSummary(&b)
	return b.String()
}

// The simulation runs in a bubble: what takes time outside of it would show.
func TestAllRules(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3} {
		synctest.Test(t, func(t *testing.T) {
			res := run(t, simulate.Config{Writes: 6000, Seed: seed})
			if res.Violation != nil {
				t.Errorf("got\n%s\nwant no violation", summary(res))
			}
			if res.Hits < 2000 || res.Stale == 0 || res.Rests < 2 {
				t.Errorf("got %d hits, %d of them stale, %d rests; want enough to judge by", res.Hits, res.Stale, res.Rests)
			}
			// Looser bounds hold while degraded or suspect: most hits must be judged by the tight one.
			if coherent := res.ByState[cache.Coherent]; coherent < res.Hits*3/4 {
				t.Errorf("got %d of %d hits while coherent, want three quarters", coherent, res.Hits)
			}
		})
	}
}

// Each rule that is off shows within 10^5 writes.
func TestRuleOff(t *testing.T) {
	for _, off := range cache.Rules() {
		t.Run(off.String(), func(t *testing.T) {
			t.Parallel()
			for _, seed := range []uint64{1, 2} {
				res := run(t, simulate.Config{Writes: 100_000, Seed: seed, Disabled: off, Whole: true})
				if res.Violation == nil {
					t.Fatalf("seed %d: got no violation in %d writes, want one", seed, res.Writes)
				}
				if m := res.Minimal; len(m.History) == 0 || m.Violation.Text == "" {
					t.Errorf("seed %d: got %+v, want a history", seed, m)
				}
			}
		})
	}
}

func TestSameSeedIsSameRun(t *testing.T) {
	first := run(t, simulate.Config{Writes: 3000, Seed: 4})
	again := run(t, simulate.Config{Writes: 3000, Seed: 4})
	other := run(t, simulate.Config{Writes: 3000, Seed: 5})
	if first.Figures != again.Figures || first.Virtual != again.Virtual {
		t.Errorf("got\n%s\nwant\n%s", summary(again), summary(first))
	}
	if first.Figures == other.Figures {
		t.Errorf("two seeds gave one run:\n%s", summary(first))
	}
}

func TestMinimised(t *testing.T) {
	res := run(t, simulate.Config{Writes: 100_000, Seed: 1, Disabled: cache.RuleFence})
	m := res.Minimal
	if m == nil || len(m.Stimuli) == 0 || len(m.Stimuli) > 20 {
		t.Fatalf("got %+v, want a run of at most 20 stimuli", m)
	}
	last := m.History[len(m.History)-1]
	if last.Node != m.Violation.Node || last.Version != m.Violation.Version {
		t.Errorf("got %+v as the last event, want the violation %+v", last, m.Violation)
	}
	dec := xml.NewDecoder(strings.NewReader(string(res.Picture())))
	texts := 0
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := tok.(xml.StartElement); ok && e.Name.Local == "text" {
			texts++
		}
	}
	if want := 4 + 2*len(m.History); texts != want {
		t.Errorf("got %d texts in the picture, want %d", texts, want)
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	res, err := simulate.Run(ctx, simulate.Config{Writes: 1_000_000, Seed: 1})
	if err != nil || !res.Interrupted || res.Writes > 10_000 {
		t.Errorf("got %+v, %v, want a run that was interrupted at once", res, err)
	}
}
