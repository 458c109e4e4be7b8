package cache

import (
	"fmt"
	"testing"

	"github.com/whiskstore/whiskstore/store"
)

// The timed model, in whole units of time: one commit at 0, one load, a node
// that stops hearing the bus at any moment. It enumerates every case.
const (
	timedLag      = 3 // lag budget, and the largest real lag
	timedDelivery = 2 // F: commit to delivery
	timedSilence  = 2 // S: max-silence
	timedStale    = 4 // M: max-staleness
	timedAge      = 9 // A: max-age
	timedLoad     = 3 // the longest load

	// I6: a deaf node serves nothing staler than this.
	timedBound = max(timedSilence+timedDelivery, timedStale+timedLag)

	timedOrigin  = 100
	timedHorizon = 40
)

// timedCase is one case of the enumeration.
type timedCase struct {
	lag, delivery, deaf, start, read, end int64
}

// worst enumerates all cases and returns the stalest hit of any of them.
func worst(off Rule) (stale int64, trace string) {
	for lag := range int64(timedLag + 1) {
		for delivery := range int64(timedDelivery + 1) {
			for deaf := int64(-2); deaf <= 6; deaf++ {
				for start := int64(-4); start <= 8; start++ {
					for end := start; end <= start+timedLoad; end++ {
						for read := start; read <= end; read++ {
							c := timedCase{lag, delivery, deaf, start, read, end}
							if got := c.stalest(off); got > stale {
								stale, trace = got, c.trace(got)
							}
						}
					}
				}
			}
		}
	}
	return stale, trace
}

// stalest runs the case through the real machine and returns how stale the
// stalest hit of it is, 0 for none.
func (c timedCase) stalest(off Rule) int64 {
	m := machine{lag: timedLag, maxAge: timedAge, maxStaleness: timedStale, off: off}
	old, cur := store.Version{Rev: "1", Order: 1, Lineage: "L"}, store.Version{Rev: "2", Order: 2, Lineage: "L"}
	var l line
	var o op
	var stale int64
	s := scope{losses: 1}
	do := func(t int64, ev event) action {
		ev.now, ev.age, ev.next = t+timedOrigin, t+timedOrigin, uint64(t+2*timedOrigin)
		// Vouched: what the newest watermark that was heard says, and a consumer
		// that is deaf hears none.
		ev.bound = m.bound(t-(min(t, c.deaf)-c.delivery) > timedSilence)
		var a action
		l, a = m.step(l, s, ev)
		return a
	}
	for t := min(c.start, 0); t < timedHorizon; t++ {
		if t == c.delivery && t <= c.deaf {
			do(t, event{kind: evMessage, version: cur})
		}
		if t == c.start {
			o = do(t, event{kind: evLookup}).op
		}
		v := old
		if c.read >= c.lag {
			v = cur
		}
		if t == c.end {
			do(t, event{kind: evLoadEnd, op: o, version: v})
		}
		if t > c.end && l.present {
			if a := do(t, event{kind: evLookup}); a.verdict != verdictServe {
				return stale
			} else if v == old {
				stale = max(stale, t)
			}
		}
	}
	return stale
}

func (c timedCase) trace(stale int64) string {
	return fmt.Sprintf("C2 at 0, replica shows it at %d, node deaf from %d; Ls at %d, Lr1 at %d, Le at %d; H1 at %d",
		c.lag, c.deaf, c.start, c.read, c.end, stale)
}

// TestDeafNode shows I6, and that R8 and R9 are both needed for it.
func TestDeafNode(t *testing.T) {
	for _, tt := range []struct {
		off  Rule
		want int64
	}{
		{0, 5}, // within the bound of 7
		{RuleAge, 8},
		{RuleSilence, 10},
		{RuleSilence | RuleAge, timedHorizon - 1},
	} {
		got, trace := worst(tt.off)
		t.Logf("off %v: %d, %s", tt.off, got, trace)
		if got != tt.want {
			t.Errorf("off %v: stalest hit is %d units old, want %d", tt.off, got, tt.want)
		}
		if within := got <= timedBound; within != (tt.off == 0) {
			t.Errorf("off %v: within the bound of %d is %v", tt.off, timedBound, within)
		}
	}
}
