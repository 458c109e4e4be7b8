package tworegions

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
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

func TestRunHoldsEveryInvariant(t *testing.T) {
	var progress bytes.Buffer
	cfg := short()
	cfg.Progress, cfg.Live = &progress, true
	res, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range res.Invariants {
		if c.Checks == 0 || c.Broken != 0 {
			t.Errorf("%s: got %d checks and %d broken, want some and none", c.Invariant, c.Checks, c.Broken)
		}
	}
	for _, v := range res.Violations {
		t.Error(v)
	}
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
			res, err := Run(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			broken := map[Invariant]int64{}
			for _, c := range res.Invariants {
				broken[c.Invariant] = c.Broken
			}
			for _, inv := range tc.want {
				if broken[inv] == 0 {
					t.Errorf("%s: got none broken, want some; broken: %v", inv, broken)
				}
			}
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
		{Config{Delay: -1}, "delay"},
		{Config{Duration: -1}, "duration"},
		{Config{TombstoneTTL: time.Second}, "tombstone TTL"},
		{Config{Rate: -5}, "rate -5"},
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
			res, err := Run(t.Context(), Config{
				Backend: backend, Duration: 3 * time.Second, Delay: 5 * time.Millisecond, LagBudget: 400 * time.Millisecond, Loss: 0.1, Rate: 200,
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range res.Violations {
				t.Error(v)
			}
			var lost int64
			var gaps uint64
			for _, r := range res.Coherence.Regions {
				lost += r.Lost
				gaps += r.Losses["gap"]
				if r.Hits == 0 || r.Misses == 0 || r.Judged == 0 || r.Repaired == 0 || r.Confirmed == 0 || r.NotHeld == 0 || r.TakeOvers == 0 || r.Announced == 0 {
					t.Errorf("got %+v, want some of each", r)
				}
				if r.Losses["start"] != 2 {
					t.Errorf("%s: got losses %v, want 2 starts", r.Region, r.Losses)
				}
				if r.States["coherent"] == 0 || r.States["suspect"] == 0 || r.Beyond != 0 {
					t.Errorf("%s: reads while %v, %d too stale, want coherent and suspect ones, and none", r.Region, r.States, r.Beyond)
				}
			}
			if lost == 0 || gaps == 0 {
				t.Errorf("%d messages were lost, %d gaps noticed, want some", lost, gaps)
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
