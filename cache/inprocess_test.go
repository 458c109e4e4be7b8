package cache_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/cache/bustest"
	"github.com/whiskstore/whiskstore/cache/wire"
)

func TestBus(t *testing.T) {
	var bus *cache.Bus
	bustest.Test(t, bustest.Harness{
		New: func(_ *testing.T, partitions int) (cache.Topic, cache.Sender) {
			bus = cache.NewBus(cache.BusOptions{Partitions: partitions})
			return bus, bus.Sender()
		},
		Recreate: func(*testing.T) { bus.Recreate() },
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
