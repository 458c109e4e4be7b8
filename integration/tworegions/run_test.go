package tworegions

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		runChild(dir)
	}
	goleak.VerifyTestMain(m)
}

// short is a run that is long enough for every invariant to be checked: the
// caches hold nothing for a lag budget after the start.
func short() Config {
	return Config{Duration: 900 * time.Millisecond, Delay: 5 * time.Millisecond, LagBudget: 400 * time.Millisecond, Rate: 800, Loss: 0.05, Seed: 7}
}

// attempts bounds how often a run is done again, each time twice as long, because
// the machine was too slow for it to show what is looked for.
const attempts = 4

// run does a run that is long enough: missing returns what it did not show, ""
// for nothing.
func run(t *testing.T, cfg Config, missing func(Result) string) Result {
	t.Helper()
	for attempt := 1; ; attempt++ {
		res, err := Run(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		what := missing(res)
		if what == "" {
			return res
		}
		if attempt == attempts {
			t.Fatalf("in %v: %s; violations: %q", cfg.Duration, what, res.Violations)
		}
		t.Logf("in %v: %s", cfg.Duration, what)
		cfg.Duration *= 2
	}
}

// unbroken returns which of the invariants no check broke.
func unbroken(res Result, want ...Invariant) string {
	for _, c := range res.Invariants {
		if slices.Contains(want, c.Invariant) && c.Broken == 0 {
			return fmt.Sprintf("%s: got none broken of %d, want some", c.Invariant, c.Checks)
		}
	}
	return ""
}

// unchecked returns which invariant was not checked. A broken one ends the test.
func unchecked(t *testing.T, res Result) string {
	t.Helper()
	for _, v := range res.Violations {
		t.Fatal(v)
	}
	for _, c := range res.Invariants {
		if c.Checks == 0 {
			return string(c.Invariant) + ": got no checks, want some"
		}
	}
	return ""
}

func TestRunHoldsEveryInvariant(t *testing.T) {
	var progress bytes.Buffer
	cfg := short()
	cfg.Progress, cfg.Live = &progress, true
	res := run(t, cfg, func(res Result) string { return unchecked(t, res) })
	for _, l := range res.Links {
		if l.Delivered == 0 || l.LagMax < cfg.Delay {
			t.Errorf("%s: got %d changes and a lag of %v, want some and at least %v", l.Link, l.Delivered, l.LagMax, cfg.Delay)
		}
	}
	var out bytes.Buffer
	res.WriteSummary(&out, false)
	if text := out.String(); !strings.Contains(text, "0 broken invariants") || !strings.Contains(progress.String(), "us-1") {
		t.Errorf("summary or picture incomplete:\n%s\n%s", text, &progress)
	}
}

// TestSabotage plants one defect at a time: the run has to notice.
func TestSabotage(t *testing.T) {
	for _, tc := range []struct {
		sabotage sabotage
		want     []Invariant // must break
	}{
		{loseTombstones, []Invariant{DeletedStays, RegionsEqual}},
		{loseUpdates, []Invariant{RegionsEqual}},
		{noStamp, []Invariant{ClusterIDs}},
		{noSoftDelete, []Invariant{TombstoneTTLs}},
		{noReadRouting, []Invariant{ReadYourWrites}},
		{silentPump, []Invariant{NoStaleHit, NothingStale}},
		{falseHandover, []Invariant{NoStaleHit}},
		{deafCaches, []Invariant{NoStaleHit, NothingStale}},
		{lossIgnored, []Invariant{NoStaleHit}},
	} {
		t.Run(string(tc.sabotage), func(t *testing.T) {
			t.Parallel()
			cfg := short()
			cfg.sabotage = tc.sabotage
			if slices.Contains(tc.want, NoStaleHit) {
				// Values have to be held, and then to be older than is allowed.
				cfg.Duration, cfg.Rate = 3*time.Second, 400
				if tc.sabotage != lossIgnored {
					cfg.Loss = 0 // which is noticed, and would clear the caches
				}
			}
			cfg.drainTimeout = time.Second
			res := run(t, cfg, func(res Result) string { return unbroken(res, tc.want...) })
			if len(res.Violations) == 0 || len(res.Violations) > maxViolations {
				t.Errorf("violations: got %d texts, want 1 to %d", len(res.Violations), maxViolations)
			}
		})
	}
}

func TestConfigRefusesWhatCannotRun(t *testing.T) {
	for _, tc := range []struct {
		cfg  Config
		want string
	}{
		{Config{Nodes: -1}, "nodes -1"},
		{Config{Nodes: MaxNodes + 1}, "nodes 65"},
		{Config{Loss: 1}, "loss 1"},
		{Config{Loss: 0.9999999999999999}, "loss 0.9"},
		{Config{Delay: -1}, "delay"},
		{Config{Delay: time.Second, LagBudget: time.Second}, "delay"},
		{Config{Duration: -1}, "duration"},
		{Config{TombstoneTTL: time.Second}, "tombstone TTL"},
		{Config{TombstoneTTL: time.Minute, Duration: time.Second}, "tombstone TTL"},
		{Config{Duration: time.Hour}, "tombstone TTL"},
		{Config{Rate: -5}, "rate -5"},
		{Config{Rate: 2_000_000_000}, "rate 2000000000"},
		{Config{Backend: "couchdb"}, "backend"},
		{Config{LagBudget: 100 * time.Millisecond}, "lag budget"},
		{Config{LagBudget: time.Hour}, "lag budget"},
		{Config{Backend: cosmosBackend, Dir: "d"}, "directory"},
	} {
		if _, err := Run(t.Context(), tc.cfg); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%+v: got %v, want an error about %s", tc.cfg, err, tc.want)
		}
	}
}

// TestCoherence is a run with loss: what was lost is noticed and repaired, and a
// pump that takes over loses nothing.
func TestCoherence(t *testing.T) {
	for name, backend := range map[string]string{"memory": "", "cosmos": cosmosBackend} {
		t.Run(name, func(t *testing.T) {
			cfg := Config{
				Backend: backend, Duration: 3 * time.Second, Delay: 5 * time.Millisecond, LagBudget: 400 * time.Millisecond, Loss: 0.1, Rate: 200,
			}
			res := run(t, cfg, func(res Result) string {
				for _, v := range res.Violations {
					t.Fatal(v)
				}
				for _, r := range res.Coherence.Regions {
					if slices.Contains([]int64{int64(r.Hits), int64(r.Misses), r.Judged, int64(r.Announced), r.Published, int64(r.Repaired), int64(r.Confirmed),
						int64(r.NotHeld), r.TakeOvers, r.Lost, int64(r.Losses["gap"]), r.States["coherent"], r.States["suspect"]}, 0) {
						return fmt.Sprintf("got %+v, want some of each", r)
					}
				}
				return ""
			})
			for _, r := range res.Coherence.Regions {
				if r.Losses["start"] != 2 || r.Beyond != 0 {
					t.Errorf("%s: got losses %v and %d too stale, want 2 starts and none", r.Region, r.Losses, r.Beyond)
				}
			}
			var out bytes.Buffer
			res.WriteSummary(&out, false)
			for _, want := range []string{"gap ", "coherent ", "lag budget"} {
				if !strings.Contains(out.String(), want) {
					t.Errorf("got\n%s\nwant %q", &out, want)
				}
			}
		})
	}
}

// TestBackgroundThatEndsEarly: what ends before it is ready is waited for no longer.
func TestBackgroundThatEndsEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, err := short().withDefaults()
		if err != nil {
			t.Fatal(err)
		}
		s := &scenario{cfg: cfg, ledger: newLedger(), truth: newTruth(cfg.remembered())}
		if err := s.setUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		stop, _ := s.background(ctx)
		stop()
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
}
