package tworegions

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/store"
)

// TestLinkEndsWhateverIsLost: what is lost and sent again, again and again, keeps
// no link from ending.
func TestLinkEndsWhateverIsLost(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	parcels := make(chan parcel, 1)
	parcels <- parcel{due: time.Now().Add(time.Hour), changes: make([]store.Change, 1)}
	l := &link{loss: 1, rng: rand.New(rand.NewPCG(1, 1))}
	done := make(chan error, 1)
	go func() { done <- l.deliver(ctx, parcels) }()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the link goes on for ever")
	}
}
