package cache_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/cache/wire"
)

// TestSubscriberTwoNodesOneName is S11: two processes under one instance id.
func TestSubscriberTwoNodesOneName(t *testing.T) {
	f := newFeed(t, cache.TrackerOptions{InstanceID: "controller0", Source: "controller0", Epoch: 1})
	write := func(epoch wire.Epoch, seq uint64) {
		f.send(0, wire.Message{InstanceID: "controller0", Key: wire.Key{MainID: "a/b"}, Kind: wire.Write, Source: "controller0", Epoch: epoch, Seq: seq})
	}
	write(1, 1) // our own
	f.want("")
	write(2, 1) // the other one's: a name is no reason to ignore it
	f.want("a/b@")
	write(3, 1)
	f.later(time.Minute)
	write(2, 2) // two epochs interleave
	f.Tick(f.now)
	if h := f.line.health; h.State != cache.Degraded || !strings.Contains(h.Reason, "controller0") {
		t.Errorf("got %+v, want degraded, naming controller0", h)
	}
}

// TestSubscriberMalformed is S12: damaged records cost nothing but what was in them.
func TestSubscriberMalformed(t *testing.T) {
	f := newFeed(t, cache.TrackerOptions{})
	f.send(0, bridge(wire.Change, "b", 1, 1))
	for range 300 {
		f.Handle(0, wire.Record{}, f.now)
		f.Handle(0, wire.Record{Value: []byte("no JSON")}, f.now)
	}
	f.send(0, bridge(wire.Change, "b", 1, 2))
	f.want("loss a/b@1 a/b@2")
	damaged := wire.Encode(bridge(wire.Change, "b", 1, 3))
	damaged.Value = nil
	f.Handle(0, damaged, f.now)
	f.send(0, bridge(wire.Change, "b", 1, 4))
	f.want("loss a/b@4") // its sequence counts as seen, and as a loss
	if got := f.Stats().Skipped; got["null"] != 301 || got["malformed"] != 300 {
		t.Errorf("skipped %v, want 301 null and 300 malformed", got)
	}
}

// unlisted is a topic whose partitions can be read but not listed any more.
type unlisted struct {
	cache.Topic
	after time.Time
}

func (u *unlisted) Partitions(ctx context.Context) ([]int32, error) {
	if time.Now().After(u.after) {
		return nil, errors.New("no metadata")
	}
	return u.Topic.Partitions(ctx)
}

// subscribed is a cache whose tracker follows a topic until end.
func subscribed(t *testing.T, topic cache.Topic, opts *cache.SubscriberOptions) (c *cache.Cache[int], tr *cache.Tracker, end func() error) {
	c = cache.New(cache.Options[int]{})
	tr = cache.NewTracker(cache.TrackerOptions{Lines: map[string][]cache.Line{"whisks": {c}}, MaxSilence: 5 * time.Second, Skew: time.Second})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- cache.Subscribe(ctx, topic, tr, opts) }()
	synctest.Wait()
	return c, tr, func() error {
		defer c.Close()
		cancel()
		return <-done
	}
}

// vouch sends watermarks to partitions of the bus.
func vouch(t *testing.T, bus *cache.Bus, partitions int32) {
	for p := range partitions {
		m := bridge(wire.Watermark, "b", 1, 0)
		m.Vouched = time.Now()
		if err := bus.Sender().Send(t.Context(), p, wire.Encode(m)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSubscriberCannotList: where new partitions cannot be looked for, those that
// are known do not vouch for what may lie in others.
func TestSubscriberCannotList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := cache.NewBus(cache.BusOptions{Partitions: 1})
		c, _, end := subscribed(t, &unlisted{bus, time.Now().Add(30 * time.Second)}, nil)
		for second := range 60 {
			vouch(t, bus, 1)
			<-time.After(time.Second)
			want := cache.Coherent
			switch {
			case second < 15 || second > 28 && second < 40:
				continue // blind since the start, or not silent for long enough
			case second >= 40:
				want = cache.Degraded
			}
			if got := c.Health(); got.State != want {
				t.Errorf("after %d s: %+v, want %v", second, got, want)
			}
		}
		end()
	})
}

// TestSubscriberFewerPartitions: of a topic that was made anew with fewer
// partitions nobody waits for those that are gone.
func TestSubscriberFewerPartitions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := cache.NewBus(cache.BusOptions{Partitions: 2})
		ready := 0
		c, tr, end := subscribed(t, bus, &cache.SubscriberOptions{Ready: func() { ready++ }})
		alive := func(partitions int32, seconds int) {
			for range seconds {
				vouch(t, bus, partitions)
				<-time.After(time.Second)
			}
		}
		alive(2, 20)
		if got := c.Health(); got.State != cache.Coherent {
			t.Fatalf("before: %+v, want coherent", got)
		}
		lost := tr.Stats().Losses["start"]
		bus.Recreate(1)
		<-time.After(2 * time.Second)
		if got := tr.Stats().Losses["start"]; got != lost+1 {
			t.Errorf("losses of a start: %d, then %d; want one more", lost, got)
		}
		alive(1, 20)
		if got := c.Health(); got.State != cache.Coherent {
			t.Errorf("of a topic with one partition less: %+v, want coherent", got)
		}
		if err := end(); err != nil || ready != 1 {
			t.Errorf("the subscription ended with %v and was ready %d times; want nil and once", err, ready)
		}
	})
}
