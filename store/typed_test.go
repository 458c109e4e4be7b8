package store_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/internal/forwardtest"
)

// named is a small entity.
type named struct {
	id, rev string
	Name    string `json:"name"`
}

func (n *named) UnmarshalDocument(doc store.Document) error {
	n.id, n.rev = doc.ID, doc.Version.Rev
	if err := json.Unmarshal(doc.Body, n); err != nil {
		return &store.Error{Op: store.OpGet, ID: doc.ID, Kind: store.ErrUnreadable, Err: err}
	}
	return nil
}

func (n *named) MarshalDocument() (store.Document, error) {
	if n.Name == "" {
		return store.Document{}, errors.New("no name")
	}
	body, err := json.Marshal(n)
	return store.Document{ID: n.id, Version: store.Version{Rev: n.rev}, Body: body}, err
}

func TestGetAs(t *testing.T) {
	opts := &store.GetOptions{Rev: "1-a"}
	backend := &forwardtest.Echo{Doc: store.Document{ID: "guest/hello", Version: store.Version{Rev: "1-a"}, Body: []byte(`{"name":"hello"}`)}}
	got, err := store.GetAs[named](t.Context(), backend, "guest/hello", opts)
	if want := (named{"guest/hello", "1-a", "hello"}); got != want || err != nil {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if c := backend.Calls()[0]; c.ID != "guest/hello" || *c.Get != *opts {
		t.Errorf("got the call %+v, want id and options as given", c)
	}

	backend.Doc.Body = []byte(`{"name":7}`)
	if got, err := store.GetAs[named](t.Context(), backend, "guest/hello", nil); got != (named{}) || !errors.Is(err, store.ErrUnreadable) {
		t.Errorf("unreadable: got %+v, %v, want the zero value and %v", got, err, store.ErrUnreadable)
	}
	backend.Err = &store.Error{Kind: store.ErrNotFound}
	if got, err := store.GetAs[named](t.Context(), backend, "guest/hello", nil); got != (named{}) || err != backend.Err {
		t.Errorf("absent: got %+v, %v, want the zero value and the store's error", got, err)
	}
}

func TestPutAs(t *testing.T) {
	backend := &forwardtest.Echo{Version: store.Version{Rev: "2-b"}}
	opts := &store.PutOptions{TTL: time.Minute}
	v, err := store.PutAs(t.Context(), backend, &named{"guest/hello", "1-a", "hello"}, opts)
	if v != backend.Version || err != nil {
		t.Errorf("got %v, %v, want %v", v, err, backend.Version)
	}
	c := backend.Calls()[0]
	want := store.Document{ID: "guest/hello", Version: store.Version{Rev: "1-a"}, Body: []byte(`{"name":"hello"}`)}
	if d := forwardtest.Differences(c.Doc, want); d != "" || *c.Put != *opts {
		t.Errorf("got %s, options %+v, want the document and options as given", d, *c.Put)
	}
	if _, err := store.PutAs(t.Context(), backend, &named{}, nil); err == nil || len(backend.Calls()) != 1 {
		t.Errorf("a value that cannot be written: got %v and %d calls, want an error and no further call", err, len(backend.Calls()))
	}
}

func TestFrom(t *testing.T) {
	at := time.Unix(1700000000, 0)
	for _, c := range []struct {
		name           string
		from           store.From
		beginning, now bool
		time           bool
	}{
		{"zero", store.From{}, true, false, false},
		{"beginning", store.FromBeginning(), true, false, false},
		{"now", store.FromNow(), false, true, false},
		{"time", store.FromTime(at), false, false, true},
	} {
		got, isTime := c.from.Time()
		if c.from.IsBeginning() != c.beginning || c.from.IsNow() != c.now || isTime != c.time {
			t.Errorf("%s: got beginning %t, now %t, time %t", c.name, c.from.IsBeginning(), c.from.IsNow(), isTime)
		}
		if isTime && !got.Equal(at) {
			t.Errorf("%s: got %v, want %v", c.name, got, at)
		}
	}
	if !(store.Freshness{}).IsZero() || (store.Freshness{Session: "s"}).IsZero() {
		t.Error("Freshness.IsZero: got it wrong for the zero value or for one with a session")
	}
}
