package storetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/store"
)

// patience bounds one subtest, so that a store that hangs fails by name.
const patience = 60 * time.Second

// prompt is how long a call may take that has nothing to wait for.
const prompt = 5 * time.Second

// suiteCase is one subtest: its name starts with the row it shows.
type suiteCase struct {
	name string
	run  func(e *env)
}

func runCases(t tb, newHarness NewHarness, cases []suiteCase) {
	for _, c := range cases {
		t.Run(c.name, func(t tb) { c.run(newEnv(t, newHarness)) })
	}
}

// env is what one subtest works with.
type env struct {
	tb
	*Harness
	ctx context.Context

	// ns is a namespace that nobody else uses.
	ns string

	open map[string]*collection
}

func newEnv(t tb, newHarness NewHarness) *env {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return &env{tb: t, Harness: newHarness(t), ctx: ctx, ns: unique("ns"), open: map[string]*collection{}}
}

// unique returns a name that no other subtest, process or run has.
func unique(prefix string) string {
	return prefix + "-" + strings.ToLower(rand.Text()[:12])
}

// need skips the subtest when a feature or hook is missing.
func (e *env) need(has bool, name string) {
	e.Helper()
	if !has {
		e.Skipf("storetest: needs %s, which this harness does not set", name)
	}
}

// collection is one store with its name and what the subtest put into it.
type collection struct {
	s    store.ArtifactStore
	e    *env
	name string
	ids  []string
}

// collection opens a collection. It is cleared and closed after the subtest.
func (e *env) collection(name string) *collection {
	e.Helper()
	if c := e.open[name]; c != nil {
		return c
	}
	c := &collection{s: e.Store(name), e: e, name: name}
	e.open[name] = c
	e.Cleanup(func() {
		c.clear()
		if err := c.s.Close(); err != nil && !errors.Is(err, store.ErrClosed) {
			e.Errorf("Close of %s: got %v, want nil", name, err)
		}
	})
	return c
}

func (e *env) whisks() *collection      { return e.collection(store.Whisks) }
func (e *env) activations() *collection { return e.collection(store.Activations) }
func (e *env) subjects() *collection    { return e.collection(store.Subjects) }

// clear deletes what the subtest put; failures are ignored (row CRUD-I1).
func (c *collection) clear() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.e.ctx), prompt)
	defer cancel()
	for _, id := range c.ids {
		if doc, err := c.s.Get(ctx, id, &store.GetOptions{}); err == nil {
			_, _ = c.s.Delete(ctx, id, doc.Version.Rev, &store.DeleteOptions{})
		}
	}
	c.ids = nil
}

// Put notes the id for clear before it forwards.
func (c *collection) Put(ctx context.Context, doc store.Document, opts *store.PutOptions) (store.Version, error) {
	if len(doc.ID) > 0 && !slices.Contains(c.ids, doc.ID) {
		c.ids = append(c.ids, doc.ID)
	}
	return c.s.Put(ctx, doc, opts)
}

// put writes doc and fails the subtest when that fails.
func (c *collection) put(doc store.Document) store.Version {
	c.e.Helper()
	v, err := c.Put(c.e.ctx, doc, &store.PutOptions{})
	if err != nil {
		c.e.Fatalf("Put %q at revision %q: got %v, want nil", doc.ID, doc.Version.Rev, err)
	}
	return v
}

// update writes body as the successor of v.
func (c *collection) update(doc store.Document, v store.Version) store.Version {
	c.e.Helper()
	doc.Version = v
	return c.put(doc)
}

func (c *collection) del(id, rev string) store.Version {
	c.e.Helper()
	v, err := c.s.Delete(c.e.ctx, id, rev, &store.DeleteOptions{})
	if err != nil {
		c.e.Fatalf("Delete %q at revision %q: got %v, want nil", id, rev, err)
	}
	return v
}

// bury deletes with a tombstone.
func (c *collection) bury(id, rev string, opts store.DeleteOptions) store.Version {
	c.e.Helper()
	if opts.Tombstone == 0 {
		opts.Tombstone = time.Hour
	}
	v, err := c.s.Delete(c.e.ctx, id, rev, &opts)
	if err != nil {
		c.e.Fatalf("Delete %q at revision %q with a tombstone: got %v, want nil", id, rev, err)
	}
	return v
}

func (c *collection) get(id string) store.Document {
	c.e.Helper()
	var doc store.Document
	c.e.must(func() (err error) {
		doc, err = c.s.Get(c.e.ctx, id, &store.GetOptions{})
		if err != nil {
			return fmt.Errorf("Get %q: got %w, want the document", id, err)
		}
		return nil
	})
	return doc
}

// gone holds that id cannot be read.
func (c *collection) gone(id string) {
	c.e.Helper()
	c.e.must(func() error {
		doc, err := c.s.Get(c.e.ctx, id, &store.GetOptions{})
		if !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("Get %q: got %v and %s, want %v", id, err, doc.Body, store.ErrNotFound)
		}
		return nil
	})
}

// must calls try once: Get shows every write of the same store value that has
// returned, on every stack.
func (e *env) must(try func() error) {
	e.Helper()
	if err := try(); err != nil {
		e.Fatal(err)
	}
}

// eventually is for what reads views. It calls try until it returns nil, once
// more than Features.Retry has waits, and fails the subtest with its last error.
func (e *env) eventually(try func() error) {
	e.Helper()
	err := try()
	for _, wait := range e.Features.Retry {
		if err == nil {
			return
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-e.ctx.Done():
			timer.Stop()
			e.Fatalf("%v: %v", e.ctx.Err(), err)
		}
		err = try()
	}
	if err != nil {
		e.Fatal(err)
	}
}

// wantKind holds that err is of kind and of the contract's one error type.
func (e *env) wantKind(what string, err error, kind store.Kind) {
	e.Helper()
	if !errors.Is(err, kind) {
		e.Errorf("%s: got error %v, want %v", what, err, kind)
		return
	}
	var se *store.Error
	if !errors.As(err, &se) {
		e.Errorf("%s: got a %T, want a *store.Error", what, err)
	}
}

// within runs f and fails the subtest when it has not returned in time. f must
// not use the testing.TB.
func (e *env) within(d time.Duration, what string, f func()) {
	e.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		e.Fatalf("%s: still running after %v", what, d)
	}
}

// TestStore runs the suite of store.ArtifactStore: rows CRUD, QRY, WQ, AQ and
// SQ of the checklist and the promises of package store.
func TestStore(t *testing.T, newHarness NewHarness) {
	testStore(testingT{t}, newHarness)
}

func testStore(t tb, newHarness NewHarness) {
	for _, cases := range [][]suiteCase{
		crudCases, deleteCases, contractCases, inputCases, versionCases, tombstoneCases, ttlCases,
		queryCases, loopCases, viewCases, subjectCases, besideCases, attachedCases,
	} {
		runCases(t, newHarness, cases)
	}
}
