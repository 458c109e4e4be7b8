package route_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/route"
)

func TestFreshness(t *testing.T) {
	after := &store.GetOptions{After: store.Freshness{Session: "token"}}
	unable := func(kind store.Kind) func(context.Context, string, *store.GetOptions) error {
		return func(context.Context, string, *store.GetOptions) error { return &store.Error{Kind: kind} }
	}
	t.Run("the replica can", func(t *testing.T) {
		routed(t, route.Policy{}, func(t *testing.T, s step) {
			s.r.fresh = func(_ context.Context, _ string, opts *store.GetOptions) error {
				if opts.After != after.After {
					t.Errorf("got %+v at the replica, want %+v", opts.After, after.After)
				}
				s.r.lag = 0
				return nil
			}
			v := s.puts(s.p, "a", "")
			s.reads("a", v.Rev, after, 0, 1)
			s.reads("b", "", after, 0, 1)
		})
	})
	for _, kind := range []store.Kind{store.ErrUnavailable, store.ErrInvalid, store.ErrUnsupported} {
		t.Run("the replica cannot: "+kind.Error(), func(t *testing.T) {
			routed(t, route.Policy{}, func(t *testing.T, s step) {
				s.r.fresh = unable(kind)
				v := s.puts(s.p, "a", "")
				s.reads("a", v.Rev, after, 1, 1)
				s.reads("a", v.Rev, nil, 1, 1) // seen at the primary, and not taken back
			})
		})
	}
	t.Run("the replica takes too long", func(t *testing.T) {
		routed(t, route.Policy{Wait: time.Second}, func(t *testing.T, s step) {
			s.r.fresh = func(ctx context.Context, _ string, _ *store.GetOptions) error {
				<-ctx.Done()
				return ctx.Err()
			}
			v := s.puts(s.p, "a", "")
			start := time.Now()
			s.reads("a", v.Rev, after, 1, 1)
			if took := time.Since(start); took != time.Second {
				t.Errorf("got the primary's answer after %v, want it after %v", took, time.Second)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			if _, err := s.s.Get(ctx, "b", after); err != context.DeadlineExceeded {
				t.Errorf("the caller's own deadline: got %v, want %v", err, context.DeadlineExceeded)
			}
		})
	})
	t.Run("other failures are the answer", func(t *testing.T) {
		routed(t, route.Policy{}, func(t *testing.T, s step) {
			s.r.fresh = unable(store.ErrUnauthorized)
			if _, err := s.s.Get(t.Context(), "a", after); !errors.Is(err, store.ErrUnauthorized) || s.p.gets != 0 {
				t.Errorf("got %v and %d reads of the primary, want %v and none", err, s.p.gets, store.ErrUnauthorized)
			}
		})
	})
	t.Run("of an id that was written", func(t *testing.T) {
		routed(t, route.Policy{}, func(t *testing.T, s step) {
			s.r.fresh = func(context.Context, string, *store.GetOptions) error { return nil }
			v := s.puts(s.s, "a", "")
			s.reads("a", v.Rev, after, 1, 1)
			s.r.fresh = unable(store.ErrUnavailable)
			time.Sleep(lag)
			s.reads("a", v.Rev, after, 1, 1)
		})
	})
}
