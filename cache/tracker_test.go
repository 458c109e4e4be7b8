package cache_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/cache/wire"
	"github.com/whiskstore/whiskstore/store"
)

// recorder is a line that writes down what it is told.
type recorder struct {
	mu     sync.Mutex
	told   []string
	health cache.Health
}

func (r *recorder) add(s string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told = append(r.told, s)
}

func (r *recorder) Observe(key string, v store.Version) cache.Effect {
	r.add(key + "@" + v.Rev)
	return cache.NotHeld
}
func (r *recorder) Forget(key string) cache.Effect { return r.Observe(key, store.Version{}) }
func (r *recorder) Lose(cache.Loss)                { r.add("loss") }
func (r *recorder) SetHealth(h cache.Health)       { r.health = h }

// take returns what was told since the last time.
func (r *recorder) take() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	told := strings.Join(r.told, " ")
	r.told = nil
	return told
}

// feed is a tracker with two partitions whose start is past.
type feed struct {
	t    *testing.T
	line recorder
	*cache.Tracker
	now time.Time
}

func newFeed(t *testing.T, opts cache.TrackerOptions) *feed {
	f := &feed{t: t, now: time.Unix(1_700_000_000, 0)}
	opts.Lines = map[string][]cache.Line{"whisks": {&f.line}}
	f.Tracker = cache.NewTracker(opts)
	f.Start([]int32{0, 1}, f.now)
	want := "loss"
	if opts.Without == cache.RuleStart {
		want = ""
	}
	if got := f.line.take(); got != want {
		t.Fatalf("start told %q, want %q", got, want)
	}
	return f
}

// later ends the blind time.
func (f *feed) later(d time.Duration) *feed {
	f.now = f.now.Add(d)
	return f
}

func (f *feed) send(partition int32, m wire.Message) { f.Handle(partition, wire.Encode(m), f.now) }

// bridge is a message of a bridge's range.
func bridge(kind wire.Kind, source string, epoch wire.Epoch, seq uint64) wire.Message {
	m := wire.Message{InstanceID: wire.BridgeInstance, Kind: kind, Source: source, Epoch: epoch, Seq: seq, Range: &wire.Range{Of: "whisks"}}
	if kind != wire.Watermark {
		m.Key, m.Version = wire.Key{MainID: "a/b"}, store.Version{Rev: fmt.Sprint(seq)}
	}
	return m
}

func (f *feed) want(want string) {
	f.t.Helper()
	if got := f.line.take(); got != want {
		f.t.Errorf("the line was told %q, want %q", got, want)
	}
}

// TestDefaults: what the states promise holds for the defaults, with a second for
// the delivery of a message.
func TestDefaults(t *testing.T) {
	if d := cache.DefaultMaxSilence + 2*cache.DefaultSkew + time.Second; d > cache.DefaultLag {
		t.Errorf("a lost message may be missed for %v, the lag budget is %v", d, cache.DefaultLag)
	}
	if cache.DefaultMaxStaleness > cache.DefaultMaxAge {
		t.Errorf("max-staleness %v is above max-age %v", cache.DefaultMaxStaleness, cache.DefaultMaxAge)
	}
}

func TestTrackerSequences(t *testing.T) {
	t.Run("T33_sequences_per_partition", func(t *testing.T) {
		f := newFeed(t, cache.TrackerOptions{})
		for seq := uint64(1); seq <= 3; seq++ {
			f.send(0, bridge(wire.Change, "b", 1, seq))
			f.send(1, bridge(wire.Change, "b", 1, seq))
		}
		f.want("loss a/b@1 loss a/b@1 a/b@2 a/b@2 a/b@3 a/b@3")
	})
	t.Run("gap_before_its_message", func(t *testing.T) {
		f := newFeed(t, cache.TrackerOptions{})
		f.send(0, bridge(wire.Change, "b", 1, 1))
		f.send(0, bridge(wire.Change, "b", 1, 3))
		f.want("loss a/b@1 loss a/b@3")
		f.send(0, bridge(wire.Change, "b", 1, 2)) // late: an ordinary message
		f.want("a/b@2")
	})
	t.Run("watermark_shows_the_last_one_lost", func(t *testing.T) {
		f := newFeed(t, cache.TrackerOptions{})
		f.send(0, bridge(wire.Change, "b", 1, 1))
		f.send(0, bridge(wire.Watermark, "b", 1, 1))
		f.want("loss a/b@1")
		f.send(0, bridge(wire.Watermark, "b", 1, 2))
		f.want("loss")
		f.send(0, bridge(wire.Change, "b", 1, 3))
		f.want("a/b@3")
	})
	t.Run("late_watermark", func(t *testing.T) {
		f := newFeed(t, cache.TrackerOptions{})
		f.send(0, bridge(wire.Change, "b", 1, 4))
		f.send(0, bridge(wire.Change, "b", 1, 5))
		f.line.take()
		f.send(0, bridge(wire.Watermark, "b", 1, 3))
		f.send(0, bridge(wire.Change, "b", 1, 6)) // no gap
		f.want("a/b@6")
	})
	t.Run("first_sight_is_always_a_loss", func(t *testing.T) {
		f := newFeed(t, cache.TrackerOptions{})
		f.send(0, bridge(wire.Change, "b", 1, 5))
		f.want("loss a/b@5") // in the blind time of the start as well
		f.later(time.Minute).send(1, bridge(wire.Change, "b", 1, 5))
		f.want("loss a/b@5")
		f.later(time.Minute).send(0, bridge(wire.Change, "another", 1, 1))
		f.want("loss a/b@1")
	})
	t.Run("first_sight_off", func(t *testing.T) {
		f := newFeed(t, cache.TrackerOptions{Without: cache.RuleStart})
		f.send(0, bridge(wire.Change, "b", 1, 5))
		f.send(1, bridge(wire.Change, "b", 1, 7))
		f.want("a/b@5 a/b@7")
		f.send(0, bridge(wire.Change, "b", 1, 7)) // a gap after it is a loss all the same
		f.want("loss a/b@7")
		f.send(0, bridge(wire.Change, "b", 2, 1)) // and so is a new epoch, in each partition
		f.send(1, bridge(wire.Change, "b", 2, 1))
		f.want("loss a/b@1 loss a/b@1")
	})
	t.Run("writers_gaps_are_left_to_the_feed", func(t *testing.T) {
		for _, drops := range []bool{false, true} {
			f := newFeed(t, cache.TrackerOptions{DropsOwn: drops}).later(time.Minute)
			for _, seq := range []uint64{4, 6} {
				f.send(0, wire.Message{InstanceID: "c", Key: wire.Key{MainID: "a/b"}, Kind: wire.Write, Source: "c", Epoch: 9, Seq: seq})
			}
			want := "a/b@ a/b@"
			if drops {
				want = "a/b@ loss a/b@"
			}
			f.want(want)
		}
	})
}

func TestTrackerEpochs(t *testing.T) {
	t.Run("T14_take_over", func(t *testing.T) {
		f := newFeed(t, cache.TrackerOptions{})
		f.send(0, bridge(wire.Change, "b", 1, 1))
		f.later(time.Minute).send(0, bridge(wire.Watermark, "b", 2, 0))
		f.want("loss a/b@1 loss")
	})
	t.Run("T14_off", func(t *testing.T) {
		f := newFeed(t, cache.TrackerOptions{Without: cache.RuleEpoch})
		f.send(0, bridge(wire.Change, "b", 1, 1))
		f.send(1, bridge(wire.Change, "b", 1, 1))
		f.want("loss a/b@1 loss a/b@1") // first sight belongs to another rule
		f.later(time.Minute).send(0, bridge(wire.Watermark, "b", 2, 0))
		f.send(1, bridge(wire.Change, "b", 2, 1))
		f.want("a/b@1")
	})
	handed := func(seq uint64, last map[int32]uint64) wire.Message {
		m := bridge(wire.Change, "b", 2, seq)
		m.Handover = &wire.Handover{Epoch: 1, Last: last}
		return m
	}
	t.Run("hand_over_in_all_partitions", func(t *testing.T) {
		f := newFeed(t, cache.TrackerOptions{})
		f.send(0, bridge(wire.Change, "b", 1, 1))
		f.send(1, bridge(wire.Change, "b", 1, 1))
		f.line.take()
		f.later(time.Minute).send(0, handed(1, map[int32]uint64{0: 1, 1: 1}))
		f.send(1, handed(1, map[int32]uint64{0: 1, 1: 1}))
		f.want("a/b@1 a/b@1")
	})
	t.Run("hand_over_of_more_than_was_seen", func(t *testing.T) {
		f := newFeed(t, cache.TrackerOptions{})
		f.send(0, bridge(wire.Change, "b", 1, 1))
		f.send(1, bridge(wire.Change, "b", 1, 1))
		f.line.take()
		f.later(time.Minute).send(0, handed(1, map[int32]uint64{0: 1, 1: 2}))
		f.want("loss a/b@1")
	})
	t.Run("hand_over_of_an_epoch_that_was_not_seen", func(t *testing.T) {
		f := newFeed(t, cache.TrackerOptions{})
		f.send(0, bridge(wire.Change, "b", 1, 9))
		f.line.take()
		m := bridge(wire.Change, "b", 3, 1)
		m.Handover = &wire.Handover{Epoch: 2, Last: map[int32]uint64{0: 5}}
		f.later(time.Minute).send(0, m)
		f.want("loss a/b@1")
	})
	t.Run("lost_first_record_of_a_handed_over_epoch", func(t *testing.T) {
		f := newFeed(t, cache.TrackerOptions{})
		f.send(0, bridge(wire.Change, "b", 1, 1))
		f.line.take()
		f.later(time.Minute).send(0, handed(2, map[int32]uint64{0: 1}))
		f.want("loss a/b@2")
	})
	t.Run("zombie", func(t *testing.T) {
		f := newFeed(t, cache.TrackerOptions{})
		f.send(0, bridge(wire.Change, "b", 1, 1))
		f.send(0, bridge(wire.Change, "b", 2, 1))
		f.line.take()
		f.later(time.Minute).send(0, bridge(wire.Change, "b", 1, 9))
		f.want("a/b@9") // an ordinary message, never a loss
		late := bridge(wire.Watermark, "b", 1, 9)
		late.Vouched = f.now
		f.send(0, late)
		f.send(1, late)
		f.Tick(f.now)
		if f.line.health.State != cache.Degraded {
			t.Errorf("a zombie's watermark made the state %v, want degraded", f.line.health.State)
		}
	})
}

// TestPhysicalDelete is S13: a delete that no feed shows. No rule closes it; age
// bounds it.
func TestPhysicalDelete(t *testing.T) {
	run(t, cache.Options[int]{MaxAge: time.Minute}, func(t *testing.T, r *rig) {
		r.get(t)
		r.store.set(0, errNotFound, nil) // elsewhere, physically
		<-time.After(59 * time.Second)
		r.held(t, 1)
		<-time.After(time.Second)
		r.held(t, 0)
		if _, err := r.get(t); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("got %v, want not found", err)
		}
	})
}

func TestBusRows(t *testing.T) {
	plain := func(instance string) wire.Message {
		return wire.Message{InstanceID: instance, Key: wire.Key{MainID: "a/b"}}
	}
	t.Run("BUS-D4", func(t *testing.T) {
		var lines [5]recorder
		all := map[string][]cache.Line{}
		for i := range lines {
			all["whisks"] = append(all["whisks"], &lines[i])
		}
		tr := cache.NewTracker(cache.TrackerOptions{InstanceID: "controller0", Lines: all, Without: cache.RuleStart})
		tr.Handle(0, wire.Encode(plain("controller1")), time.Now())
		for i := range lines {
			if got := lines[i].take(); got != "a/b@" {
				t.Errorf("line %d was told %q, want a/b without a version", i, got)
			}
		}
	})
	t.Run("BUS-D5", func(t *testing.T) {
		f := newFeed(t, cache.TrackerOptions{InstanceID: "controller0", Source: "controller0", Epoch: 3})
		f.send(0, plain("controller0"))
		f.send(0, wire.Message{InstanceID: "controller0", Key: wire.Key{MainID: "a/b"}, Kind: wire.Write, Source: "controller0", Epoch: 3, Seq: 1})
		f.want("")
	})
	t.Run("BUS-D6", func(t *testing.T) { TestSubscriberMalformed(t) })
	t.Run("BUS-D7_differs", func(t *testing.T) {
		// No group and no committed offsets: what was sent before the start is not
		// read, every partition is, also one that is made later, from its beginning.
		synctest.Test(t, func(t *testing.T) {
			bus := cache.NewBus(cache.BusOptions{Partitions: 2})
			send := func(p int32, id string) {
				m := plain("controller1")
				m.Key.MainID = id
				bus.Sender().Send(t.Context(), p, wire.Encode(m))
			}
			send(0, "before")
			var line recorder
			tr := cache.NewTracker(cache.TrackerOptions{Lines: map[string][]cache.Line{"whisks": {&line}}})
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error)
			go func() { done <- cache.Subscribe(ctx, bus, tr, nil) }()
			synctest.Wait()
			send(0, "zero")
			synctest.Wait()
			send(1, "one")
			synctest.Wait()
			bus.Grow()
			send(2, "two")
			<-time.After(2 * time.Second)
			if got, want := line.take(), "loss zero@ one@ loss two@"; got != want {
				t.Errorf("the line was told %q, want %q", got, want)
			}
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("BUS-D8", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := &failing{Sender: cache.NewBus(cache.BusOptions{}).Sender()}
			a := cache.NewAnnouncer(s, cache.AnnouncerOptions{InstanceID: "controller0"})
			defer a.Close()
			metadata := cache.New(cache.Options[int]{})
			defer metadata.Close()
			metadata.Get(t.Context(), key, func(context.Context, cache.Request) (cache.Loaded[int], error) { return value(1), nil })
			actions := cache.New(cache.Options[int]{Notify: func(w cache.Written) {
				metadata.Observe(w.Key, w.Version)
				if _, _, held := metadata.Peek(key); held {
					t.Error("the entry of the own metadata cache is not removed before the message is sent")
				}
				a.Notify("whisks")(w)
			}})
			defer actions.Close()
			for n, fail := range []bool{false, true} {
				s.fail = fail
				if _, err := actions.Put(t.Context(), key, func(context.Context) (cache.Loaded[int], error) { return value(n + 2), nil }); err != nil {
					t.Errorf("put with the bus failing=%v: %v", fail, err)
				}
				synctest.Wait()
			}
			if sent, dropped := a.Counts(); sent != 1 || dropped != 1 {
				t.Errorf("%d sent, %d dropped; want 1 and 1", sent, dropped)
			}
		})
	})
}

// TestTrackerLeaseMadeAnew: a bridge whose lease was lost counts its epochs from
// one again. Its messages are a zombie's until the old epoch is forgotten, which
// they do not keep alive.
func TestTrackerLeaseMadeAnew(t *testing.T) {
	f := newFeed(t, cache.TrackerOptions{MaxSilence: time.Second, Skew: time.Second})
	f.Start([]int32{0}, f.now)
	alive := func(epoch wire.Epoch, seconds int) {
		for range seconds {
			m := bridge(wire.Watermark, "b", epoch, 0)
			m.Vouched = f.now
			f.send(0, m)
			f.Tick(f.now)
			f.later(time.Second)
		}
	}
	alive(7, 5)
	if h := f.line.health; h.State != cache.Coherent {
		t.Fatalf("before: %+v, want coherent", h)
	}
	alive(1, 5)
	if h := f.line.health; h.State != cache.Degraded {
		t.Errorf("a zombie vouches: %+v", h)
	}
	alive(1, 200)
	if h := f.line.health; h.State != cache.Coherent {
		t.Errorf("after 200 s of silence of the old epoch: %+v, want coherent", h)
	}
}

// TestTrackerSourceByDefault: as with an Announcer it is the instance's id.
func TestTrackerSourceByDefault(t *testing.T) {
	bus := cache.NewBus(cache.BusOptions{})
	a := cache.NewAnnouncer(bus.Sender(), cache.AnnouncerOptions{InstanceID: "controller0", Epoch: 3})
	if err := a.Send("whisks", cache.Written{Key: key, Version: version(1)}); err != nil {
		t.Fatal(err)
	}
	a.Close()
	b, err := bus.Fetch(t.Context(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	tr := cache.NewTracker(cache.TrackerOptions{InstanceID: "controller0", Epoch: 3})
	tr.Handle(0, b.Records[0], time.Now())
	if s := tr.Stats(); s.Own != 1 {
		t.Errorf("%d own messages, want 1", s.Own)
	}
}

// TestTrackerCountsVerifyMessages, not the lines that were told of them.
func TestTrackerCountsVerifyMessages(t *testing.T) {
	documents, table := cache.New(cache.Options[int]{}), cache.NewTable[int](cache.TableOptions{})
	defer documents.Close()
	defer table.Close()
	documents.Begin("a/b", false).Load.End(value(2), nil)
	tr := cache.NewTracker(cache.TrackerOptions{Lines: map[string][]cache.Line{"whisks": {documents, table}}})
	m := bridge(wire.Verify, "b", 1, 1)
	m.Version = version(2)
	tr.Handle(0, wire.Encode(m), time.Now())
	if s := tr.Stats(); s.Confirmed != 1 || s.Repaired+s.NotHeld != 0 {
		t.Errorf("confirmed %d, repaired %d, not held %d; want one confirmed", s.Confirmed, s.Repaired, s.NotHeld)
	}
}

// TestTrackerForgetsSources: of more sources than it remembers it forgets all, which
// is a loss.
func TestTrackerForgetsSources(t *testing.T) {
	tr := cache.NewTracker(cache.TrackerOptions{})
	now := time.Now()
	for i := range 10_001 {
		m := wire.Message{InstanceID: "peer", Key: wire.Key{MainID: "a/b"}, Kind: wire.Write, Source: strconv.Itoa(i), Epoch: 1, Seq: 1}
		tr.Decoded(0, m, nil, now)
	}
	if got := tr.Stats().Losses; len(got) != 1 || got["too many sources"] != 1 {
		t.Errorf("losses: %v, want one", got)
	}
}
