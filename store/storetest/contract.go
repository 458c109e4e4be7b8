package storetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/whiskstore/whiskstore/store"
)

var contractCases = []suiteCase{
	{"options_nil", func(e *env) {
		s := e.whisks()
		doc := entity(action(e.ns, "hello", 1000))
		v, err := s.Put(e.ctx, doc, nil)
		if err != nil {
			e.Fatalf("Put with nil options: got %v, want nil", err)
		}
		doc.Version = v
		if v, err = s.Put(e.ctx, doc, nil); err != nil {
			e.Fatalf("Put of an update with nil options: got %v, want nil", err)
		}
		e.must(func() error {
			if got, err := s.s.Get(e.ctx, doc.ID, nil); err != nil || got.Version.Rev != v.Rev {
				return fmt.Errorf("Get with nil options: got %+v and %v, want revision %q", got.Version, err, v.Rev)
			}
			return nil
		})
		if _, err := s.s.Delete(e.ctx, doc.ID, v.Rev, nil); err != nil {
			e.Errorf("Delete with nil options: got %v, want nil", err)
		}
	}},
	{"error_shape", func(e *env) {
		s := e.whisks()
		doc := entity(action(e.ns, "hello", 1000))
		v1 := s.put(doc)
		v2 := s.update(doc, v1)
		stale := doc
		stale.Version = v1
		missing := e.ns + "/missing"
		for _, op := range operations(s.s, stale, &store.Query{Table: "whisks.v2.1.0/unknown", StartKey: store.Key{e.ns}, EndKey: store.Key{e.ns, store.Top}}) {
			want := map[store.Op]store.Kind{
				store.OpPut: store.ErrConflict, store.OpGet: store.ErrRevisionMismatch, store.OpDelete: store.ErrConflict,
				store.OpQuery: store.ErrUnsupported, store.OpCount: store.ErrUnsupported,
			}[op.op]
			e.wantError(op.run(e.ctx), store.Error{Op: op.op, Collection: store.Whisks, ID: op.id, Kind: want})
		}
		_, err := s.s.Get(e.ctx, missing, &store.GetOptions{})
		e.wantError(err, store.Error{Op: store.OpGet, Collection: store.Whisks, ID: missing, Kind: store.ErrNotFound})
		_, err = s.s.Delete(e.ctx, missing, v2.Rev, &store.DeleteOptions{})
		e.wantError(err, store.Error{Op: store.OpDelete, Collection: store.Whisks, ID: missing, Kind: store.ErrNotFound})
	}},
	{"cancelled_context", func(e *env) {
		s := e.whisks()
		doc := entity(action(e.ns, "hello", 1000))
		doc.Version = s.put(doc)
		late, cancel := context.WithDeadline(e.ctx, time.Now().Add(-time.Second))
		defer cancel()
		dead, cancel := context.WithCancel(e.ctx)
		cancel()
		for _, ctx := range []context.Context{dead, late} {
			for _, op := range operations(s.s, doc, under(actionsTable, e.ns)) {
				var err error
				e.within(prompt, string(op.op)+" with a done context", func() { err = op.run(ctx) })
				if err != ctx.Err() {
					e.Errorf("%s with a done context: got error %v (%T), want %v as it is", op.op, err, err, ctx.Err())
				}
			}
		}
		if got := s.get(doc.ID); got.Version.Rev != doc.Version.Rev {
			e.Errorf("Get after writes with a done context: got revision %q, want %q", got.Version.Rev, doc.Version.Rev)
		}
	}},
	{"use_after_close", func(e *env) {
		s := e.whisks()
		doc := entity(action(e.ns, "hello", 1000))
		doc.Version = s.put(doc)
		s.clear()
		if err := s.s.Close(); err != nil {
			e.Fatalf("Close: got %v, want nil", err)
		}
		for _, op := range operations(s.s, doc, under(actionsTable, e.ns)) {
			var err error
			e.within(prompt, string(op.op)+" after Close", func() { err = op.run(e.ctx) })
			e.wantKind(string(op.op)+" after Close", err, store.ErrClosed)
		}
		e.wantKind("second Close", s.s.Close(), store.ErrClosed)
	}},
	{"body_kept", func(e *env) {
		s := e.whisks()
		for i, body := range []string{
			`{}`,
			`{"b":1,"a":{"z":[1,2,{"y":null}],"a":true},"":"empty name"}`,
			`{"text":"\u00fc\u2028 \ud83d\ude00 <>& \"\\\/ tab\t"}`,
			`{"ü😀":"𝄞 plain","nested":{"id":"kept","_id":"kept","ttl":7}}`,
			`{"n":[0,-1,1.5,1e3,123456789012]}`,
			`{"long":"` + strings.Repeat("x", 100_000) + `"}`,
		} {
			doc := store.Document{ID: fmt.Sprintf("%s/body%d", e.ns, i), Body: json.RawMessage(body)}
			doc.Version = s.put(doc)
			e.wantBody("Get", s.get(doc.ID), doc)
		}
	}},
	{"body_bytes", func(e *env) {
		e.need(e.Features.ExactBodies, "Features.ExactBodies")
		s := e.whisks()
		for i, body := range []string{
			" {\t\"b\" : 1 ,\r\n \"a\" : [ ] } \n", `{"a":1,"a":2}`, `{"n":1.0e+01,"m":-0.0}`, `{"s":"\u0041\/\u003c"}`,
		} {
			doc := store.Document{ID: fmt.Sprintf("%s/bytes%d", e.ns, i), Body: json.RawMessage(body)}
			s.put(doc)
			if got := s.get(doc.ID); !bytes.Equal(got.Body, doc.Body) {
				e.Errorf("Get: got body %q, want %q", got.Body, doc.Body)
			}
		}
	}},
	{"body_numbers", func(e *env) {
		e.need(e.Features.ExactNumbers, "Features.ExactNumbers")
		s := e.whisks()
		for i, number := range []string{"9007199254740993", "123456789012345678901234567890", "0.1000000000000000055511151231257827"} {
			doc := store.Document{ID: fmt.Sprintf("%s/number%d", e.ns, i), Body: json.RawMessage(`{"n":` + number + `}`)}
			s.put(doc)
			var got struct{ N json.Number }
			if err := json.Unmarshal(s.get(doc.ID).Body, &got); err != nil || got.N.String() != number {
				e.Errorf("Get: got number %s (%v), want %s", got.N, err, number)
			}
		}
	}},
	{"bodies_not_shared", func(e *env) {
		s := e.whisks()
		body := action(e.ns, "hello", 1000)
		doc := entity(body)
		s.put(doc)
		spoil(doc.Body)
		want := entity(body)
		got := s.get(want.ID)
		e.wantBody("Get after the caller changed what it put", got, want)
		spoil(got.Body)
		e.wantBody("Get after the caller changed what it got", s.get(want.ID), want)
		q := under(actionsTable, e.ns)
		q.IncludeDocs = true
		row := s.rows(q, 1)[0]
		spoil(row.Doc.Body)
		spoil(row.Value)
		spoil(row.Key)
		e.wantBody("Get after the caller changed a row", s.get(want.ID), want)
		e.wantBody("Query after the caller changed a row", *s.rows(q, 1)[0].Doc, want)
	}},
	{"meta_ignored", func(e *env) {
		// Put takes a revision from Version and nothing from Meta.
		s := e.whisks()
		doc := entity(action(e.ns, "hello", 1000))
		doc.Version = store.Version{Order: 1 << 40, Lineage: "elsewhere"}
		doc.Meta = store.Meta{ClusterID: "other", Deleted: true, Expires: time.Unix(1, 0)}
		s.put(doc)
		got := s.get(doc.ID)
		if want := (store.Meta{ClusterID: e.Features.Stamp}); got.Meta != want {
			e.Errorf("Get of what was put with a Meta: got %+v, want %+v", got.Meta, want)
		}
		s.wantCount(under(actionsTable, e.ns), 1)
	}},
	{"cluster_id", func(e *env) {
		s := e.subjects()
		doc := auth(e, "foo")
		put := func(rev, cluster string) store.Version {
			doc.Version.Rev = rev
			v, err := s.Put(e.ctx, doc, &store.PutOptions{ClusterID: cluster})
			if err != nil {
				e.Fatalf("Put with cluster id %q: got %v, want nil", cluster, err)
			}
			e.must(func() error {
				got := s.get(doc.ID)
				if want := e.stamped(cluster); got.Meta.ClusterID != want {
					return fmt.Errorf("Get after a Put by %q: got cluster id %q, want %q", cluster, got.Meta.ClusterID, want)
				}
				return nil
			})
			e.wantBody("Get of a stamped document", s.get(doc.ID), doc)
			return v
		}
		v := put("", "east")
		v = put(v.Rev, "west")
		put(v.Rev, "") // each Put clears the cluster id of the state before it
	}},
	{"get_after", func(e *env) {
		s := e.subjects()
		doc := auth(e, "foo")
		doc.Version = s.put(doc)
		first := doc.Version
		doc.Version = s.put(doc)
		for _, v := range []store.Version{first, doc.Version} {
			got, err := s.s.Get(e.ctx, doc.ID, &store.GetOptions{After: store.Freshness{Version: v}})
			if err != nil || got.Version.Rev != doc.Version.Rev {
				e.Errorf("Get after %+v: got %+v and %v, want revision %q", v, got.Version, err, doc.Version.Rev)
			}
		}
		got, err := s.s.Get(e.ctx, doc.ID, &store.GetOptions{Rev: doc.Version.Rev, After: store.Freshness{Version: doc.Version}})
		if err != nil || got.Version.Rev != doc.Version.Rev {
			e.Errorf("Get at and after %+v: got %+v and %v", doc.Version, got.Version, err)
		}
		_, err = s.s.Get(e.ctx, doc.ID, &store.GetOptions{Rev: first.Rev, After: store.Freshness{Version: doc.Version}})
		e.wantKind("Get at an old revision after a newer one", err, store.ErrRevisionMismatch)
		_, err = s.s.Get(e.ctx, doc.ID, &store.GetOptions{After: store.Freshness{Session: "not a session of any backend"}})
		e.wantKind("Get after a foreign session", err, store.ErrInvalid)
	}},
}

// stamped is the cluster id that a write with cluster in its options has.
func (e *env) stamped(cluster string) string {
	if e.Features.Stamp != "" {
		return e.Features.Stamp
	}
	return cluster
}

// wantError holds that err is one *store.Error with want's fields.
func (e *env) wantError(err error, want store.Error) {
	e.Helper()
	var got *store.Error
	if !errors.As(err, &got) {
		e.Errorf("%s %q: got error %v (%T), want a *store.Error of kind %v", want.Op, want.ID, err, err, want.Kind)
		return
	}
	if got.Op != want.Op || got.Collection != want.Collection || got.ID != want.ID || got.Kind != want.Kind {
		e.Errorf("%s %q: got error %#v, want op %q, collection %q, id %q, kind %v",
			want.Op, want.ID, got, want.Op, want.Collection, want.ID, want.Kind)
	}
	if store.KindOf(err) != want.Kind {
		e.Errorf("%s %q: got kind %v, want %v", want.Op, want.ID, store.KindOf(err), want.Kind)
	}
}

// operation is one call of the contract, with what its error names.
type operation struct {
	op  store.Op
	id  string
	run func(ctx context.Context) error
}

// operations returns one call of each operation, on doc and its revision.
func operations(s store.ArtifactStore, doc store.Document, q *store.Query) []operation {
	return []operation{
		{store.OpPut, doc.ID, func(ctx context.Context) error {
			_, err := s.Put(ctx, doc, &store.PutOptions{})
			return err
		}},
		{store.OpGet, doc.ID, func(ctx context.Context) error {
			_, err := s.Get(ctx, doc.ID, &store.GetOptions{Rev: doc.Version.Rev})
			return err
		}},
		{store.OpDelete, doc.ID, func(ctx context.Context) error {
			_, err := s.Delete(ctx, doc.ID, doc.Version.Rev, &store.DeleteOptions{})
			return err
		}},
		{store.OpQuery, q.Table, func(ctx context.Context) error {
			for _, err := range s.Query(ctx, q) {
				if err != nil {
					return err
				}
			}
			return nil
		}},
		{store.OpCount, q.Table, func(ctx context.Context) error {
			_, err := s.Count(ctx, q)
			return err
		}},
	}
}

// spoil overwrites what a caller may overwrite.
func spoil(b []byte) {
	for i := range b {
		b[i] = 'x'
	}
}
