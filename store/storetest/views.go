package storetest

import (
	"fmt"

	"github.com/whiskstore/whiskstore/store"
)

var viewCases = []suiteCase{
	{"WQ-01_packages", func(e *env) {
		s := e.whisks()
		bound := object{"binding": object{"namespace": "other", "name": "utils"}}
		published := object{"publish": true}
		list := []object{
			pack(e.ns, "private", 1000),
			pack(e.ns, "published", 1001).with(published),
			pack(e.ns, "publishedBinding", 1002).with(published).with(bound),
			pack(e.ns, "privateBinding", 1003).with(bound),
		}
		for _, o := range list {
			s.put(entity(o))
		}
		for i, row := range s.rows(under(packagesTable, e.ns), 4) {
			o := list[3-i]
			e.wantRow(row, packagesTable, e.ns, o["updated"], entity(o), o, false)
		}
		o := list[1]
		e.wantRow(s.rows(under(publicTable, e.ns), 1)[0], publicTable, e.ns, o["updated"], entity(o), o, false)
		s.wantCount(under(packagesTable, e.ns), 4)
		s.wantCount(under(publicTable, e.ns), 1)
	}},
	{"WQ-02_since_upto", func(e *env) {
		s := e.whisks()
		var list []object
		for i := range 11 {
			o := pack(e.ns, fmt.Sprint("p", i), int64(1000+10*i))
			list = append(list, o)
			s.put(entity(o))
		}
		for _, c := range []struct {
			since, upto any
			last, first int // positions in list, newest first
		}{
			{1050, store.Top, 10, 5},
			{1050, 1090, 9, 5},
			{1055, 1085.5, 8, 6},
			{int64(1050), int64(1050), 5, 5},
		} {
			q := under(packagesTable, e.ns)
			q.StartKey[1], q.EndKey[1] = c.since, c.upto
			rows := s.rows(q, c.last-c.first+1)
			for i, row := range rows {
				o := list[c.last-i]
				e.wantRow(row, packagesTable, e.ns, o["updated"], entity(o), o, false)
			}
			s.wantCount(q, int64(len(rows)))
		}
	}},
	{"AQ-01_since_upto", func(e *env) {
		s := e.activations()
		list := s.series()
		q := under(filtersTable, e.ns+"/testact")
		q.StartKey[1] = 1050
		e.wantStarts(s.rows(q, 5), list, e.ns+"/testact", false, 1090, 1080, 1070, 1060, 1050)
		q.StartKey[1], q.EndKey[1] = 1060, 1090
		e.wantStarts(s.rows(q, 4), list, e.ns+"/testact", false, 1090, 1080, 1070, 1060)
		q.EndKey[1] = 1089
		e.wantStarts(s.rows(q, 3), list, e.ns+"/testact", false, 1080, 1070, 1060)
		s.wantCount(q, 3)
	}},
	{"entity_views", func(e *env) {
		// Each document stands in its own view, under its namespace and under the
		// root of it.
		s := e.whisks()
		inner := e.ns + "/pkg"
		for table, o := range map[string]object{
			actionsTable: action(inner, "act", 1000), triggersTable: trigger(e.ns, "tick", 1001),
			rulesTable: rule(e.ns, "onTick", 1002), packagesTable: pack(e.ns, "pkg", 1003),
		} {
			s.put(entity(o))
			for _, docs := range []bool{false, true} {
				q := under(table, e.ns)
				q.IncludeDocs = docs
				e.wantRow(s.rows(q, 1)[0], table, e.ns, o["updated"], entity(o), o, docs)
			}
		}
		q := under(actionsTable, inner)
		row := s.rows(q, 1)[0]
		e.wantRow(row, actionsTable, inner, 1000, entity(action(inner, "act", 1000)), action(inner, "act", 1000), false)
		s.rows(under(triggersTable, inner), 0)
		s.rows(under(actionsTable, e.ns+"x"), 0)
		s.rows(under(actionsTable, e.ns[:len(e.ns)-1]), 0)
	}},
	{"namespace_keys", func(e *env) {
		// [ns] to [ns, Top] is everything, with the namespace alone as key where
		// rows are shaped from documents.
		s := e.whisks()
		for i := range 3 {
			s.put(entity(action(e.ns, fmt.Sprint("a", i), int64(1000+i))))
		}
		q := &store.Query{Table: actionsTable, StartKey: store.Key{e.ns}, EndKey: store.Key{e.ns, store.Top}}
		for i, row := range s.rows(q, 3) {
			short, long := asJSON([]any{e.ns}), asJSON([]any{e.ns, 1000 + i})
			if row.ID != fmt.Sprintf("%s/a%d", e.ns, i) || !sameJSON(row.Key, short) && !sameJSON(row.Key, long) {
				e.Errorf("row %d: got %q with key %s, want a%d with %s or %s", i, row.ID, row.Key, i, short, long)
			}
		}
		s.wantCount(q, 3)
	}},
	{"activation_views", func(e *env) {
		s := e.activations()
		ended, running := activation(e.ns, "hello", 1, 1000, 2000), activation(e.ns, "hello", 2, 1500, 0)
		inPackage := activation(e.ns, "hello", 3, 1700, 1800).with(object{
			"cause":       "0ab1c2d3e4f5061728394a5b6c7d8e9f",
			"annotations": []any{object{"key": "path", "value": e.ns + "/pkg/hello"}},
		})
		for _, o := range []object{ended, running, inPackage} {
			s.put(activationDoc(o))
		}
		for i, row := range s.rows(under(activationsTable, e.ns), 3) {
			o := []object{inPackage, running, ended}[i]
			e.wantRow(row, activationsTable, e.ns, o["start"], activationDoc(o), o, false)
		}
		for i, row := range s.rows(under(filtersTable, e.ns+"/hello"), 2) {
			o := []object{running, ended}[i]
			e.wantRow(row, filtersTable, e.ns+"/hello", o["start"], activationDoc(o), o, false)
		}
		row := s.rows(under(filtersTable, e.ns+"/pkg/hello"), 1)[0]
		e.wantRow(row, filtersTable, e.ns+"/pkg/hello", 1700, activationDoc(inPackage), inPackage, false)
	}},
	{"views_follow_updates", func(e *env) {
		s := e.whisks()
		o := pack(e.ns, "p", 1000).with(object{"publish": true})
		v := s.put(entity(o))
		s.rows(under(publicTable, e.ns), 1)
		moved := o.with(object{"publish": false, "updated": int64(5000)})
		s.update(entity(moved), v)
		s.rows(under(publicTable, e.ns), 0)
		e.eventually(func() error {
			row := s.rows(under(packagesTable, e.ns), 1)[0]
			if want := asJSON([]any{e.ns, 5000}); !sameJSON(row.Key, want) {
				return fmt.Errorf("row of an updated package: got key %s, want %s", row.Key, want)
			}
			return nil
		})
		q := under(packagesTable, e.ns)
		q.EndKey[1] = 4000
		s.rows(q, 0)
		s.wantCount(q, 0)
	}},
}
