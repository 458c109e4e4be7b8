package fault

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"time"

	"github.com/whiskstore/whiskstore/store"
)

// Options are the options of New; nil is the zero value.
type Options struct {
	// Sleep waits for d or until ctx ends, whose error it then returns. nil waits
	// on a timer.
	Sleep func(ctx context.Context, d time.Duration) error
}

// Injector makes stores fail by its rules. It is safe for concurrent use; with
// concurrent calls the order in which they reach a rule is theirs, not the seed's.
type Injector struct {
	rules []*rule
	sleep func(ctx context.Context, d time.Duration) error
}

// New returns an Injector. Rules are asked in their order: delays add up, and the
// first other one that is chosen decides, the ones behind it do not see the call.
// A rule that is malformed or has another one's name is of kind
// store.ErrInvalid.
func New(seed uint64, opts *Options, rules ...Rule) (*Injector, error) {
	in := &Injector{sleep: wait}
	if opts != nil && opts.Sleep != nil {
		in.sleep = opts.Sleep
	}
	for i, r := range rules {
		err := r.check()
		if err == nil && in.rule(r.Name) != nil {
			err = fmt.Errorf("fault: two rules named %q", r.Name)
		}
		if err != nil {
			return nil, &store.Error{Op: store.OpOpen, Kind: store.ErrInvalid, Err: err}
		}
		in.rules = append(in.rules, &rule{Rule: r, rng: rand.New(rand.NewPCG(seed, uint64(i))), on: !r.Off})
	}
	return in, nil
}

func (in *Injector) rule(name string) *rule {
	for _, r := range in.rules {
		if r.Name == name {
			return r
		}
	}
	return nil
}

// Enable switches the named rules on, without names all.
func (in *Injector) Enable(names ...string) { in.set(true, names) }

// Disable switches the named rules off, without names all. They keep their
// counters and their place in the seed's sequence.
func (in *Injector) Disable(names ...string) { in.set(false, names) }

func (in *Injector) set(on bool, names []string) {
	for _, r := range in.rules {
		if among(r.Name, names) {
			r.mu.Lock()
			r.on = on
			r.mu.Unlock()
		}
	}
}

// Counts returns what the named rule did so far, the zero Counts when there is no
// such rule.
func (in *Injector) Counts(name string) Counts {
	r := in.rule(name)
	if r == nil {
		return Counts{}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts
}

// Wrap is a store.Middleware. All stores that it wraps share the rules and their
// counters. Close is passed on and never fails by a rule.
func (in *Injector) Wrap(next store.ArtifactStore) store.ArtifactStore {
	return &faulty{next: next, in: in}
}

// before makes the call wait, and returns the rule that decides how it fails, nil
// for none.
func (in *Injector) before(ctx context.Context, c Call) (*rule, error) {
	for _, r := range in.rules {
		d, ok := r.chosen(c)
		switch {
		case !ok:
		case r.Fault.kind == delay:
			if err := in.sleep(ctx, d); err != nil {
				return nil, err
			}
			r.surfaced()
		case r.Fault.kind == fail:
			r.surfaced()
			return nil, r.failure(c)
		default:
			return r, nil
		}
	}
	return nil, nil
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

type faulty struct {
	next store.ArtifactStore
	in   *Injector
}

var _ store.ArtifactStore = (*faulty)(nil)

func (f *faulty) Get(ctx context.Context, id string, opts *store.GetOptions) (store.Document, error) {
	c := Call{Op: store.OpGet, ID: id}
	if opts != nil {
		c.Rev = opts.Rev
	}
	if _, err := f.in.before(ctx, c); err != nil {
		return store.Document{}, err
	}
	return f.next.Get(ctx, id, opts)
}

func (f *faulty) Put(ctx context.Context, doc store.Document, opts *store.PutOptions) (store.Version, error) {
	c := Call{Op: store.OpPut, ID: doc.ID, Rev: doc.Version.Rev}
	lost, err := f.in.before(ctx, c)
	if err != nil {
		return store.Version{}, err
	}
	v, err := f.next.Put(ctx, doc, opts)
	return reply(lost, c, v, err)
}

func (f *faulty) Delete(ctx context.Context, id, rev string, opts *store.DeleteOptions) (store.Version, error) {
	c := Call{Op: store.OpDelete, ID: id, Rev: rev}
	lost, err := f.in.before(ctx, c)
	if err != nil {
		return store.Version{}, err
	}
	v, err := f.next.Delete(ctx, id, rev, opts)
	return reply(lost, c, v, err)
}

// reply returns what the store answered, unless a rule loses it.
func reply(lost *rule, c Call, v store.Version, err error) (store.Version, error) {
	if lost == nil {
		return v, err
	}
	lost.surfaced()
	return store.Version{}, lost.failure(c)
}

func (f *faulty) Query(ctx context.Context, q *store.Query) iter.Seq2[store.Row, error] {
	return func(yield func(store.Row, error) bool) {
		c := Call{Op: store.OpQuery, Table: q.Table}
		r, err := f.in.before(ctx, c)
		if err != nil {
			yield(store.Row{}, err)
			return
		}
		left := -1
		if r != nil {
			left = r.Fault.rows
		}
		if left != 0 {
			for row, err := range f.next.Query(ctx, q) {
				if !yield(row, err) || err != nil {
					return
				}
				if left--; left == 0 {
					break
				}
			}
		}
		if r != nil && left == 0 {
			r.surfaced()
			yield(store.Row{}, r.failure(c))
		}
	}
}

func (f *faulty) Count(ctx context.Context, q *store.Query) (int64, error) {
	if _, err := f.in.before(ctx, Call{Op: store.OpCount, Table: q.Table}); err != nil {
		return 0, err
	}
	return f.next.Count(ctx, q)
}

func (f *faulty) Close() error { return f.next.Close() }
