// Package bustest holds the suite that every invalidation topic must pass,
// whatever carries it. The suite injects loss, repeats, reordering, gaps, new
// epochs, a topic made anew and a slow consumer in front of the topic, and judges
// by what a real cache behind a real subscriber does.
package bustest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/cache/wire"
	"github.com/whiskstore/whiskstore/store"
)

// Harness makes the topic under test.
type Harness struct {
	// New makes an empty topic with that many partitions. What it needs is cleaned
	// up by t.Cleanup.
	New func(t *testing.T, partitions int) (cache.Topic, cache.Sender)

	// Recreate, when set, makes the topic anew, empty. Without it that test is skipped.
	Recreate func(t *testing.T)

	// Virtual runs the tests in a bubble with virtual time; the topic must live in
	// this process. Otherwise they wait in real time, about a second each.
	Virtual bool
}

// lag is the lag budget of the caches in the suite.
const lag = 300 * time.Millisecond

// Test runs the suite.
func Test(t *testing.T, h Harness) {
	for name, test := range map[string]func(*env){
		"order":        (*env).order,
		"partitions":   (*env).partitions,
		"out_of_range": (*env).outOfRange,
		"cancelled":    (*env).cancelled,
		"all_well":     (*env).allWell,
		"loss":         (*env).loss,
		"last_lost":    (*env).lastLost,
		"duplicates":   (*env).duplicates,
		"reordered":    (*env).reordered,
		"new_epoch":    (*env).newEpoch,
		"hand_over":    (*env).handOver,
		"recreated":    (*env).recreated,
		"slow":         (*env).slow,
		"damaged":      (*env).damaged,
	} {
		t.Run(name, func(t *testing.T) {
			if name == "recreated" && h.Recreate == nil {
				t.Skip("set Harness.Recreate: this topic cannot be made anew by the suite")
			}
			run := func(t *testing.T) {
				e := newEnv(t, h)
				defer e.stop()
				test(e)
			}
			if h.Virtual {
				synctest.Test(t, run)
			} else {
				run(t)
			}
		})
	}
}

// env is a node behind the topic, and a bridge in front of it.
type env struct {
	*testing.T
	h       Harness
	topic   cache.Topic
	sender  cache.Sender
	cache   *cache.Cache[int]
	tracker *cache.Tracker
	cancel  context.CancelFunc
	done    sync.WaitGroup

	mu    sync.Mutex
	epoch wire.Epoch
	seq   uint64
	now   int // version of the document
	known uint64
}

const (
	collection = "whisks"
	document   = "guest/hello"
)

func newEnv(t *testing.T, h Harness) *env {
	e := &env{T: t, h: h, epoch: 1, now: 1}
	e.topic, e.sender = h.New(t, 1)
	e.cache = cache.New(cache.Options[int]{Lag: lag})
	e.tracker = cache.NewTracker(cache.TrackerOptions{
		Lines: map[string][]cache.Line{collection: {e.cache}}, MaxSilence: 2 * time.Second, Skew: time.Millisecond,
	})
	ctx, cancel := context.WithCancel(context.Background())
	e.cancel = cancel
	ready := make(chan struct{})
	e.done.Go(func() {
		opts := &cache.SubscriberOptions{Ready: func() { close(ready) }, Tick: 20 * time.Millisecond, Backoff: 20 * time.Millisecond}
		if err := cache.Subscribe(ctx, e.topic, e.tracker, opts); err != nil {
			e.Errorf("subscribe: %v", err)
		}
	})
	<-ready
	e.watermark()
	e.until("the first watermark is heard", func() bool { return e.cache.Health().State == cache.Coherent })
	e.get()
	e.known = e.total()
	return e
}

func (e *env) stop() {
	e.cancel()
	e.done.Wait()
	e.cache.Close()
}

// until waits for a condition.
func (e *env) until(what string, cond func() bool) {
	e.Helper()
	for range 1000 {
		if cond() {
			return
		}
		<-time.After(10 * time.Millisecond)
	}
	e.Fatalf("never: %s; %+v", what, e.tracker.Stats())
}

func (e *env) message(kind wire.Kind) wire.Message {
	e.mu.Lock()
	defer e.mu.Unlock()
	m := wire.Message{
		InstanceID: wire.BridgeInstance, Kind: kind, Source: "bridge", Epoch: e.epoch,
		Range: &wire.Range{Of: collection}, Vouched: time.Now(),
	}
	if kind != wire.Watermark {
		e.seq++
		m.Key, m.Vouched = wire.Key{MainID: document}, time.Time{}
		m.Version = store.Version{Rev: fmt.Sprint(e.now), Order: uint64(e.now), Lineage: "L"}
	}
	m.Seq = e.seq
	return m
}

func (e *env) send(m wire.Message) {
	e.Helper()
	if err := e.sender.Send(e.Context(), 0, wire.Encode(m)); err != nil {
		e.Fatal(err)
	}
}

func (e *env) watermark() { e.send(e.message(wire.Watermark)) }

// change commits a new version and returns its message.
func (e *env) change() wire.Message {
	e.mu.Lock()
	e.now++
	e.mu.Unlock()
	return e.message(wire.Change)
}

// get reads through the cache.
func (e *env) get() int {
	e.Helper()
	v, _, err := e.cache.Get(e.Context(), document, func(context.Context, cache.Request) (cache.Loaded[int], error) {
		e.mu.Lock()
		defer e.mu.Unlock()
		return cache.Loaded[int]{Value: e.now, Version: store.Version{Rev: fmt.Sprint(e.now), Order: uint64(e.now), Lineage: "L"}}, nil
	})
	if err != nil {
		e.Fatal(err)
	}
	return v
}

// current waits until reads see the newest version.
func (e *env) current() {
	e.Helper()
	e.until("reads see the newest version", func() bool { return e.get() == e.now })
}

func (e *env) total() (n uint64) {
	for _, c := range e.tracker.Stats().Losses {
		n += c
	}
	return n
}

// losses are those after the start and the first sight of the bridge.
func (e *env) losses() uint64 { return e.total() - e.known }

func (e *env) wantLosses(want uint64) {
	e.Helper()
	if got := e.losses(); got != want {
		e.Errorf("%d losses, want %d: %v", got, want, e.tracker.Stats().Losses)
	}
}

// order: what was appended comes back in order, from any offset.
func (e *env) order() {
	start, err := e.topic.End(e.Context(), 0)
	if err != nil {
		e.Fatal(err)
	}
	var want []string
	for range 10 {
		m := e.change()
		want = append(want, m.Version.Rev)
		e.send(m)
	}
	var got []string
	for offset := start + 3; len(got) < 7; {
		b, err := e.topic.Fetch(e.Context(), 0, offset)
		if err != nil {
			e.Fatal(err)
		}
		for _, r := range b.Records {
			m, err := wire.Decode(r)
			if err != nil {
				e.Fatal(err)
			}
			got = append(got, m.Version.Rev)
		}
		offset = b.Next
	}
	if fmt.Sprint(got) != fmt.Sprint(want[3:]) {
		e.Errorf("got %v, want %v", got, want[3:])
	}
}

// partitions: what is sent to one is in that one only.
func (e *env) partitions() {
	topic, sender := e.h.New(e.T, 2)
	numbers, err := topic.Partitions(e.Context())
	if err != nil {
		e.Fatal(err)
	}
	slices.Sort(numbers)
	if n, err := sender.Partitions(e.Context()); err != nil || n != 2 || !slices.Equal(numbers, []int32{0, 1}) {
		e.Fatalf("got %d partitions to send to, %v, and %v to read, want 2, 0 and 1", n, err, numbers)
	}
	var ends [2]int64
	for p := range ends {
		if ends[p], err = topic.End(e.Context(), int32(p)); err != nil {
			e.Fatal(err)
		}
	}
	if err := sender.Send(e.Context(), 1, wire.Encode(e.change())); err != nil {
		e.Fatal(err)
	}
	b, err := topic.Fetch(e.Context(), 1, ends[1])
	if err != nil || len(b.Records) != 1 {
		e.Errorf("got %d records, %v, want 1", len(b.Records), err)
	}
	if end, err := topic.End(e.Context(), 0); err != nil || end != ends[0] {
		e.Errorf("the other partition ends at %d, %v, want %d", end, err, ends[0])
	}
}

func (e *env) outOfRange() {
	end, err := e.topic.End(e.Context(), 0)
	if err != nil {
		e.Fatal(err)
	}
	if _, err := e.topic.Fetch(e.Context(), 0, end+100); !errors.Is(err, cache.ErrOffset) {
		e.Errorf("beyond the end: got %v, want %v", err, cache.ErrOffset)
	}
}

func (e *env) cancelled() {
	end, err := e.topic.End(e.Context(), 0)
	if err != nil {
		e.Fatal(err)
	}
	ctx, cancel := context.WithCancel(e.Context())
	cancel()
	if b, err := e.topic.Fetch(ctx, 0, end); err == nil && len(b.Records) > 0 {
		e.Errorf("a cancelled fetch at the end returned %d records", len(b.Records))
	}
}

func (e *env) allWell() {
	for range 20 {
		e.send(e.change())
		e.current()
		e.watermark()
	}
	e.wantLosses(0)
}

// loss: the next message shows the gap.
func (e *env) loss() {
	e.change() // never sent
	e.send(e.change())
	e.until("the gap is noticed", func() bool { return e.losses() == 1 })
	e.current()
}

// lastLost: nothing follows but the watermark.
func (e *env) lastLost() {
	e.change()
	e.watermark()
	e.until("the watermark shows the gap", func() bool { return e.losses() == 1 })
	e.current()
}

func (e *env) duplicates() {
	for range 5 {
		m := e.change()
		e.send(m)
		e.send(m)
	}
	e.until("the repeats are handled", func() bool { return e.tracker.Stats().Repeats == 5 })
	e.current()
	e.wantLosses(0)
}

// reordered: a swap costs one false loss and nothing else.
func (e *env) reordered() {
	a, b := e.change(), e.change()
	e.send(b)
	e.send(a)
	e.until("both are handled", func() bool { return e.tracker.Stats().Repeats == 1 })
	e.current()
	e.wantLosses(1)
}

// newEpoch: what the old one did not publish may never come (S14).
func (e *env) newEpoch() {
	e.change() // the old epoch died with it
	e.epoch, e.seq = 2, 0
	e.watermark()
	e.until("the take-over is a loss", func() bool { return e.losses() == 1 })
	e.current()
}

func (e *env) handOver() {
	e.send(e.change())
	last := e.seq
	e.epoch, e.seq = 2, 0
	m := e.change()
	m.Handover = &wire.Handover{Epoch: 1, Last: map[int32]uint64{0: last}}
	e.send(m)
	e.current()
	e.wantLosses(0)
	// The next one claims a record that this node has not seen.
	e.epoch, e.seq = 3, 0
	m = e.change()
	m.Handover = &wire.Handover{Epoch: 2, Last: map[int32]uint64{0: 2}}
	e.send(m)
	e.until("the hand-over is refused", func() bool { return e.losses() == 1 })
}

func (e *env) recreated() {
	e.send(e.change())
	e.current()
	e.h.Recreate(e.T)
	e.change() // its message was in the old topic
	e.until("the new topic is a loss", func() bool { return e.losses() >= 1 })
	e.current()
	e.watermark()
	e.send(e.change())
	e.current()
}

// slow: watermarks keep arriving, but what they say is old (T32).
func (e *env) slow() {
	m := e.message(wire.Watermark)
	for range 400 {
		e.send(m)
		<-time.After(10 * time.Millisecond)
	}
	e.until("old watermarks vouch for nothing", func() bool { return e.cache.Health().State == cache.Degraded })
	e.watermark()
	e.until("a recent one does", func() bool { return e.cache.Health().State == cache.Coherent })
}

// damaged: records that cannot be used are passed (rows BUS-D6, S12).
func (e *env) damaged() {
	for range 300 {
		if err := e.sender.Send(e.Context(), 0, wire.Record{Value: []byte("{")}); err != nil {
			e.Fatal(err)
		}
	}
	e.send(e.change())
	e.current()
	if got := e.tracker.Stats().Skipped["malformed"]; got != 300 {
		e.Errorf("%d records skipped, want 300", got)
	}
	e.wantLosses(0)
}
