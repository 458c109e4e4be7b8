package cache

import (
	"context"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/whiskstore/whiskstore/cache/wire"
)

// DefaultAnnouncerQueue is the default of AnnouncerOptions.Queue.
const DefaultAnnouncerQueue = 1024

// AnnouncerOptions are the options of NewAnnouncer.
type AnnouncerOptions struct {
	InstanceID string     // upstream's sender id, "controller0"
	Source     string     // unique on the bus; InstanceID if empty
	Epoch      wire.Epoch // this life of the process, the same as its tracker's; zero draws one at random

	Queue   int           // messages that may wait; more are dropped
	Timeout time.Duration // of one message; 5 s
	Logger  *slog.Logger  // nil is silent
}

// Announcer tells the other nodes of this node's writes: the fast path. A message
// that cannot be sent is counted and dropped, the request it belongs to does not
// fail (row BUS-D8), and the feed's verify message repairs the others (R10).
type Announcer struct {
	opts   AnnouncerOptions
	sender Sender
	queue  chan announcement
	stop   chan struct{}
	life   lifetime
	seq    map[int32]uint64 // by partition; of run alone

	sent, dropped atomic.Uint64
	missing       atomic.Uint64 // of the dropped ones, those that have no number yet
}

type announcement struct {
	collection string
	Written
}

// NewAnnouncer starts the goroutine that sends; the caller closes the announcer,
// which ends it, and keeps the sender.
func NewAnnouncer(sender Sender, opts AnnouncerOptions) *Announcer {
	def(&opts.Queue, DefaultAnnouncerQueue)
	def(&opts.Timeout, 5*time.Second)
	def(&opts.Source, opts.InstanceID)
	def(&opts.Epoch, wire.Epoch(rand.Uint64()|1))
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	a := &Announcer{opts: opts, sender: sender, queue: make(chan announcement, opts.Queue), stop: make(chan struct{}), seq: map[int32]uint64{}}
	a.life.open(opts.Timeout)
	a.life.flying.Go(a.run)
	return a
}

// Close sends what waits, as far as the time of one message allows, and ends.
func (a *Announcer) Close() {
	if a.life.shut() {
		close(a.stop)
		t := time.AfterFunc(a.opts.Timeout, a.life.end)
		defer t.Stop()
	}
	a.life.flying.Wait()
	a.life.end()
}

// Notify returns the Options.Notify of a cache of the collection's documents: it
// announces writes and never blocks. Writes that were refused changed nothing and
// are not announced.
func (a *Announcer) Notify(collection string) func(Written) {
	return func(w Written) {
		if w.Outcome == Conflicted || w.Outcome == Refused {
			return
		}
		if a.life.enter() {
			defer a.life.leave()
			select {
			case a.queue <- announcement{collection, w}:
				return
			default:
			}
		}
		a.dropped.Add(1)
		a.missing.Add(1)
	}
}

// Counts returns how many messages were sent and how many were dropped.
func (a *Announcer) Counts() (sent, dropped uint64) { return a.sent.Load(), a.dropped.Load() }

func (a *Announcer) run() {
	for {
		select {
		case w := <-a.queue:
			a.send(w)
		case <-a.stop:
			for {
				select {
				case w := <-a.queue:
					a.send(w)
				default:
					return
				}
			}
		}
	}
}

func (a *Announcer) send(w announcement) {
	if err := a.publish(w); err != nil {
		a.dropped.Add(1)
		a.opts.Logger.Warn("cache: write not announced", "id", w.Key, "error", err)
		return
	}
	a.sent.Add(1)
}

func (a *Announcer) publish(w announcement) error {
	ctx, cancel := context.WithTimeout(a.life.ctx, a.life.timeout)
	defer cancel()
	n, err := a.sender.Partitions(ctx)
	if err != nil {
		a.missing.Add(1)
		return err
	}
	// Nobody knows where the missing ones belonged: every partition shows a gap.
	for missing, p := a.missing.Swap(0), int32(0); missing > 0 && p < n; p++ {
		a.seq[p] += missing
	}
	p := PartitionOf(w.Key, n)
	a.seq[p]++
	m := wire.Message{
		InstanceID: a.opts.InstanceID, Key: wire.Key{MainID: w.Key},
		Kind: wire.Write, Source: a.opts.Source, Epoch: a.opts.Epoch, Seq: a.seq[p],
		Version: w.Version, Deleted: w.Deleted, Range: &wire.Range{Of: w.collection},
	}
	return a.sender.Send(ctx, p, wire.Encode(m))
}

// PartitionOf is the partition of a document's messages among n: those of one
// document keep their order.
func PartitionOf(id string, n int32) int32 {
	if n <= 1 {
		return 0
	}
	h := fnv.New32a()
	h.Write([]byte(id))
	return int32(h.Sum32() % uint32(n))
}
