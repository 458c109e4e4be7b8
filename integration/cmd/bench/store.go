package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/whiskstore/whiskstore/integration/bench"
	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/memory"
	"github.com/whiskstore/whiskstore/store/route"
	"github.com/whiskstore/whiskstore/store/softdelete"
	"github.com/whiskstore/whiskstore/store/stamp"
)

const chainSettings = "check, softdelete 1h, stamp, route to one store under two names"

// chainOver is the stack whose cost is measured.
func chainOver(write, read store.ArtifactStore) (store.ArtifactStore, error) {
	backend, err := route.New(write, read, nil)
	if err != nil {
		return nil, err
	}
	soft, err := softdelete.New(time.Hour)
	if err != nil {
		return nil, err
	}
	return store.Chain{
		Check:      store.Check(&store.CheckOptions{Collection: store.Whisks}),
		SoftDelete: soft,
		Stamp:      stamp.New("bench"),
	}.Over(backend), nil
}

// handle is a second name of a store, so that route has two to choose from.
type handle struct{ store.ArtifactStore }

// action returns an action whose body has about 1 KiB.
func action(id string) store.Document {
	body := fmt.Sprintf(`{"namespace":"guest","name":%q,"exec":{"kind":"nodejs:20","code":"","binary":false},"parameters":[],`+
		`"limits":{"timeout":60000,"memory":256,"logs":10,"concurrency":1},"version":"0.0.1","publish":false,"annotations":[],`+
		`"updated":1700000000000,"entityType":"action"}`, strings.TrimPrefix(id, "guest/"))
	code := strings.Repeat("x", 1024-len(body))
	return store.Document{ID: id, Body: []byte(strings.Replace(body, `"code":""`, `"code":"`+code+`"`, 1))}
}

func newWhisks() (*memory.Store, error) {
	return memory.New(memory.Options{Collection: store.Whisks})
}

func chainGet(ctx context.Context, opts *bench.Options) ([]bench.Outcome, error) {
	s, err := newWhisks()
	if err != nil {
		return nil, err
	}
	const id = "guest/hello"
	if _, err := s.Put(ctx, action(id), nil); err != nil {
		return nil, err
	}
	top, err := chainOver(s, handle{s})
	if err != nil {
		return nil, err
	}
	get := func(s store.ArtifactStore) func(context.Context, int) error {
		return func(ctx context.Context, n int) error {
			for range n {
				if _, err := s.Get(ctx, id, nil); err != nil {
					return err
				}
			}
			return nil
		}
	}
	res, err := bench.Compare(ctx, "chain adds to a Get of 1 KiB",
		bench.Side{Name: "store/memory", Run: get(s)},
		bench.Side{Name: "the chain over it", Settings: chainSettings, Run: get(top)}, opts)
	return []bench.Outcome{{Result: res, Target: "+1000 ns, +4 allocations", Met: res.DiffNanos.High <= 1000 && res.AllocsB-res.AllocsA <= 4.05}}, err
}

func chainPut(ctx context.Context, opts *bench.Options) ([]bench.Outcome, error) {
	put := func(wrap func(store.ArtifactStore) (store.ArtifactStore, error)) (func(context.Context, int) error, error) {
		s, err := newWhisks()
		if err != nil {
			return nil, err
		}
		top, err := wrap(s)
		if err != nil {
			return nil, err
		}
		doc := action("guest/hello")
		return func(ctx context.Context, n int) error {
			for range n {
				var err error
				if doc.Version, err = top.Put(ctx, doc, nil); err != nil {
					return err
				}
			}
			return nil
		}, nil
	}
	bare, err := put(func(s store.ArtifactStore) (store.ArtifactStore, error) { return s, nil })
	if err != nil {
		return nil, err
	}
	chained, err := put(func(s store.ArtifactStore) (store.ArtifactStore, error) { return chainOver(s, handle{s}) })
	if err != nil {
		return nil, err
	}
	res, err := bench.Compare(ctx, "chain adds to a Put of 1 KiB",
		bench.Side{Name: "store/memory", Run: bare},
		bench.Side{Name: "the chain over it", Settings: chainSettings, Run: chained}, opts)
	return []bench.Outcome{{Result: res, Target: "+2000 ns, +8 allocations", Met: res.DiffNanos.High <= 2000 && res.AllocsB-res.AllocsA <= 8.05}}, err
}

// fill stores n activations, spread over namespaces.
func fill(ctx context.Context, n, namespaces int) (*memory.Store, error) {
	s, err := memory.New(memory.Options{Collection: store.Activations})
	if err != nil {
		return nil, err
	}
	for i := range n {
		ns := fmt.Sprintf("ns%d", i%namespaces)
		doc := store.Document{ID: fmt.Sprintf("%s/%032x", ns, i), Body: fmt.Appendf(nil,
			`{"namespace":%q,"name":"hello","subject":"guest","activationId":"%032x","start":%d,"end":%d,"response":{"statusCode":0,"result":{"ok":true}},`+
				`"logs":[],"version":"0.0.1","publish":false,"duration":5,"annotations":[{"key":"path","value":%q},{"key":"kind","value":"nodejs:20"}],`+
				`"updated":%[3]d,"entityType":"activation"}`, ns, i, 1700000000000+i, 1700000000005+i, ns+"/utils/hello")}
		if _, err := s.Put(ctx, doc, nil); err != nil {
			return nil, err
		}
	}
	return s, ctx.Err()
}

// newest lists the newest 30 activations of ns0 after skip.
func newest(s store.ArtifactStore, skip int) func(context.Context, int) error {
	return func(ctx context.Context, n int) error {
		for range n {
			rows := 0
			for _, err := range s.Query(ctx, &store.Query{Table: "whisks.v2.1.0/activations",
				StartKey: store.Key{"ns0", 0}, EndKey: store.Key{"ns0", store.Top, store.Top}, Descending: true, Skip: skip, Limit: 30}) {
				if err != nil {
					return err
				}
				rows++
			}
			if rows != 30 {
				return fmt.Errorf("%d rows, want 30", rows)
			}
		}
		return nil
	}
}

func list30(ctx context.Context, opts *bench.Options, s sizes) ([]bench.Outcome, error) {
	const atMost = 3
	small, err := fill(ctx, s.Small, 1)
	if err != nil {
		return nil, err
	}
	var out []bench.Outcome
	a := bench.Side{Name: fmt.Sprintf("%d documents in one namespace", s.Small), Run: newest(small, 0)}
	compare := func(name string, a, b bench.Side, target float64) error {
		res, err := bench.Compare(ctx, name, a, b, opts)
		o := bench.Outcome{Result: res, Target: "printed only", Met: true}
		if target > 0 {
			o.Target, o.Met = fmt.Sprintf("B/A at most %g", target), res.Ratio.High <= target
		}
		out = append(out, o)
		return err
	}
	large := func(namespaces int) (*memory.Store, string, error) {
		started := time.Now()
		st, err := fill(ctx, s.Activations, namespaces)
		return st, fmt.Sprintf("%d documents in %d namespaces, stored in %v", s.Activations, namespaces, time.Since(started).Round(time.Second)), err
	}
	// Namespaces are chosen so that each of them has more than 30 activations.
	many, label, err := large(min(s.Namespaces, s.Activations/50))
	if err != nil {
		return nil, err
	}
	if err := compare("(a) newest 30", a, bench.Side{Name: label, Run: newest(many, 0)}, atMost); err != nil {
		return nil, err
	}
	many = nil
	one, label, err := large(1)
	if err != nil {
		return nil, err
	}
	if err := compare("(b) newest 30", a, bench.Side{Name: label, Run: newest(one, 0)}, atMost); err != nil {
		return nil, err
	}
	deep := s.Activations - 100
	err = compare("deep skip", bench.Side{Name: "no skip", Settings: label, Run: newest(one, 0)},
		bench.Side{Name: fmt.Sprintf("skip %d", deep), Run: newest(one, deep)}, 0)
	return out, err
}
