package storetest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/whiskstore/whiskstore/store"
)

func TestLinearizabilityOfMemory(t *testing.T) {
	for _, replica := range []bool{false, true} {
		h := overMemory(spoiled{features: func(f *Features) { f.ReplicaReads = replica }})
		for seed := range uint64(5) {
			TestLinearizability(t, h, &LinearizabilityOptions{Seed: seed + 1})
		}
	}
}

// TestLinearizabilityMutants holds that a store which breaks the order of single
// documents is found out.
func TestLinearizabilityMutants(t *testing.T) {
	both := []string{"concurrent", "lost_replies"}
	for _, m := range []mutant{
		{"lets the last update win", both, onPut(func(w *wrong) putFunc {
			return func(ctx context.Context, doc store.Document, opts store.PutOptions) (store.Version, error) {
				v, err := w.next.Put(ctx, doc, &opts)
				if doc.Version.Rev != "" && errors.Is(err, store.ErrConflict) {
					return w.forced(ctx, doc, opts)
				}
				return v, err
			}
		})},
		{"reads an old state at times", both, spoiled{store: func(w *wrong) {
			var n atomic.Int64
			var old atomic.Pointer[store.Document]
			w.get = func(ctx context.Context, id string, opts store.GetOptions) (store.Document, error) {
				doc, err := w.next.Get(ctx, id, &opts)
				if was := old.Load(); was != nil && was.ID == id && n.Add(1)%5 == 0 {
					return *was, nil
				}
				if err == nil && n.Load()%5 == 0 {
					old.Store(&doc)
				}
				return doc, err
			}
		}}},
		{"loses an update that it confirmed", both, spoiled{store: func(w *wrong) {
			var n atomic.Int64
			w.put = func(ctx context.Context, doc store.Document, opts store.PutOptions) (store.Version, error) {
				if now, live := w.current(doc.ID); live && doc.Version.Rev == now.Version.Rev && n.Add(1)%3 == 0 {
					return store.Version{Rev: "confirmed"}, nil
				}
				return w.next.Put(ctx, doc, &opts)
			}
		}}},
		{"calls a write that happened a conflict", both, spoiled{store: func(w *wrong) {
			var n atomic.Int64
			w.put = func(ctx context.Context, doc store.Document, opts store.PutOptions) (store.Version, error) {
				v, err := w.next.Put(ctx, doc, &opts)
				if err == nil && n.Add(1)%4 == 0 {
					return store.Version{}, conflict(store.OpPut, doc.ID)
				}
				return v, err
			}
		}}},
	} {
		t.Run(m.defect, func(t *testing.T) {
			outcomes := record(t, func(t tb, h NewHarness) {
				testLinearizability(t, h, &LinearizabilityOptions{Seed: 3})
			}, overMemory(m.spoil))
			if got := failures(outcomes); strings.Join(got, " ") != strings.Join(m.fails, " ") {
				t.Errorf("a store that %s: got failures of %q, want %q", m.defect, got, m.fails)
			}
			for _, o := range outcomes {
				_, path, drawn := strings.Cut(strings.Join(o.log, ""), "time line: ")
				info, err := os.Stat(path)
				if !drawn || err != nil || info.Size() < 10_000 {
					t.Errorf("time line %q: got %v, want a page", path, err)
				} else if !keepsArtifacts() {
					_ = os.RemoveAll(filepath.Dir(path))
				}
			}
		})
	}
}
