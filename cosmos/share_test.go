package cosmos

import (
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
	"github.com/whiskstore/whiskstore/store"
)

// TestShared shows the rows of client sharing.
func TestShared(t *testing.T) {
	setup := func(t *testing.T, n int) (s *shared[int], refs []*reference[int], closed *int) {
		closed = new(int)
		s = &shared[int]{close: func(int) { *closed++ }}
		for range n {
			r, err := s.reference()
			if err != nil {
				t.Fatal(err)
			}
			refs = append(refs, r)
		}
		return s, refs, closed
	}
	t.Run("COS-26_closed_once", func(t *testing.T) {
		s, refs, closed := setup(t, 1)
		refs[0].Close()
		refs[0].Close()
		if *closed != 1 || !s.isClosed() {
			t.Errorf("closed %d times, holder closed %v, want once", *closed, s.isClosed())
		}
	})
	t.Run("COS-27_one_of_two", func(t *testing.T) {
		s, refs, closed := setup(t, 2)
		refs[0].Close()
		refs[0].Close()
		if *closed != 0 || s.isClosed() {
			t.Errorf("closed %d times with a reference left, want never", *closed)
		}
	})
	t.Run("COS-28_both", func(t *testing.T) {
		_, refs, closed := setup(t, 2)
		refs[0].Close()
		refs[1].Close()
		if *closed != 1 {
			t.Errorf("closed %d times, want once", *closed)
		}
	})
	t.Run("COS-29_after_close", func(t *testing.T) {
		s, refs, _ := setup(t, 1)
		refs[0].Close()
		if _, err := s.reference(); err == nil {
			t.Error("a closed holder gave a reference")
		}
	})
	t.Run("COS-D7_one_client_for_equal_settings", func(t *testing.T) {
		srv := startFake(t, cosmostest.Options{})
		d := Deps{Accounts: &Accounts{}}
		a, b := openFake(t, srv, store.Whisks, d, nil), openFake(t, srv, store.Subjects, d, nil)
		other := openFake(t, srv, store.Activations, d, readIn("East US"))
		if a.account != b.account || a.account == other.account {
			t.Error("stores with equal settings do not share a client, or others do")
		}
		if n := srv.Counters().Total(cosmostest.CounterKey{Operation: cosmostest.ReadAccount}).Requests; n != 2 {
			t.Errorf("account document read %d times, want once for each client", n)
		}
		before := a.account
		a.Close()
		mustPut(t, b, "guest", []byte(`{}`))
		b.Close()
		if again := openFake(t, srv, store.Whisks, d, nil); again.account == before {
			t.Error("a closed client was given out again")
		}
		var all sync.WaitGroup
		accounts := make([]*account, 8)
		for i := range accounts {
			all.Go(func() {
				s, err := Open(t.Context(), fakeConfig(srv), store.Whisks, d)
				if err == nil {
					accounts[i] = s.account
					t.Cleanup(func() { s.Close() })
				}
			})
		}
		all.Wait()
		seen := map[*account]bool{}
		for _, a := range accounts {
			seen[a] = true
		}
		if len(slices.Collect(maps.Keys(seen))) != 1 {
			t.Errorf("stores opened at once have %d clients, want one", len(seen))
		}
	})
}
