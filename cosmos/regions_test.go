package cosmos

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
	"github.com/whiskstore/whiskstore/store"
)

// writesByRegion counts where the writes of items of a collection arrived.
func writesByRegion(srv *cosmostest.Server, collection string) map[string]int64 {
	got := map[string]int64{}
	for k, n := range srv.Counters() {
		if k.Container == collection && k.Operation.IsWrite() && k.Operation != cosmostest.CreateContainer {
			got[k.Region] += n.Requests
		}
	}
	return got
}

// moveHub makes West Europe the first write region.
func moveHub(srv *cosmostest.Server, multi bool) {
	srv.SetMultiWrite(false)
	srv.Failover("West Europe", false)
	srv.SetMultiWrite(multi)
}

// TestWriteRegions counts per region where each collection's writes arrive.
func TestWriteRegions(t *testing.T) {
	const east, west = "East US", "West Europe"
	for _, c := range []struct {
		name     string
		multi    bool // the account has several write regions
		use      bool // using-multiple-write-locations
		failover bool
		want     map[string]string // by collection
	}{
		{"single_write", false, false, false, map[string]string{store.Whisks: east, store.Subjects: east, store.Activations: east}},
		{"single_write_configured_for_several", false, true, false, map[string]string{store.Whisks: east, store.Subjects: east, store.Activations: east}},
		{"multi_write_unused", true, false, false, map[string]string{store.Whisks: east, store.Subjects: east, store.Activations: east}},
		{"multi_write", true, true, false, map[string]string{store.Whisks: east, store.Subjects: east, store.Activations: west}},
		{"single_write_failover", false, false, true, map[string]string{store.Whisks: west, store.Subjects: west, store.Activations: west}},
		{"multi_write_failover", true, true, true, map[string]string{store.Whisks: west, store.Subjects: west, store.Activations: west}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			srv := startFake(t, cosmostest.Options{Regions: regions(2), MultiWrite: c.multi})
			open := func(collection string) *Store {
				return openFake(t, srv, collection, Deps{}, func(cfg *Config) {
					cfg.ConnectionPolicy.UsingMultipleWriteLocations = c.use
					cfg.ConnectionPolicy.PreferredLocations = []string{west, east}
				})
			}
			for collection := range c.want {
				open(collection).Close()
			}
			if c.failover {
				moveHub(srv, c.multi)
			}
			for collection, region := range c.want {
				s := open(collection)
				srv.ResetCounters()
				v := mustPut(t, s, "a", []byte(`{"x":1}`))
				doc := store.Document{ID: "a", Version: v, Body: []byte(`{"x":2}`)}
				v, err := s.Put(t.Context(), doc, nil)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := s.Delete(t.Context(), "a", v.Rev, &store.DeleteOptions{Tombstone: time.Hour}); err != nil {
					t.Fatal(err)
				}
				if got := writesByRegion(srv, collection); len(got) != 1 || got[region] != 3 {
					t.Errorf("writes of %s: got %v, want 3 in %s", collection, got, region)
				}
			}
		})
	}
}

// An open store follows a failover of a single-write account, and on an account
// with several write regions goes on in the new hub once azcosmos has read the
// account document.
func TestFailoverWhileOpen(t *testing.T) {
	t.Run("single_write", func(t *testing.T) {
		srv := startFake(t, cosmostest.Options{Regions: regions(2)})
		s := openFake(t, srv, store.Whisks, Deps{}, nil)
		mustPut(t, s, "a", []byte(`{}`))
		srv.Failover("West Europe", false)
		mustPut(t, s, "b", []byte(`{}`))
		if got := writesByRegion(srv, store.Whisks); got["West Europe"] == 0 {
			t.Errorf("writes by region: got %v, want one in the new write region", got)
		}
	})
	t.Run("multi_write", func(t *testing.T) {
		srv := startFake(t, cosmostest.Options{Regions: regions(2), MultiWrite: true})
		d := Deps{Accounts: &Accounts{}}
		s := openFake(t, srv, store.Whisks, d, nil)
		mustPut(t, s, "a", []byte(`{}`))
		moveHub(srv, true)
		// The account document arrives with whichever client of the account reads it.
		top := s.account.topology()
		s.account.transport.top.Store(&topology{write: []location{top.write[1], top.write[0]}, read: top.read, multi: true, level: top.level})
		srv.ResetCounters()
		mustPut(t, s, "b", []byte(`{}`))
		if got := writesByRegion(srv, store.Whisks); got["West Europe"] != 1 || len(got) != 1 {
			t.Errorf("writes by region: got %v, want one in the new hub", got)
		}
		if _, err := s.Get(t.Context(), "b", nil); err != nil {
			t.Errorf("read of the write in the new hub: %v", err)
		}
	})
}

// TestSessions shows freshness on an account whose second region lags.
func TestSessions(t *testing.T) {
	ctx := t.Context()
	setup := func(t *testing.T, o cosmostest.Options) (*cosmostest.Server, Deps) {
		o.Regions = regions(2)
		return startFake(t, o), Deps{Accounts: &Accounts{}}
	}
	lag := 30 * time.Millisecond
	t.Run("own_writes", func(t *testing.T) {
		srv, d := setup(t, cosmostest.Options{ReplicationDelay: lag, Ranges: 3})
		s := openFake(t, srv, store.Whisks, d, readIn("West Europe"))
		other := openFake(t, srv, store.Whisks, d, readIn("East US")) // another client of the process
		for i := range 5 {
			id := fmt.Sprint("guest/", i)
			v := mustPut(t, s, id, bodyAt("guest", id, int64(i)))
			if i%2 == 0 { // before anything else has waited for the region
				if got := len(rowIDs(t, s, actionsOf("guest"))); got != 2*i+1 {
					t.Errorf("rows after the write: got %d, want %d", got, 2*i+1)
				}
			} else if n, err := s.Count(ctx, actionsOf("guest")); n != int64(2*i+1) || err != nil {
				t.Errorf("count after the write: got %d and %v, want %d", n, err, 2*i+1)
			}
			for name, reader := range map[string]*Store{"own": s, "other": other} {
				if doc, err := reader.Get(ctx, id, nil); err != nil || doc.Version.Rev != v.Rev {
					t.Errorf("get through the %s client: got %v and %v, want %v", name, doc.Version, err, v)
				}
			}
			w := mustPut(t, other, id+"x", bodyAt("guest", id, int64(i)))
			if doc, err := s.Get(ctx, id+"x", nil); err != nil || doc.Version.Rev != w.Rev {
				t.Errorf("get of what another client wrote: got %v and %v, want %v", doc.Version, err, w)
			}
		}
	})
	t.Run("token_handed_in", func(t *testing.T) {
		srv, _ := setup(t, cosmostest.Options{ReplicationDelay: lag})
		writer := openFake(t, srv, store.Whisks, Deps{}, nil)
		reader := openFake(t, srv, store.Whisks, Deps{}, readIn("West Europe")) // as in another process
		mustPut(t, writer, "a", []byte(`{}`))
		_, err := reader.Get(ctx, "a", nil)
		wantKind(t, "get at once in the other region", err, store.ErrNotFound)
		after := sessionOf(writer.here().rid, *writer.here().sessions.token())
		if _, err := reader.Get(ctx, "a", &store.GetOptions{After: store.Freshness{Session: after}}); err != nil {
			t.Errorf("get with the writer's session: got %v, want the document", err)
		}
		for _, bad := range []store.Session{"1-abc", "x/0:-1#5", store.Session(writer.here().rid + "/"), store.Session(writer.here().rid + "/0:x")} {
			_, err := reader.Get(ctx, "a", &store.GetOptions{After: store.Freshness{Session: bad}})
			wantKind(t, "get with session "+string(bad), err, store.ErrInvalid)
		}
	})
	t.Run("version_handed_in", func(t *testing.T) {
		srv, _ := setup(t, cosmostest.Options{ReplicationDelay: time.Hour})
		writer := openFake(t, srv, store.Whisks, Deps{}, nil)
		v := mustPut(t, writer, "a", []byte(`{"n":1}`))
		srv.Advance(2 * time.Hour)
		reader := openFake(t, srv, store.Whisks, Deps{}, readIn("West Europe"))
		doc := store.Document{ID: "a", Version: v, Body: []byte(`{"n":2}`)}
		v, err := writer.Put(ctx, doc, nil)
		if err != nil {
			t.Fatal(err)
		}
		doc, err = reader.Get(ctx, "a", nil)
		if err != nil || doc.Version.Rev == v.Rev {
			t.Fatalf("get in the lagging region: got %v and %v, want the older state", doc.Version, err)
		}
		for name, v := range map[string]store.Version{"after a write": v, "after a read": mustGet(t, writer, "a").Version} {
			doc, err := reader.Get(ctx, "a", &store.GetOptions{After: store.Freshness{Version: v}})
			if err != nil || doc.Version.Rev != v.Rev {
				t.Errorf("get with the version %s: got %v and %v, want %v", name, doc.Version, err, v)
			}
		}
	})
	t.Run("never_reached", func(t *testing.T) {
		srv, _ := setup(t, cosmostest.Options{SessionWait: time.Millisecond})
		s := openFake(t, srv, store.Whisks, Deps{}, func(c *Config) { c.ConnectionPolicy.RetryOptions.MaxRetryWaitTime = 100 * time.Millisecond })
		mustPut(t, s, "a", []byte(`{}`))
		ahead := sessionOf(s.here().rid, rangeOf(mustRanges(t, s), hashKey("a", 0)).ID+":0#1000000")
		_, err := s.Get(ctx, "a", &store.GetOptions{After: store.Freshness{Session: ahead}})
		wantKind(t, "get after a session from the future", err, store.ErrUnavailable)
	})
	t.Run("after_a_split", func(t *testing.T) {
		srv, d := setup(t, cosmostest.Options{ReplicationDelay: lag})
		s := openFake(t, srv, store.Whisks, d, readIn("West Europe"))
		list := mustRanges(t, s)
		mustPut(t, s, "a", bodyAt("guest", "a", 1))
		srv.Split("whisk", store.Whisks, list[0].ID)
		mustPut(t, s, "b", bodyAt("guest", "b", 2))
		for _, id := range []string{"a", "b"} {
			if _, err := s.Get(ctx, id, nil); err != nil {
				t.Errorf("get of %s after a split: %v", id, err)
			}
		}
		if got := len(rowIDs(t, s, actionsOf("guest"))); got != 2 {
			t.Errorf("rows after a split: got %d, want 2", got)
		}
	})
	t.Run("container_made_again", func(t *testing.T) {
		srv, d := setup(t, cosmostest.Options{SessionWait: time.Millisecond})
		s := openFake(t, srv, store.Whisks, d, nil)
		old := openFake(t, srv, store.Whisks, d, nil)
		for i := range 50 {
			mustPut(t, s, fmt.Sprint("guest/", i), bodyAt("guest", "a", 1))
		}
		client, err := srv.Client(nil)
		if err != nil {
			t.Fatal(err)
		}
		db, _ := client.NewDatabase("whisk")
		if _, err := container(t, srv, store.Whisks).Delete(ctx, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := db.CreateContainer(ctx, s.containerProperties(), nil); err != nil {
			t.Fatal(err)
		}
		before := s.here().rid
		_, err = s.Get(ctx, "guest/1", nil)
		wantKind(t, "get from the new container", err, store.ErrNotFound)
		if s.here().rid == before {
			t.Error("the store still has the old container's positions")
		}
		// Another store has not met the new container yet when it is handed a session
		// of it.
		if old.here().rid != before {
			t.Fatal("the other store knows the new container already")
		}
		mustPut(t, s, "guest/2", bodyAt("guest", "b", 1))
		after := sessionOf(s.here().rid, *s.here().sessions.token())
		if _, err := old.Get(ctx, "guest/2", &store.GetOptions{After: store.Freshness{Session: after}}); err != nil {
			t.Errorf("get with a session of the new container: %v", err)
		}
		v := mustPut(t, s, "guest/1", bodyAt("guest", "a", 1))
		if got := mustGet(t, s, "guest/1").Version; got.Lineage != v.Lineage || got.Lineage == before {
			t.Errorf("lineage: got %q on read and %q on write, want the new container's", got.Lineage, v.Lineage)
		}
	})
}

func mustGet(t testing.TB, s *Store, id string) store.Document {
	t.Helper()
	doc, err := s.Get(t.Context(), id, nil)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func mustRanges(t testing.TB, s *Store) []keyRange {
	t.Helper()
	list, err := s.here().ranges.get(t.Context(), s.reader)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// Reads go on when the preferred region is down, and writes say that nothing was
// written when their only region is.
func TestRegionDown(t *testing.T) {
	srv := startFake(t, cosmostest.Options{Regions: regions(2)})
	s := openFake(t, srv, store.Whisks, Deps{}, readIn("West Europe"))
	mustPut(t, s, "a", []byte(`{}`))
	srv.Inject(cosmostest.Fault{Match: func(r *cosmostest.Request) bool { return r.Region == "West Europe" }, Status: http.StatusServiceUnavailable})
	if _, err := s.Get(t.Context(), "a", nil); err != nil && !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("get with the preferred region down: got %v", err)
	}
}
