package storetest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/store"
)

// TestChangeFeed runs the suite of store.ChangeFeed over a feed of collection
// subjects and the store beside it.
func TestChangeFeed(t *testing.T, newHarness NewHarness) {
	testChangeFeed(testingT{t}, newHarness)
}

func testChangeFeed(t tb, newHarness NewHarness) {
	for _, cases := range [][]suiteCase{feedCases, feedCallCases} {
		runCases(t, newHarness, cases)
	}
}

// feed is a change feed and the collection that it is of.
type feed struct {
	cf store.ChangeFeed
	*collection
}

// feed opens the feed of collection subjects. It is closed after the subtest.
func (e *env) feed() *feed {
	e.Helper()
	e.need(e.Feed != nil, "Harness.Feed")
	c := e.subjects()
	f := &feed{cf: e.Feed(store.Subjects), collection: c}
	e.Cleanup(func() {
		if err := f.cf.Close(); err != nil && !errors.Is(err, store.ErrClosed) {
			e.Errorf("Close of the feed: got %v, want nil", err)
		}
	})
	return f
}

// reader follows all ranges of a feed.
type reader struct {
	f      *feed
	tokens map[store.Range]store.Token

	changes []store.Change // of documents that the subtest put, in the order of arrival
	session store.Session  // of the last page
}

// from starts a reader in every range.
func (f *feed) from(from store.From) *reader {
	e := f.e
	e.Helper()
	ranges, err := f.cf.Ranges(e.ctx)
	if err != nil || len(ranges) == 0 {
		e.Fatalf("Ranges: got %v and %v, want one at least", ranges, err)
	}
	r := &reader{f: f, tokens: map[store.Range]store.Token{}}
	for _, rg := range ranges {
		token, err := f.cf.Start(e.ctx, rg, from)
		if err != nil {
			e.Fatalf("Start of range %q: got %v, want a token", rg.ID, err)
		}
		r.tokens[rg] = token
	}
	return r
}

// canary writes a document that a test waits for in the feed before it believes
// that something is not there.
func (f *feed) canary() (id string) {
	f.e.Helper()
	doc := document(unique("canary"), object{"subject": "canary"})
	f.put(doc)
	return doc.ID
}

// until reads pages until the document id was seen, and once more to the end
// of what there is. limit is NextOptions.Limit.
func (r *reader) until(id string, limit int) {
	e := r.f.e
	e.Helper()
	deadline := time.Now().Add(patience / 2)
	for seen := false; !seen || !r.drain(limit); {
		if time.Now().After(deadline) || e.ctx.Err() != nil {
			e.Fatalf("feed: got no change of %q in %v, but %v", id, patience/2, r.ids())
		}
		for rg := range r.tokens {
			r.page(rg, &store.NextOptions{Wait: 20 * time.Millisecond, Limit: limit})
		}
		for _, c := range r.changes {
			seen = seen || c.ID == id
		}
	}
}

// drain reads every range to its end and reports whether nothing was there.
func (r *reader) drain(limit int) bool {
	before := len(r.changes)
	for rg := range r.tokens {
		for !r.page(rg, &store.NextOptions{Limit: limit}).Drained {
			if r.f.e.ctx.Err() != nil {
				r.f.e.Fatalf("feed: range %q does not come to an end", rg.ID)
			}
		}
	}
	return len(r.changes) == before
}

// page reads one page of a range and holds it against the contract.
func (r *reader) page(rg store.Range, opts *store.NextOptions) store.Page {
	e := r.f.e
	e.Helper()
	page, err := r.f.cf.Next(e.ctx, rg, r.tokens[rg], opts)
	if err != nil {
		e.Fatalf("Next of range %q: got %v, want a page", rg.ID, err)
	}
	if len(page.Changes) == 0 && !page.Drained {
		e.Errorf("Next of range %q: got an empty page that is not drained", rg.ID)
	}
	if opts.Limit > 0 && len(page.Changes) > opts.Limit {
		e.Errorf("Next of range %q: got %d changes, want at most %d", rg.ID, len(page.Changes), opts.Limit)
	}
	if page.Token == "" {
		e.Fatalf("Next of range %q: got no token", rg.ID)
	}
	r.tokens[rg] = page.Token
	r.session = page.Session
	for _, c := range page.Changes {
		if slices.Contains(r.f.ids, c.ID) {
			r.changes = append(r.changes, c)
		}
	}
	return page
}

// of returns the changes of one document.
func (r *reader) of(id string) (list []store.Change) {
	for _, c := range r.changes {
		if c.ID == id {
			list = append(list, c)
		}
	}
	return list
}

// last returns the last change of one document.
func (r *reader) last(id string) store.Change {
	r.f.e.Helper()
	list := r.of(id)
	if len(list) == 0 {
		r.f.e.Fatalf("feed: got no change of %q, but %v", id, r.ids())
	}
	return list[len(list)-1]
}

func (r *reader) ids() (list []string) {
	for _, c := range r.changes {
		list = append(list, c.ID)
	}
	return list
}

// wantChange holds that c is the state v of doc.
func (e *env) wantChange(c store.Change, doc store.Document, v store.Version, cluster string) {
	e.Helper()
	if c.Deleted {
		e.Errorf("change of %q: got a deletion, want a live document", doc.ID)
	}
	if want := e.stamped(cluster); c.ClusterID != want {
		e.Errorf("change of %q: got cluster id %q, want %q", doc.ID, c.ClusterID, want)
	}
	e.wantChangeVersion(c, v)
	if !e.Features.FeedHasDocs {
		return
	}
	if c.Doc == nil {
		e.Errorf("change of %q: got no document, want %s", doc.ID, doc.Body)
		return
	}
	e.wantBody("change", *c.Doc, doc)
	if c.Doc.Version != c.Version || c.Doc.Meta.ClusterID != c.ClusterID || c.Doc.Meta.Deleted {
		e.Errorf("change of %q: got document %+v, want the version and meta of the change %+v", doc.ID, c.Doc, c)
	}
}

func (e *env) wantChangeVersion(c store.Change, v store.Version) {
	e.Helper()
	if c.Version.IsZero() && !e.Features.OrderInFeed {
		return
	}
	if got := c.Version.Compare(v); got != store.Same {
		e.Errorf("change of %q: got version %+v, which is %v, want the same as %+v", c.ID, c.Version, got, v)
	}
	if e.Features.OrderInFeed && (c.Version.Order == 0 || c.Version.Lineage == "") {
		e.Errorf("change of %q: got version %+v, want an order and a lineage", c.ID, c.Version)
	}
}

// putAs writes doc with a cluster id.
func (f *feed) putAs(doc store.Document, cluster string) store.Version {
	f.e.Helper()
	v, err := f.Put(f.e.ctx, doc, &store.PutOptions{ClusterID: cluster})
	if err != nil {
		f.e.Fatalf("Put %q: got %v, want nil", doc.ID, err)
	}
	return v
}
