package cache_test

import (
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/cache/wire"
)

// TestCover is R8, with S15: each collection must be covered by ranges that are
// vouched for now.
func TestCover(t *testing.T) {
	f := newFeed(t, cache.TrackerOptions{MaxSilence: 10 * time.Second, Skew: time.Second})
	vouch := func(source, lo, hi string, at time.Time) {
		m := bridge(wire.Watermark, source, 1, 0)
		m.Range = &wire.Range{Min: lo, Max: hi, Of: "whisks"}
		m.Vouched = at
		f.send(0, m)
		f.send(1, m)
	}
	state := func(want cache.State) {
		t.Helper()
		f.Tick(f.now)
		if f.line.health.State != want {
			t.Errorf("got %+v, want %v", f.line.health, want)
		}
	}
	state(cache.Degraded)
	began := f.now
	f.later(time.Second)
	vouch("low", "", "7F", f.now)
	if state(cache.Degraded); !f.line.health.Since.Equal(began) { // half of the key space
		t.Errorf("degraded since %v, want %v", f.line.health.Since, began)
	}
	vouch("high", "7F", "FF", f.now)
	state(cache.Coherent)
	f.later(8 * time.Second)
	vouch("low", "", "7F", f.now)
	f.later(4 * time.Second)
	state(cache.Degraded) // high is silent
	vouch("high-1", "7F", "BF", f.now)
	state(cache.Degraded)
	vouch("high-2", "BF", "FF", f.now)
	state(cache.Coherent) // children replace a parent
	f.later(8 * time.Second)
	for range 100 { // T32: old claims arrive and arrive
		vouch("low", "", "7F", f.now.Add(-12*time.Second))
	}
	state(cache.Degraded)
	vouch("low", "", "7F", f.now.Add(time.Hour)) // nobody vouches for the future
	state(cache.Coherent)
	f.later(12 * time.Second)
	state(cache.Degraded)
}

// TestCoverOfAnotherTime: a range answers for itself only as long as its source
// says so. What vouched for a smaller one, or what a zombie says, does not count.
func TestCoverOfAnotherTime(t *testing.T) {
	vouch := func(f *feed, epoch wire.Epoch, hi string) {
		for p := range int32(2) {
			m := bridge(wire.Watermark, "b", epoch, 0)
			m.Range, m.Vouched = &wire.Range{Max: hi, Of: "whisks"}, f.now
			f.send(p, m)
		}
	}
	change := func(f *feed, epoch wire.Epoch, hi string) {
		m := bridge(wire.Change, "b", epoch, 1)
		m.Range = &wire.Range{Max: hi, Of: "whisks"}
		f.send(0, m)
	}
	want := func(f *feed, want cache.State) {
		t.Helper()
		f.Tick(f.now)
		if f.line.health.State != want {
			t.Errorf("got %+v, want %v", f.line.health, want)
		}
	}
	t.Run("zombie", func(t *testing.T) {
		f := newFeed(t, cache.TrackerOptions{})
		vouch(f, 1, "FF")
		want(f, cache.Coherent)
		vouch(f, 2, "7F") // the other half is somebody else's from here on
		want(f, cache.Degraded)
		change(f, 1, "FF")
		want(f, cache.Degraded)
	})
	t.Run("grown", func(t *testing.T) {
		f := newFeed(t, cache.TrackerOptions{})
		vouch(f, 1, "7F")
		change(f, 1, "FF") // nothing was vouched for of what is new
		want(f, cache.Degraded)
		vouch(f, 1, "FF")
		want(f, cache.Coherent)
	})
}

// A range is vouched for once it is in every partition.
func TestCoverOfEveryPartition(t *testing.T) {
	f := newFeed(t, cache.TrackerOptions{})
	m := bridge(wire.Watermark, "b", 1, 0)
	m.Vouched = f.now
	f.send(0, m)
	if f.Tick(f.now); f.line.health.State != cache.Degraded {
		t.Errorf("got %+v with one partition vouched for, want degraded", f.line.health)
	}
	f.send(1, m)
	if f.Tick(f.now); f.line.health.State != cache.Coherent {
		t.Errorf("got %+v, want coherent", f.line.health)
	}
	m.Vouched = f.later(time.Minute).now
	f.send(0, m) // the other one's claim is old
	if f.Tick(f.now); f.line.health.State != cache.Degraded {
		t.Errorf("got %+v with an old claim in one partition, want degraded", f.line.health)
	}
}

// T34: a controller that is scaled down degrades nothing.
func TestSilentWriter(t *testing.T) {
	f := newFeed(t, cache.TrackerOptions{MaxSilence: 10 * time.Second})
	f.send(0, wire.Message{InstanceID: "c", Key: wire.Key{MainID: "a/b"}, Kind: wire.Write, Source: "c", Epoch: 9, Seq: 1})
	f.later(time.Hour)
	m := bridge(wire.Watermark, "b", 1, 0)
	m.Vouched = f.now
	f.send(0, m)
	f.send(1, m)
	f.Tick(f.now)
	if f.line.health.State != cache.Coherent {
		t.Errorf("got %+v, want coherent", f.line.health)
	}
}
