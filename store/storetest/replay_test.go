package storetest

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/whiskstore/whiskstore/store"
)

// over opens one store over memory, spoiled by m.
func over(t testing.TB, m spoiled, collection string) store.ArtifactStore {
	s := overMemory(m)(t).Store(collection)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestReplayOfMemory(t *testing.T) {
	for _, collection := range []string{store.Whisks, store.Activations, store.Subjects} {
		t.Run(collection, func(t *testing.T) {
			for seed := range uint64(10) {
				o := &ReplayOptions{Seed: seed + 1, Collection: collection}
				Replay(t, o, over(t, spoiled{}, collection), over(t, spoiled{}, collection))
			}
		})
	}
}

// TestReplayMutants holds that Replay finds a wrong store, and cuts its log down
// to the few operations that show it.
func TestReplayMutants(t *testing.T) {
	for _, m := range []struct {
		defect     string
		collection string
		most       int // operations of the shortest log that shows it
		spoil      spoiled
	}{
		{"lets the last update win", store.Whisks, 3, onPut(func(w *wrong) putFunc {
			return func(ctx context.Context, doc store.Document, opts store.PutOptions) (store.Version, error) {
				v, err := w.next.Put(ctx, doc, &opts)
				if _, live := w.current(doc.ID); live && doc.Version.Rev != "" && errors.Is(err, store.ErrConflict) {
					return w.forced(ctx, doc, opts)
				}
				return v, err
			}
		})},
		{"brings a tombstone back with an update", store.Whisks, 3, onPut(func(w *wrong) putFunc {
			return func(ctx context.Context, doc store.Document, opts store.PutOptions) (store.Version, error) {
				if _, dead := w.tombstone(doc.ID); dead {
					doc.Version = store.Version{}
				}
				return w.next.Put(ctx, doc, &opts)
			}
		})},
		{"excludes the upper bound of a range", store.Whisks, 3, onQuery(func(_ *wrong, q *store.Query) {
			if n := upto(q); n > 0 {
				q.EndKey = store.Key{q.EndKey[0], n - 1, store.Top}
			}
		})},
		{"has an off-by-one limit", store.Activations, 6, onQuery(func(_ *wrong, q *store.Query) {
			if q.Limit > 0 {
				q.Limit++
			}
		})},
		{"forgets an update of an action", store.Whisks, 3, onPut(func(w *wrong) putFunc {
			return func(ctx context.Context, doc store.Document, opts store.PutOptions) (store.Version, error) {
				if old, live := w.current(doc.ID); live && doc.Version.Rev != "" {
					doc.Body = old.Body
				}
				return w.next.Put(ctx, doc, &opts)
			}
		})},
		{"shows blocked subjects", store.Subjects, 3, onPut(func(w *wrong) putFunc {
			return func(ctx context.Context, doc store.Document, opts store.PutOptions) (store.Version, error) {
				doc.Body = bytes.Replace(doc.Body, []byte(`"blocked":true`), []byte(`"blocked":false`), 1)
				return w.next.Put(ctx, doc, &opts)
			}
		})},
		{"ends its lists with an error", store.Whisks, 1, spoiled{store: func(w *wrong) {
			w.query = func(ctx context.Context, q *store.Query) iter.Seq2[store.Row, error] {
				return func(yield func(store.Row, error) bool) {
					for row, err := range w.next.Query(ctx, q) {
						if !yield(row, err) {
							return
						}
					}
					yield(store.Row{}, &store.Error{Op: store.OpQuery, Kind: store.ErrUnavailable})
				}
			}
		}}},
	} {
		t.Run(m.defect, func(t *testing.T) {
			run := func(seed uint64) string {
				return replayed(t, ReplayOptions{Seed: seed, Collection: m.collection}, spoiled{}, m.spoil)
			}
			log := run(7)
			found := regexp.MustCompile(`^seed 7: the stores differ in the last of (\d+) operations \(of 300\)`).FindStringSubmatch(log)
			if found == nil {
				t.Fatalf("a store that %s: got log %q, want a difference and its seed", m.defect, log)
			}
			if n, _ := strconv.Atoi(found[1]); n > m.most {
				t.Errorf("a store that %s: got %d operations, want at most %d\n%s", m.defect, n, m.most, log)
			}
			if !strings.Contains(log, "\na: ") || !strings.Contains(log, "\nb: ") || strings.Contains(log, "replay-") {
				t.Errorf("a store that %s: got log %q, want both answers, without the namespace", m.defect, log)
			}
			names := regexp.MustCompile(`"(?:rev|_rev)":"[^"]*"`)
			if again := run(7); names.ReplaceAllString(again, "") != names.ReplaceAllString(log, "") {
				t.Errorf("a store that %s: got another log for the same seed:\n%s\nafter\n%s", m.defect, again, log)
			}
		})
	}
}

func TestMinimize(t *testing.T) {
	log := make([]step, 100)
	for i := range log {
		log[i].doc = i
	}
	for _, want := range [][]int{{0}, {99}, {3, 50}, {10, 11, 12, 90}, {0, 99}} {
		runs := 0
		got := minimize(log, func(l []step) bool {
			runs++
			for _, d := range want {
				if !slices.ContainsFunc(l, func(s step) bool { return s.doc == d }) {
					return false
				}
			}
			return true
		})
		var docs []int
		for _, s := range got {
			docs = append(docs, s.doc)
		}
		if !slices.Equal(docs, want) || runs > 500 {
			t.Errorf("minimize: got steps %v after %d runs, want %v", docs, runs, want)
		}
	}
}
