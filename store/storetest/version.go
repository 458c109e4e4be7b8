package storetest

import (
	"fmt"

	"github.com/whiskstore/whiskstore/store"
)

var versionCases = []suiteCase{
	{"versions_ordered", func(e *env) {
		s := e.subjects()
		doc := auth(e, "foo")
		var written []store.Version
		for range 4 {
			doc.Version = s.put(doc)
			written = append(written, doc.Version)
			read := s.fresh(doc.ID, doc.Version)
			e.wantOrdering("write against read", doc.Version, read, store.Same, true)
			for _, old := range written[:len(written)-1] {
				e.wantOrdering("new write against old", doc.Version, old, store.Newer, e.Features.OrderOnWrite)
				e.wantOrdering("old write against new", old, doc.Version, store.Older, e.Features.OrderOnWrite)
			}
		}
		dead := s.bury(doc.ID, doc.Version.Rev, store.DeleteOptions{})
		e.wantOrdering("tombstone against document", dead, doc.Version, store.Newer, e.Features.OrderOnWrite)
		doc.Version = store.Version{}
		again := s.put(doc)
		e.wantOrdering("re-creation against tombstone", again, dead, store.Newer, e.Features.OrderOnWrite)
		e.wantOrdering("re-creation against first", again, written[0], store.Newer, e.Features.OrderOnWrite)
	}},
	{"versions_of_reads", func(e *env) {
		s := e.subjects()
		doc := auth(e, "foo")
		var read []store.Version
		for range 3 {
			doc.Version = s.put(doc)
			v := s.fresh(doc.ID, doc.Version)
			if e.Features.OrderOnRead && (v.Order == 0 || v.Lineage == "") {
				e.Errorf("Get: got version %+v, want an order and a lineage", v)
			}
			if e.Features.OrderOnWrite && (doc.Version.Order == 0 || doc.Version.Lineage == "") {
				e.Errorf("Put: got version %+v, want an order and a lineage", doc.Version)
			}
			for _, old := range read {
				e.wantOrdering("new read against old", v, old, store.Newer, e.Features.OrderOnRead)
			}
			read = append(read, v)
		}
	}},
	{"versions_of_rows", func(e *env) {
		s := e.whisks()
		doc := entity(action(e.ns, "hello", 1000))
		old := s.put(doc)
		v := s.update(doc, old)
		for _, docs := range []bool{false, true} {
			q := under(actionsTable, e.ns)
			q.IncludeDocs = docs
			e.eventually(func() error {
				row := s.rows(q, 1)[0]
				switch {
				case row.Rev == "" && e.Features.RowRev:
					return fmt.Errorf("row: got no revision, want %q", v.Rev)
				case row.Rev != "" && row.Rev != v.Rev:
					return fmt.Errorf("row: got revision %q, want %q", row.Rev, v.Rev)
				case !docs:
					return nil
				case row.Doc.Version.Rev != "" && row.Doc.Version.Compare(v) != store.Same:
					return fmt.Errorf("row's document: got version %+v, want the same as %+v", row.Doc.Version, v)
				}
				if o := row.Doc.Version.Compare(old); o != store.Newer && o != store.Unknown {
					return fmt.Errorf("row's document against its predecessor: got %v, want newer or unknown", o)
				}
				return nil
			})
		}
	}},
}

// fresh returns the version that Get shows once v is visible.
func (c *collection) fresh(id string, v store.Version) store.Version {
	c.e.Helper()
	var got store.Document
	c.e.must(func() (err error) {
		got, err = c.s.Get(c.e.ctx, id, &store.GetOptions{})
		if err != nil || got.Version.Rev != v.Rev {
			return fmt.Errorf("Get %q: got revision %q and %v, want %q", id, got.Version.Rev, err, v.Rev)
		}
		return nil
	})
	return got.Version
}

// wantOrdering holds that v relates to w as want. Where a backend need not prove
// an order, Unknown is right too; the opposite never is.
func (e *env) wantOrdering(what string, v, w store.Version, want store.Ordering, proven bool) {
	e.Helper()
	got := v.Compare(w)
	if got != want && (proven || got != store.Unknown) {
		e.Errorf("%s: %+v is %v than/as %+v, want %v", what, v, got, w, want)
	}
}
