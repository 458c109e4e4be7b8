package cache_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/entity"
)

// subjects is a subjects view in which one subject owns the namespace ns.
type subjects struct {
	store.Querier
	mu      sync.Mutex
	subject int // version of the subject, 0 when there is none
	limits  int // version of ns/limits
	key     string
	gate    chan struct{}
	queries int
}

func (s *subjects) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *subjects) Query(_ context.Context, q *store.Query) iter.Seq2[store.Row, error] {
	return func(yield func(store.Row, error) bool) {
		s.mu.Lock()
		s.queries++
		row := store.Row{ID: "someone", Rev: fmt.Sprint("s", s.subject), Joined: true,
			Value: []byte(`{"_id":"ns/limits","namespace":"ns","uuid":"id","key":"` + s.key + `"}`)}
		if s.limits > 0 {
			row.Doc = &store.Document{ID: "ns/limits", Version: store.Version{Rev: fmt.Sprint("l", s.limits)},
				Body: []byte(fmt.Sprintf(`{"invocationsPerMinute":%d}`, s.limits))}
		}
		found, gate := s.subject > 0 && (len(q.StartKey) == 1 || q.StartKey[1] == s.key), s.gate
		s.mu.Unlock()
		if gate != nil {
			<-gate
		}
		if found {
			yield(row, nil)
		}
	}
}

func identities(t *testing.T, test func(*testing.T, *subjects, *cache.Identities)) {
	synctest.Test(t, func(t *testing.T) {
		s := &subjects{subject: 1, key: secret("1")}
		i := cache.NewIdentities(s, "subjects.v2.0.0/identities", cache.TableOptions{Lag: 5 * time.Second})
		defer i.Close()
		test(t, s, i)
	})
}

// secret is a key of the right length.
func secret(n string) string { return "secret-" + n + strings.Repeat("x", entity.SecretLength-8) }

func credentials(key string) entity.AuthKey {
	return entity.AuthKey{UUID: "id", Key: entity.NewSecret(key)}
}

// TestIdentitySources shows that every change of one of the two documents ends
// what was derived from them (S18).
func TestIdentitySources(t *testing.T) {
	ask := func(t *testing.T, s *subjects, i *cache.Identities, queries int, want error) entity.Identity {
		t.Helper()
		id, err := i.ByNamespace(t.Context(), "ns")
		if !errors.Is(err, want) {
			t.Fatalf("got %v, want %v", err, want)
		}
		if s.queries != queries {
			t.Fatalf("%d queries, want %d", s.queries, queries)
		}
		return id
	}
	rev := func(s string) store.Version { return store.Version{Rev: s, Order: 1, Lineage: "L"} }
	t.Run("subject_changes", func(t *testing.T) {
		identities(t, func(t *testing.T, s *subjects, i *cache.Identities) {
			ask(t, s, i, 1, nil)
			ask(t, s, i, 1, nil)
			s.set(func() { s.subject, s.key = 2, secret("2") })
			if _, err := i.ByCredentials(t.Context(), credentials(secret("1"))); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("got %v, want not found", err)
			}
			i.Table().Observe("someone", rev("s2"))
			ask(t, s, i, 3, nil)
			if _, err := i.ByCredentials(t.Context(), credentials(secret("2"))); err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("credentials_are_revoked", func(t *testing.T) {
		identities(t, func(t *testing.T, s *subjects, i *cache.Identities) {
			for range 2 { // a load and a hit
				if _, err := i.ByCredentials(t.Context(), credentials(secret("1"))); err != nil || s.queries != 1 {
					t.Fatalf("got %v after %d queries, want an identity after one", err, s.queries)
				}
			}
			s.set(func() { s.subject, s.key = 2, secret("2") })
			i.Table().Observe("someone", rev("s2"))
			if _, err := i.ByCredentials(t.Context(), credentials(secret("1"))); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("got %v, want not found", err)
			}
		})
	})
	t.Run("limits_appear_and_go", func(t *testing.T) {
		identities(t, func(t *testing.T, s *subjects, i *cache.Identities) {
			ask(t, s, i, 1, nil)
			s.set(func() { s.limits = 7 })
			i.Table().Observe("ns/limits", rev("l7"))
			if id := ask(t, s, i, 2, nil); id.Limits.InvocationsPerMinute == nil || *id.Limits.InvocationsPerMinute != 7 {
				t.Errorf("limits %+v, want 7 per minute", id.Limits)
			}
			ask(t, s, i, 2, nil)
			s.set(func() { s.limits = 0 })
			i.Table().Forget("ns/limits")
			if id := ask(t, s, i, 3, nil); id.Limits.InvocationsPerMinute != nil {
				t.Errorf("limits %+v, want none", id.Limits)
			}
		})
	})
	t.Run("T20_appears_during_a_load", func(t *testing.T) {
		identities(t, func(t *testing.T, s *subjects, i *cache.Identities) {
			gate := make(chan struct{})
			s.set(func() { s.subject, s.gate = 0, gate })
			done := make(chan error)
			go func() {
				_, err := i.ByNamespace(t.Context(), "ns")
				done <- err
			}()
			synctest.Wait()
			s.set(func() { s.subject, s.gate = 1, nil })
			i.Table().Observe("someone", rev("s1"))
			close(gate)
			if err := <-done; !errors.Is(err, store.ErrNotFound) {
				t.Errorf("the load in flight got %v, want not found", err)
			}
			ask(t, s, i, 2, nil)
		})
	})
	t.Run("T21_replica_behind_the_message", func(t *testing.T) {
		identities(t, func(t *testing.T, s *subjects, i *cache.Identities) {
			s.set(func() { s.subject = 0 })
			i.Table().Observe("someone", rev("s1"))
			ask(t, s, i, 1, store.ErrNotFound)
			s.set(func() { s.subject = 1 })
			ask(t, s, i, 2, nil)
		})
	})
	t.Run("negative_ends_with_any_message", func(t *testing.T) {
		identities(t, func(t *testing.T, s *subjects, i *cache.Identities) {
			s.set(func() { s.subject = 0 })
			ask(t, s, i, 1, store.ErrNotFound)
			ask(t, s, i, 1, store.ErrNotFound)
			i.Table().Observe("somebody else", rev("x"))
			ask(t, s, i, 2, store.ErrNotFound)
		})
	})
	t.Run("loss", func(t *testing.T) {
		identities(t, func(t *testing.T, s *subjects, i *cache.Identities) {
			ask(t, s, i, 1, nil)
			i.Table().Lose(cache.Loss{})
			ask(t, s, i, 2, nil)
			ask(t, s, i, 3, nil) // nothing is held for the lag budget
			<-time.After(6 * time.Second)
			ask(t, s, i, 4, nil)
			ask(t, s, i, 4, nil)
		})
	})
	t.Run("no_secret_is_shown", func(t *testing.T) {
		identities(t, func(t *testing.T, s *subjects, i *cache.Identities) {
			id, err := i.ByCredentials(t.Context(), credentials(secret("1")))
			if err != nil {
				t.Fatal(err)
			}
			_, err = i.ByCredentials(t.Context(), credentials(secret("3")))
			for _, text := range []string{fmt.Sprintf("%+v %#v", id, id), err.Error(), fmt.Sprintf("%+v", i.Table().Stats())} {
				if strings.Contains(text, "secret-") {
					t.Errorf("a secret is shown: %s", text)
				}
			}
		})
	})
	t.Run("negative_results_are_bounded", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := &subjects{}
			i := cache.NewIdentities(s, "v", cache.TableOptions{MaxNegative: 10})
			defer i.Close()
			for n := range 100 {
				i.ByNamespace(t.Context(), fmt.Sprint("n", n))
			}
			if got := i.Table().Stats().Entries; got != 10 {
				t.Errorf("%d entries, want 10", got)
			}
		})
	})
}

// TestIdentityIsTheCallers: what a caller does to an identity, no other sees.
func TestIdentityIsTheCallers(t *testing.T) {
	identities(t, func(t *testing.T, s *subjects, i *cache.Identities) {
		s.set(func() { s.limits = 1 })
		for range 3 { // one load, two hits
			for name, get := range map[string]func() (entity.Identity, error){
				"namespace":   func() (entity.Identity, error) { return i.ByNamespace(t.Context(), "ns") },
				"credentials": func() (entity.Identity, error) { return i.ByCredentials(t.Context(), credentials(s.key)) },
			} {
				id, err := get()
				if err != nil {
					t.Fatal(err)
				}
				if got := *id.Limits.InvocationsPerMinute; got != 1 {
					t.Errorf("by %s: %d invocations per minute, want 1", name, got)
				}
				*id.Limits.InvocationsPerMinute = 1000
			}
		}
		if s.queries != 2 {
			t.Errorf("%d queries, want one for each", s.queries)
		}
	})
}

// TestIdentitiesHideTheirKey: with the key under which credentials are digested,
// who has a digest can try secrets.
func TestIdentitiesHideTheirKey(t *testing.T) {
	identities(t, func(t *testing.T, _ *subjects, i *cache.Identities) {
		for _, format := range []string{"%v", "%+v", "%#v", "%x", "%s"} {
			secret := strings.Trim(fmt.Sprintf(format, i.MAC()[:16]), "[]{}")
			secret = secret[strings.IndexByte(secret, '{')+1:]
			if strings.Contains(fmt.Sprintf(format, i), secret) || strings.Contains(fmt.Sprintf(format, *i), secret) {
				t.Errorf("%s shows the key", format)
			}
		}
	})
}
