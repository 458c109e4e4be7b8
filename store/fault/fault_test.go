package fault_test

import (
	"context"
	"errors"
	"io"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/fault"
	"github.com/whiskstore/whiskstore/store/internal/forwardtest"
)

func injector(t testing.TB, seed uint64, rules ...fault.Rule) *fault.Injector {
	t.Helper()
	in, err := fault.New(seed, nil, rules...)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

var query = store.Query{Table: "whisks.v2.1.0/actions"}

// op is one call by the name of its operation.
func op(ctx context.Context, s store.ArtifactStore, name store.Op) (rows int, err error) {
	switch name {
	case store.OpGet:
		_, err = s.Get(ctx, "guest/a", nil)
	case store.OpPut:
		_, err = s.Put(ctx, store.Document{ID: "guest/a", Body: []byte(`{}`)}, nil)
	case store.OpDelete:
		_, err = s.Delete(ctx, "guest/a", "1-a", nil)
	case store.OpCount:
		_, err = s.Count(ctx, &query)
	case store.OpQuery:
		for _, e := range s.Query(ctx, &query) {
			if e != nil {
				err = e
			} else {
				rows++
			}
		}
	}
	return rows, err
}

var allOps = []store.Op{store.OpGet, store.OpPut, store.OpDelete, store.OpQuery, store.OpCount}

func TestForwards(t *testing.T) {
	forwardtest.Run(t, injector(t, 1).Wrap, forwardtest.Want{})
	t.Run("rules that are off", func(t *testing.T) {
		in := injector(t, 1, fault.Rule{Name: "a", Off: true, Fault: fault.Fail(nil)}, fault.Rule{Name: "b", Fault: fault.LoseReply(nil)},
			fault.Rule{Name: "c", Fault: fault.Cut(0, nil)})
		in.Disable("b", "c")
		forwardtest.Run(t, in.Wrap, forwardtest.Want{})
	})
}

func TestRulesOutOfRange(t *testing.T) {
	ok := fault.Fail(nil)
	for _, rules := range [][]fault.Rule{
		{{Fault: ok}},
		{{Name: "a"}},
		{{Name: "a", Fault: ok}, {Name: "a", Fault: ok}},
		{{Name: "a", Fault: ok, Nth: -1}},
		{{Name: "a", Fault: ok, Times: -1}},
		{{Name: "a", Fault: ok, Probability: -0.1}},
		{{Name: "a", Fault: ok, Probability: 1.1}},
		{{Name: "a", Fault: ok, Probability: math.NaN()}},
		{{Name: "a", Fault: fault.Delay(-1, 0)}},
		{{Name: "a", Fault: fault.Delay(0, -1)}},
		{{Name: "a", Fault: fault.Cut(-1, nil)}},
		{{Name: "a", Fault: fault.LoseReply(store.ErrConflict)}},
	} {
		if in, err := fault.New(1, nil, rules...); in != nil || !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%+v: got %v, want %v", rules, err, store.ErrInvalid)
		}
	}
}

func TestFail(t *testing.T) {
	stray := errors.New("stray")
	whole := &store.Error{Op: "x", Kind: store.ErrThrottled}
	for _, c := range []struct {
		give, want error
		as         bool // it is the very error
	}{
		{nil, store.ErrUnavailable, false},
		{store.ErrThrottled, store.ErrThrottled, false},
		{context.DeadlineExceeded, context.DeadlineExceeded, true},
		{whole, whole, true},
		{stray, stray, true},
	} {
		in := injector(t, 1, fault.Rule{Name: "weather", Fault: fault.Fail(c.give)})
		e := &forwardtest.Echo{}
		s := in.Wrap(e)
		for _, name := range allOps {
			_, err := op(t.Context(), s, name)
			if !errors.Is(err, c.want) || c.as && err != c.want {
				t.Errorf("%s: got %v, want %v", name, err, c.want)
			}
			if c.as {
				continue
			}
			id := "guest/a"
			if name == store.OpQuery || name == store.OpCount {
				id = query.Table
			}
			var se *store.Error
			var injected *fault.Injected
			if !errors.As(err, &se) || se.Op != name || se.ID != id || !errors.As(err, &injected) || injected.Rule != "weather" {
				t.Errorf("%s: got %v, want an error that names the call and the rule", name, err)
			}
		}
		if n := len(e.Calls()); n != 0 {
			t.Errorf("got %d calls of the store, want none", n)
		}
		if got, want := in.Counts("weather"), (fault.Counts{Matched: 5, Injected: 5, Surfaced: 5}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

func TestLoseReply(t *testing.T) {
	stray := errors.New("stray")
	for _, want := range []error{store.ErrInDoubt, context.DeadlineExceeded, context.Canceled, stray} {
		in := injector(t, 1, fault.Rule{Name: "lost", Fault: fault.LoseReply(want)})
		for _, own := range []error{nil, &store.Error{Kind: store.ErrConflict}} {
			e := &forwardtest.Echo{Version: store.Version{Rev: "1-a"}, Err: own}
			s := in.Wrap(e)
			for _, name := range allOps {
				_, err := op(t.Context(), s, name)
				if write := name == store.OpPut || name == store.OpDelete; write && !errors.Is(err, want) || !write && err != own {
					t.Errorf("%s: got %v", name, err)
				}
			}
			if v, err := s.Put(t.Context(), store.Document{}, nil); !v.IsZero() || err == nil {
				t.Errorf("got %v, %v, want no version and an error", v, err)
			}
			if n := len(e.Calls()); n != 6 {
				t.Errorf("got %d calls of the store, want all 6", n)
			}
		}
		if got, want := in.Counts("lost"), (fault.Counts{Matched: 6, Injected: 6, Surfaced: 6}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

func TestCut(t *testing.T) {
	own := &store.Error{Kind: store.ErrUnreadable}
	for _, c := range []struct {
		name      string
		cut, have int
		own       error
		rows      int
		err       error
		surfaced  int
	}{
		{"at once", 0, 3, nil, 0, store.ErrUnavailable, 1},
		{"in the middle", 2, 3, nil, 2, store.ErrUnavailable, 1},
		{"at the end", 3, 3, nil, 3, store.ErrUnavailable, 1},
		{"behind the end", 4, 3, nil, 3, nil, 0},
		{"the store fails first", 2, 1, own, 1, store.ErrUnreadable, 0},
		{"the store would fail next", 1, 1, own, 1, store.ErrUnavailable, 1},
	} {
		in := injector(t, 1, fault.Rule{Name: "cut", Fault: fault.Cut(c.cut, nil)})
		e := &forwardtest.Echo{Rows: make([]store.Row, c.have), Err: c.own}
		rows, err := op(t.Context(), in.Wrap(e), store.OpQuery)
		if rows != c.rows || !errors.Is(err, c.err) {
			t.Errorf("%s: got %d rows, %v, want %d, %v", c.name, rows, err, c.rows, c.err)
		}
		if got, want := in.Counts("cut"), (fault.Counts{Matched: 1, Injected: 1, Surfaced: c.surfaced}); got != want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, want)
		}
	}
	t.Run("a break before it", func(t *testing.T) {
		in := injector(t, 1, fault.Rule{Name: "cut", Fault: fault.Cut(2, nil)})
		for range in.Wrap(&forwardtest.Echo{Rows: make([]store.Row, 3)}).Query(t.Context(), &query) {
			break
		}
		if got := in.Counts("cut").Surfaced; got != 0 {
			t.Errorf("got %d surfaced, want 0", got)
		}
	})
}

func TestDelay(t *testing.T) {
	t.Run("the clock", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			in := injector(t, 1,
				fault.Rule{Name: "far", Fault: fault.Delay(time.Second, 0)},
				fault.Rule{Name: "busy", Ops: []store.Op{store.OpPut}, Fault: fault.Delay(time.Second, time.Second)},
				fault.Rule{Name: "down", Ops: []store.Op{store.OpDelete}, Fault: fault.Fail(nil)})
			s := in.Wrap(&forwardtest.Echo{})
			for name, want := range map[store.Op][2]time.Duration{
				store.OpGet:    {time.Second, time.Second},
				store.OpQuery:  {time.Second, time.Second},
				store.OpPut:    {2*time.Second + 1, 3*time.Second - 1},
				store.OpDelete: {time.Second, time.Second},
			} {
				start := time.Now()
				if _, err := op(t.Context(), s, name); (err != nil) != (name == store.OpDelete) {
					t.Errorf("%s: got %v", name, err)
				}
				if took := time.Since(start); took < want[0] || took > want[1] {
					t.Errorf("%s: got %v, want %v to %v", name, took, want[0], want[1])
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			if _, err := op(ctx, s, store.OpGet); err != context.DeadlineExceeded {
				t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
			}
			if got, want := in.Counts("far"), (fault.Counts{Matched: 5, Injected: 5, Surfaced: 4}); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	})
	t.Run("a clock of the caller's", func(t *testing.T) {
		var slept []time.Duration
		in, err := fault.New(1, &fault.Options{Sleep: func(_ context.Context, d time.Duration) error {
			slept = append(slept, d)
			return nil
		}}, fault.Rule{Name: "far", Fault: fault.Delay(time.Hour, 0)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := op(t.Context(), in.Wrap(&forwardtest.Echo{}), store.OpCount); err != nil || !slices.Equal(slept, []time.Duration{time.Hour}) {
			t.Errorf("got %v, %v, want one hour", slept, err)
		}
	})
}

func TestWhichCalls(t *testing.T) {
	get := func(id string) func(store.ArtifactStore) error {
		return func(s store.ArtifactStore) error { _, err := s.Get(context.Background(), id, nil); return err }
	}
	put := func(id, rev string) func(store.ArtifactStore) error {
		return func(s store.ArtifactStore) error {
			_, err := s.Put(context.Background(), store.Document{ID: id, Version: store.Version{Rev: rev}}, nil)
			return err
		}
	}
	count := func(table string) func(store.ArtifactStore) error {
		return func(s store.ArtifactStore) error {
			_, err := s.Count(context.Background(), &store.Query{Table: table})
			return err
		}
	}
	calls := []func(store.ArtifactStore) error{get("a"), put("a", ""), put("b", "1-b"), count("w/x"), get("b"), count("w/y"), get("a"), get("a")}
	for _, c := range []struct {
		name    string
		rule    fault.Rule
		want    []int // which calls fail
		matched int
	}{
		{"all", fault.Rule{}, []int{0, 1, 2, 3, 4, 5, 6, 7}, 8},
		{"by operation", fault.Rule{Ops: []store.Op{store.OpPut, store.OpCount}}, []int{1, 2, 3, 5}, 4},
		{"by id", fault.Rule{IDs: []string{"b"}}, []int{2, 4}, 2},
		{"by table", fault.Rule{Tables: []string{"w/y"}}, []int{5}, 1},
		{"by predicate", fault.Rule{Match: func(c fault.Call) bool { return c.Rev != "" }}, []int{2}, 1},
		{"by all of them", fault.Rule{Ops: []store.Op{store.OpGet}, IDs: []string{"a"}, Match: func(fault.Call) bool { return true }}, []int{0, 6, 7}, 3},
		{"the nth", fault.Rule{Ops: []store.Op{store.OpGet}, Nth: 2}, []int{4}, 4},
		{"so many times", fault.Rule{Ops: []store.Op{store.OpGet}, Times: 2}, []int{0, 4}, 4},
		{"certain chance", fault.Rule{Probability: 1}, []int{0, 1, 2, 3, 4, 5, 6, 7}, 8},
		{"never the ninth", fault.Rule{Nth: 9}, nil, 8},
	} {
		c.rule.Name, c.rule.Fault = c.name, fault.Fail(nil)
		in := injector(t, 1, c.rule)
		s := in.Wrap(&forwardtest.Echo{})
		var got []int
		for i, do := range calls {
			if do(s) != nil {
				got = append(got, i)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got failures %v, want %v", c.name, got, c.want)
		}
		if got, want := in.Counts(c.name), (fault.Counts{Matched: c.matched, Injected: len(c.want), Surfaced: len(c.want)}); got != want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, want)
		}
	}
}

// pattern returns which of n Gets fail.
func pattern(t *testing.T, n int, seed uint64, rules ...fault.Rule) []int {
	t.Helper()
	s := injector(t, seed, rules...).Wrap(&forwardtest.Echo{})
	var failed []int
	for i := range n {
		if _, err := s.Get(t.Context(), "guest/a", nil); errors.Is(err, store.ErrThrottled) {
			failed = append(failed, i)
		}
	}
	return failed
}

func TestSeed(t *testing.T) {
	rule := fault.Rule{Name: "chance", Probability: 0.25, Fault: fault.Fail(store.ErrThrottled)}
	first := pattern(t, 4000, 7, rule)
	if n := len(first); n < 800 || n > 1200 {
		t.Errorf("got %d failures of 4000, want about 1000", n)
	}
	if again := pattern(t, 4000, 7, rule); !slices.Equal(first, again) {
		t.Error("got another pattern with the same seed, want the same")
	}
	if other := pattern(t, 4000, 8, rule); slices.Equal(first, other) {
		t.Error("got the same pattern with another seed, want another")
	}
	more := fault.Rule{Name: "more", Probability: 0.5, Fault: fault.Delay(0, 0)}
	if with := pattern(t, 4000, 7, rule, more); !slices.Equal(first, with) {
		t.Error("got another pattern with a rule added, want the same")
	}
}

func TestToggle(t *testing.T) {
	in := injector(t, 1, fault.Rule{Name: "a", Ops: []store.Op{store.OpGet}, Fault: fault.Fail(nil)},
		fault.Rule{Name: "b", Ops: []store.Op{store.OpCount}, Off: true, Fault: fault.Fail(nil)})
	s := in.Wrap(&forwardtest.Echo{})
	expect := func(get, count bool) {
		t.Helper()
		_, err1 := op(t.Context(), s, store.OpGet)
		_, err2 := op(t.Context(), s, store.OpCount)
		if (err1 != nil) != get || (err2 != nil) != count {
			t.Errorf("got failures %t and %t, want %t and %t", err1 != nil, err2 != nil, get, count)
		}
	}
	expect(true, false)
	in.Enable()
	expect(true, true)
	in.Disable("a")
	expect(false, true)
	in.Disable()
	expect(false, false)
	in.Enable("a")
	expect(true, false)
	if got := in.Counts("a").Matched; got != 3 {
		t.Errorf("got %d matched calls, want the 3 while it was on", got)
	}
	if got := in.Counts("unknown"); got != (fault.Counts{}) {
		t.Errorf("got %+v, want nothing", got)
	}
}

func TestConcurrentCalls(t *testing.T) {
	in := injector(t, 1, fault.Rule{Name: "chance", Probability: 0.5, Fault: fault.Fail(io.ErrUnexpectedEOF)})
	s := in.Wrap(&forwardtest.Echo{})
	var mu sync.Mutex
	failed := 0
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				if _, err := s.Get(t.Context(), "guest/a", nil); err != nil {
					mu.Lock()
					failed++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if got, want := in.Counts("chance"), (fault.Counts{Matched: 800, Injected: failed, Surfaced: failed}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
