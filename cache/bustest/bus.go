// Package bustest holds an in-process invalidation topic and the suite that every
// topic must pass, whatever carries it. The suite injects loss, repeats, reordering,
// gaps, new epochs, a topic made anew and a slow consumer in front of the topic,
// and judges by what a real cache behind a real subscriber does.
package bustest

import (
	"context"
	"sync"
	"time"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/cache/wire"
)

// Memory is a topic in this process. It keeps the newest records of a
// partition. It is safe for concurrent use.
type Memory struct {
	poll      time.Duration // how long Fetch waits for a record
	retention int

	mu    sync.Mutex
	parts []partition
	more  chan struct{} // closed and replaced at every change
}

type partition struct {
	first   int64
	records []wire.Record
}

var _ cache.Topic = (*Memory)(nil)

// NewMemory makes a topic with that many partitions, which keeps that many
// records in each.
func NewMemory(partitions, retention int) *Memory {
	return &Memory{poll: time.Second, retention: retention, parts: make([]partition, partitions), more: make(chan struct{})}
}

// Partitions implements cache.Topic.
func (m *Memory) Partitions(context.Context) ([]int32, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	numbers := make([]int32, len(m.parts))
	for i := range numbers {
		numbers[i] = int32(i)
	}
	return numbers, nil
}

// End implements cache.Topic.
func (m *Memory) End(_ context.Context, p int32) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.parts[p].end(), nil
}

func (p *partition) end() int64 { return p.first + int64(len(p.records)) }

// Fetch implements cache.Topic.
func (m *Memory) Fetch(ctx context.Context, p int32, offset int64) (cache.Batch, error) {
	timer := time.NewTimer(m.poll)
	defer timer.Stop()
	for {
		m.mu.Lock()
		part, more := &m.parts[p], m.more
		switch {
		case offset < part.first || offset > part.end():
			m.mu.Unlock()
			return cache.Batch{}, cache.ErrOffset
		case offset < part.end():
			b := cache.Batch{Records: append([]wire.Record(nil), part.records[offset-part.first:]...), Next: part.end()}
			m.mu.Unlock()
			return b, nil
		}
		m.mu.Unlock()
		select {
		case <-ctx.Done():
			return cache.Batch{}, ctx.Err()
		case <-timer.C:
			return cache.Batch{Next: offset}, nil
		case <-more:
		}
	}
}

// Sender is the topic as a publisher sees it.
func (m *Memory) Sender() cache.Sender { return sender{m} }

type sender struct{ m *Memory }

func (s sender) Partitions(context.Context) (int32, error) {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	return int32(len(s.m.parts)), nil
}

func (s sender) Send(_ context.Context, p int32, r wire.Record) error {
	s.m.change(func() {
		part := &s.m.parts[p]
		part.records = append(part.records, r)
		if over := len(part.records) - s.m.retention; over > 0 {
			part.records = part.records[over:]
			part.first += int64(over)
		}
	})
	return nil
}

// Recreate empties the topic, as deleting and making it anew does.
func (m *Memory) Recreate() { m.change(func() { clear(m.parts) }) }

// Grow adds a partition.
func (m *Memory) Grow() { m.change(func() { m.parts = append(m.parts, partition{}) }) }

func (m *Memory) change(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
	close(m.more)
	m.more = make(chan struct{})
}
