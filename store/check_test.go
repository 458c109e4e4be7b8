package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/internal/forwardtest"
)

func TestCheckForwards(t *testing.T) {
	forwardtest.Run(t, store.Check(nil), forwardtest.Want{})
	t.Run("with options", func(t *testing.T) {
		forwardtest.Run(t, store.Check(&store.CheckOptions{Collection: store.Whisks, MaxBody: -1}), forwardtest.Want{})
	})
}

// call is one operation of the contract, for tests that treat all alike.
type call struct {
	op store.Op
	id string
	do func(ctx context.Context, s store.ArtifactStore) error
}

func query(s store.ArtifactStore, ctx context.Context, q *store.Query) error {
	var last error
	for _, err := range s.Query(ctx, q) {
		last = err
	}
	return last
}

var goodQuery = store.Query{Table: "whisks.v2.1.0/actions", StartKey: store.Key{"guest"}, EndKey: store.Key{"guest", store.Top}}

func calls() []call {
	return []call{
		{store.OpGet, "guest/a", func(ctx context.Context, s store.ArtifactStore) error {
			_, err := s.Get(ctx, "guest/a", nil)
			return err
		}},
		{store.OpPut, "guest/a", func(ctx context.Context, s store.ArtifactStore) error {
			_, err := s.Put(ctx, store.Document{ID: "guest/a", Body: []byte(`{}`)}, nil)
			return err
		}},
		{store.OpDelete, "guest/a", func(ctx context.Context, s store.ArtifactStore) error {
			_, err := s.Delete(ctx, "guest/a", "1-a", nil)
			return err
		}},
		{store.OpQuery, goodQuery.Table, func(ctx context.Context, s store.ArtifactStore) error { return query(s, ctx, &goodQuery) }},
		{store.OpCount, goodQuery.Table, func(ctx context.Context, s store.ArtifactStore) error {
			_, err := s.Count(ctx, &goodQuery)
			return err
		}},
	}
}

func TestCheckRefusesBadArguments(t *testing.T) {
	cosmos := store.Check(&store.CheckOptions{Collection: store.Whisks, MaxBody: 64, ID: store.CheckCosmosID})
	get := func(id string) func(context.Context, store.ArtifactStore) error {
		return func(ctx context.Context, s store.ArtifactStore) error {
			_, err := s.Get(ctx, id, nil)
			return err
		}
	}
	put := func(body string, opts *store.PutOptions) func(context.Context, store.ArtifactStore) error {
		return func(ctx context.Context, s store.ArtifactStore) error {
			_, err := s.Put(ctx, store.Document{ID: "guest/a", Body: []byte(body)}, opts)
			return err
		}
	}
	del := func(rev string, opts *store.DeleteOptions) func(context.Context, store.ArtifactStore) error {
		return func(ctx context.Context, s store.ArtifactStore) error {
			_, err := s.Delete(ctx, "doc-with-empty-revision", rev, opts)
			return err
		}
	}
	for _, c := range []struct {
		name string
		do   func(context.Context, store.ArtifactStore) error
		want string // the error's text behind operation, collection and id; empty when the call passes
	}{
		{"CRUD-D3_empty id", get(""), `invalid argument: id is empty`},
		{"CRUD-D3_blank id", get(" \u00a0"), `invalid argument: id is blank`},
		{"id with white space in front", get(" guest/a"), `invalid argument: id has surrounding white space`},
		{"id with wide white space behind", get("guest/a\u3000"), `invalid argument: id has surrounding white space`},
		{"id with white space inside", get("guest/a b"), ``},
		{"longest id", get(strings.Repeat("a", store.MaxIDLength)), ``},
		{"over-long id", get(strings.Repeat("a", store.MaxIDLength+1)), `invalid argument: id of 1024 bytes, the limit is 1023`},
		{"over-long id in bytes", get(strings.Repeat("é", store.MaxIDLength/2+1)), `invalid argument: id of 1024 bytes, the limit is 1023`},
		{"id with a control character", get("guest/a\nb"), `invalid argument: id holds the control character 0x0a at byte 7`},
		{"id with DEL", get("guest/\x7f"), `invalid argument: id holds the control character 0x7f at byte 6`},
		{"id that is not UTF-8", get("guest/\xff"), `invalid argument: id is not UTF-8`},
		{"id in another script", get("guest/動作"), ``},
		{"pipe in an id", get("guest|a"), `invalid argument: id holds '|' at byte 5, which Cosmos DB cannot store`},
		{"number sign in an id", get("guest/a#"), `invalid argument: id holds '#' at byte 7, which Cosmos DB cannot store`},
		{"question mark in an id", get("guest/?"), `invalid argument: id holds '?' at byte 6, which Cosmos DB cannot store`},
		{"backslash in an id", get(`guest\a`), `invalid argument: id holds '\\' at byte 5, which Cosmos DB cannot store`},

		{"no body", put(``, nil), `invalid argument: body is not a JSON object`},
		{"null", put(`null`, nil), `invalid argument: body is not a JSON object`},
		{"array", put(`[{}]`, nil), `invalid argument: body is not a JSON object`},
		{"text", put(`"a"`, nil), `invalid argument: body is not a JSON object`},
		{"half an object", put(`{"a":1`, nil), `invalid argument: malformed JSON: ends inside an object`},
		{"two objects", put(`{}{}`, nil), `invalid argument: malformed JSON: '{' after the object at byte 2`},
		{"body that is not UTF-8", put("{\"a\":\"\xff\"}", nil), `invalid argument: malformed JSON: not UTF-8 at byte 6`},
		{"member _id", put(`{"a":1,"_id":"b"}`, nil), `invalid argument: body holds the reserved member "_id"`},
		{"member _rev", put(`{"_rev":"b"}`, nil), `invalid argument: body holds the reserved member "_rev"`},
		{"member _c", put(`{"_c":{}}`, nil), `invalid argument: body holds the reserved member "_c"`},
		{"member id", put(`{"id":"b"}`, nil), `invalid argument: body holds the reserved member "id"`},
		{"member ttl", put(`{"ttl":1}`, nil), `invalid argument: body holds the reserved member "ttl"`},
		{"escaped member", put(`{"\u0069d":"b"}`, nil), `invalid argument: body holds the reserved member "id"`},
		{"escaped underscore", put(`{"\u005fid":"b"}`, nil), `invalid argument: body holds the reserved member "_id"`},
		{"reserved names further down", put(`{"a":{"id":1,"_id":2,"ttl":3},"Id":4}`, nil), ``},
		{"body at the limit", put(`{"a":"`+strings.Repeat("x", 64-8)+`"}`, nil), ``},
		{"body over the limit", put(`{"a":"`+strings.Repeat("x", 64-7)+`"}`, nil), `too large: body of 65 bytes, the limit is 64`},
		{"negative time to live", put(`{}`, &store.PutOptions{TTL: -1}), `invalid argument: TTL -1ns is negative`},
		{"longest time to live", put(`{}`, &store.PutOptions{TTL: store.MaxTTL}), ``},
		{"over-long time to live", put(`{}`, &store.PutOptions{TTL: math.MaxInt64}), `invalid argument: TTL 2562047h47m16.854775807s, the limit is 596523h14m7s`},

		{"CRUD-08_no revision", del("", nil), `invalid argument: no revision`},
		{"negative tombstone", del("42", &store.DeleteOptions{Tombstone: -time.Second}), `invalid argument: Tombstone -1s is negative`},
		{"over-long tombstone", del("42", &store.DeleteOptions{Tombstone: store.MaxTTL + 1}), `invalid argument: Tombstone 596523h14m7.000000001s, the limit is 596523h14m7s`},
	} {
		t.Run(c.name, func(t *testing.T) { refuses(t, cosmos, c.do, c.want) })
	}
}

func refuses(t *testing.T, m store.Middleware, do func(context.Context, store.ArtifactStore) error, want string) {
	t.Helper()
	backend := &forwardtest.Echo{}
	err := do(t.Context(), m(backend))
	if want == "" {
		if err != nil || len(backend.Calls()) != 1 {
			t.Errorf("got error %v and %d calls of the backend, want none and one", err, len(backend.Calls()))
		}
		return
	}
	if err == nil || !strings.HasSuffix(err.Error(), ": "+want) {
		t.Errorf("got error %v, want one that ends %q", err, want)
	}
	var e *store.Error
	if !errors.As(err, &e) || e.Op == "" || e.Collection != store.Whisks {
		t.Errorf("got error %#v, want a store.Error with operation and collection", err)
	}
	if n := len(backend.Calls()); n != 0 {
		t.Errorf("got %d calls of the backend, want none", n)
	}
}

func TestCheckRefusesBadQueries(t *testing.T) {
	m := store.Check(&store.CheckOptions{Collection: store.Whisks})
	with := func(change func(*store.Query)) *store.Query {
		q := goodQuery
		change(&q)
		return &q
	}
	for _, c := range []struct {
		name string
		q    *store.Query
		want string
	}{
		{"as upstream asks", with(func(q *store.Query) {}), ``},
		{"no query", nil, `invalid argument: no query`},
		{"QRY-09_QRY-12_negative skip", with(func(q *store.Query) { q.Skip = -1 }), `invalid argument: skip -1 is negative`},
		{"QRY-09_negative limit", with(func(q *store.Query) { q.Limit = -1 }), `invalid argument: limit -1 is negative`},
		{"QRY-D2_reduce with documents", with(func(q *store.Query) { q.Reduce, q.IncludeDocs = true, true }), `invalid argument: reduce and includeDocs exclude each other`},
		{"reduce without documents", with(func(q *store.Query) { q.Reduce = true }), ``},
		{"no table", with(func(q *store.Query) { q.Table = "" }), `invalid argument: table "" is not <design document>/<view>`},
		{"table without a view", with(func(q *store.Query) { q.Table = "whisks" }), `invalid argument: table "whisks" is not <design document>/<view>`},
		{"table with an empty view", with(func(q *store.Query) { q.Table = "whisks/" }), `invalid argument: table "whisks/" is not <design document>/<view>`},
		{"table with a path", with(func(q *store.Query) { q.Table = "a/b/c" }), `invalid argument: table "a/b/c" is not <design document>/<view>`},
		{"stale out of range", with(func(q *store.Query) { q.Stale = store.StaleUpdateAfter + 1 }), `invalid argument: stale is 3`},
		{"nil in a key", with(func(q *store.Query) { q.StartKey = store.Key{"guest", nil} }), `invalid argument: startKey[1] is a <nil>, not a string, number or bool`},
		{"object in a key", with(func(q *store.Query) { q.EndKey = store.Key{map[string]any{}} }), `invalid argument: endKey[0] is a map[string]interface {}, not a string, number or bool`},
		{"NaN in a key", with(func(q *store.Query) { q.StartKey = store.Key{math.NaN()} }), `invalid argument: startKey[0] is NaN`},
		{"infinity in a key", with(func(q *store.Query) { q.EndKey = store.Key{"guest", math.Inf(1)} }), `invalid argument: endKey[1] is +Inf`},
		{"a key that is not UTF-8", with(func(q *store.Query) { q.StartKey = store.Key{"\xff"} }), `invalid argument: startKey[0] is not UTF-8`},
		{"every good key element", with(func(q *store.Query) { q.StartKey = store.Key{"a", 1, int64(2), 3.5, true} }), ``},
	} {
		t.Run(c.name, func(t *testing.T) {
			refuses(t, m, func(ctx context.Context, s store.ArtifactStore) error { return query(s, ctx, c.q) }, c.want)
			refuses(t, m, func(ctx context.Context, s store.ArtifactStore) error {
				_, err := s.Count(ctx, c.q)
				return err
			}, c.want)
		})
	}
}

// A key may hold a secret (identities by credentials), so no error repeats one.
func TestCheckErrorsHoldNoKey(t *testing.T) {
	q := store.Query{Table: "subjects.v2.0.0/identities", StartKey: store.Key{"uuid", "hunter2\xff"}}
	if err := store.CheckQuery(&q); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got error %v, want one without the key", err)
	}
}

func TestCheckRefusesADoneContext(t *testing.T) {
	for _, c := range calls() {
		backend := &forwardtest.Echo{}
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errors.New("the cause is not what callers look for"))
		if err := c.do(ctx, store.Check(nil)(backend)); err != context.Canceled {
			t.Errorf("%s: got %v, want %v", c.op, err, context.Canceled)
		}
		if n := len(backend.Calls()); n != 0 {
			t.Errorf("%s: got %d calls of the backend, want none", c.op, n)
		}
	}
}

func TestCheckAfterClose(t *testing.T) {
	backend := &forwardtest.Echo{}
	s := store.Check(&store.CheckOptions{Collection: store.Whisks})(backend)
	loop := s.Query(t.Context(), &goodQuery)
	if err := s.Close(); err != nil {
		t.Fatalf("got %v, want no error", err)
	}
	for _, c := range append(calls(),
		call{store.OpQuery, goodQuery.Table, func(context.Context, store.ArtifactStore) (last error) {
			for _, err := range loop {
				last = err
			}
			return last
		}},
		call{store.OpClose, "", func(_ context.Context, s store.ArtifactStore) error { return s.Close() }}) {
		err := c.do(t.Context(), s)
		var e *store.Error
		if !errors.As(err, &e) {
			t.Fatalf("%s: got %v, want a store.Error", c.op, err)
		}
		if want := (store.Error{Op: c.op, Collection: store.Whisks, ID: c.id, Kind: store.ErrClosed}); *e != want {
			t.Errorf("got %+v, want %+v", *e, want)
		}
	}
	if n := len(backend.Calls()); n != 1 {
		t.Errorf("got %d calls of the backend, want only the first Close", n)
	}
}

func TestCheckShapesErrors(t *testing.T) {
	conflict := &store.Error{Kind: store.ErrConflict}
	outer := fmt.Errorf("outer: %w", &store.Error{Op: "x", Kind: store.ErrThrottled})
	unavailable := &store.Error{Kind: store.ErrUnavailable, Err: errTimeout}
	for _, c := range calls() {
		stray := store.ErrUnavailable
		if c.op == store.OpPut || c.op == store.OpDelete {
			stray = store.ErrInDoubt
		}
		named := store.Error{Op: c.op, Collection: store.Whisks, ID: c.id}
		for _, e := range []struct {
			name string
			from error
			want store.Error
		}{
			{"a stray error", io.ErrUnexpectedEOF, store.Error{Kind: stray, Err: io.ErrUnexpectedEOF}},
			{"a bare kind", store.ErrTooLarge, store.Error{Kind: store.ErrTooLarge, Err: store.ErrTooLarge}},
			{"a wrapped error", outer, store.Error{Kind: store.ErrThrottled, Err: outer}},
			{"an error without names", conflict, store.Error{Kind: store.ErrConflict}},
			{"a client's own time-out", unavailable, store.Error{Kind: store.ErrUnavailable, Err: errTimeout}},
		} {
			want := e.want
			want.Op, want.Collection, want.ID = named.Op, named.Collection, named.ID
			err := c.do(t.Context(), store.Check(&store.CheckOptions{Collection: store.Whisks})(&forwardtest.Echo{Err: e.from}))
			if got, ok := err.(*store.Error); !ok || *got != want {
				t.Errorf("%s, %s: got %#v, want %#v", c.op, e.name, err, want)
			}
		}
		for _, want := range []error{context.Canceled, context.DeadlineExceeded} {
			err := c.do(t.Context(), store.Check(nil)(&forwardtest.Echo{Err: fmt.Errorf("client: %w", want)}))
			if err != want {
				t.Errorf("%s, a wrapped context's end: got %#v, want %v unwrapped", c.op, err, want)
			}
		}
	}
	if conflict.Op != "" {
		t.Error("got the backend's error changed, want a copy")
	}
}

func TestWholeSeconds(t *testing.T) {
	for ttl, want := range map[time.Duration]int64{0: 0, 1: 1, time.Second: 1, time.Second + 1: 2, store.MaxTTL: math.MaxInt32} {
		if got := store.WholeSeconds(ttl); got != want {
			t.Errorf("WholeSeconds(%v): got %d, want %d", ttl, got, want)
		}
	}
}
