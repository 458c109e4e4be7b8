package memory_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/memory"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		child(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// clock is a clock that only moves when told to.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func open(t testing.TB, opts memory.Options) *memory.Store {
	t.Helper()
	if opts.Collection == "" {
		opts.Collection = store.Whisks
	}
	s, err := memory.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil && !errors.Is(err, store.ErrClosed) {
			t.Errorf("Close: got %v, want nil", err)
		}
	})
	return s
}

// trigger is a document of the view whisks.v2.1.0/triggers.
func trigger(ns, name string, updated int) store.Document {
	return store.Document{ID: ns + "/" + name, Body: json.RawMessage(fmt.Sprintf(
		`{"entityType":"trigger","namespace":%q,"name":%q,"version":"0.0.1","publish":false,"annotations":[],"parameters":[],"limits":{},"updated":%d}`,
		ns, name, updated))}
}

func triggers(ns string) *store.Query {
	return &store.Query{Table: "whisks.v2.1.0/triggers", StartKey: store.Key{ns}, EndKey: store.Key{ns, store.Top}}
}

func put(t testing.TB, s store.ArtifactStore, doc store.Document, opts *store.PutOptions) store.Version {
	t.Helper()
	v, err := s.Put(t.Context(), doc, opts)
	if err != nil {
		t.Fatalf("Put %s: got %v, want nil", doc.ID, err)
	}
	return v
}

// updateTo writes body over the state v of doc.
func updateTo(t testing.TB, s store.ArtifactStore, doc store.Document, v store.Version) store.Version {
	t.Helper()
	doc.Version = v
	return put(t, s, doc, nil)
}

func del(t testing.TB, s store.ArtifactStore, id, rev string, opts *store.DeleteOptions) store.Version {
	t.Helper()
	v, err := s.Delete(t.Context(), id, rev, opts)
	if err != nil {
		t.Fatalf("Delete %s: got %v, want nil", id, err)
	}
	return v
}

func wantKind(t testing.TB, what string, err error, want store.Kind) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}

func ids(t testing.TB, s store.ArtifactStore, q *store.Query) []string {
	t.Helper()
	var got []string
	for row, err := range s.Query(t.Context(), q) {
		if err != nil {
			t.Fatalf("Query: got %v, want rows", err)
		}
		got = append(got, row.ID)
	}
	return got
}

// drain reads all changes after token.
func drain(t testing.TB, f store.ChangeFeed, token store.Token) ([]store.Change, store.Token) {
	t.Helper()
	ranges, err := f.Ranges(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if token == "" {
		if token, err = f.Start(t.Context(), ranges[0], store.FromBeginning()); err != nil {
			t.Fatal(err)
		}
	}
	var all []store.Change
	for {
		page, err := f.Next(t.Context(), ranges[0], token, nil)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page.Changes...)
		if token = page.Token; page.Drained {
			return all, token
		}
	}
}
