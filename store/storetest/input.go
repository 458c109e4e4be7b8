package storetest

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/whiskstore/whiskstore/store"
)

// inputCases hold that arguments which can never work are refused, with a typed
// error that names them and before any I/O.
var inputCases = []suiteCase{
	{"bad_ids", func(e *env) {
		s := e.whisks()
		body := action(e.ns, "hello", 1000).raw()
		for _, id := range append([]string{
			"", " ", " \t ", " leading", "trailing ", "a\x00b", "a\nb", "\xff\xfe", strings.Repeat("x", store.MaxIDLength+1),
		}, e.Features.RefusedIDs...) {
			for _, op := range operations(s.s, store.Document{ID: id, Body: body, Version: store.Version{Rev: "1"}}, under(actionsTable, e.ns)) {
				if op.op == store.OpQuery || op.op == store.OpCount {
					continue
				}
				what := fmt.Sprintf("%s of id %.40q", op.op, id)
				e.sendsNothing(what, func() {
					e.wantError(op.run(e.ctx), store.Error{Op: op.op, Collection: store.Whisks, ID: id, Kind: store.ErrInvalid})
				})
			}
		}
	}},
	{"good_ids", func(e *env) {
		s := e.whisks()
		ids := []string{
			e.ns + "/a b.c&d-e@f", e.ns + "/ü😀", e.ns + "/a%2Fb+c", e.ns + "/../x", e.ns + "//", e.ns + "/'\"<>",
			e.ns + strings.Repeat("/x", (255-len(e.ns))/2),
		}
		versions := map[string]store.Version{}
		for i, id := range ids {
			versions[id] = s.put(document(id, action(e.ns, fmt.Sprint("a", i), int64(1000+i))))
		}
		for i, id := range ids {
			e.wantBody("Get", s.get(id), document(id, action(e.ns, fmt.Sprint("a", i), int64(1000+i))))
		}
		q := under(actionsTable, e.ns)
		q.Descending = false
		for i, row := range s.rows(q, len(ids)) {
			if row.ID != ids[i] {
				e.Errorf("row %d: got id %q, want %q", i, row.ID, ids[i])
			}
		}
		for _, id := range ids {
			s.del(id, versions[id].Rev)
		}
	}},
	{"bad_bodies", func(e *env) {
		s := e.whisks()
		id := e.ns + "/hello"
		for _, body := range []string{
			"", " ", "null", "[]", `"text"`, "1", "{", "{}{}", `{"a":}`, `{"a":1,}`, `{"a":"` + "\xff" + `"}`,
			`{"id":"x"}`, `{"ttl":1}`, `{"_id":"x"}`, `{"_rev":"1-x"}`, `{"_deleted":true}`, `{"_clusterId":"c"}`, `{"a":1,"\u005fx":2}`,
		} {
			what := fmt.Sprintf("Put of body %.40q", body)
			e.sendsNothing(what, func() {
				_, err := s.Put(e.ctx, store.Document{ID: id, Body: json.RawMessage(body)}, &store.PutOptions{})
				e.wantKind(what, err, store.ErrInvalid)
			})
		}
		s.gone(id)
	}},
	{"body_limit", func(e *env) {
		e.need(e.Features.MaxBody > 0, "Features.MaxBody")
		s := e.whisks()
		sized := func(n int) store.Document {
			const frame = `{"x":""}`
			return store.Document{
				ID:   fmt.Sprintf("%s/size%d", e.ns, n),
				Body: json.RawMessage(`{"x":"` + strings.Repeat("x", n-len(frame)) + `"}`),
			}
		}
		e.sendsNothing("Put of a body over the limit", func() {
			_, err := s.Put(e.ctx, sized(e.Features.MaxBody+1), &store.PutOptions{})
			e.wantKind("Put of a body over the limit", err, store.ErrTooLarge)
		})
		s.put(sized(e.Features.MaxBody))
	}},
	{"bad_lifetimes", func(e *env) {
		s := e.whisks()
		doc := entity(action(e.ns, "hello", 1000))
		v := s.put(doc)
		for _, d := range []time.Duration{-1, -time.Hour, math.MaxInt64} {
			_, err := s.Put(e.ctx, entity(action(e.ns, "other", 1000)), &store.PutOptions{TTL: d})
			e.wantKind(fmt.Sprintf("Put with TTL %v", d), err, store.ErrInvalid)
			_, err = s.s.Delete(e.ctx, doc.ID, v.Rev, &store.DeleteOptions{Tombstone: d})
			e.wantKind(fmt.Sprintf("Delete with Tombstone %v", d), err, store.ErrInvalid)
		}
		s.get(doc.ID)
	}},
	{"bad_queries", func(e *env) {
		s := e.whisks()
		s.put(entity(action(e.ns, "hello", 1000)))
		for name, change := range map[string]func(q *store.Query){
			"table without a view":      func(q *store.Query) { q.Table = "whisks.v2.1.0" },
			"table of three parts":      func(q *store.Query) { q.Table += "/x" },
			"no table":                  func(q *store.Query) { q.Table = "" },
			"NaN in the start key":      func(q *store.Query) { q.StartKey = store.Key{e.ns, math.NaN()} },
			"infinity in the end key":   func(q *store.Query) { q.EndKey = store.Key{e.ns, math.Inf(1), store.Top} },
			"nil in the start key":      func(q *store.Query) { q.StartKey = store.Key{nil} },
			"array in the start key":    func(q *store.Query) { q.StartKey = store.Key{[]any{e.ns}} },
			"start key that is no text": func(q *store.Query) { q.StartKey = store.Key{"\xff"} },
			"unknown staleness":         func(q *store.Query) { q.Stale = 9 },
		} {
			q := under(actionsTable, e.ns)
			change(q)
			e.refused(s, name, q, store.ErrInvalid)
		}
		for _, op := range operations(s.s, store.Document{ID: "x"}, &store.Query{})[3:] {
			e.wantKind(string(op.op)+" of the zero Query", op.run(e.ctx), store.ErrInvalid)
		}
		for _, err := range s.s.Query(e.ctx, nil) {
			e.wantKind("Query of nil", err, store.ErrInvalid)
		}
		_, err := s.s.Count(e.ctx, nil)
		e.wantKind("Count of nil", err, store.ErrInvalid)
	}},
}

// refused holds that q is refused by Query and Count with one of kinds, before
// any request: as the one pair of the loop.
func (e *env) refused(s *collection, what string, q *store.Query, kinds ...store.Kind) {
	e.Helper()
	for _, op := range operations(s.s, store.Document{}, q)[3:] {
		e.sendsNothing(what, func() { e.wantKinds(fmt.Sprintf("%s: %s", op.op, what), op.run(e.ctx), kinds) })
	}
}

func (e *env) wantKinds(what string, err error, kinds []store.Kind) {
	e.Helper()
	got := store.KindOf(err)
	for _, k := range kinds {
		if got == k {
			return
		}
	}
	e.Errorf("%s: got error %v, want one of %v", what, err, kinds)
}
