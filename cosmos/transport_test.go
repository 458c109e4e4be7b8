package cosmos

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
	"github.com/whiskstore/whiskstore/store"
)

// A service that does not answer is no context of the caller's that ended, and
// repetitions end with the time for them: an attempt's own counts.
func TestNoAnswer(t *testing.T) {
	const patience, attempt = 300 * time.Millisecond, 50 * time.Millisecond
	srv := startFake(t, cosmostest.Options{})
	s := openFake(t, srv, store.Whisks, Deps{}, func(c *Config) { c.ConnectionPolicy.RetryOptions.MaxRetryWaitTime = patience })
	v := mustPut(t, s, "a", []byte(`{}`))
	s.account.transport.timeout = attempt
	srv.Inject(cosmostest.Fault{Match: writesItem, Delay: time.Minute})
	began := time.Now()
	_, err := s.Put(t.Context(), store.Document{ID: "a", Version: v, Body: []byte(`{"n":1}`)}, nil)
	wantKind(t, "write without an answer", err, store.ErrInDoubt)
	if errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("write without an answer: got %v, which is also the end of a context", err)
	}
	if took := time.Since(began); took < patience || took > 10*patience {
		t.Errorf("repetitions ended after %v, want about %v", took, patience)
	}
}
