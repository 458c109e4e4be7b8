package route_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/internal/forwardtest"
	"github.com/whiskstore/whiskstore/store/route"
)

// apart makes two stores of one.
type apart struct{ store.ArtifactStore }

func over(t *testing.T, write, read store.ArtifactStore, p *route.Policy) store.ArtifactStore {
	t.Helper()
	s, err := route.New(write, read, p)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestForwards(t *testing.T) {
	for _, q := range []route.Queries{route.QueriesRead, route.QueriesWrite, route.QueriesAfterWrites} {
		forwardtest.Run(t, func(next store.ArtifactStore) store.ArtifactStore {
			return over(t, &apart{next}, &apart{next}, &route.Policy{Queries: q})
		}, forwardtest.Want{Closes: 2})
	}
}

func TestCRUD_I3_differs(t *testing.T) {
	t.Run("CRUD-I3_differs", func(t *testing.T) {
		t.Run("the same store is closed once", func(t *testing.T) {
			forwardtest.Run(t, func(next store.ArtifactStore) store.ArtifactStore {
				return over(t, next, next, nil)
			}, forwardtest.Want{Closes: 1})
		})
		t.Run("two are closed each, whatever fails", func(t *testing.T) {
			first, second := errors.New("first"), errors.New("second")
			for _, c := range []struct{ write, read error }{{nil, nil}, {first, nil}, {nil, second}, {first, second}} {
				w, r := &forwardtest.Echo{Err: c.write}, &forwardtest.Echo{Err: c.read}
				err := over(t, w, r, nil).Close()
				if errors.Is(err, first) != (c.write != nil) || errors.Is(err, second) != (c.read != nil) {
					t.Errorf("got %v, want %v and %v", err, c.write, c.read)
				}
				if len(w.Calls()) != 1 || len(r.Calls()) != 1 {
					t.Errorf("got %d and %d calls of Close, want one each", len(w.Calls()), len(r.Calls()))
				}
			}
		})
	})
}

// uncomparable stores make == panic.
type uncomparable struct {
	store.ArtifactStore
	_ []int
}

func TestUncomparableStores(t *testing.T) {
	e := &forwardtest.Echo{}
	s := over(t, uncomparable{ArtifactStore: e}, uncomparable{ArtifactStore: e}, nil)
	if _, err := s.Get(t.Context(), "guest/a", nil); err != nil {
		t.Error(err)
	}
}

func TestPolicyOutOfRange(t *testing.T) {
	for _, p := range []*route.Policy{{Recent: -1}, {MaxLag: -1}, {Wait: -1}, {Queries: route.QueriesAfterWrites + 1}} {
		e := &forwardtest.Echo{}
		if s, err := route.New(e, &apart{e}, p); !errors.Is(err, store.ErrInvalid) || s != nil || len(e.Calls()) != 0 {
			t.Errorf("%+v: got %v, %v and %d calls, want no store, %v and none", p, s, err, len(e.Calls()), store.ErrInvalid)
		}
	}
}

const (
	lag    = 10 * time.Second
	maxLag = time.Minute
)

// routed runs f with a store over a primary and a replica of it, in a bubble whose
// clock f moves.
func routed(t *testing.T, policy route.Policy, f func(t *testing.T, s step)) {
	synctest.Test(t, func(t *testing.T) {
		p := newPrimary()
		r := newReplica(p, lag)
		if policy.MaxLag == 0 {
			policy.MaxLag = maxLag
		}
		f(t, step{t: t, s: over(t, p, r, &policy), p: p, r: r})
	})
}

func TestReadYourWrites(t *testing.T) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, s step)
	}{
		{"a write is read from the primary until the replica shows it", func(t *testing.T, s step) {
			v := s.puts(s.s, "a", "")
			s.reads("a", v.Rev, nil, 1, 1)
			s.reads("a", v.Rev, nil, 1, 1)
			time.Sleep(lag)
			s.reads("a", v.Rev, nil, 0, 1)
			s.reads("a", v.Rev, nil, 0, 1)
		}},
		{"an id that was not written is read from the replica", func(t *testing.T, s step) {
			s.puts(s.p, "a", "")
			s.reads("a", "", nil, 0, 1)
		}},
		{"an older state is not enough, a newer one is", func(t *testing.T, s step) {
			v := s.puts(s.p, "a", "")
			time.Sleep(lag)
			w := s.puts(s.s, "a", v.Rev)
			s.reads("a", w.Rev, nil, 1, 1)
			x := s.puts(s.p, "a", w.Rev) // by somebody else
			time.Sleep(lag)
			s.reads("a", x.Rev, nil, 0, 1)
		}},
		{"what the primary showed is not taken back", func(t *testing.T, s step) {
			v := s.puts(s.s, "a", "")
			time.Sleep(lag - time.Second)
			w := s.puts(s.p, "a", v.Rev)
			s.reads("a", w.Rev, nil, 1, 1)
			time.Sleep(time.Second) // the replica shows v, which was written here, but older
			s.reads("a", w.Rev, nil, 1, 1)
			time.Sleep(lag)
			s.reads("a", w.Rev, nil, 0, 1)
		}},
		{"a tombstone is waited for", func(t *testing.T, s step) {
			v := s.puts(s.p, "a", "")
			time.Sleep(lag)
			s.deletes(s.s, "a", v.Rev, time.Hour)
			s.reads("a", "", nil, 1, 1)
			s.reads("a", "", nil, 1, 0) // known to be absent, and no version to look for
			time.Sleep(maxLag)
			s.reads("a", "", nil, 0, 1)
		}},
		{"a tombstone that the replica shows", func(t *testing.T, s step) {
			v := s.puts(s.s, "a", "")
			d := s.deletes(s.s, "a", v.Rev, time.Hour)
			time.Sleep(lag)
			s.reads("a", "", nil, 0, 2) // the tombstone, then what the caller asked for
			s.reads("a", "", nil, 0, 1)
			s.reads("a", d.Rev, &store.GetOptions{Tombstones: true}, 0, 1)
		}},
		{"a tombstone that the caller asks for", func(t *testing.T, s step) {
			v := s.puts(s.s, "a", "")
			d := s.deletes(s.s, "a", v.Rev, time.Hour)
			s.reads("a", d.Rev, &store.GetOptions{Tombstones: true}, 1, 1)
			time.Sleep(lag)
			s.reads("a", d.Rev, &store.GetOptions{Tombstones: true}, 0, 1)
		}},
		{"a document that is gone without a tombstone", func(t *testing.T, s step) {
			v := s.puts(s.s, "a", "")
			s.deletes(s.s, "a", v.Rev, 0)
			s.reads("a", "", nil, 1, 0) // the replica has not seen the creation either
			time.Sleep(lag - 1)
			s.reads("a", "", nil, 1, 0)
			time.Sleep(maxLag - lag + 1)
			s.reads("a", "", nil, 0, 1)
		}},
		{"a creation over a physical delete", func(t *testing.T, s step) {
			v := s.puts(s.s, "a", "")
			s.deletes(s.s, "a", v.Rev, 0)
			w := s.puts(s.s, "a", "")
			s.reads("a", w.Rev, nil, 1, 0)
			time.Sleep(lag)
			s.reads("a", w.Rev, nil, 0, 1)
		}},
		{"revisions", func(t *testing.T, s step) {
			v := s.puts(s.s, "a", "")
			time.Sleep(lag)
			w := s.puts(s.s, "a", v.Rev)
			if _, err := s.s.Get(t.Context(), "a", &store.GetOptions{Rev: v.Rev}); !errors.Is(err, store.ErrRevisionMismatch) {
				t.Errorf("got %v, want %v from the primary", err, store.ErrRevisionMismatch)
			}
			s.reads("a", w.Rev, &store.GetOptions{Rev: w.Rev}, 1, 1)
			time.Sleep(lag)
			gets := s.p.gets
			if _, err := s.s.Get(t.Context(), "a", &store.GetOptions{Rev: v.Rev}); !errors.Is(err, store.ErrRevisionMismatch) || s.p.gets != gets {
				t.Errorf("got %v and %d reads of the primary, want %v from the replica", err, s.p.gets-gets, store.ErrRevisionMismatch)
			}
			s.reads("a", w.Rev, nil, 0, 1)
		}},
		{"a replica that fails", func(t *testing.T, s step) {
			v := s.puts(s.s, "a", "")
			s.r.fail = &store.Error{Kind: store.ErrUnavailable}
			s.reads("a", v.Rev, nil, 1, 1)
			if _, err := s.s.Get(t.Context(), "b", nil); err != s.r.fail {
				t.Errorf("an id that was not written: got %v, want %v", err, s.r.fail)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) { routed(t, route.Policy{}, c.run) })
	}
}

func TestWritesThatFail(t *testing.T) {
	for _, lost := range []error{&store.Error{Kind: store.ErrInDoubt}, context.DeadlineExceeded, context.Canceled, errors.New("stray")} {
		t.Run("in doubt: "+lost.Error(), func(t *testing.T) {
			routed(t, route.Policy{}, func(t *testing.T, s step) {
				s.p.fail = lost
				if _, err := s.s.Put(t.Context(), store.Document{ID: "a", Body: []byte(`{}`)}, nil); err != lost {
					t.Fatalf("got %v, want %v", err, lost)
				}
				s.reads("a", "1-a", nil, 1, 0)
				s.reads("a", "1-a", nil, 1, 1)
				time.Sleep(lag)
				s.reads("a", "1-a", nil, 0, 1)
			})
		})
	}
	t.Run("a refusal shows its reason", func(t *testing.T) {
		routed(t, route.Policy{}, func(t *testing.T, s step) {
			v := s.puts(s.p, "a", "")
			time.Sleep(lag)
			w := s.puts(s.p, "a", v.Rev)
			s.reads("a", v.Rev, nil, 0, 1)
			if _, err := s.s.Put(t.Context(), store.Document{ID: "a", Version: v, Body: []byte(`{}`)}, nil); !errors.Is(err, store.ErrConflict) {
				t.Fatalf("got %v, want %v", err, store.ErrConflict)
			}
			s.reads("a", w.Rev, nil, 1, 0)
			if _, err := s.s.Delete(t.Context(), "b", "1-b", nil); !errors.Is(err, store.ErrNotFound) {
				t.Fatalf("got %v, want %v", err, store.ErrNotFound)
			}
			s.reads("b", "", nil, 1, 0)
		})
	})
	t.Run("a definite failure changes nothing", func(t *testing.T) {
		routed(t, route.Policy{}, func(t *testing.T, s step) {
			s.p.fail = &store.Error{Kind: store.ErrThrottled}
			if _, err := s.s.Put(t.Context(), store.Document{ID: "a", Body: []byte(`{}`)}, nil); !errors.Is(err, store.ErrThrottled) {
				t.Fatalf("got %v, want %v", err, store.ErrThrottled)
			}
			s.reads("a", "", nil, 0, 1)
		})
	})
}

func TestUnknownOrder(t *testing.T) {
	t.Run("only the same revision proves anything", func(t *testing.T) {
		routed(t, route.Policy{}, func(t *testing.T, s step) {
			s.p.ordered = false
			v := s.puts(s.p, "a", "")
			time.Sleep(lag)
			w := s.puts(s.s, "a", v.Rev)
			s.reads("a", w.Rev, nil, 1, 1)
			x := s.puts(s.p, "a", w.Rev)
			time.Sleep(lag)
			s.reads("a", x.Rev, nil, 1, 1) // newer, but who knows
			s.reads("a", x.Rev, nil, 0, 1) // the very state that the primary showed
		})
	})
	t.Run("another lineage proves nothing but that time has passed", func(t *testing.T) {
		routed(t, route.Policy{}, func(t *testing.T, s step) {
			s.r.lineage = "replica"
			v := s.puts(s.s, "a", "")
			time.Sleep(maxLag / 2)
			s.reads("a", v.Rev, nil, 1, 1) // which does not begin the time anew
			time.Sleep(maxLag/2 - time.Nanosecond)
			s.reads("a", v.Rev, nil, 1, 1)
			time.Sleep(time.Nanosecond)
			s.reads("a", v.Rev, nil, 0, 1)
			s.reads("a", v.Rev, nil, 0, 1)
		})
	})
	t.Run("an older state is never accepted", func(t *testing.T) {
		routed(t, route.Policy{}, func(t *testing.T, s step) {
			v := s.puts(s.p, "a", "")
			time.Sleep(lag)
			s.reads("a", v.Rev, nil, 0, 1)
			s.r.lag = 100 * maxLag // replication stops
			w := s.puts(s.s, "a", v.Rev)
			time.Sleep(10 * maxLag)
			s.reads("a", w.Rev, nil, 1, 1)
		})
	})
}

func TestBoundedTable(t *testing.T) {
	t.Run("evicted early: the primary until the lag has passed", func(t *testing.T) {
		routed(t, route.Policy{Recent: 2}, func(t *testing.T, s step) {
			a := s.puts(s.s, "a", "")
			time.Sleep(time.Second)
			b := s.puts(s.s, "b", "")
			c := s.puts(s.s, "c", "") // evicts a
			s.reads("a", a.Rev, nil, 1, 0)
			s.reads("b", b.Rev, nil, 1, 1)
			s.reads("c", c.Rev, nil, 1, 1)
			s.reads("never written", "", nil, 1, 0)
			time.Sleep(maxLag - time.Second - 1)
			s.reads("a", a.Rev, nil, 1, 0)
			time.Sleep(time.Nanosecond)
			s.reads("a", a.Rev, nil, 0, 1)
			s.reads("b", b.Rev, nil, 0, 1)
		})
	})
	t.Run("evicted late: the replica", func(t *testing.T) {
		routed(t, route.Policy{Recent: 2}, func(t *testing.T, s step) {
			a := s.puts(s.s, "a", "")
			time.Sleep(maxLag)
			s.puts(s.s, "b", "")
			s.puts(s.s, "c", "")
			s.reads("a", a.Rev, nil, 0, 1)
		})
	})
	t.Run("a rewritten id counts once, as its last write", func(t *testing.T) {
		routed(t, route.Policy{Recent: 2}, func(t *testing.T, s step) {
			a := s.puts(s.s, "a", "")
			s.puts(s.s, "b", "")
			a = s.puts(s.s, "a", a.Rev)
			s.puts(s.s, "c", "") // evicts b
			s.reads("a", a.Rev, nil, 1, 1)
		})
	})
}

func TestQueries(t *testing.T) {
	for _, c := range []struct {
		queries              route.Queries
		before, after, later string
	}{
		{route.QueriesRead, "replica", "replica", "replica"},
		{route.QueriesWrite, "primary", "primary", "primary"},
		{route.QueriesAfterWrites, "replica", "primary", "replica"},
	} {
		routed(t, route.Policy{Queries: c.queries}, func(t *testing.T, s step) {
			loop := s.s.Query(t.Context(), &store.Query{})
			answers := func(when, want string) {
				t.Helper()
				for row := range loop {
					if row.ID != want {
						t.Errorf("queries %d, %s: got a row of the %s, want the %s", c.queries, when, row.ID, want)
					}
				}
				n, err := s.s.Count(t.Context(), &store.Query{})
				if got := [...]string{"replica", "primary"}[n]; got != want || err != nil {
					t.Errorf("queries %d, %s: got a count of the %s, %v, want the %s", c.queries, when, got, err, want)
				}
			}
			answers("before a write", c.before)
			s.puts(s.s, "a", "")
			answers("after a write", c.after)
			time.Sleep(maxLag)
			answers("later", c.later)
		})
	}
}
