package cache

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/whiskstore/whiskstore/cache/wire"
)

var errNoPartitions = errors.New("cache: the topic shows no partition")

// ErrOffset says that an offset is not, or not any more, in a partition: it was
// truncated, or the topic was made anew.
var ErrOffset = errors.New("cache: offset out of range")

// Topic reads the invalidation topic, without a consumer group (row BUS-D7,
// DIFFERS). It is safe for concurrent use, a partition at a time.
type Topic interface {
	// Partitions returns the partitions that exist now.
	Partitions(ctx context.Context) ([]int32, error)

	// End returns the offset of the next record that will be appended.
	End(ctx context.Context, partition int32) (int64, error)

	// Fetch returns the records from offset on, after waiting a while for one. An
	// offset beyond the end or before the beginning is ErrOffset.
	Fetch(ctx context.Context, partition int32, offset int64) (Batch, error)
}

// Batch is what one Fetch returned.
type Batch struct {
	Records []wire.Record
	Next    int64 // the offset to go on from
}

// Sender appends records to the invalidation topic. It is safe for concurrent use.
type Sender interface {
	// Partitions is the number of partitions, numbered from 0.
	Partitions(ctx context.Context) (int32, error)

	// Send returns when the record is safely appended.
	Send(ctx context.Context, partition int32, r wire.Record) error
}

// SubscriberOptions are the options of Subscribe; nil is the zero value.
type SubscriberOptions struct {
	Tick    time.Duration // how often silence is judged and partitions are looked for; 1 s
	Backoff time.Duration // wait after a failed read; 1 s
	Logger  *slog.Logger  // nil is silent

	// Ready, when set, is called once, when the end of every partition is captured:
	// before that the caches must not be served from.
	Ready func()
}

// Subscribe follows every partition of the topic and hands the records to the
// tracker, until ctx ends; it returns nil then, and an error only when the ends
// cannot be captured at the start. Its goroutines have ended when it returns. A
// partition that cannot be read falls silent (R8) and is tried again. A topic that
// has lost a partition was made anew, and is subscribed to anew.
func Subscribe(ctx context.Context, topic Topic, tracker *Tracker, opts *SubscriberOptions) error {
	o := SubscriberOptions{}
	if opts != nil {
		o = *opts
	}
	def(&o.Tick, time.Second)
	def(&o.Backoff, time.Second)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &subscription{topic: topic, tracker: tracker, opts: o}
	offsets, err := s.ends(ctx)
	for begun := false; ctx.Err() == nil; offsets, err = s.ends(ctx) {
		switch {
		case err == nil:
			s.run(ctx, offsets)
			begun = true
		case !begun:
			return err
		default:
			s.pause(ctx, "cache: the ends of the partitions cannot be captured", err)
		}
	}
	return nil
}

type subscription struct {
	topic   Topic
	tracker *Tracker
	opts    SubscriberOptions
}

// run follows the partitions from these offsets on, and those that are added,
// until ctx ends or a partition is gone.
func (s *subscription) run(ctx context.Context, offsets map[int32]int64) {
	ctx, cancel := context.WithCancel(ctx)
	var followers sync.WaitGroup
	defer followers.Wait()
	defer cancel()
	follow := func(partition int32, offset int64) {
		followers.Go(func() { s.follow(ctx, partition, offset) })
	}
	// The loss comes after the capture, so that its blind time covers whatever
	// was sent before.
	s.tracker.Start(slices.Collect(maps.Keys(offsets)), time.Now())
	for p, offset := range offsets {
		follow(p, offset)
	}
	if s.opts.Ready != nil {
		s.opts.Ready()
		s.opts.Ready = nil
	}
	ticker := time.NewTicker(s.opts.Tick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		found, err := s.topic.Partitions(ctx)
		if err == nil && len(found) == 0 && len(offsets) > 0 {
			err = errNoPartitions // no topic that was made anew has none
		}
		if err != nil {
			if ctx.Err() == nil {
				s.opts.Logger.Warn("cache: partitions cannot be listed", "error", err)
			}
			continue // what was judged last ends by itself: a new partition may hold changes
		}
		for _, p := range found {
			if _, known := offsets[p]; !known {
				offsets[p] = 0
				s.tracker.Discovered(p, time.Now())
				follow(p, 0)
			}
		}
		if len(found) < len(offsets) {
			s.opts.Logger.Warn("cache: the topic has fewer partitions than before; it is subscribed to anew", "before", len(offsets), "now", len(found))
			return
		}
		s.tracker.Tick(time.Now())
	}
}

// ends captures the end of every partition.
func (s *subscription) ends(ctx context.Context) (map[int32]int64, error) {
	partitions, err := s.topic.Partitions(ctx)
	if err != nil {
		return nil, err
	}
	offsets := map[int32]int64{}
	for _, p := range partitions {
		if offsets[p], err = s.topic.End(ctx, p); err != nil {
			return nil, err
		}
	}
	return offsets, nil
}

// follow reads one partition for ever. The position moves after the records were
// handled, never before.
func (s *subscription) follow(ctx context.Context, partition int32, offset int64) {
	for moved := false; ctx.Err() == nil; {
		batch, err := s.topic.Fetch(ctx, partition, offset)
		if errors.Is(err, ErrOffset) && !moved {
			// The loss follows the capture of the new end, as at the start. A topic that
			// refuses its own end is tried again as slowly as one that cannot be read.
			var end int64
			if end, err = s.topic.End(ctx, partition); err == nil {
				s.tracker.Lost("offset out of range", time.Now())
				offset, moved = end, true
				continue
			}
		}
		moved = false
		if err != nil {
			s.pause(ctx, "cache: partition cannot be read", err, "partition", partition)
			continue
		}
		for _, r := range batch.Records {
			s.tracker.Handle(partition, r, time.Now())
		}
		offset = batch.Next
	}
}

// pause waits after a failure, unless ctx has ended.
func (s *subscription) pause(ctx context.Context, what string, err error, args ...any) {
	if ctx.Err() != nil {
		return
	}
	s.opts.Logger.Warn(what, append(args, "error", err)...)
	select {
	case <-ctx.Done():
	case <-time.After(s.opts.Backoff):
	}
}
