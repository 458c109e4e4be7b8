package cache_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/cache/bustest"
	"github.com/whiskstore/whiskstore/cache/wire"
)

func TestBus(t *testing.T) {
	var bus *cache.Bus
	var made int
	bustest.Test(t, bustest.Harness{
		New: func(_ *testing.T, partitions int) (cache.Topic, cache.Sender) {
			bus, made = cache.NewBus(cache.BusOptions{Partitions: partitions}), partitions
			return bus, bus.Sender()
		},
		Recreate: func(*testing.T) { bus.Recreate(made) },
		Virtual:  true,
	})
}

// TestBusWakes: who waits for a record has it as soon as it is sent.
func TestBusWakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus, began := cache.NewBus(cache.BusOptions{}), time.Now()
		go func() {
			time.Sleep(time.Millisecond)
			bus.Sender().Send(t.Context(), 0, wire.Record{})
		}()
		b, err := bus.Fetch(t.Context(), 0, 0)
		if took := time.Since(began); err != nil || len(b.Records) != 1 || took != time.Millisecond {
			t.Errorf("got %d records after %v, %v, want 1 after 1ms", len(b.Records), took, err)
		}
	})
}

// TestBusBounds: a partition keeps its newest records only, and there are no
// others than those of the options.
func TestBusBounds(t *testing.T) {
	bus := cache.NewBus(cache.BusOptions{Retention: 3})
	for i := range 5 {
		if err := bus.Sender().Send(t.Context(), 0, wire.Record{Value: []byte{byte(i)}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := bus.Fetch(t.Context(), 0, 1); !errors.Is(err, cache.ErrOffset) {
		t.Errorf("before the records kept: got %v, want %v", err, cache.ErrOffset)
	}
	if b, err := bus.Fetch(t.Context(), 0, 2); err != nil || len(b.Records) != 3 || b.Records[0].Value[0] != 2 || b.Next != 5 {
		t.Errorf("got %d records to %d, %v; want the last 3, to 5", len(b.Records), b.Next, err)
	}
	for _, p := range []int32{-1, 1} {
		_, err1 := bus.End(t.Context(), p)
		_, err2 := bus.Fetch(t.Context(), p, 0)
		if err3 := bus.Sender().Send(t.Context(), p, wire.Record{}); err1 == nil || err2 == nil || err3 == nil {
			t.Errorf("partition %d: got %v, %v and %v, want errors", p, err1, err2, err3)
		}
	}
}

// refusing is a topic none of whose offsets can be read, not even its end.
type refusing struct{ fetches atomic.Int64 }

func (*refusing) Partitions(context.Context) ([]int32, error) { return []int32{0}, nil }
func (*refusing) End(context.Context, int32) (int64, error)   { return 7, nil }
func (r *refusing) Fetch(context.Context, int32, int64) (cache.Batch, error) {
	r.fetches.Add(1)
	return cache.Batch{}, cache.ErrOffset
}

// TestSubscriberPauses: a topic that refuses the offset which it calls its end is
// not asked again and again without a pause.
func TestSubscriberPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		topic := &refusing{}
		tracker := cache.NewTracker(cache.TrackerOptions{})
		if err := cache.Subscribe(ctx, topic, tracker, &cache.SubscriberOptions{Backoff: time.Second}); err != nil {
			t.Fatal(err)
		}
		if n := topic.fetches.Load(); n < 10 || n > 25 {
			t.Errorf("%d reads in ten seconds with a pause of one, want about two per pause", n)
		}
	})
}
