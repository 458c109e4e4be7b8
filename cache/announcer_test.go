package cache_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/cache/wire"
	"github.com/whiskstore/whiskstore/store"
)

// TestAnnouncedWritesNameTheirCollection: a write of whisks is no news of
// subjects. It would end every negative identity (R11).
func TestAnnouncedWritesNameTheirCollection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := cache.NewBus(cache.BusOptions{})
		a := cache.NewAnnouncer(bus.Sender(), cache.AnnouncerOptions{InstanceID: "controller1"})
		a.Notify("whisks")(cache.Written{Key: "ns/action", Version: store.Version{Rev: "1"}})
		a.Notify("subjects")(cache.Written{Key: "ns/limits"})
		a.Close()
		b, err := bus.Fetch(t.Context(), 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		var whisks, subjects recorder
		tr := cache.NewTracker(cache.TrackerOptions{Lines: map[string][]cache.Line{"whisks": {&whisks}, "subjects": {&subjects}}, DropsOwn: true})
		for _, r := range b.Records {
			tr.Handle(0, r, time.Now())
		}
		if got := whisks.take(); got != "ns/action@1" {
			t.Errorf("whisks were told %q, want of ns/action", got)
		}
		if got := subjects.take(); got != "ns/limits@" {
			t.Errorf("subjects were told %q, want of ns/limits", got)
		}
		// A writer is no bridge for naming it: its first sight is no loss, as above,
		// not even when a record of it is damaged.
		damaged := b.Records[1]
		damaged.Value = nil
		tr.Handle(0, damaged, time.Now())
		if got := tr.Stats().Losses; len(got) != 1 || got["unusable record"] != 1 {
			t.Errorf("losses %v, want that of a damaged record", got)
		}
	})
}

// TestAnnouncerGaps: what was not announced is missing from the sequence, so that
// nodes without verify messages notice (R7). Here it did not get as far as the bus.
func TestAnnouncerGaps(t *testing.T) {
	for name, drop := range map[string]func(*failing, func()){
		"bus_down": func(s *failing, write func()) {
			s.down = true
			write()
			synctest.Wait()
			s.down = false
		},
		"queue_full": func(s *failing, write func()) {
			s.gate = make(chan struct{})
			write() // on its way
			synctest.Wait()
			write() // waits
			write() // one too many
			close(s.gate)
			synctest.Wait()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bus := cache.NewBus(cache.BusOptions{})
				s := &failing{Sender: bus.Sender()}
				a := cache.NewAnnouncer(s, cache.AnnouncerOptions{InstanceID: "controller1", Queue: 1})
				write := func() { a.Notify("whisks")(cache.Written{Key: "a/b"}) }
				write()
				synctest.Wait()
				drop(s, write)
				write()
				a.Close()
				f := newFeed(t, cache.TrackerOptions{DropsOwn: true})
				b, err := bus.Fetch(t.Context(), 0, 0)
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range b.Records {
					f.Handle(0, r, f.now)
				}
				if _, dropped := a.Counts(); dropped != 1 || f.Stats().Losses["gap"] != 1 {
					t.Errorf("%d dropped, losses %v, want 1 and 1 gap", dropped, f.Stats().Losses)
				}
			})
		})
	}
}

// failing is a sender that can be told to fail.
type failing struct {
	cache.Sender
	fail bool
	down bool          // the partitions cannot be listed
	gate chan struct{} // when set, Send waits for it
}

func (f *failing) Partitions(ctx context.Context) (int32, error) {
	if f.down {
		return 0, errors.New("no broker")
	}
	return f.Sender.Partitions(ctx)
}

func (f *failing) Send(ctx context.Context, p int32, r wire.Record) error {
	if f.gate != nil {
		<-f.gate
	}
	if f.fail {
		return errors.New("no broker")
	}
	return f.Sender.Send(ctx, p, r)
}
