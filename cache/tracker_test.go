package cache_test

import (
	"context"
	"errors"
	"fmt"
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

// TestSubscriberCannotList: where new partitions cannot be looked for, those that
// are known do not vouch for what may lie in others.
func TestSubscriberCannotList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := cache.NewBus(cache.BusOptions{Partitions: 1})
		c := cache.New(cache.Options[int]{})
		defer c.Close()
		tr := cache.NewTracker(cache.TrackerOptions{Lines: map[string][]cache.Line{"whisks": {c}}, MaxSilence: 5 * time.Second, Skew: time.Second})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			done <- cache.Subscribe(ctx, &unlisted{bus, time.Now().Add(30 * time.Second)}, tr, nil)
		}()
		synctest.Wait()
		for second := range 60 {
			m := bridge(wire.Watermark, "b", 1, 0)
			m.Vouched = time.Now()
			bus.Sender().Send(t.Context(), 0, wire.Encode(m))
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
		cancel()
		<-done
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
