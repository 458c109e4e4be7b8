package storetest

import (
	"encoding/json"
	"fmt"

	"github.com/whiskstore/whiskstore/store"
)

// identityQuery asks for the identity of a namespace, as upstream does.
func identityQuery(keys ...any) *store.Query {
	limit := 1
	if len(keys) == 2 {
		limit = 2
	}
	return &store.Query{
		Table: identitiesTable, StartKey: keys, EndKey: keys, Limit: limit, IncludeDocs: true, Descending: true,
	}
}

// wantIdentity holds that the lookup finds i in document id, with limits (nil
// when there are none).
func (c *collection) wantIdentity(q *store.Query, id string, i identity, limits *store.Document) {
	e := c.e
	e.Helper()
	row := c.rows(q, 1)[0]
	if row.ID != id {
		e.Errorf("identity %v: got subject %q, want %q", q.StartKey, row.ID, id)
	}
	if want := asJSON(q.StartKey); !sameJSON(row.Key, want) {
		e.Errorf("identity %v: got key %s, want %s", q.StartKey, row.Key, want)
	}
	want := asJSON(object{"_id": i.name + "/limits", "namespace": i.name, "uuid": i.uuid, "key": i.key})
	if !sameJSON(row.Value, want) {
		e.Errorf("identity %v: got value %s, want %s", q.StartKey, row.Value, want)
	}
	switch {
	case !row.Joined:
		e.Errorf("identity %v: got a row without a join", q.StartKey)
	case limits == nil && row.Doc != nil:
		e.Errorf("identity %v: got limits %s, want none", q.StartKey, row.Doc.Body)
	case limits != nil && row.Doc == nil:
		e.Errorf("identity %v: got no limits, want %s", q.StartKey, limits.Body)
	case limits != nil:
		e.wantBody("limits", *row.Doc, *limits)
	}
}

var subjectCases = []suiteCase{
	{"SQ-01_identity", func(e *env) {
		s := e.subjects()
		first, second := newIdentity(e.ns+"1"), newIdentity(e.ns+"2")
		a, b := document(unique("a"), subject("a", first)), document(unique("b"), subject("b", second))
		s.put(a)
		s.put(b)
		s.wantIdentity(identityQuery(first.name), a.ID, first, nil)
		s.wantIdentity(identityQuery(second.uuid, second.key), b.ID, second, nil)
	}},
	{"SQ-02_blocked", func(e *env) {
		s := e.subjects()
		who := newIdentity(e.ns)
		doc := document(unique("blocked"), subject("s", who).with(object{"blocked": true}))
		v := s.put(doc)
		s.rows(identityQuery(who.name), 0)
		s.rows(identityQuery(who.uuid, who.key), 0)
		s.update(document(doc.ID, subject("s", who).with(object{"blocked": false})), v)
		s.wantIdentity(identityQuery(who.name), doc.ID, who, nil)
	}},
	{"SQ-03_credentials_of_one_entry", func(e *env) {
		s := e.subjects()
		first, second := newIdentity(e.ns+"1"), newIdentity(e.ns+"2")
		s.put(document(unique("s"), subject("s", first, second)))
		s.rows(identityQuery(first.uuid, first.key), 1)
		s.rows(identityQuery(first.uuid, second.key), 0)
	}},
	{"SQ-04_unknown_namespace", func(e *env) {
		s := e.subjects()
		s.put(auth(e, "known"))
		s.rows(identityQuery("nonExistingNamesSpace"+e.ns), 0)
	}},
	{"SQ-05_unknown_credentials", func(e *env) {
		s := e.subjects()
		who := newIdentity(e.ns)
		s.put(document(unique("s"), subject("s", who)))
		s.rows(identityQuery("nonExistingUUID", who.key), 0)
		s.rows(identityQuery(who.uuid, newIdentity("").key), 0)
	}},
	{"SQ-06_list_by_namespace", func(e *env) {
		s := e.subjects()
		first, second := newIdentity(e.ns), newIdentity(e.ns+"2")
		doc := document(e.ns, subject(e.ns, first, second)) // named like its first namespace
		s.put(doc)
		q := identityQuery(first.name)
		s.wantIdentity(q, doc.ID, first, nil)
		q.Limit = 100
		for _, row := range s.rows(q, 1) {
			var v struct{ Namespace string }
			if err := json.Unmarshal(row.Value, &v); err != nil || v.Namespace != first.name {
				e.Errorf("identities of %q: got value %s, want this namespace", first.name, row.Value)
			}
		}
		q.IncludeDocs = false // the view joins all the same
		s.wantIdentity(q, doc.ID, first, nil)
	}},
	{"SQ-07_limits", func(e *env) {
		s := e.subjects()
		first, second := newIdentity(e.ns+"1"), newIdentity(e.ns+"2")
		a, b := document(unique("a"), subject("a", first)), document(unique("b"), subject("b", second))
		limits := document(first.name+"/limits", object{"invocationsPerMinute": 7, "firesPerMinute": 31})
		s.put(a)
		s.put(b)
		v := s.put(limits)
		e.eventually(func() error {
			if s.rows(identityQuery(first.name), 1)[0].Doc == nil {
				return fmt.Errorf("identity of %q: got no limits", first.name)
			}
			return nil
		})
		s.wantIdentity(identityQuery(first.name), a.ID, first, &limits)
		s.wantIdentity(identityQuery(first.uuid, first.key), a.ID, first, &limits)
		s.wantIdentity(identityQuery(second.name), b.ID, second, nil)
		changed := document(limits.ID, object{"invocationsPerMinute": 8})
		s.update(changed, v)
		e.eventually(func() error {
			if doc := s.rows(identityQuery(first.name), 1)[0].Doc; doc == nil || !sameJSON(doc.Body, changed.Body) {
				return fmt.Errorf("identity of %q: got limits %v, want %s", first.name, doc, changed.Body)
			}
			return nil
		})
	}},
	{"SQ-08_blocked_namespaces", func(e *env) {
		s := e.subjects()
		n := func(i int) string { return fmt.Sprint(e.ns, "n", i) }
		s.put(document(n(1)+"/limits", object{"invocationsPerMinute": 0}))
		s.put(document(n(2)+"/limits", object{"concurrentInvocations": 0}))
		s.put(document(n(3)+"/limits", object{"invocationsPerMinute": 7, "concurrentInvocations": 7}))
		s.put(document(unique("s"), subject("s", newIdentity(n(4)), newIdentity(n(5))).with(object{"blocked": true})))
		s.put(document(unique("s"), subject("s", newIdentity(n(6)))))
		want := map[string]bool{n(1): true, n(2): true, n(3): false, n(4): true, n(5): true, n(6): false}
		q := &store.Query{Table: blockedTable, StartKey: store.Key{}, EndKey: store.Key{}, Descending: true}
		e.eventually(func() error {
			blocked := map[string]bool{}
			for row, err := range s.s.Query(e.ctx, q) {
				var ns string
				if err != nil {
					return fmt.Errorf("Query %v: got %w, want rows", q, err)
				}
				if err := json.Unmarshal(row.Key, &ns); err != nil || string(row.Value) != "1" || row.Doc != nil || row.Joined {
					return fmt.Errorf("blocked namespaces: got row %s, want a namespace and 1", asJSON(row))
				}
				blocked[ns] = true
			}
			for ns, b := range want { // others may be in a shared collection
				if blocked[ns] != b {
					return fmt.Errorf("blocked namespaces: got %q %v, want %v", ns, blocked[ns], b)
				}
			}
			return nil
		})
	}},
}
