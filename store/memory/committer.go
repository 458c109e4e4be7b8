package memory

import (
	"context"
	"time"

	"github.com/whiskstore/whiskstore/store"
)

// committer is the one goroutine that writes to a durable store. It takes all
// writes that wait, settles them in order, commits them in one transaction, and
// only then shows them to readers and answers: what anyone has seen is on disk.
type committer struct {
	s       *Store
	d       *disk
	queue   chan *request
	stop    chan struct{} // closed by Store.Close
	ended   chan struct{} // closed when the goroutine is gone
	expect  int           // how many writes a batch waits for
	latency time.Duration // how long the last commit took
}

// request is one write that waits for its commit.
type request struct {
	ctx  context.Context
	w    *write
	done chan outcome // takes the answer without blocking
}

const (
	// maxBatch and maxBatchBytes bound one transaction.
	maxBatch      = 1024
	maxBatchBytes = 16 << 20

	// minGather and maxGather bound how long a commit waits for company.
	minGather = 1 * time.Millisecond
	maxGather = 2 * time.Millisecond
)

func newCommitter(s *Store, d *disk) *committer {
	c := &committer{s: s, d: d, queue: make(chan *request, maxBatch), stop: make(chan struct{}), ended: make(chan struct{})}
	go c.run()
	return c
}

// submit waits for the commit of w. When ctx ends first the write is in doubt.
func (c *committer) submit(ctx context.Context, w *write) (store.Version, error) {
	r := &request{ctx: ctx, w: w, done: make(chan outcome, 1)}
	select {
	case c.queue <- r:
	case <-ctx.Done():
		return store.Version{}, ctx.Err()
	case <-c.ended:
		return store.Version{}, c.s.fail(w.op, w.id, store.ErrClosed, nil)
	}
	select {
	case o := <-r.done:
		return o.version, o.err
	case <-ctx.Done():
		return store.Version{}, ctx.Err()
	case <-c.ended:
	}
	select {
	case o := <-r.done:
		return o.version, o.err
	default: // it came too late for the last batch
		return store.Version{}, c.s.fail(w.op, w.id, store.ErrClosed, nil)
	}
}

// close commits what waits and lets go of the directory.
func (c *committer) close() error {
	close(c.stop)
	<-c.ended
	return c.d.close()
}

func (c *committer) run() {
	defer close(c.ended)
	for {
		var batch []*request
		select {
		case r := <-c.queue:
			batch = c.gather(r)
		case <-c.stop:
			for {
				select {
				case r := <-c.queue:
					c.commit(c.gather(r))
					continue
				default:
				}
				return
			}
		}
		start := time.Now()
		c.commit(batch)
		c.expect, c.latency = max(len(batch), c.expect*7/8), time.Since(start)
	}
}

// gather returns first and what waits with it. Writers that were answered
// together come back together: a batch waits for about as many as those before
// it had, but no longer than about a commit takes. A single writer is not kept
// waiting once the others are gone for a few commits.
func (c *committer) gather(first *request) []*request {
	batch, size := []*request{first}, len(first.w.body)
	full := func() bool { return len(batch) >= maxBatch || size >= maxBatchBytes }
	add := func(r *request) {
		batch = append(batch, r)
		size += len(r.w.body)
	}
	for more := true; more && !full(); {
		select {
		case r := <-c.queue:
			add(r)
		default:
			more = false
		}
	}
	if len(batch) >= c.expect {
		return batch
	}
	timer := time.NewTimer(min(max(c.latency, minGather), maxGather))
	defer timer.Stop()
	for len(batch) < c.expect && !full() {
		select {
		case r := <-c.queue:
			add(r)
		case <-timer.C:
			return batch
		case <-c.stop:
			return batch
		}
	}
	return batch
}

// commit settles a batch and answers each of its writes. The committer alone
// changes the state, so it may read it without the lock.
func (c *committer) commit(batch []*request) {
	s := c.s
	now := s.now()
	next := map[string]*record{} // the documents that change; nil goes away
	current := func(id string) *record {
		if r, ok := next[id]; ok {
			return r
		}
		return s.state.docs[id]
	}
	at, replica := s.state.at, s.state.replica
	for _, r := range s.state.due(now, sweepPerWrite*len(batch)) {
		at.bury(r)
		next[r.id] = nil
	}
	broken := c.d.broken()
	outcomes := make([]outcome, len(batch))
	for i, r := range batch {
		if err := r.ctx.Err(); err != nil {
			outcomes[i] = outcome{err: err}
			continue
		}
		if broken != nil {
			outcomes[i] = outcome{err: s.fail(r.w.op, r.w.id, store.ErrUnavailable, broken)}
			continue
		}
		o := s.decide(&at, current(r.w.id), r.w, now)
		if o.err == nil && !o.unchanged {
			next[r.w.id] = o.next
			replica = replica || r.w.change != nil
		}
		outcomes[i] = o
	}
	if broken == nil && len(next) > 0 {
		if err := c.install(next, at, replica); err != nil {
			for i, r := range batch {
				kind := store.ErrInDoubt
				if outcomes[i].err != nil || outcomes[i].unchanged {
					kind = store.ErrUnavailable // its answer may rest on what failed
				}
				outcomes[i] = outcome{err: s.fail(r.w.op, r.w.id, kind, err)}
			}
		}
	}
	for i, r := range batch {
		r.done <- outcomes[i]
	}
}

// install writes the documents that change and then shows them.
func (c *committer) install(next map[string]*record, at position, replica bool) error {
	s := c.s
	changed := make([]replacement, 0, len(next))
	for id, r := range next {
		if old := s.state.docs[id]; old != nil || r != nil {
			changed = append(changed, replacement{old, r})
		}
	}
	p := progress{Seq: at.seq, Committed: at.committed, Floor: at.floor, Replica: replica, inventory: s.state.inventory}
	if err := s.persist(c.d, changed, &p); err != nil {
		return err
	}
	s.mu.Lock()
	for _, r := range changed {
		s.state.replace(r.old, r.next)
	}
	s.state.at, s.state.replica, s.state.inventory = at, replica, p.inventory
	s.mu.Unlock()
	s.commits.notify()
	return nil
}
