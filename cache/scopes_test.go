package cache_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/cache/wire"
	"github.com/whiskstore/whiskstore/store"
)

// place puts documents into a key space by the first letter of their name.
func place(key string) string {
	if strings.HasPrefix(key, "low/") {
		return "40"
	}
	return "C0"
}

func (r *rig) load(t *testing.T, key string, n int) {
	t.Helper()
	r.store.set(n, nil, nil)
	if _, _, err := r.Get(t.Context(), key, r.store.load); err != nil {
		t.Fatal(err)
	}
}

// serves fails unless the cache would serve want for the key without a load.
func (r *rig) serves(t *testing.T, key string, want int) {
	t.Helper()
	if got, _, _ := r.Peek(key); got != want {
		t.Errorf("%s: got %d, want %d", key, got, want)
	}
}

// TestLossOfARange: a loss concerns the documents of its range and no others, be
// they held, loaded or written.
func TestLossOfARange(t *testing.T) {
	low := cache.Loss{Min: "", Max: "80"}
	t.Run("values", func(t *testing.T) {
		run(t, cache.Options[int]{Lag: time.Second, Place: place}, func(t *testing.T, r *rig) {
			r.SetHealth(cache.Health{State: cache.Coherent})
			r.load(t, "low/a", 1)
			r.load(t, "high/a", 1)
			r.Lose(low)
			if h := r.Health(); h.State != cache.Suspect {
				t.Errorf("got %v, want suspect", h.State)
			}
			r.serves(t, "low/a", 0)
			r.serves(t, "high/a", 1)
			for range 2 {
				r.load(t, "high/a", 2)
			}
			if got := r.store.count(); got != 2 {
				t.Errorf("%d loads, want none of a document that the loss does not concern", got)
			}
			r.load(t, "low/b", 1)
			r.load(t, "high/b", 1)
			r.serves(t, "low/b", 0)
			r.serves(t, "high/b", 1)
			<-time.After(2 * time.Second)
			r.load(t, "low/b", 1)
			r.serves(t, "low/b", 1)
			r.Lose(cache.Loss{Min: "80", Max: "FF"})
			r.serves(t, "low/b", 1)
			r.serves(t, "high/b", 0)
			r.Lose(cache.Loss{})
			r.serves(t, "low/b", 0)
		})
	})
	t.Run("operations", func(t *testing.T) {
		for key, want := range map[string]int{"low/a": 0, "high/a": 1} {
			run(t, cache.Options[int]{Lag: time.Second, Place: place}, func(t *testing.T, r *rig) {
				l := r.Begin(key, false).Load
				r.Lose(low)
				l.End(value(1), nil)
				r.serves(t, key, want)
				<-time.After(2 * time.Second)
				w := r.BeginWrite(key, false)
				r.Lose(low)
				w.End(value(2), nil)
				r.serves(t, key, 2*want)
			})
		}
	})
	t.Run("positions", func(t *testing.T) {
		run(t, cache.Options[int]{Lag: time.Second, Place: place}, func(t *testing.T, r *rig) {
			r.Lose(cache.Loss{Max: "80", Position: "at"})
			l := r.Begin("low/a", false).Load
			if got := l.Request.After.Session; got != "at" {
				t.Errorf("the load reads at %q, want the position of the loss", got)
			}
			l.End(value(1), nil)
			r.serves(t, "low/a", 1)
			r.Lose(cache.Loss{Position: "another"}) // of everything: the two cannot be compared
			for key, want := range map[string]int{"low/b": 0, "high/b": 1} {
				r.load(t, key, 1)
				r.serves(t, key, want)
			}
			<-time.After(2 * time.Second)
			r.load(t, "low/b", 1)
			r.serves(t, "low/b", 1)
		})
	})
	t.Run("without_places", func(t *testing.T) {
		run(t, cache.Options[int]{Lag: time.Second}, func(t *testing.T, r *rig) {
			r.load(t, "high/a", 1)
			r.Lose(low)
			r.serves(t, "high/a", 0)
		})
	})
	t.Run("too_many_ranges", func(t *testing.T) {
		run(t, cache.Options[int]{Lag: time.Minute, Place: place}, func(t *testing.T, r *rig) {
			r.load(t, "high/a", 1)
			for i := range 0x70 {
				r.Lose(cache.Loss{Min: fmt.Sprintf("%02X", i), Max: fmt.Sprintf("%02X", i+1)})
			}
			for _, key := range []string{"low/a", "high/a"} { // what is taken together is suspect, and blind
				r.load(t, key, 2)
				r.serves(t, key, 0)
			}
		})
	})
}

// ranges is a line that writes down which ranges were lost.
type ranges struct{ lost []string }

func (r *ranges) Observe(string, store.Version) cache.Effect { return cache.NotHeld }
func (r *ranges) Forget(string) cache.Effect                 { return cache.NotHeld }
func (r *ranges) SetHealth(cache.Health)                     {}
func (r *ranges) Lose(l cache.Loss) {
	r.lost = append(r.lost, strings.TrimSuffix(l.Min+"-"+l.Max+"@"+string(l.Position), "@"))
}

// TestTrackerLosesRanges: what a source of a range lost concerns the lines of its
// collection and its range; what nobody can tell concerns all.
func TestTrackerLosesRanges(t *testing.T) {
	var whisks, subjects ranges
	tr := cache.NewTracker(cache.TrackerOptions{Position: true, Lines: map[string][]cache.Line{"whisks": {&whisks}, "subjects": {&subjects}}})
	now := time.Unix(1_700_000_000, 0)
	want := func(what string, w, s string) {
		t.Helper()
		if got := strings.Join(whisks.lost, " "); got != w {
			t.Errorf("%s: whisks lost %q, want %q", what, got, w)
		}
		if got := strings.Join(subjects.lost, " "); got != s {
			t.Errorf("%s: subjects lost %q, want %q", what, got, s)
		}
		whisks.lost, subjects.lost = nil, nil
	}
	send := func(source string, epoch wire.Epoch, seq uint64, r wire.Range) {
		m := bridge(wire.Change, source, epoch, seq)
		m.Range, m.Position = &r, "p"
		tr.Handle(0, wire.Encode(m), now)
	}
	low, high := wire.Range{Max: "80", Of: "whisks"}, wire.Range{Min: "80", Max: "FF", Of: "whisks"}
	tr.Start([]int32{0}, now)
	want("start", "-", "-")
	send("a", 1, 1, low)
	want("first sight", "-80@p", "")
	send("b", 1, 1, high)
	want("first sight", "80-FF@p", "")
	send("s", 1, 1, wire.Range{Of: "subjects"})
	want("first sight", "", "-@p")
	send("b", 1, 3, high)
	want("gap", "80-FF@p", "")
	send("s", 2, 1, wire.Range{Of: "subjects"})
	want("new epoch", "", "-@p")
	m := bridge(wire.Change, "a", 1, 2)
	m.Range = &low
	r := wire.Encode(m)
	r.Value = nil
	tr.Handle(0, r, now)
	want("unusable record", "-80", "")
	send("b", 1, 5, low) // what was lost may have been about the one or the other, and no position shows both
	want("gap of a source that changes its range", "-", "")
	send("s", 2, 3, low)
	want("gap of a source that changes its collection", "-", "-")
	send("x", 1, 1, wire.Range{Of: "nobody's"})
	want("first sight, unknown collection", "-", "-")
	tr.Lost("offset out of range", now)
	want("loss of the subscription", "-", "-")
}

// TestZombieKeepsTheCover: a late message of an epoch that is over does not widen
// what its source's present epoch vouches for.
func TestZombieKeepsTheCover(t *testing.T) {
	f := newFeed(t, cache.TrackerOptions{})
	vouch := func(epoch wire.Epoch, r wire.Range) {
		for p := range int32(2) {
			m := bridge(wire.Watermark, "b", epoch, 1)
			m.Range, m.Vouched = &r, f.now
			f.send(p, m)
		}
		f.Tick(f.now)
	}
	vouch(1, wire.Range{Max: "FF", Of: "whisks"})
	if got := f.line.health.State; got != cache.Coherent {
		t.Fatalf("got %v, want coherent", got)
	}
	vouch(2, wire.Range{Max: "80", Of: "whisks"})
	vouch(1, wire.Range{Max: "FF", Of: "whisks"})
	if got := f.line.health; got.State != cache.Degraded {
		t.Errorf("got %v, want degraded: nobody vouches for the upper half", got.State)
	}
}

// TestUnmodified: a value that may not be served any more is not made again when
// the load finds the document unchanged.
func TestUnmodified(t *testing.T) {
	run(t, cache.Options[int]{Lag: time.Second, MaxAge: time.Minute}, func(t *testing.T, r *rig) {
		at := 1
		load := func(_ context.Context, q cache.Request) (cache.Loaded[int], error) {
			if q.Held == version(at) {
				return cache.Loaded[int]{Version: q.Held, Unmodified: true}, nil
			}
			return cache.Loaded[int]{Value: 10 * at, Version: version(at)}, nil
		}
		get := func(want int) {
			t.Helper()
			if v, got, err := r.Get(t.Context(), key, load); v != want || got != version(at) || err != nil {
				t.Errorf("got %d at %v, %v; want %d at %v", v, got, err, want, version(at))
			}
		}
		get(10)
		<-time.After(2 * time.Minute) // too old
		r.held(t, 0)
		get(10)
		r.held(t, 10)
		<-time.After(40 * time.Second)
		r.held(t, 10) // it is as young as the load that confirmed it
		r.Lose(cache.Loss{})
		r.held(t, 0)
		get(10) // returned, but not held: blind
		r.held(t, 0)
		<-time.After(2 * time.Second)
		at = 2
		get(20)
		r.held(t, 20)
	})
	run(t, cache.Options[int]{}, func(t *testing.T, r *rig) {
		load := func(context.Context, cache.Request) (cache.Loaded[int], error) {
			return cache.Loaded[int]{Version: version(1), Unmodified: true}, nil
		}
		if _, _, err := r.Get(t.Context(), key, load); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("got %v, want a refusal of a load that confirms what is not held", err)
		}
		r.held(t, 0)
	})
}

// TestOrderIsLearned: a write whose reply names no order is ordered by its echo,
// so that late messages about older states do not remove the value.
func TestOrderIsLearned(t *testing.T) {
	run(t, cache.Options[int]{}, func(t *testing.T, r *rig) {
		unordered := version(2)
		unordered.Order = 0
		if _, err := r.Put(t.Context(), key, func(context.Context) (cache.Loaded[int], error) {
			return cache.Loaded[int]{Value: 2, Version: unordered}, nil
		}); err != nil {
			t.Fatal(err)
		}
		if got := r.Observe(key, version(2)); got != cache.Confirmed {
			t.Errorf("the echo: got %v, want confirmed", got)
		}
		if got := r.Observe(key, version(1)); got != cache.Confirmed {
			t.Errorf("a late message: got %v, want confirmed", got)
		}
		if _, v, ok := r.Peek(key); !ok || v != version(2) {
			t.Errorf("got %v, want the version with its order", v)
		}
	})
}

// TestFenceBesideANewerValue: the fence of an older state needs no record beside
// the value, and yet nothing older than the value is stored once that is evicted.
func TestFenceBesideANewerValue(t *testing.T) {
	run(t, cache.Options[int]{MaxEntries: 16, Lag: time.Minute, Hash: func(string) uint64 { return 0 }}, func(t *testing.T, r *rig) {
		r.load(t, key, 3)
		if got := r.Observe(key, version(2)); got != cache.Confirmed {
			t.Errorf("got %v, want confirmed", got)
		}
		if got := r.Stats().Fences; got != 0 {
			t.Errorf("%d records, want none", got)
		}
		r.load(t, "another/document", 1) // one entry per shard
		r.load(t, key, 2)
		r.held(t, 0)
		r.load(t, key, 3)
		r.held(t, 3)
	})
}
