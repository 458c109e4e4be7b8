package cosmos

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
	"github.com/whiskstore/whiskstore/store"
)

// What goes wrong once is either made good or a typed error after which the same
// token goes on.
func TestFeedFaults(t *testing.T) {
	for name, c := range map[string]struct {
		fault cosmostest.Fault
		want  error // of the first Next; nil is the page
	}{
		"throttled":      {cosmostest.Fault{Status: http.StatusTooManyRequests, RetryAfter: time.Millisecond, Times: 2}, nil},
		"migrating":      {cosmostest.Fault{Status: http.StatusGone, Substatus: subMigrating, Times: 6}, nil},
		"splitting":      {cosmostest.Fault{Status: http.StatusGone, Substatus: subSplitting, Times: 6}, nil},
		"throttled_long": {cosmostest.Fault{Status: http.StatusTooManyRequests, RetryAfter: time.Millisecond, Times: 3}, store.ErrThrottled},
		"refused":        {cosmostest.Fault{Status: http.StatusForbidden, Times: 1}, store.ErrUnauthorized},
		"bad_request":    {cosmostest.Fault{Status: http.StatusBadRequest, Times: 1}, store.ErrInvalid},
		"cut_body":       {cosmostest.Fault{CutBody: 20, Times: 1}, nil},
		"unavailable":    {cosmostest.Fault{Status: http.StatusServiceUnavailable, Times: 5}, store.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := startFake(t, cosmostest.Options{})
			s := openFake(t, srv, store.Subjects, Deps{}, func(c *Config) { c.ConnectionPolicy.RetryOptions.MaxRetryAttemptsOnThrottledRequests = 2 })
			f := openFeed(t, s, nil)
			r, token := oneRange(t, f, store.FromNow())
			putSubject(t, s, "doc", nil)
			c.fault.Match = cosmostest.ForOperation(cosmostest.ReadChangeFeed)
			injected := srv.Inject(c.fault)
			page, err := f.Next(t.Context(), r, token, nil)
			if injected.Hits() == 0 {
				t.Error("the fault hit nothing")
			}
			if c.want != nil {
				if !errors.Is(err, c.want) {
					t.Errorf("Next: got %v, want %v", err, c.want)
				}
				injected.Remove()
				page, err = f.Next(t.Context(), r, token, nil)
			}
			if err != nil || len(page.Changes) != 1 {
				t.Errorf("Next: got %+v and %v, want the change", page, err)
			}
		})
	}
}

// Close ends requests in flight, too, and the store's Close ends waiting.
func TestFeedClose(t *testing.T) {
	srv := startFake(t, cosmostest.Options{})
	s := openFake(t, srv, store.Subjects, Deps{}, nil)
	f, g := openFeed(t, s, nil), openFeed(t, s, &FeedOptions{PollInterval: 10 * time.Millisecond})
	r, token := oneRange(t, f, store.FromNow())
	srv.SetLatency(time.Minute)
	arrived := make(chan struct{}, 1)
	in := srv.Inject(cosmostest.Fault{Times: 1, Match: func(*cosmostest.Request) bool {
		select {
		case arrived <- struct{}{}:
		default:
		}
		return false
	}})
	ended := make(chan error, 1)
	go func() {
		_, err := f.Next(context.WithoutCancel(t.Context()), r, token, nil)
		ended <- err
	}()
	<-arrived
	if err := f.Close(); err != nil {
		t.Errorf("Close: got %v, want nil", err)
	}
	if err := <-ended; !errors.Is(err, store.ErrClosed) {
		t.Errorf("Next at Close: got %v, want ErrClosed", err)
	}
	if err := f.Close(); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Close again: got %v, want ErrClosed", err)
	}
	in.Remove()
	srv.SetLatency(0)
	looked := make(chan struct{}, 1)
	srv.Inject(cosmostest.Fault{Times: 1, Match: func(*cosmostest.Request) bool {
		select {
		case looked <- struct{}{}:
		default:
		}
		return false
	}})
	go func() {
		_, err := g.Next(context.WithoutCancel(t.Context()), r, token, &store.NextOptions{Wait: time.Minute})
		ended <- err
	}()
	<-looked
	s.Close()
	if err := <-ended; !errors.Is(err, store.ErrClosed) {
		t.Errorf("Next when the store is closed: got %v, want ErrClosed", err)
	}
	if _, err := s.Feed(nil); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Feed of a closed store: got %v, want ErrClosed", err)
	}
}
