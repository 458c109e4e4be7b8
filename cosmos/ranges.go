package cosmos

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"
)

// keyRange is a partition key range: the documents whose hashed key is within
// min (inclusive) and max (exclusive), both in upper-case hex.
type keyRange struct {
	ID       string
	Min, Max string
}

// overlaps reports whether a key can be in both ranges.
func (r keyRange) overlaps(o keyRange) bool { return r.Min < o.Max && o.Min < r.Max }

// within returns the ranges of list that overlap r.
func within(list []keyRange, r keyRange) (out []keyRange) {
	for _, o := range list {
		if o.overlaps(r) {
			out = append(out, o)
		}
	}
	return out
}

// rangeCache knows the ranges of a container. It is safe for concurrent use.
type rangeCache struct {
	loading  sync.Mutex
	list     atomic.Pointer[[]keyRange]
	sessions *sessions
}

// get returns the ranges in order of their keys. The caller must not change
// them.
func (c *rangeCache) get(ctx context.Context, container *azcosmos.ContainerClient) ([]keyRange, error) {
	if l := c.list.Load(); l != nil {
		return *l, nil
	}
	return c.load(ctx, container, nil)
}

// refresh returns ranges that are newer than those that the caller found to be
// wrong. Callers that come with the same old ones share one request.
func (c *rangeCache) refresh(ctx context.Context, container *azcosmos.ContainerClient, old []keyRange) ([]keyRange, error) {
	return c.load(ctx, container, old)
}

func (c *rangeCache) load(ctx context.Context, container *azcosmos.ContainerClient, old []keyRange) ([]keyRange, error) {
	c.loading.Lock()
	defer c.loading.Unlock()
	if l := c.list.Load(); l != nil && !same(*l, old) {
		return *l, nil
	}
	list, err := readRanges(ctx, container, len(old) > 0)
	if err != nil {
		return nil, err
	}
	for _, gone := range old {
		if !contains(list, gone.ID) {
			c.sessions.inherit(gone, within(list, gone))
		}
	}
	c.list.Store(&list)
	return list, nil
}

// same reports whether two lists are one and the same.
func same(a, b []keyRange) bool { return len(a) > 0 && len(b) > 0 && &a[0] == &b[0] }

func contains(list []keyRange, id string) bool {
	for _, r := range list {
		if r.ID == id {
			return true
		}
	}
	return false
}

// readRanges reads the ranges through azcosmos, which caches them per process
// and tells their bounds but not their ids. A change feed read over all keys
// asks each range in turn and names it in a header: the transport answers these
// reads itself, so that nothing is sent. With fresh it answers the first as a
// range that is gone, upon which azcosmos reads its ranges again.
func readRanges(ctx context.Context, container *azcosmos.ContainerClient, fresh bool) ([]keyRange, error) {
	const attempts = 3 // a refresh by somebody else may come between the two reads
	for range attempts {
		answer := &localAnswer{gone: fresh}
		fresh = false
		_, err := container.ReadChangeFeed(context.WithValue(ctx, localKey{}, answer),
			&azcosmos.ChangeFeedOptions{FeedRange: &azcosmos.FeedRange{MinInclusive: "", MaxExclusive: "FF"}})
		if err != nil {
			return nil, err
		}
		bounds, err := container.ReadFeedRanges(ctx, nil)
		if err != nil {
			return nil, err
		}
		ids := answer.ids()
		if len(ids) != len(bounds) {
			continue
		}
		list := make([]keyRange, len(ids))
		for i, id := range ids {
			list[i] = keyRange{ID: id, Min: bounds[i].MinInclusive, Max: bounds[i].MaxExclusive}
			if i > 0 && list[i].Min != list[i-1].Max {
				return nil, fmt.Errorf("cosmos: ranges %q and %q do not join", list[i-1].ID, id)
			}
		}
		return list, nil
	}
	return nil, errors.New("cosmos: the ranges of the container keep changing")
}
