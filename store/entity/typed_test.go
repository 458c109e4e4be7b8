package entity_test

import (
	"context"
	"errors"
	"testing"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/entity"
)

// documents is the smallest thing that store.GetAs and store.PutAs take.
type documents map[string]store.Document

func (d documents) Get(_ context.Context, id string, _ *store.GetOptions) (store.Document, error) {
	doc, ok := d[id]
	if !ok {
		return doc, &store.Error{Op: store.OpGet, ID: id, Kind: store.ErrNotFound}
	}
	return doc, nil
}

func (d documents) Put(_ context.Context, doc store.Document, _ *store.PutOptions) (store.Version, error) {
	if doc.Version != d[doc.ID].Version {
		return store.Version{}, &store.Error{Op: store.OpPut, ID: doc.ID, Kind: store.ErrConflict}
	}
	doc.Version = store.Version{Rev: doc.Version.Rev + "+"}
	d[doc.ID] = doc
	return doc.Version, nil
}

func TestTypedAccess(t *testing.T) {
	d := documents{}
	seed := golden(t, "unknown-action")
	d[seed.ID] = seed
	a, err := store.GetAs[entity.Action](t.Context(), d, seed.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	if a.Revision != seed.Version {
		t.Errorf("revision: got %+v, want %+v", a.Revision, seed.Version)
	}
	v, err := store.PutAs(t.Context(), d, &a, nil)
	if err != nil || v.Rev != seed.Version.Rev+"+" {
		t.Errorf("update: got %+v, %v", v, err)
	}
	if _, err := store.PutAs(t.Context(), d, &a, nil); !errors.Is(err, store.ErrConflict) {
		t.Errorf("update from an old state: got %v, want a conflict", err)
	}
	if _, err := store.GetAs[entity.Rule](t.Context(), d, seed.ID, nil); !errors.Is(err, store.ErrTypeMismatch) {
		t.Errorf("as a rule: got %v, want a type mismatch", err)
	}
	if _, err := store.GetAs[entity.Auth](t.Context(), d, "nobody", nil); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("missing: got %v, want not found", err)
	}
	fresh := entity.Package{Namespace: "guest", Name: "new"}
	if _, err := store.PutAs(t.Context(), d, &fresh, nil); err != nil {
		t.Errorf("creation: %v", err)
	}
	// What is written must pass the store's own checks.
	for name := range files(t, "golden/*.json") {
		w, err := decode(golden(t, name))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := w.MarshalDocument()
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(store.CheckID(doc.ID), store.CheckBody(doc.Body)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
