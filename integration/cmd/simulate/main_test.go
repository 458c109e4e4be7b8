package main

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/whiskstore/whiskstore/cache"
)

// TestNoViolation is a short run of the simulation, which takes no time at all.
func TestNoViolation(t *testing.T) {
	for seed := uint64(1); seed <= 3; seed++ {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(seed, 10_000, 0)
			w.run()
			if c := w.check; c.violation != "" || c.hits == 0 {
				t.Errorf("seed %d: %d hits, violation %q", seed, c.hits, c.violation)
			}
		})
	}
}

// TestSameSeedSameRun shows that a violation can be found again.
func TestSameSeedSameRun(t *testing.T) {
	var reports [2]string
	for i := range reports {
		w := newWorld(7, 5_000, 0)
		w.run()
		var b bytes.Buffer
		w.check.report(&b, w, 1)
		reports[i] = b.String()
	}
	if reports[0] != reports[1] {
		t.Errorf("two runs of one seed differ:\n%s\n%s", reports[0], reports[1])
	}
}

// TestWithoutRule shows that the checks see what goes wrong without a rule.
func TestWithoutRule(t *testing.T) {
	for _, rules := range []string{"R2", "R3", "R4", "R4d", "R5", "R7", "R7-blind", "R8", "R10", "R12", "floor"} {
		t.Run(rules, func(t *testing.T) {
			off, err := cache.ParseRules(rules)
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(1, 100_000, off)
			w.run()
			if w.check.violation == "" {
				t.Fatal("no violation within 100000 writes")
			}
			t.Logf("after %d writes: %s", w.writes, w.check.violation)
			if svg := string(w.check.picture()); !strings.HasPrefix(svg, "<svg") || !strings.Contains(svg, "<circle") {
				t.Errorf("the picture shows nothing: %.200s", svg)
			}
		})
	}
}
