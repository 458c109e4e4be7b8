package cosmos

import (
	"net/http"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
	"github.com/whiskstore/whiskstore/store"
)

// TestLostAnswers shows what becomes of writes whose answer says nothing.
func TestLostAnswers(t *testing.T) {
	lost := map[string]cosmostest.Fault{
		"reply_lost":       {DropReply: true},
		"request_lost":     {DropRequest: true},
		"408_applied":      {Status: http.StatusRequestTimeout, Apply: true},
		"408":              {Status: http.StatusRequestTimeout},
		"449":              {Status: statusRetryWith},
		"500_applied":      {Status: http.StatusInternalServerError, Apply: true},
		"503_applied":      {Status: http.StatusServiceUnavailable, Apply: true},
		"503":              {Status: http.StatusServiceUnavailable},
		"reply_lost_twice": {DropReply: true, Times: 2},
	}
	tomb := &store.DeleteOptions{Tombstone: tombstoneTTL, ClusterID: "c"}
	soft := func(c *Config) { c.SoftDeleteTTL = tombstoneTTL }
	const id = "guest/a"
	doc := store.Document{ID: id, Body: bodyAt("guest", "a", 1)}
	for name, fault := range lost {
		if fault.Times == 0 {
			fault.Times = 1
		}
		fault.Match = writesItem
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			srv := startFake(t, cosmostest.Options{})
			s := openFake(t, srv, store.Whisks, Deps{}, soft)
			inject := func() { t.Cleanup(srv.Inject(fault).Remove) }

			inject()
			v, err := s.Put(ctx, doc, nil)
			if got := mustGet(t, s, id).Version; err != nil || got.Rev != v.Rev {
				t.Errorf("creation: got %v and %v, stored %v", v, err, got)
			}
			inject()
			u := store.Document{ID: id, Version: v, Body: bodyAt("guest", "a", 2)}
			w, err := s.Put(ctx, u, nil)
			if got := mustGet(t, s, id).Version; err != nil || got.Rev != w.Rev || w.Rev == v.Rev {
				t.Errorf("update: got %v and %v, stored %v", w, err, got)
			}
			inject()
			x, err := s.Delete(ctx, id, w.Rev, tomb)
			buried, readErr := s.Get(ctx, id, &store.GetOptions{Tombstones: true})
			if err != nil || readErr != nil || x.Rev != buried.Version.Rev || !buried.Meta.Deleted {
				t.Errorf("soft delete: got %v and %v, stored %v and %v", x, err, buried.Version, readErr)
			}
			hard := mustPut(t, s, id, doc.Body)
			inject()
			if _, err := s.Delete(ctx, id, hard.Rev, nil); err != nil {
				t.Errorf("delete: got %v, want success", err)
			}
			_, err = s.Get(ctx, id, nil)
			wantKind(t, "get after it", err, store.ErrNotFound)
		})
	}

	t.Run("somebody_else_wrote", func(t *testing.T) {
		ctx := t.Context()
		srv := startFake(t, cosmostest.Options{})
		s := openFake(t, srv, store.Whisks, Deps{}, soft)
		v := mustPut(t, s, id, doc.Body)
		other := store.Document{ID: id, Version: v, Body: []byte(`{"other":true}`)}
		if _, err := s.Put(ctx, other, nil); err != nil {
			t.Fatal(err)
		}
		for what, do := range map[string]func() error{
			"update": func() error {
				_, err := s.Put(ctx, store.Document{ID: id, Version: v, Body: doc.Body}, nil)
				return err
			},
			"soft delete": func() error { _, err := s.Delete(ctx, id, v.Rev, tomb); return err },
			"creation":    func() error { _, err := s.Put(ctx, doc, nil); return err },
			"delete":      func() error { _, err := s.Delete(ctx, id, v.Rev, nil); return err },
		} {
			f := srv.Inject(cosmostest.Fault{Match: writesItem, Times: 1, DropReply: true})
			wantKind(t, what+" of what changed, with an answer lost", do(), store.ErrInDoubt)
			f.Remove()
		}
		if got := string(mustGet(t, s, id).Body); got != string(other.Body) {
			t.Errorf("stored: got %s, want %s", got, other.Body)
		}
	})
	t.Run("creation_without_tombstones", func(t *testing.T) {
		ctx := t.Context()
		srv := startFake(t, cosmostest.Options{})
		s := openFake(t, srv, store.Whisks, Deps{}, nil)
		srv.Inject(cosmostest.Fault{Match: writesItem, Times: 1, DropReply: true})
		v, err := s.Put(ctx, doc, nil)
		if got := mustGet(t, s, id).Version.Rev; err != nil || got != v.Rev {
			t.Errorf("creation whose reply was lost: got %v and %v, stored %s", v, err, got)
		}
		srv.Inject(cosmostest.Fault{Match: writesItem, Times: 1, DropRequest: true})
		// Nobody can tell it from one that was carried out and deleted by others since.
		_, err = s.Put(ctx, store.Document{ID: "guest/b", Body: doc.Body}, nil)
		wantKind(t, "creation that was lost", err, store.ErrInDoubt)
	})
	t.Run("time_is_up", func(t *testing.T) {
		srv := startFake(t, cosmostest.Options{})
		s := openFake(t, srv, store.Whisks, Deps{}, func(c *Config) {
			soft(c)
			c.ConnectionPolicy.RetryOptions.MaxRetryWaitTime = 50 * time.Millisecond
		})
		f := srv.Inject(cosmostest.Fault{Match: writesItem, Status: http.StatusServiceUnavailable})
		_, err := s.Put(t.Context(), doc, nil)
		wantKind(t, "put to a service that stays away", err, store.ErrInDoubt)
		if f.Hits() < 2 {
			t.Errorf("attempts: got %d, want repetitions", f.Hits())
		}
	})
}

// TestDoubtReachesTheCache: without tombstones a creation whose request was lost is
// in doubt, also for the cache above, although what it is caused by is an absence.
func TestDoubtReachesTheCache(t *testing.T) {
	srv := startFake(t, cosmostest.Options{})
	backend := openFake(t, srv, store.Whisks, Deps{}, nil)
	opts := cache.DocumentOptions()
	var told []cache.Written
	opts.Notify = func(w cache.Written) { told = append(told, w) }
	s := store.Chain{Check: store.Check(nil), Cache: cache.Middleware(cache.New(opts), "")}.Over(backend)
	defer s.Close()
	fault := srv.Inject(cosmostest.Fault{Match: writesItem, Times: 1, DropRequest: true})
	defer fault.Remove()
	_, err := s.Put(t.Context(), store.Document{ID: "guest/b", Body: bodyAt("guest", "b", 1)}, nil)
	wantKind(t, "creation that was lost", err, store.ErrInDoubt)
	if len(told) != 1 || told[0].Outcome != cache.InDoubt {
		t.Errorf("the cache told of %+v, want one write in doubt; the error is %v", told, err)
	}
}
