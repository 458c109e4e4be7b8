package forwardtest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/whiskstore/whiskstore/store"
)

// Want says what a decorator changes; the zero value is one that changes
// nothing.
type Want struct {
	// Put and Delete, when set, change the options that the store behind must see.
	Put    func(*store.PutOptions)
	Delete func(*store.DeleteOptions)

	// Closes is how often the store behind is closed; 0 is once.
	Closes int
}

// Run tests what wrap builds around an Echo. The result of wrap may hold the
// Echo more than once.
func Run(t *testing.T, wrap func(next store.ArtifactStore) store.ArtifactStore, want Want) {
	t.Run("arguments", func(t *testing.T) { arguments(t, wrap, want) })
	t.Run("results", func(t *testing.T) { results(t, wrap) })
	t.Run("errors", func(t *testing.T) { errorsUnchanged(t, wrap) })
	t.Run("loops", func(t *testing.T) { loops(t, wrap) })
	t.Run("close", func(t *testing.T) { closes(t, wrap, want) })
	t.Run("methods", methods)
}

// methods fails when the contract gets a method that Run does not know.
func methods(t *testing.T) {
	known := map[string]bool{"Get": true, "Put": true, "Delete": true, "Query": true, "Count": true, "Close": true}
	for m := range reflect.TypeFor[store.ArtifactStore]().Methods() {
		if !known[m.Name] {
			t.Errorf("the contract has the method %s, which this test does not call", m.Name)
		}
	}
}

type ctxKey struct{}

func filled[T any](change func(*T)) (given, want *T) {
	given, want = new(T), new(T)
	Fill(given)
	Fill(want)
	copyFuncs(reflect.ValueOf(want).Elem(), reflect.ValueOf(given).Elem())
	if change != nil {
		change(want)
	}
	return given, want
}

func copyFuncs(dst, src reflect.Value) {
	if dst.Kind() != reflect.Struct {
		return
	}
	for i := range dst.NumField() {
		if dst.Field(i).Kind() == reflect.Func {
			dst.Field(i).Set(src.Field(i))
		}
	}
}

// queries returns queries that together set every field, and are valid.
func queries() []*store.Query {
	var a, b store.Query
	Fill(&a)
	Fill(&b)
	a.Reduce = false
	b.IncludeDocs = false
	return []*store.Query{&a, &b}
}

func arguments(t *testing.T, wrap func(store.ArtifactStore) store.ArtifactStore, want Want) {
	e := newEcho()
	s := wrap(e)
	ctx := context.WithValue(t.Context(), ctxKey{}, "kept")

	last := func(method string) Call {
		t.Helper()
		calls := e.Calls()
		if len(calls) == 0 || calls[len(calls)-1].Method != method {
			t.Fatalf("got calls %v, want the last one to be %s", calls, method)
		}
		c := calls[len(calls)-1]
		if got := c.Ctx.Value(ctxKey{}); got != "kept" {
			t.Errorf("%s: got the context value %v, want kept", method, got)
		}
		return c
	}
	check := func(what string, got, want any) {
		t.Helper()
		if d := Differences(got, want); d != "" {
			t.Errorf("%s: %s", what, d)
		}
	}

	getGiven, getWant := filled[store.GetOptions](nil)
	for _, o := range []struct{ given, want *store.GetOptions }{{nil, nil}, {&store.GetOptions{}, &store.GetOptions{}}, {getGiven, getWant}} {
		if _, err := s.Get(ctx, "guest/get", o.given); err != nil {
			t.Fatal(err)
		}
		c := last("Get")
		check("Get id", c.ID, "guest/get")
		check("GetOptions", zeroed(c.Get), zeroed(o.want))
		check("GetOptions of the caller", o.given, o.want)
	}

	var doc store.Document
	Fill(&doc)
	putGiven, putUnchanged := filled[store.PutOptions](nil)
	_, putWant := filled(want.Put)
	for _, o := range []struct{ given, want *store.PutOptions }{{nil, changed(want.Put)}, {putGiven, putWant}} {
		if _, err := s.Put(ctx, doc, o.given); err != nil {
			t.Fatal(err)
		}
		c := last("Put")
		check("Put doc", c.Doc, doc)
		check("PutOptions", zeroed(c.Put), zeroed(o.want))
	}
	check("PutOptions of the caller", putGiven, putUnchanged)

	delGiven, delUnchanged := filled[store.DeleteOptions](nil)
	_, delWant := filled(want.Delete)
	for _, o := range []struct{ given, want *store.DeleteOptions }{{nil, changed(want.Delete)}, {delGiven, delWant}} {
		if _, err := s.Delete(ctx, "guest/delete", "1-abc", o.given); err != nil {
			t.Fatal(err)
		}
		c := last("Delete")
		check("Delete id", c.ID, "guest/delete")
		check("Delete rev", c.Rev, "1-abc")
		check("DeleteOptions", zeroed(c.Delete), zeroed(o.want))
	}
	check("DeleteOptions of the caller", delGiven, delUnchanged)

	for i, q := range queries() {
		unchanged := *q
		for _, err := range s.Query(ctx, q) {
			if err != nil {
				t.Fatal(err)
			}
		}
		check(fmt.Sprintf("Query %d", i), last("Query").Query, &unchanged)
		if _, err := s.Count(ctx, q); err != nil {
			t.Fatal(err)
		}
		check(fmt.Sprintf("Count %d", i), last("Count").Query, &unchanged)
		check("Query of the caller", q, &unchanged)
	}
}

// zeroed makes nil options and zero options alike, which they are.
func zeroed[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

func changed[T any](change func(*T)) *T {
	v := new(T)
	if change != nil {
		change(v)
	}
	return v
}

func newEcho() *Echo {
	e := &Echo{N: 42, Rows: make([]store.Row, 3)}
	Fill(&e.Doc)
	Fill(&e.Version)
	for i := range e.Rows {
		Fill(&e.Rows[i])
	}
	return e
}

func results(t *testing.T, wrap func(store.ArtifactStore) store.ArtifactStore) {
	e := newEcho()
	s := wrap(e)
	doc, err := s.Get(t.Context(), "guest/get", nil)
	if d := Differences(doc, e.Doc); d != "" || err != nil {
		t.Errorf("Get: %s, error %v", d, err)
	}
	v, err := s.Put(t.Context(), store.Document{ID: "guest/put", Body: []byte(`{}`)}, nil)
	if v != e.Version || err != nil {
		t.Errorf("Put: got %v, %v, want %v", v, err, e.Version)
	}
	v, err = s.Delete(t.Context(), "guest/delete", "1-abc", nil)
	if v != e.Version || err != nil {
		t.Errorf("Delete: got %v, %v, want %v", v, err, e.Version)
	}
	n, err := s.Count(t.Context(), queries()[0])
	if n != e.N || err != nil {
		t.Errorf("Count: got %d, %v, want %d", n, err, e.N)
	}
	var rows []store.Row
	for row, err := range s.Query(t.Context(), queries()[0]) {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	if !reflect.DeepEqual(rows, e.Rows) {
		t.Errorf("Query: got rows %v, want %v", rows, e.Rows)
	}
}

// errorsUnchanged shows that errors come back as the very same value.
func errorsUnchanged(t *testing.T, wrap func(store.ArtifactStore) store.ArtifactStore) {
	want := []error{context.Canceled, context.DeadlineExceeded}
	for k := store.ErrNotFound; k <= store.ErrClosed; k++ {
		want = append(want, &store.Error{Op: "op", Collection: "whisks", ID: "id", Kind: k, Err: errors.New("cause")})
	}
	for _, err := range want {
		e := newEcho()
		e.Doc, e.Version, e.N, e.Err = store.Document{}, store.Version{}, 0, err
		s := wrap(e)
		_, got := s.Get(t.Context(), "guest/get", nil)
		same(t, "Get", got, err)
		_, got = s.Put(t.Context(), store.Document{ID: "guest/put", Body: []byte(`{}`)}, nil)
		same(t, "Put", got, err)
		_, got = s.Delete(t.Context(), "guest/delete", "1-abc", nil)
		same(t, "Delete", got, err)
		_, got = s.Count(t.Context(), queries()[0])
		same(t, "Count", got, err)
		rows := 0
		for row, qerr := range s.Query(t.Context(), queries()[0]) {
			if rows++; rows <= len(e.Rows) {
				same(t, "Query row", qerr, nil)
				continue
			}
			same(t, "Query", qerr, err)
			if !reflect.DeepEqual(row, store.Row{}) {
				t.Errorf("Query: got the row %v beside the error, want none", row)
			}
		}
		if rows != len(e.Rows)+1 {
			t.Errorf("Query: got %d pairs, want %d rows and an error", rows, len(e.Rows))
		}
		same(t, "Close", s.Close(), err)
	}
}

// same fails unless got is want itself, or all that got joins is.
func same(t *testing.T, method string, got, want error) {
	t.Helper()
	if joined, ok := got.(interface{ Unwrap() []error }); ok && method == "Close" {
		for _, err := range joined.Unwrap() {
			same(t, method, err, want)
		}
		return
	}
	if got != want {
		t.Errorf("%s: got error %v, want %v unchanged", method, got, want)
	}
}

func loops(t *testing.T, wrap func(store.ArtifactStore) store.ArtifactStore) {
	e := newEcho()
	s := wrap(e)
	loop := s.Query(t.Context(), queries()[0])
	if calls := e.Calls(); len(calls) != 0 {
		t.Fatalf("got calls %v before the loop, want none", calls)
	}
	for range 2 {
		for range loop {
			break
		}
	}
	var got []string
	for _, c := range e.Calls() {
		got = append(got, c.Method)
	}
	if want := []string{"Query", "break", "Query", "break"}; !reflect.DeepEqual(got, want) {
		t.Errorf("two loops that break after a row: got calls %v, want %v", got, want)
	}
}

func closes(t *testing.T, wrap func(store.ArtifactStore) store.ArtifactStore, want Want) {
	e := newEcho()
	s := wrap(e)
	if err := s.Close(); err != nil {
		t.Errorf("Close: got %v, want no error", err)
	}
	n := 0
	for _, c := range e.Calls() {
		if c.Method == "Close" {
			n++
		}
	}
	if n != max(want.Closes, 1) {
		t.Errorf("got %d calls of Close, want %d", n, max(want.Closes, 1))
	}
}
