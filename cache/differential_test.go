package cache

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/store"
)

// The differential test drives a real Cache, with all that lies around the
// searched step function (fences in entries, records of one fence, eviction,
// overflowing guards, loads that are not kept), and beside it one pure line per
// key with the same events. What the cache does and knows must be what the line
// does and knows; and whatever overflows, no hit may be older than what was
// announced.

const (
	pairKeys = 4
	pairLag  = 100 * time.Millisecond
	pairAge  = 600*time.Millisecond + tick
)

// pairKey is the world of one key and its pure line.
type pairKey struct {
	line      line
	commits   []time.Duration // when each version was committed; the first is there from the start
	announced int             // no hit may be older than this version
	own       int             // the newest version that this node wrote
	pending   []int           // versions whose messages are on their way
	loads     []*pairLoad
	writes    []*pairWrite
}

type pairLoad struct {
	load    *Load[int]
	op      op
	pass    bool
	readers int
	began   time.Duration
	oldest  int // the oldest version it may read
}

type pairWrite struct {
	write     *Write[int]
	op        op
	committed int
}

type pair struct {
	t     *testing.T
	rand  *rand.Rand
	log   []string
	clock *Clock
	now   time.Duration
	c     *Cache[int]
	keys  [pairKeys]pairKey
	gens  uint64
	twins bool // two versions each have one order: which is newer is unknown
	shed  bool // guards overflow: then the cache may know less than the line
}

func newPair(t *testing.T, seed uint64, opts Options[int]) *pair {
	p := &pair{t: t, rand: rand.New(rand.NewPCG(seed, 1)), clock: NewManualClock(time.Unix(0, 0))}
	opts.Clock, opts.Lag, opts.MaxAge, opts.MaxStaleness = p.clock, pairLag, pairAge, pairAge
	opts.Hash = func(string) uint64 { return 0 }
	opts.Size = func(v int) int { return 1 + 40*(v%3) }
	p.c = New(opts)
	t.Cleanup(p.c.Close)
	for k := range p.keys {
		p.keys[k].commits = []time.Duration{-time.Hour}
	}
	return p
}

func pairName(k int) string { return "k" + strconv.Itoa(k) }

func (p *pair) version(v int) store.Version {
	order := uint64(v) + 1
	if p.twins {
		order = uint64(v)/2 + 1
	}
	return store.Version{Rev: strconv.Itoa(v), Order: order, Lineage: "L"}
}

func (p *pair) failf(format string, args ...any) {
	p.t.Helper()
	from := max(0, len(p.log)-40)
	p.t.Fatalf("%s\nafter %v", fmt.Sprintf(format, args...), p.log[from:])
}

// step makes the pure line's step.
func (p *pair) step(k int, ev event) action {
	key := &p.keys[k]
	p.gens++
	ev.now, ev.age = p.clock.read()
	ev.bound, ev.next = p.c.limit.at(ev.age), p.gens
	s := p.c.scope(pairName(k)).scope
	s.blind = max(s.blind, p.c.shards[0].blind)
	var a action
	key.line, a = p.c.machine.step(key.line, s, ev)
	if key.line.folds() { // an entry keeps the end of its fence rounded up
		if end, ok := fenceEnd(key.line.until); ok {
			key.line.until = int64(end) << fenceBits
		}
	}
	return a
}

// oldest is the oldest version that a read at the time may see (A1, A3).
func (p *pair) oldest(k int) int {
	key := &p.keys[k]
	v := key.own
	for i, at := range key.commits {
		if at+pairLag <= p.now {
			v = max(v, i)
		}
	}
	return v
}

func (p *pair) newest(k int) int { return len(p.keys[k].commits) - 1 }

func (p *pair) commit(k int) int {
	p.keys[k].commits = append(p.keys[k].commits, p.now)
	v := p.newest(k)
	p.keys[k].pending = append(p.keys[k].pending, v)
	return v
}

func (p *pair) event(k int) {
	key := &p.keys[k]
	switch n := p.rand.IntN(20); {
	case n < 6:
		p.lookup(k, n == 0 && p.rand.IntN(4) == 0)
	case n < 9:
		p.endLoad(k)
	case n < 10:
		p.log = append(p.log, fmt.Sprintf("k%d C%d", k, p.commit(k)))
	case n < 12 && len(key.pending) > p.rand.IntN(3):
		i := p.rand.IntN(len(key.pending))
		p.message(k, key.pending[i])
		if p.rand.IntN(4) > 0 {
			key.pending = slices.Delete(key.pending, i, i+1)
		}
	case n < 13 && p.rand.IntN(20) == 0:
		p.message(k, -1)
	case n < 13 && p.rand.IntN(40) == 0:
		p.loss()
	case n < 15 && len(key.writes) < 2 && p.rand.IntN(6) == 0:
		deleted := p.rand.IntN(4) == 0
		p.log = append(p.log, fmt.Sprintf("k%d W %v", k, deleted))
		w := &pairWrite{write: p.c.BeginWrite(pairName(k), deleted), committed: -1}
		if deleted {
			p.step(k, event{kind: evEvict})
		}
		w.op = p.step(k, event{kind: evWriteStart}).op
		key.writes = append(key.writes, w)
	case n < 17 && len(key.writes) > 0:
		p.write(k)
	default:
		p.now += time.Duration(p.rand.IntN(12000)) * time.Microsecond
		p.clock.Set(p.now, p.now)
	}
}

func (p *pair) lookup(k int, fresh bool) {
	key := &p.keys[k]
	got := p.c.Begin(pairName(k), fresh)
	pass := key.line.writes > 0
	want := p.step(k, event{kind: evLookup, fresh: fresh})
	p.log = append(p.log, fmt.Sprintf("k%d L held=%v joined=%v", k, got.Held, got.Joined))
	if got.Held && got.Value < key.announced {
		p.failf("k%d: version %d is served, %d was announced", k, got.Value, key.announced)
	}
	if !p.shed && (got.Held != (want.verdict == verdictServe) || got.Joined != (want.verdict == verdictJoin)) {
		p.failf("k%d: held %v, joined %v; the line says %v", k, got.Held, got.Joined, want.verdict)
	}
	switch {
	case got.Held:
	case got.Joined:
		for _, l := range key.loads {
			if l.load.Same(got.Load) {
				l.readers++
			}
		}
	default:
		oldest := p.oldest(k)
		if got.Load.Request.Fresh {
			oldest = p.newest(k)
		} else if at := got.Load.Request.After.Session; at != "" {
			oldest = max(oldest, int(at[k]))
		}
		key.loads = append(key.loads, &pairLoad{load: got.Load, op: want.op, pass: pass, began: p.now, oldest: oldest})
	}
}

func (p *pair) endLoad(k int) {
	key := &p.keys[k]
	if len(key.loads) == 0 {
		return
	}
	i := p.rand.IntN(len(key.loads))
	l := key.loads[i]
	key.loads = slices.Delete(key.loads, i, i+1)
	v := l.oldest + p.rand.IntN(p.newest(k)-l.oldest+1)
	p.log = append(p.log, fmt.Sprintf("k%d Le%d", k, v))
	if p.rand.IntN(8) == 0 {
		l.load.End(Loaded[int]{}, &store.Error{Op: store.OpGet, Kind: store.ErrUnavailable})
		p.step(k, event{kind: evLoadEnd, outcome: outcomeError, op: l.op})
		return
	}
	l.load.End(Loaded[int]{Value: v, Version: p.version(v)}, nil)
	p.step(k, event{kind: evLoadEnd, op: l.op, version: p.version(v), pass: l.pass})
}

func (p *pair) message(k, v int) {
	key := &p.keys[k]
	p.log = append(p.log, fmt.Sprintf("k%d m%d", k, v))
	if v < 0 {
		p.c.Forget(pairName(k))
		p.step(k, event{kind: evMessage})
		key.announced = p.newest(k)
		return
	}
	p.c.Observe(pairName(k), p.version(v))
	p.step(k, event{kind: evMessage, version: p.version(v)})
	key.announced = max(key.announced, v)
}

// loss: of all messages on their way, with a position of the log or without.
func (p *pair) loss() {
	var at [pairKeys]byte
	for k := range p.keys {
		key := &p.keys[k]
		key.pending = nil
		at[k] = byte(p.newest(k))
		key.announced = p.newest(k)
	}
	loss := Loss{}
	if p.rand.IntN(2) == 0 {
		loss.Position = store.Session(at[:])
	}
	p.log = append(p.log, fmt.Sprintf("loss %v", loss.Position != ""))
	p.c.Lose(loss)
}

// write commits or ends a write.
func (p *pair) write(k int) {
	key := &p.keys[k]
	i := p.rand.IntN(len(key.writes))
	w := key.writes[i]
	if w.committed < 0 && p.rand.IntN(3) > 0 {
		w.committed = p.commit(k)
		p.log = append(p.log, fmt.Sprintf("k%d Wc%d", k, w.committed))
		return
	}
	key.writes = slices.Delete(key.writes, i, i+1)
	ev := event{kind: evWriteEnd, op: w.op, absent: w.write.deleted, pass: w.write.deleted}
	var kind store.Kind
	switch n := p.rand.IntN(4); {
	case w.committed >= 0 && n > 0:
		ev.version = p.version(w.committed)
		key.own, key.announced = max(key.own, w.committed), max(key.announced, w.committed)
	case w.committed >= 0 || n == 0:
		ev.outcome, kind = outcomeDoubt, store.ErrInDoubt
		key.announced = p.newest(k)
	case n == 1:
		ev.outcome, kind = outcomeConflict, store.ErrConflict
	default:
		ev.outcome, kind = outcomeRefused, store.ErrTooLarge
	}
	p.log = append(p.log, fmt.Sprintf("k%d We%d %v", k, w.committed, ev.outcome))
	if ev.outcome == outcomeOK {
		w.write.End(Loaded[int]{Value: w.committed, Version: ev.version}, nil)
	} else {
		w.write.End(Loaded[int]{}, &store.Error{Op: store.OpPut, Kind: kind})
	}
	p.step(k, ev)
}

// known is the line as the cache has it, in whatever form.
func (p *pair) known(k int) line {
	s := p.c.shards[0]
	var l line
	if e, ok := s.values.Peek(pairName(k)); ok {
		l.held = s.held(&e)
		l.guard = fenced(l.version, e.fenceUntil(), 1)
	}
	if r, ok := s.guards.Peek(pairName(k)); ok {
		l.guard = r.guard(1)
	}
	return l
}

// standing is what of a line decides anything at the time now, without the
// generations, which are counted apart.
func standing(l line, now int64) line {
	if now >= l.until {
		l.fences, l.nfences, l.until = [maxFences]store.Version{}, 0, 0
	}
	if now >= l.blind {
		l.blind = 0
	}
	if now >= l.fresh {
		l.fresh = 0
	}
	if l.load != 0 {
		l.load = 1
	}
	l.gen, l.forgot, l.loadLosses, l.loadFresh = 0, 0, 0, l.load != 0 && l.loadFresh
	slices.SortFunc(l.fences[:l.nfences], func(a, b store.Version) int { return cmp.Compare(a.Rev, b.Rev) })
	return l
}

// compare holds that cache and lines know the same. What was evicted for room is
// an event of its own for the lines.
func (p *pair) compare(evicted *uint64) {
	now, _ := p.clock.read()
	stats := p.c.Stats()
	for k := range p.keys {
		if l := &p.keys[k].line; l.present && !p.known(k).present && stats.Evicted > *evicted {
			*evicted++
			p.step(k, event{kind: evEvict})
		}
	}
	if p.shed {
		*evicted = stats.Evicted
		return
	}
	for k := range p.keys {
		if got, want := standing(p.known(k), now), standing(p.keys[k].line, now); got != want {
			p.failf("k%d: the cache knows\n%+v, the line\n%+v", k, got, want)
		}
	}
}

// TestCacheIsItsLines compares a cache with pure lines, with room for all, with
// room for a few values, and with room for a few guards.
func TestCacheIsItsLines(t *testing.T) {
	for _, tt := range []struct {
		name string
		opts Options[int]
		shed bool
	}{
		{"room", Options[int]{}, false},
		{"entries", Options[int]{MaxEntries: 2 * shards}, false},
		{"bytes", Options[int]{MaxBytes: 60 * shards}, false}, // some values do not fit at all
		{"fences", Options[int]{MaxFences: 2 * shards}, true},
		{"entries_and_fences", Options[int]{MaxEntries: 2 * shards, MaxFences: shards}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			hits := uint64(0)
			for seed := range uint64(40) {
				p := newPair(t, seed, tt.opts)
				p.shed, p.twins = tt.shed, seed%4 == 0
				evicted := uint64(0)
				for range 2000 {
					p.event(p.rand.IntN(pairKeys))
					p.compare(&evicted)
				}
				hits += p.c.Stats().Hits
			}
			if hits < 1000 {
				t.Errorf("%d hits: the run shows nothing", hits)
			}
		})
	}
}
