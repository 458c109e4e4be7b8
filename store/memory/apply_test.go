package memory_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/memory"
)

func TestApplyIsIdempotentAndOrdered(t *testing.T) {
	a, b := open(t, memory.Options{}), open(t, memory.Options{})
	f, g := a.Feed(), b.Feed()
	defer f.Close()
	defer g.Close()
	doc := trigger("guest", "a", 1)
	v1 := put(t, a, doc, &store.PutOptions{ClusterID: "west", TTL: time.Hour})
	first, _ := drain(t, f, "")
	newer := trigger("guest", "a", 2)
	v2 := updateTo(t, a, newer, v1)
	second, _ := drain(t, f, "")
	for _, c := range []store.Change{first[0], first[0], second[0], first[0], second[0]} {
		if err := b.Apply(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	got, err := b.Get(t.Context(), doc.ID, nil)
	if err != nil || got.Version != v2 || string(got.Body) != string(newer.Body) {
		t.Errorf("Get of the replica: got %+v and %v, want version %+v", got, err, v2)
	}
	if n := b.Stats().Commits; n != 2 {
		t.Errorf("commits of the replica: got %d, want 2", n)
	}
	changes, token := drain(t, g, "")
	if len(changes) != 1 || changes[0].Version != v2 || !changes[0].Committed.Equal(second[0].Committed) {
		t.Errorf("feed of the replica: got %+v, want %+v", changes, second)
	}

	// What comes back is our own past.
	put(t, b, trigger("guest", "b", 1), nil)
	mine, _ := drain(t, g, token)
	if err := a.Apply(t.Context(), mine[0]); err != nil {
		t.Fatal(err)
	}
	del(t, b, mine[0].ID, mine[0].Version.Rev, nil)
	if err := b.Apply(t.Context(), mine[0]); err != nil {
		t.Fatal(err)
	}
	_, err = b.Get(t.Context(), mine[0].ID, nil)
	wantKind(t, "Get of a document whose deleted state came back", err, store.ErrNotFound)

	for _, c := range []store.Change{{ID: "x", Version: v1}, {ID: "x", Doc: &doc}} {
		wantKind(t, fmt.Sprintf("Apply %+v", c), b.Apply(t.Context(), c), store.ErrInvalid)
	}
}

// Masters that write the same documents, with clocks that disagree and jump,
// and exchange their changes late, repeatedly and in any order end up equal.
func TestMastersConverge(t *testing.T) {
	for seed := range uint64(30) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		const masters, docs = 3, 4
		var stores [masters]*memory.Store
		var clocks [masters]*clock
		for i := range stores {
			clocks[i] = newClock()
			clocks[i].advance(time.Duration(rnd.IntN(100)) * time.Millisecond)
			stores[i] = open(t, memory.Options{Now: clocks[i].now})
		}
		var log []store.Change
		collect := func(s *memory.Store) {
			f := s.Feed()
			defer f.Close()
			changes, _ := drain(t, f, "")
			log = append(log, changes...)
		}
		apply := func(s *memory.Store, c store.Change) {
			if err := s.Apply(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		for step := range 200 {
			i := rnd.IntN(masters)
			s := stores[i]
			clocks[i].advance(time.Duration(rnd.IntN(20)-8) * time.Millisecond)
			doc := trigger("guest", fmt.Sprint(rnd.IntN(docs)), step)
			got, err := s.Get(t.Context(), doc.ID, nil)
			switch {
			case errors.Is(err, store.ErrNotFound):
				put(t, s, doc, nil)
			case rnd.IntN(4) == 0:
				del(t, s, doc.ID, got.Version.Rev, &store.DeleteOptions{Tombstone: time.Hour})
			default:
				updateTo(t, s, doc, got.Version)
			}
			collect(s)
			for range rnd.IntN(4) {
				apply(stores[rnd.IntN(masters)], log[rnd.IntN(len(log))])
			}
		}
		for i := range stores {
			for _, n := range rnd.Perm(len(log)) {
				apply(stores[i], log[n])
			}
		}
		for n := range docs {
			id := fmt.Sprintf("guest/%d", n)
			want, err := stores[0].Get(t.Context(), id, &store.GetOptions{Tombstones: true})
			for i, s := range stores {
				got, err2 := s.Get(t.Context(), id, &store.GetOptions{Tombstones: true})
				if got.Version != want.Version || string(got.Body) != string(want.Body) || (err == nil) != (err2 == nil) {
					t.Errorf("seed %d, %s on master %d: got %+v, want %+v as on master 0", seed, id, i, got, want)
				}
			}
		}
		want := ids(t, stores[0], triggers("guest"))
		for i, s := range stores {
			if got := ids(t, s, triggers("guest")); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("seed %d, rows of master %d: got %v, want %v", seed, i, got, want)
			}
		}
	}
}
