package tworegions

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/store"
)

// TestRows are rows of the behaviour checklist that need a whole deployment.
func TestRows(t *testing.T) {
	for name, backend := range map[string]string{"memory": "", "cosmos": cosmosBackend} {
		t.Run("CACHE-02_"+name, func(t *testing.T) {
			d := deploy(t, Config{Backend: backend, Delay: 10 * time.Millisecond, LagBudget: time.Second})
			d.each(func(a *testAction) { a.put("empty", "") })
			d.each(func(a *testAction) { a.put("updated", a.rev()) })
			d.each(func(a *testAction) { a.amongReads(15, 14, a.delete) })
			d.each(func(a *testAction) {
				a.everywhere("it is gone", func(_ string, err error) bool { return errors.Is(err, store.ErrNotFound) })
			})
			d.each(func(a *testAction) { a.put("empty", "") })
			d.each(func(a *testAction) { a.put("red", a.rev()) })
			d.each(func(a *testAction) { a.amongReads(15, 14, func() { a.put("blue", a.rev()) }) })
			d.each(func(a *testAction) {
				a.everywhere("it is blue", func(body string, err error) bool {
					return err == nil && strings.Contains(body, "blue") && !strings.Contains(body, "red")
				})
			})
		})
	}
}

// deployment is two regions whose caches are coherent and whose nodes do nothing
// by themselves.
type deployment struct {
	*testing.T
	nodes   []*node
	actions []*testAction
}

func deploy(t *testing.T, cfg Config) *deployment {
	cfg, err := cfg.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	s := &scenario{cfg: cfg, ledger: newLedger(), truth: newTruth(cfg.remembered())}
	if err := s.setUp(t.Context()); err != nil {
		t.Fatal(errors.Join(err, s.close()))
	}
	stop, errs := s.background(t.Context())
	t.Cleanup(func() {
		stop()
		if err := s.close(); err != nil {
			t.Error(err)
		}
		select {
		case err := <-errs:
			t.Error(err)
		default:
		}
	})
	d := &deployment{T: t, nodes: s.nodes}
	for i := range 5 {
		d.actions = append(d.actions, &testAction{d: d, id: fmt.Sprintf("guest/testy%d", i+1), writer: s.nodes[i%len(s.nodes)]})
	}
	d.until("every cache is coherent", func() bool {
		for _, n := range d.nodes {
			if n.caches.documents[store.Whisks].Health().State != cache.Coherent {
				return false
			}
		}
		return true
	})
	d.each(func(*testAction) {}) // stops here if something failed
	return d
}

// until waits for a condition, much shorter than values last in the caches: what
// they serve must change by itself.
func (d *deployment) until(what string, cond func() bool) {
	d.Helper()
	for end := time.Now().Add(d.nodes[0].cfg.maxAge() * 3 / 4); !cond(); {
		if time.Now().After(end) {
			d.Errorf("never: %s", what)
			return
		}
		<-time.After(10 * time.Millisecond)
	}
}

// each does one phase: for all actions at once.
func (d *deployment) each(phase func(*testAction)) {
	var all sync.WaitGroup
	for _, a := range d.actions {
		all.Go(func() { phase(a) })
	}
	all.Wait()
	if d.Failed() {
		d.FailNow()
	}
}

// testAction is one action and the node that its writes go to.
type testAction struct {
	d      *deployment
	id     string
	writer *node
}

func (a *testAction) get(n *node) (store.Document, error) {
	return n.stacks[store.Whisks].Get(a.d.Context(), a.id, nil)
}

func (a *testAction) put(color, rev string) {
	body := fmt.Sprintf(`{"namespace":"guest","name":%q,"entityType":"action","parameters":[{"key":"color","value":%q}]}`, strings.TrimPrefix(a.id, "guest/"), color)
	doc := store.Document{ID: a.id, Version: store.Version{Rev: rev}, Body: []byte(body)}
	if _, err := a.writer.stacks[store.Whisks].Put(a.d.Context(), doc, nil); err != nil {
		a.d.Errorf("put %s %s: %v", a.id, color, err)
	}
}

// rev is the revision that the writer's node sees.
func (a *testAction) rev() string {
	doc, err := a.get(a.writer)
	if err != nil {
		a.d.Errorf("get %s: %v", a.id, err)
	}
	return doc.Version.Rev
}

func (a *testAction) delete() {
	if _, err := a.writer.stacks[store.Whisks].Delete(a.d.Context(), a.id, a.rev(), nil); err != nil {
		a.d.Errorf("delete %s: %v", a.id, err)
	}
}

// amongReads does one write and reads before and after it, through all nodes in
// turn and all at once. A read succeeds or finds nothing.
func (a *testAction) amongReads(before, after int, write func()) {
	var all sync.WaitGroup
	read := func(i int) {
		if _, err := a.get(a.d.nodes[i%len(a.d.nodes)]); err != nil && !errors.Is(err, store.ErrNotFound) {
			a.d.Errorf("get %s: got %v, want success or not found", a.id, err)
		}
	}
	for i := range before {
		all.Go(func() { read(i) })
	}
	all.Go(write)
	for i := range after {
		all.Go(func() { read(i) })
	}
	all.Wait()
}

// everywhere waits until every node answers as it should.
func (a *testAction) everywhere(what string, ok func(body string, err error) bool) {
	for _, n := range a.d.nodes {
		a.d.until(n.name+" answers that "+what, func() bool {
			doc, err := a.get(n)
			return ok(string(doc.Body), err)
		})
	}
}
