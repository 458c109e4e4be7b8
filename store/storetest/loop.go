package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/store"
)

var loopCases = []suiteCase{
	{"query_is_lazy", func(e *env) {
		s := e.whisks()
		first := entity(action(e.ns, "a", 1000))
		v := s.put(first)
		var loop func(yield func(store.Row, error) bool)
		e.sendsNothing("Query before its loop", func() { loop = s.s.Query(e.ctx, under(actionsTable, e.ns)) })
		s.put(entity(action(e.ns, "b", 2000)))
		e.eventually(func() error { return idsAre(loop, "b", "a") })
		s.put(entity(action(e.ns, "c", 3000)))
		s.del(first.ID, v.Rev)
		e.eventually(func() error { return idsAre(loop, "c", "b") }) // a second loop asks again
	}},
	{"query_break", func(e *env) {
		s := e.whisks()
		for i := range 20 {
			s.put(entity(action(e.ns, fmt.Sprint("a", i), int64(1000+i))))
		}
		q := under(actionsTable, e.ns)
		s.rows(q, 20)
		for range 50 {
			n := 0
			for _, err := range s.s.Query(e.ctx, q) {
				if err != nil {
					e.Fatalf("Query: got %v, want rows", err)
				}
				if n++; n == 3 {
					break
				}
			}
		}
		e.within(prompt, "Put after loops that were left", func() {
			_, _ = s.s.Put(e.ctx, entity(action(e.ns, "late", 5000)), &store.PutOptions{})
		})
		s.ids = append(s.ids, e.ns+"/late")
		s.rows(q, 21)
		s.clear()
		var err error
		e.within(prompt, "Close after loops that were left", func() { err = s.s.Close() })
		if err != nil {
			e.Errorf("Close after loops that were left: got %v, want nil", err)
		}
	}},
	{"query_allows_writes", func(e *env) {
		// No row appears twice and none half, whatever is written meanwhile.
		s := e.whisks()
		versions := map[string]store.Version{}
		for i := range 10 {
			doc := entity(action(e.ns, fmt.Sprint("a", i), int64(1000+i)))
			versions[doc.ID] = s.put(doc)
		}
		q := under(actionsTable, e.ns)
		s.rows(q, 10)
		s.ids = append(s.ids, e.ns+"/new")
		seen := map[string]int{}
		var failed error
		e.within(prompt, "a loop that writes", func() {
			for row, err := range s.s.Query(e.ctx, q) {
				if err != nil {
					failed = err
					return
				}
				if seen[row.ID]++; len(seen) > 1 {
					continue
				}
				last := e.ns + "/a0"
				_, err := s.s.Delete(e.ctx, last, versions[last].Rev, &store.DeleteOptions{})
				_, err2 := s.s.Put(e.ctx, entity(action(e.ns, "new", 500)), &store.PutOptions{})
				if failed = errors.Join(err, err2); failed != nil {
					return
				}
			}
		})
		if failed != nil {
			e.Fatalf("a loop that writes: got %v, want nil", failed)
		}
		for id, n := range seen {
			if n != 1 {
				e.Errorf("a loop that writes: got %d rows of %q, want 1", n, id)
			}
		}
		for i := 1; i < 10; i++ {
			if id := fmt.Sprintf("%s/a%d", e.ns, i); seen[id] == 0 {
				e.Errorf("a loop that writes: got no row of %q, which did not change", id)
			}
		}
	}},
	{"query_error_is_last", func(e *env) {
		s := e.whisks()
		for _, q := range []*store.Query{
			under("whisks.v2.1.0/unknown", e.ns), {Table: actionsTable, StartKey: store.Key{e.ns}, EndKey: store.Key{e.ns}},
		} {
			pairs := 0
			for row, err := range s.s.Query(e.ctx, q) {
				pairs++
				if err == nil || row.ID != "" || row.Value != nil || row.Doc != nil {
					e.Errorf("Query %v: got row %+v and %v, want the zero Row and an error", q, row, err)
				}
			}
			if pairs != 1 {
				e.Errorf("Query %v: got %d pairs, want 1", q, pairs)
			}
		}
	}},
	{"query_ends_with_context", func(e *env) {
		s := e.whisks()
		const n = 50
		for i := range n {
			s.put(entity(action(e.ns, fmt.Sprint("a", i), int64(1000+i))))
		}
		q := under(actionsTable, e.ns)
		s.rows(q, n)
		ctx, cancel := context.WithCancel(e.ctx)
		defer cancel()
		var last error
		after := 0
		e.within(prompt, "a loop whose context ends", func() {
			for _, err := range s.s.Query(ctx, q) {
				if last = err; err != nil {
					continue
				}
				after++
				cancel()
			}
		})
		// Within one page: a backend may finish what it holds already.
		if last == nil && after < n {
			e.Errorf("a loop whose context ends: got %d rows and no error, want %v", after, context.Canceled)
		}
		if last != nil && last != context.Canceled {
			e.Errorf("a loop whose context ends: got %v, want %v as it is", last, context.Canceled)
		}
	}},
	{"query_kept", func(e *env) {
		s := e.whisks()
		s.put(entity(action(e.ns, "a", 1000)))
		q := under(actionsTable, e.ns)
		q.Limit = 7
		before := *q
		before.StartKey, before.EndKey = slices.Clone(q.StartKey), slices.Clone(q.EndKey)
		s.rows(q, 1)
		s.wantCount(q, 1)
		if q.String() != before.String() || q.IncludeDocs != before.IncludeDocs || q.Descending != before.Descending {
			e.Errorf("Query changed its query: got %+v, want %+v", *q, before)
		}
	}},
	{"unreadable_row", func(e *env) {
		e.need(e.PutUnreadable != nil, "Harness.PutUnreadable")
		s := e.whisks()
		s.put(entity(action(e.ns, "a", 1000)))
		id := e.PutUnreadable(e.ns, 1500)
		s.ids = append(s.ids, id)
		s.put(entity(action(e.ns, "b", 2000)))
		q := under(actionsTable, e.ns)
		var got []string
		var last error
		e.eventually(func() error {
			got, last = ids(s.s.Query(e.ctx, q))
			if !slices.Equal(got, []string{e.ns + "/b"}) || !errors.Is(last, store.ErrUnreadable) {
				return fmt.Errorf("Query over an unreadable document: got %q and %v, want one row and %v", got, last, store.ErrUnreadable)
			}
			return nil
		})
		e.wantError(last, store.Error{Op: store.OpQuery, Collection: store.Whisks, ID: id, Kind: store.ErrUnreadable})
		for skip, want := range [][]string{{e.ns + "/b", e.ns + "/a"}, {e.ns + "/a"}, {e.ns + "/a"}, nil} {
			var skipped []error
			counted := *q
			counted.Skip = skip
			counted.OnUnreadable = func(err error) { skipped = append(skipped, err) }
			got, last := ids(s.s.Query(e.ctx, &counted))
			if last != nil || !slices.Equal(got, want) {
				e.Errorf("Query with OnUnreadable, skip %d: got %q and %v, want %q", skip, got, last, want)
			}
			if skip > 1 {
				continue
			}
			if len(skipped) != 1 {
				e.Errorf("Query with OnUnreadable, skip %d: got %d reports, want 1", skip, len(skipped))
				continue
			}
			e.wantError(skipped[0], store.Error{Op: store.OpQuery, Collection: store.Whisks, ID: id, Kind: store.ErrUnreadable})
		}
	}},
}

// ids runs a loop to its end and returns the ids of its rows and its error.
func ids(loop func(yield func(store.Row, error) bool)) (list []string, err error) {
	for row, rowErr := range loop {
		if rowErr != nil {
			err = rowErr
			continue
		}
		list = append(list, row.ID)
	}
	return list, err
}

// idsAre holds that the loop shows the entities of these names.
func idsAre(loop func(yield func(store.Row, error) bool), names ...string) error {
	list, err := ids(loop)
	if err != nil {
		return fmt.Errorf("Query: got %w, want rows", err)
	}
	for i, id := range list {
		for j := len(id) - 1; j >= 0; j-- {
			if id[j] == '/' {
				list[i] = id[j+1:]
				break
			}
		}
	}
	if !slices.Equal(list, names) {
		return fmt.Errorf("Query: got rows of %q, want %q", list, names)
	}
	return nil
}

// besideCases are about what stands beside the documents.
var besideCases = []suiteCase{
	{"CRUD-I2_no_attachments_left", func(e *env) {
		e.need(e.Attachments != nil, "Harness.Attachments")
		s, a := e.whisks(), e.attachments()
		doc := entity(action(e.ns, "hello", 1000))
		v := s.put(doc)
		a.attach(doc.ID, "code", []byte("x"))
		s.del(doc.ID, v.Rev)
		if err := a.s.DeleteAll(e.ctx, doc.ID); err != nil {
			e.Fatalf("DeleteAll: got %v, want nil", err)
		}
		a.wantNone(doc.ID)
	}},
	{"CRUD-I3_differs", func(e *env) {
		// Upstream's store closes its attachment store. Here the two do not know of
		// each other: whoever opened both closes both, each once.
		e.need(e.Attachments != nil, "Harness.Attachments")
		s, a := e.whisks(), e.attachments()
		s.put(entity(action(e.ns, "hello", 1000)))
		a.attach(e.ns+"/hello", "code", []byte("x"))
		s.clear()
		if err := s.s.Close(); err != nil {
			e.Fatalf("Close of the store: got %v, want nil", err)
		}
		e.wantKind("second Close of the store", s.s.Close(), store.ErrClosed)
		if got, err := a.read(e.ns+"/hello", "code", nil); err != nil || string(got) != "x" {
			e.Errorf("Read after Close of the store: got %q and %v, want %q", got, err, "x")
		}
		if err := a.s.DeleteAll(e.ctx, e.ns+"/hello"); err != nil {
			e.Errorf("DeleteAll after Close of the store: got %v, want nil", err)
		}
		if err := a.s.Close(); err != nil {
			e.Errorf("Close of the attachment store: got %v, want nil", err)
		}
	}},
}

// attachments is an attachment store and what the subtest put into it.
type attachments struct {
	s    store.AttachmentStore
	e    *env
	docs []string
}

// attachments opens the attachment store. It is cleared and closed after the
// subtest.
func (e *env) attachments() *attachments {
	a := &attachments{s: e.Attachments(), e: e}
	e.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(e.ctx), prompt)
		defer cancel()
		for _, id := range a.docs {
			_ = a.s.DeleteAll(ctx, id)
		}
		if err := a.s.Close(); err != nil && !errors.Is(err, store.ErrClosed) {
			e.Errorf("Close of the attachment store: got %v, want nil", err)
		}
	})
	return a
}

// TestAttachments runs the suite of store.AttachmentStore: rows AS of the
// checklist and the promises of package store.
func TestAttachments(t *testing.T, newHarness NewHarness) {
	testAttachments(testingT{t}, newHarness)
}

func testAttachments(t tb, newHarness NewHarness) {
	runCases(t, newHarness, attachmentCases)
}

// waitNothing is how long a call waits that has nothing to wait for.
const waitNothing = 50 * time.Millisecond
