package cache

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/whiskstore/whiskstore/cache/wire"
)

// Defaults of BusOptions.
const (
	DefaultBusPartitions = 1
	DefaultBusRetention  = 10_000
)

// BusOptions are the options of NewBus; every zero field has a default.
type BusOptions struct {
	Partitions int

	// Retention is the number of records that a partition keeps. A subscriber that
	// falls behind them books a loss, as behind any topic's retention.
	Retention int
}

// Bus is an invalidation topic in this process, for caches that are all in it: a
// single controller, and tests. Nothing of it survives the process. It is safe
// for concurrent use and has no goroutine.
type Bus struct {
	retention int

	mu    sync.Mutex
	parts []busPartition
	more  chan struct{} // closed and replaced at every change
}

// busPartition holds its newest records, of which the first has offset first.
type busPartition struct {
	first   int64
	records []wire.Record
}

var _ Topic = (*Bus)(nil)

// NewBus makes an empty topic.
func NewBus(opts BusOptions) *Bus {
	def(&opts.Partitions, DefaultBusPartitions)
	def(&opts.Retention, DefaultBusRetention)
	return &Bus{retention: opts.Retention, parts: make([]busPartition, opts.Partitions), more: make(chan struct{})}
}

// fetchWait is how long Fetch waits for a record.
const fetchWait = time.Second

// Partitions implements Topic.
func (b *Bus) Partitions(context.Context) ([]int32, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	numbers := make([]int32, len(b.parts))
	for i := range numbers {
		numbers[i] = int32(i)
	}
	return numbers, nil
}

// End implements Topic.
func (b *Bus) End(_ context.Context, p int32) (int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	part, err := b.partition(p)
	if err != nil {
		return 0, err
	}
	return part.end(), nil
}

// partition is called with the lock.
func (b *Bus) partition(p int32) (*busPartition, error) {
	if p < 0 || int(p) >= len(b.parts) {
		return nil, fmt.Errorf("cache: the bus has no partition %d", p)
	}
	return &b.parts[p], nil
}

func (p *busPartition) end() int64 { return p.first + int64(len(p.records)) }

// Fetch implements Topic.
func (b *Bus) Fetch(ctx context.Context, p int32, offset int64) (Batch, error) {
	timer := time.NewTimer(fetchWait)
	defer timer.Stop()
	for {
		batch, more, err := b.fetch(p, offset)
		if more == nil {
			return batch, err
		}
		select {
		case <-ctx.Done():
			return Batch{}, ctx.Err()
		case <-timer.C:
			return Batch{Next: offset}, nil
		case <-more:
		}
	}
}

// fetch returns what there is, or else what tells of the next change.
func (b *Bus) fetch(p int32, offset int64) (batch Batch, more <-chan struct{}, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	part, err := b.partition(p)
	switch {
	case err != nil:
		return Batch{}, nil, err
	case offset < part.first || offset > part.end():
		return Batch{}, nil, ErrOffset
	case offset == part.end():
		return Batch{}, b.more, nil
	}
	return Batch{Records: slices.Clone(part.records[offset-part.first:]), Next: part.end()}, nil, nil
}

// Sender is the topic as a publisher sees it.
func (b *Bus) Sender() Sender { return busSender{b} }

type busSender struct{ b *Bus }

func (s busSender) Partitions(context.Context) (int32, error) {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	return int32(len(s.b.parts)), nil
}

func (s busSender) Send(_ context.Context, p int32, r wire.Record) error {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	part, err := s.b.partition(p)
	if err != nil {
		return err
	}
	part.records = append(part.records, r)
	if over := len(part.records) - s.b.retention; over > 0 {
		clear(part.records[:over])
		part.records = part.records[over:]
		part.first += int64(over)
	}
	s.b.changed()
	return nil
}

// changed wakes those who wait. It is called with the lock.
func (b *Bus) changed() {
	close(b.more)
	b.more = make(chan struct{})
}
