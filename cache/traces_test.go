package cache

import (
	"context"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whiskstore/whiskstore/store"
)

const (
	traceKey = "guest/hello"
	traceLag = 5 * time.Second
	traceAge = time.Minute
)

// traceRun plays a trace in the notation of PROTOCOL.md against a real cache. A
// value is the number of the version it was read from.
type traceRun struct {
	t    *testing.T
	c    *Cache[int]
	off  Rule
	vers []store.Version
	gone map[int]bool // versions that are deletes
	ops  map[string]*traceOp
	mu   sync.Mutex
	got  map[string]int // what readers were given; 0 is an absence
}

// traceOp is a load or write that the trace leads by the hand.
type traceOp struct {
	version chan int   // what it reads or commits
	end     chan error // how it ends
}

func newTrace(t *testing.T, off Rule, negative bool) *traceRun {
	r := &traceRun{t: t, off: off, gone: map[int]bool{0: true}, ops: map[string]*traceOp{}, got: map[string]int{}}
	for i := range 5 {
		r.vers = append(r.vers, store.Version{Rev: strconv.Itoa(i), Order: uint64(i), Lineage: "L"})
	}
	r.vers[0] = store.Version{}
	r.c = New(Options[int]{Lag: traceLag, MaxAge: traceAge, Negative: negative, Without: off, MaxFences: 1 << 20})
	return r
}

// loader reads what the trace says, when it says so.
func (r *traceRun) loader(op *traceOp) Loader[int] {
	return func(context.Context, Request) (Loaded[int], error) {
		v := <-op.version
		if err := <-op.end; err != nil {
			return Loaded[int]{}, err
		}
		if r.gone[v] {
			return Loaded[int]{}, absent(traceKey)
		}
		return Loaded[int]{Value: v, Version: r.vers[v]}, nil
	}
}

var traceToken = regexp.MustCompile(`^([LWJ]'?)(s|r|c|e|\?)?(\d)?(x)?$`)

func (r *traceRun) play(trace string) {
	for token := range strings.FieldsSeq(trace) {
		r.event(token)
		synctest.Wait()
	}
}

func (r *traceRun) event(token string) {
	s := r.c.shard(traceKey)
	switch {
	case token[0] == 'C', token[0] == 'P', token[0] == '>':
		if strings.HasSuffix(token, "x") {
			v, _ := strconv.Atoi(token[1:2])
			r.gone[v] = true
		}
	case token == "mU":
		r.c.Forget(traceKey)
	case token[0] == 'u': // of a document with several leaves, whose versions do not tell their order
		v := 0
		if r.off.has(RuleUnknown) {
			v, _ = strconv.Atoi(token[1:])
		}
		r.c.Observe(traceKey, r.vers[v])
	case token[0] == 'm':
		v, _ := strconv.Atoi(token[1:])
		r.c.Observe(traceKey, r.vers[v])
	case token[0] == 'v': // the feed's verify message
		if !r.off.has(RuleEcho) {
			v, _ := strconv.Atoi(token[1:])
			r.c.Observe(traceKey, r.vers[v])
		}
	case token == "gap":
		r.c.Lose(Loss{})
	case token == "start":
		if !r.off.has(RuleStart) {
			r.c.Lose(Loss{})
		}
	case token == "F-":
		<-time.After(traceLag + time.Millisecond)
	case token == "age":
		<-time.After(traceAge)
	case token == "E":
		s.mu.Lock()
		s.evict(traceKey)
		s.mu.Unlock()
	case token == "EL":
		s.mu.Lock()
		s.maxGuards = 0
		s.evict(traceKey)
		s.boundGuards(1)
		s.maxGuards = 1 << 16
		s.mu.Unlock()
	default:
		r.operation(token)
	}
}

// operation starts, leads or ends a load or write.
func (r *traceRun) operation(token string) {
	m := traceToken.FindStringSubmatch(token)
	if m == nil {
		r.t.Fatalf("no event %q", token)
	}
	name, what := m[1], m[2]
	v, _ := strconv.Atoi(m[3])
	if m[4] == "x" {
		r.gone[v] = true
	}
	switch {
	case name[0] == 'L' && what == "s", name == "J":
		op := &traceOp{make(chan int, 1), make(chan error, 1)}
		r.ops[name] = op
		go func() {
			got, _, err := r.c.Get(context.Background(), traceKey, r.loader(op))
			if err != nil && store.KindOf(err) != store.ErrNotFound {
				got = -1
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			r.got[name] = got
		}()
	case name[0] == 'W' && what == "s":
		op := &traceOp{make(chan int, 1), make(chan error, 1)}
		r.ops[name] = op
		write := func(context.Context) (Loaded[int], error) {
			err := <-op.end
			v := 0
			select {
			case v = <-op.version:
			default:
			}
			if r.gone[v] {
				return Loaded[int]{}, err
			}
			return Loaded[int]{Value: v, Version: r.vers[v]}, err
		}
		go func() {
			if _, err := r.c.Put(context.Background(), traceKey, write); err != nil && !store.InDoubt(err) {
				r.t.Errorf("%s: %v", name, err)
			}
		}()
	case what == "r", what == "c":
		r.ops[name].version <- v
	case what == "e":
		close(r.ops[name].end)
	case what == "?":
		r.ops[name].end <- &store.Error{Op: store.OpPut, Kind: store.ErrInDoubt}
	}
}

// finish lets everything that still waits end, and closes the cache.
func (r *traceRun) finish() {
	for _, op := range r.ops {
		select {
		case op.version <- 9:
		default:
		}
		select {
		case <-op.end:
		default:
			op.end <- &store.Error{Op: store.OpGet, Kind: store.ErrInDoubt}
		}
	}
	synctest.Wait()
	r.c.Close()
}

// hit returns the version that a lookup would be served, -1 for none.
func (r *traceRun) hit() int {
	s := r.c.shard(traceKey)
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.values.Peek(traceKey)
	sc := s.scope(traceKey)
	if r.off.has(RuleSuspect) {
		sc.losses = 0
	}
	_, age := r.c.clock.read()
	if !ok || !s.held(&e).servable(sc, age, r.c.limit.at(age)) {
		return -1
	}
	return e.value
}

// traceCase is one trace of coherence-protocol.md, section 9. It is wrong when
// wrong is served at the end, or when wrongly is given to reader.
type traceCase struct {
	id      string
	trace   string
	wrong   int
	reader  string // instead of a hit at the end
	off     Rule   // with these rules off it goes wrong
	closes  string // races of upstream
	second  bool   // v2 and v3 have the same order
	lower   bool   // v3, of a document with several leaves, is of a lower generation than v2
	nothing bool   // absences are cached
}

var traceCases = []traceCase{
	{id: "T1", trace: "C2 P2 m2 Ls Lr1 >2 Le", wrong: 1, off: RuleFence, closes: "S1 S2"},
	{id: "T1-empty", trace: "C2 P2 m2 Ls Lr1 >2 Le", wrong: 1, off: RuleFenceEmpty, closes: "S1"},
	{id: "T2", trace: "C2 P2 gap Ls Lr1 >2 Le", wrong: 1, off: RuleLossBlind, closes: "S8 S9 S10"},
	{id: "T3", trace: "C2 P2 m2 Ls Lr1 >2 F- Le", wrong: 1, off: RuleWholeOperation, closes: "S1"},
	{id: "T3-lease", trace: "C2 P2 m2 Ls Lr1 >2 F- Le", wrong: 1, off: RuleLease, closes: "S6"},
	{id: "T4", trace: "C2 P2 Ls gap Lr1 >2 F- Le", wrong: 1, off: RuleLossVoid | RuleWholeOperation, closes: "S9"},
	{id: "T5", trace: "C2 P2 start Ls Lr1 >2 F- Le", wrong: 1, off: RuleWholeOperation, closes: "S10"},
	{id: "T6", trace: "C2 P2 start Ls Lr1 >2 Le", wrong: 1, off: RuleStart, closes: "S10 S14"},
	{id: "T7", trace: "Ws Wc2 C3 >3 P3 m3 F- We", wrong: 2, off: RuleForgot, closes: "S5"},
	{id: "T8", trace: "Ws Wc2 W's W'c3 W'e We", wrong: 2, off: RuleWriteObserve | RuleNewerHeld, closes: "S3"},
	{id: "T9", trace: "Ws Wc2 C3 >3 mU We", wrong: 2, off: RuleForgot | RuleBlind, closes: "S3"},
	{id: "T9-gap", trace: "Ws Wc2 C3 >3 gap We", wrong: 2, off: RuleLossVoid | RuleLossBlind, closes: "S8"},
	{id: "T10", trace: "Ls Lr1 Ws Wc2 We E J Le", reader: "J", wrong: 1, off: RuleJoin},
	{id: "T10b", trace: "Ws Wc2 C3 m3 Ls Lr1 We J Le", reader: "J", wrong: 1, off: RuleWriteGeneration, closes: "S3"},
	{id: "T11", trace: "C2 C3 >2 P2 P3 m2 m3 Ls Lr2 >3 Le", wrong: 2, off: RuleFenceKeep, second: true},
	{id: "T12", trace: "C2 C3 >2 P2 P3 m2 m3 m2 Ls Lr2 >3 Le", wrong: 2, off: RuleFenceReplace, second: true},
	{id: "T13", trace: "Ws Wc2 P2 m2 W's W'c3 W'e We", wrong: 2, off: RuleFenceKeep, second: true},
	{id: "T15", trace: "C2 P2 P1 Ls Lr1 >2 Le gap m1", wrong: 1, off: RuleConfirm, closes: "S8"},
	{id: "T16", trace: "C2 P2 Ls Lr1 Le gap L's L'r1 >2 L'e", wrong: 1, off: RuleRevalidate, closes: "S9"},
	{id: "T17", trace: "C2 Ls Lr1 >2 Le v2", wrong: 1, off: RuleEcho, closes: "S7 S16"},
	{id: "T18", trace: "Ws W? F- C2 Ls Lr1 >2 Le v2", wrong: 1, off: RuleEcho, closes: "S17"},
	{id: "T19", trace: "C2 P2 v2 Ls Lr1 >2 Le", wrong: 1, off: RuleFence, closes: "S1"},
	{id: "T22", trace: "C1 P1 m1 Ls Lr0 >1 Le", wrong: 0, off: RuleAbsence, nothing: true},
	{id: "T22b", trace: "Ws Wc2x >2 We C3 P3 m3 F- m3 Ls Lr2x >3 Le", wrong: 0, off: RuleAbsence, nothing: true},
	{id: "T23", trace: "C2 P2 m2 EL Ls Lr1 >2 Le", wrong: 1, off: RuleFloor, closes: "S5"},
	{id: "T24", trace: "Ls Lr1 Ws Wc2 We EL J Le", wrong: 1, off: RuleGenerations | RuleFloor},
	{id: "T27", trace: "C2 C3 P3 u3 Ls Lr2 Le", wrong: 2, off: RuleUnknown, lower: true},
	{id: "T28", trace: "Ws Ls Wc2 C3 Lr3 Le We", wrong: 2, off: RuleLateRead | RuleNewerHeld, closes: "S3"},
	{id: "T28-evicted", trace: "Ws Ls Wc2 C3 Lr3 Le E We", wrong: 2, off: RuleLateRead | RuleForgot, closes: "S5"},
	{id: "T29", trace: "C2 P2 C3 Ls m2 L's Lr3 L'r2 Le L'e", wrong: 2, off: RuleLateRead},
	{id: "T30", trace: "C2 mU Ls Lr1 >2 Le", wrong: 1, off: RuleBlind},
	// S4: a delete commits while the document is being read.
	{id: "S4", trace: "Ls Lr1 Ws Le E L's L'r1 Wc2x We L'e", wrong: 1, off: RuleBlind | RuleLease, closes: "S4"},
}

// TestTraces plays every trace with all rules on, where it must not go wrong,
// and with the rules off that close it, where it must.
func TestTraces(t *testing.T) {
	for _, tt := range traceCases {
		t.Run(tt.id, func(t *testing.T) {
			if got := tt.play(t, 0); got == tt.wrong {
				t.Errorf("%s: version %d is served", tt.trace, got)
			}
			if got := tt.play(t, tt.off); got != tt.wrong {
				t.Errorf("%s without %v: got version %d, want the wrong %d", tt.trace, tt.off, got, tt.wrong)
			}
		})
	}
}

func (tt *traceCase) play(t *testing.T, off Rule) (got int) {
	synctest.Test(t, func(t *testing.T) {
		r := newTrace(t, off, tt.nothing)
		if tt.second {
			r.vers[3].Order = 2
		}
		if tt.lower {
			r.vers[3].Order = 1
		}
		r.play(tt.trace)
		if got = r.hit(); tt.reader != "" {
			got = -1
			r.mu.Lock()
			if v, ok := r.got[tt.reader]; ok {
				got = v
			}
			r.mu.Unlock()
		}
		r.finish()
	})
	return got
}
