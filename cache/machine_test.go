package cache

import (
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/cache/wire"
	"github.com/whiskstore/whiskstore/store"
)

// TestBrokenAssumptions shows what is left when an assumption does not hold: not
// coherence, but the bound of R9, and never a stale value that is stored beside
// a fence.
func TestBrokenAssumptions(t *testing.T) {
	t.Run("T25_lag_over_the_budget", func(t *testing.T) {
		tt := traceCase{trace: "C2 P2 m2 F- Ls Lr1 >2 Le"}
		if got := tt.play(t, 0); got != 1 {
			t.Errorf("got version %d, want the stale 1: A1 is broken", got)
		}
		tt.trace += " age"
		if got := tt.play(t, 0); got != -1 {
			t.Errorf("version %d is served past its age", got)
		}
	})
	t.Run("T26_no_session", func(t *testing.T) {
		tt := traceCase{trace: "Ws Wc2 We E Ls Lr1 Le", reader: "L"}
		if got := tt.play(t, 0); got != 1 {
			t.Errorf("the reader got %d, want what the store showed it: A3 is broken", got)
		}
		tt.reader = ""
		if got := tt.play(t, 0); got != -1 {
			t.Errorf("version %d is held beside the fence of version 2", got)
		}
	})
}

// FuzzStep holds that no event waits, panics or leaves a line that contradicts
// itself, whatever versions and clocks come in.
func FuzzStep(f *testing.F) {
	f.Add([]byte{1, 0, 1, 2, 3, 1, 4, 5, 2, 2, 0, 3})
	f.Add([]byte{4, 1, 0, 3, 3, 1, 5, 2, 2, 6, 1, 1, 7, 0, 0})
	f.Fuzz(func(t *testing.T, script []byte) {
		m := machine{lag: 10, maxAge: 50, maxStaleness: 20}
		var l line
		s := scope{}
		var ops []op
		now, next := int64(1), uint64(1)
		for len(script) >= 3 {
			kind, a, b := eventKind(script[0]%9), script[1], script[2]
			script = script[3:]
			now += int64(a % 16)
			next++
			ev := event{kind: kind, outcome: outcome(b % 5), absent: b&32 != 0, fresh: b&64 != 0, pass: b&128 != 0,
				now: now, age: now, bound: m.bound(a&16 != 0), next: next}
			if b&16 == 0 {
				ev.version = store.Version{Rev: string('a' + rune(a%7)), Order: uint64(a % 5), Lineage: string('L' + rune(b%2))}
			}
			switch kind {
			case 0:
				s = m.lose(s, now, b&1 == 0)
				continue
			case 8:
				s = m.shed(s, l.guard)
				ev.kind = evShed
			case evLoadEnd, evWriteEnd:
				if len(ops) == 0 {
					continue
				}
				ev.op = ops[int(a)%len(ops)]
			}
			var act action
			if l, act = m.step(l, s, ev); act.verdict == verdictLoad || kind == evWriteStart {
				ops = append(ops, act.op)
			}
			if l.servable(s, now, m.maxAge) && now < l.until {
				for i := range l.nfences {
					if o := l.version.Compare(l.fences[i]); !atLeast(o) {
						t.Fatalf("version %v is served beside the fence %v", l.version, l.fences[i])
					}
				}
			}
			if l.nfences > 0 && l.until == 0 || l.nfences == 0 && l.until != 0 || l.writes < 0 {
				t.Fatalf("the line contradicts itself: %+v", l)
			}
		}
	})
}

// FuzzRecords feeds arbitrary records to a tracker: they can only make a cache
// read more.
func FuzzRecords(f *testing.F) {
	f.Add([]byte(`{"instanceId":"c","key":{"mainId":"guest/hello"}}`), "write", "s", "1", "1", "0:0:x", uint8(0))
	f.Add([]byte(`{"instanceId":"c","key":{"mainId":"/"}}`), "watermark", "s", "2", "9", "", uint8(1))
	f.Fuzz(func(t *testing.T, value []byte, kind, source, epoch, seq, version string, partition uint8) {
		clock := NewManualClock(time.Unix(0, 0))
		c := New(Options[int]{Clock: clock, Lag: time.Second, MaxAge: time.Minute})
		defer c.Close()
		load := c.Begin(traceKey, false).Load
		load.End(Loaded[int]{Value: 1, Version: store.Version{Rev: "1", Order: 1, Lineage: "L"}}, nil)
		tr := NewTracker(TrackerOptions{Lines: map[string][]Line{"whisks": {c}}})
		r := wire.Record{Value: value}
		for k, v := range map[string]string{"kind": kind, "source": source, "epoch": epoch, "seq": seq, "version": version} {
			if v != "" {
				r.Headers = append(r.Headers, wire.Header{Key: "whiskstore-" + k, Value: []byte(v)})
			}
		}
		tr.Handle(int32(partition), r, time.Unix(1, 0))
		tr.Tick(time.Unix(1, 0))
		clock.Set(time.Minute, time.Minute)
		if found := c.Begin(traceKey, false); found.Held {
			t.Errorf("a record made a value outlive its age: %+v", found)
		}
	})
}
