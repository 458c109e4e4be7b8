package tworegions

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/whiskstore/whiskstore/store"
)

// replica is what a link delivers to.
type replica interface {
	Apply(ctx context.Context, change store.Change) error
}

// link replicates one collection from one region to another: asynchronously,
// in order, with a delay, and like a network that loses and repeats.
type link struct {
	name     string
	feed     store.ChangeFeed
	to       replica
	skip     string // where writes go both ways: changes of this cluster came from there
	delay    time.Duration
	loss     float64
	rng      *rand.Rand
	sabotage sabotage
	started  time.Time

	truth      *truth
	collection string
	lagBudget  time.Duration

	mu    sync.Mutex
	upTo  time.Time // every commit before is delivered
	stats LinkStats
	lags  []time.Duration // bounded by maxLags, oldest overwritten
}

// LinkStats is what one link did.
type LinkStats struct {
	Link      string        `json:"link"`
	Delivered int64         `json:"delivered"`
	Lost      int64         `json:"lost"`
	LagP50    time.Duration `json:"lagP50"`
	LagMax    time.Duration `json:"lagMax"`
}

const (
	maxLags      = 4096
	linkPageSize = 64
	linkInFlight = 256 // pages on their way at once
	feedWait     = 40 * time.Millisecond
)

type parcel struct {
	due     time.Time
	changes []store.Change
	upTo    time.Time // zero when there was more than the changes
}

// run replicates until ctx ends. It is its own owner: both goroutines have
// ended when it returns.
func (l *link) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	parcels := make(chan parcel, linkInFlight)
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(parcels)
		if err := l.read(ctx, parcels); err != nil {
			cancel(err)
		}
	})
	wg.Go(func() {
		if err := l.deliver(ctx, parcels); err != nil {
			cancel(err)
		}
	})
	wg.Wait()
	defer cancel(nil)
	if err := context.Cause(ctx); err != nil && !store.IsContext(err) {
		return fmt.Errorf("%s: %w", l.name, err)
	}
	return nil
}

func (l *link) read(ctx context.Context, parcels chan<- parcel) error {
	ranges, err := l.feed.Ranges(ctx)
	if err != nil {
		return err
	}
	if len(ranges) != 1 {
		return fmt.Errorf("%d ranges, one expected of an embedded store", len(ranges))
	}
	token, err := l.feed.Start(ctx, ranges[0], store.FromBeginning())
	if err != nil {
		return err
	}
	for {
		p := parcel{upTo: time.Now()}
		page, err := l.feed.Next(ctx, ranges[0], token, &store.NextOptions{Wait: feedWait, Limit: linkPageSize})
		if err != nil {
			return err
		}
		token = page.Token
		p.due, p.changes = time.Now().Add(l.delay), page.Changes
		if !page.Drained {
			p.upTo = time.Time{}
		}
		select {
		case parcels <- p:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (l *link) deliver(ctx context.Context, parcels <-chan parcel) error {
	for p := range parcels {
		for len(p.changes) > 0 && ctx.Err() == nil && l.lost() {
			p.due = p.due.Add(l.delay + time.Millisecond)
		}
		select {
		case <-time.After(time.Until(p.due)):
		case <-ctx.Done():
			return ctx.Err()
		}
		changes := slices.DeleteFunc(p.changes, func(c store.Change) bool {
			return c.ClusterID == l.skip && l.skip != "" || l.drop(c)
		})
		if err := applyAll(ctx, l.to, changes); err != nil {
			return err
		}
		l.note(changes, p.upTo)
	}
	return nil
}

// delivered returns a time: every commit before it is at the other end.
func (l *link) delivered() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.upTo
}

// applyAll delivers changes of different documents at once, so that a durable
// replica can commit them together. There are as many goroutines as changes.
func applyAll(ctx context.Context, to replica, changes []store.Change) error {
	errs := make([]error, len(changes))
	var wg sync.WaitGroup
	for i, c := range changes {
		wg.Go(func() { errs[i] = to.Apply(ctx, c) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (l *link) lost() bool {
	if l.loss == 0 || l.rng.Float64() >= l.loss {
		return false
	}
	l.mu.Lock()
	l.stats.Lost++
	l.mu.Unlock()
	return true
}

func (l *link) drop(change store.Change) bool {
	switch l.sabotage {
	case loseTombstones:
		return change.Deleted
	case loseUpdates:
		return l.rng.IntN(10) == 0
	}
	return false
}

func (l *link) note(changes []store.Change, upTo time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !upTo.IsZero() {
		l.upTo = upTo
	}
	for _, c := range changes {
		l.stats.Delivered++
		if c.Committed.Before(l.started) {
			continue // by an earlier run; how long that was ended is no lag
		}
		lag := time.Since(c.Committed)
		l.truth.replicated(place{l.collection, c.ID}, lag, l.lagBudget)
		if len(l.lags) < maxLags {
			l.lags = append(l.lags, lag)
		} else {
			l.lags[l.stats.Delivered%maxLags] = lag
		}
		l.stats.LagMax = max(l.stats.LagMax, lag)
	}
}

func (l *link) snapshot() LinkStats {
	l.mu.Lock()
	lags := slices.Clone(l.lags)
	s := l.stats
	l.mu.Unlock()
	s.Link = l.name
	if len(lags) > 0 {
		slices.Sort(lags)
		s.LagP50 = lags[len(lags)/2]
	}
	return s
}

// dump reads a whole feed: the newest state of every document of a store.
func dump(ctx context.Context, feed store.ChangeFeed) (map[string]store.Change, error) {
	ranges, err := feed.Ranges(ctx)
	if err != nil {
		return nil, err
	}
	states := map[string]store.Change{}
	for _, r := range ranges {
		token, err := feed.Start(ctx, r, store.FromBeginning())
		if err != nil {
			return nil, err
		}
		for {
			page, err := feed.Next(ctx, r, token, &store.NextOptions{Limit: 1000})
			if err != nil {
				return nil, err
			}
			for _, change := range page.Changes {
				if change.Doc == nil {
					return nil, errors.New("a feed of the regions returns a change without its document")
				}
				states[change.ID] = change
			}
			if page.Drained {
				break
			}
			token = page.Token
		}
	}
	return states, nil
}
