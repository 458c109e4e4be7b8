package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/whiskstore/whiskstore/store"
)

// LinearizabilityOptions are the options of TestLinearizability; nil is the zero
// value.
type LinearizabilityOptions struct {
	// Seed decides what the clients do and which replies are lost; 0 takes one
	// from the clock. It is printed on failure. The order in which the store sees
	// the calls is another one in every run.
	Seed uint64

	// Clients is how many work at once; 0 is 5.
	Clients int

	// Calls is how many each of them makes; 0 is 60.
	Calls int
}

// TestLinearizability lets clients create, update, delete and read a few
// documents at once, with and without lost replies, and holds that there is an
// order of all calls that explains every answer. A write in doubt, or whose
// context ended, may take effect at any later time, or never. On failure it
// writes porcupine's picture of the time line as HTML and prints where.
//
// With Features.ReplicaReads it holds instead that each client reads its own
// writes and never goes back, when it asks so with GetOptions.After.
func TestLinearizability(t *testing.T, newHarness NewHarness, opts *LinearizabilityOptions) {
	testLinearizability(testingT{t}, newHarness, opts)
}

func testLinearizability(t tb, newHarness NewHarness, opts *LinearizabilityOptions) {
	var o LinearizabilityOptions
	if opts != nil {
		o = *opts
	}
	if o.Seed == 0 {
		o.Seed = uint64(time.Now().UnixNano())
	}
	if o.Clients == 0 {
		o.Clients = 5
	}
	if o.Calls == 0 {
		o.Calls = 60
	}
	for _, c := range []struct {
		name string
		lost bool
	}{{"concurrent", false}, {"lost_replies", true}} {
		t.Run(c.name, func(t tb) {
			e := newEnv(t, newHarness)
			s := e.whisks()
			if e.Features.ReplicaReads {
				e.monotonic(s, o)
				return
			}
			history := s.clients(o, c.lost)
			result, info := porcupine.CheckOperationsVerbose(registers, history, patience/2)
			switch result {
			case porcupine.Ok:
			case porcupine.Unknown:
				t.Errorf("seed %d: got no answer in %v whether %d calls are linearizable, want fewer Clients or Calls",
					o.Seed, patience/2, len(history))
			default:
				t.Errorf("seed %d: got %d calls that no order explains, want a linearizable history\ntime line: %s",
					o.Seed, len(history), picture(t, info))
			}
		})
	}
}

// clients runs all clients and returns what they did.
func (c *collection) clients(o LinearizabilityOptions, lost bool) []porcupine.Operation {
	s := c.s
	docs := make([]string, 3)
	for i := range docs {
		docs[i] = fmt.Sprintf("%s/d%d", c.e.ns, i)
		c.ids = append(c.ids, docs[i])
	}
	var loser *lossy
	if lost {
		loser = newLossy(s, o.Seed)
		s = loser
	}
	began := time.Now()
	histories := make([][]porcupine.Operation, o.Clients)
	var clients sync.WaitGroup
	for i := range histories {
		clients.Go(func() { histories[i] = client(c.e.ctx, s, i, docs, o, began) })
	}
	clients.Wait()
	if loser != nil {
		loser.late.Wait()
	}
	var all []porcupine.Operation
	end := time.Since(began).Nanoseconds() + 1
	for _, h := range histories {
		for _, op := range h {
			if op.Output.(reply).open {
				op.Return = end // and so may come after everything, which is as good as never
			}
			all = append(all, op)
		}
	}
	return all
}

// client makes calls one after the other, on revisions that it has seen.
func client(ctx context.Context, s store.ArtifactStore, id int, docs []string, o LinearizabilityOptions, began time.Time) []porcupine.Operation {
	rng := rand.New(rand.NewPCG(o.Seed, uint64(id)+10))
	seen := map[string]string{}
	var history []porcupine.Operation
	for i := range o.Calls {
		c := call{doc: docs[rng.IntN(len(docs))], value: 1 + id*o.Calls + i}
		switch n := rng.IntN(10); {
		case n < 4:
			c.op = store.OpGet
		case n < 6 || seen[c.doc] == "":
			c.op = store.OpPut
		case n < 8:
			c.op, c.rev = store.OpPut, seen[c.doc]
		default:
			c.op, c.rev = store.OpDelete, seen[c.doc]
		}
		at := time.Since(began).Nanoseconds()
		out := c.run(ctx, s)
		history = append(history, porcupine.Operation{
			ClientId: id, Input: c, Call: at, Output: out, Return: time.Since(began).Nanoseconds(),
		})
		if out.rev != "" && c.op != store.OpDelete {
			seen[c.doc] = out.rev
		}
	}
	return history
}

// run makes the call.
func (c call) run(ctx context.Context, s store.ArtifactStore) reply {
	var out reply
	var err error
	switch c.op {
	case store.OpGet:
		var doc store.Document
		var body struct{ Value int }
		if doc, err = s.Get(ctx, c.doc, nil); err == nil {
			err = json.Unmarshal(doc.Body, &body)
			out.rev, out.value = doc.Version.Rev, body.Value
		}
	case store.OpPut:
		doc := store.Document{ID: c.doc, Version: store.Version{Rev: c.rev}, Body: object{"value": c.value}.raw()}
		var v store.Version
		v, err = s.Put(ctx, doc, nil)
		out.rev = v.Rev
	case store.OpDelete:
		_, err = s.Delete(ctx, c.doc, c.rev, nil)
	}
	switch {
	case err == nil:
	case store.InDoubt(err):
		out = reply{open: true}
	case c.op == store.OpGet && !errors.Is(err, store.ErrNotFound),
		errors.Is(err, store.ErrThrottled), errors.Is(err, store.ErrUnavailable):
		out = reply{open: true} // says nothing, and changed nothing
	default:
		out = reply{kind: store.KindOf(err)}
	}
	return out
}

// picture writes the time line and returns its path: in the artifact directory
// when go test keeps one, else in a directory that stays.
func picture(t tb, info porcupine.LinearizationInfo) string {
	dir := ""
	if keepsArtifacts() {
		dir = t.ArtifactDir()
	} else {
		var err error
		if dir, err = os.MkdirTemp("", "storetest-"); err != nil {
			return err.Error()
		}
	}
	path := filepath.Join(dir, "history.html")
	if err := porcupine.VisualizePath(registers, info, path); err != nil {
		return err.Error()
	}
	return path
}

// keepsArtifacts reports whether go test runs with -artifacts.
func keepsArtifacts() bool {
	f := flag.Lookup("test.artifacts")
	return f != nil && f.Value.String() == "true"
}

// monotonic holds that clients which ask for it read their own writes and never
// an older state after a newer one.
func (e *env) monotonic(c *collection, o LinearizabilityOptions) {
	failures := make(chan string, o.Clients)
	var clients sync.WaitGroup
	id := e.ns + "/d"
	c.put(document(id, object{"value": 0}))
	for i := range o.Clients {
		clients.Go(func() {
			var last store.Version
			for n := range o.Calls {
				doc, err := c.s.Get(e.ctx, id, &store.GetOptions{After: store.Freshness{Version: last}})
				if err != nil {
					failures <- fmt.Sprintf("Get after %+v: got %v, want the document", last, err)
					return
				}
				if doc.Version.Compare(last) == store.Older {
					failures <- fmt.Sprintf("Get after %+v: got the older %+v", last, doc.Version)
					return
				}
				last = doc.Version
				doc.Body = object{"value": i*o.Calls + n}.raw()
				v, err := c.s.Put(e.ctx, doc, nil)
				if err == nil {
					last = v
				}
			}
		})
	}
	clients.Wait()
	close(failures)
	for f := range failures {
		e.Errorf("seed %d: %s", o.Seed, f)
	}
}
