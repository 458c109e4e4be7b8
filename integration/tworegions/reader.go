package tworegions

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/entity"
)

// readersPerNode read through a node's caches beside it, as requests do.
const readersPerNode = 2

// reader reads documents and identities, those of other nodes and regions most of
// the time.
type reader struct {
	n     *node
	nodes []*node
	rng   *rand.Rand
}

func (r *reader) work(ctx context.Context) error {
	tick := time.NewTicker(time.Second / time.Duration(r.n.cfg.Rate))
	defer tick.Stop()
	opCtx := context.WithoutCancel(ctx)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		r.n.counts.reads.Add(1)
		if err := r.step(opCtx); err != nil {
			return fmt.Errorf("reader of node %s: %w", r.n.name, err)
		}
	}
}

func (r *reader) step(ctx context.Context) error {
	n := r.n
	switch p := r.rng.IntN(100); {
	case p < 5:
		_, err := n.get(ctx, store.Whisks, contendedID)
		return err
	case p < 75:
		id, ok := n.board.any(r.rng)
		if !ok {
			return nil
		}
		if _, err := n.get(ctx, store.Whisks, id); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		return nil
	default:
		return r.identify(ctx, p < 90)
	}
}

func (r *reader) identify(ctx context.Context, byNamespace bool) error {
	n := r.n
	namespace := pick(r.rng, r.nodes).name
	if r.rng.IntN(4) == 0 {
		namespace = pick(r.rng, r.nodes).blockedName()
	}
	subject := place{store.Subjects, subjectOf(namespace)}
	if byNamespace {
		return n.identify(ctx, subject, "", func(ctx context.Context) (entity.Identity, error) {
			return n.caches.identities.ByNamespace(ctx, namespace)
		})
	}
	// The credentials before were perhaps revoked: they must not go on being good.
	uuid := pick(r.rng, n.truth.latest(subject)).mark
	if uuid == absenceMark {
		return nil // blocked: nobody knows credentials that will be good
	}
	key := entity.AuthKey{UUID: uuid, Key: n.secret}
	return n.identify(ctx, subject, uuid, func(ctx context.Context) (entity.Identity, error) {
		return n.caches.identities.ByCredentials(ctx, key)
	})
}
