package storetest

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// recorder is a tb that collects what failed instead of failing the test that
// runs it. Like *testing.T it runs each subtest in a goroutine of its own.
type recorder struct {
	testing.TB // the real test, for what is not overridden
	name       string
	parent     *recorder
	ctx        context.Context

	mu       sync.Mutex // guards what follows
	failed   bool
	skipped  bool
	cleanups []func()
	log      []string
	outcomes map[string]outcome // of the root: by name of the subtest
	leave    string             // of the root: a subtest that is not run
}

// outcome is how a subtest ended.
type outcome struct {
	failed, skipped bool
	log             []string
}

var _ tb = (*recorder)(nil)

func (r *recorder) Run(name string, f func(tb)) bool {
	root := r
	for root.parent != nil {
		root = root.parent
	}
	if name == root.leave {
		return true
	}
	ctx, cancel := context.WithCancel(r.ctx)
	sub := &recorder{TB: r.TB, name: name, parent: r, ctx: ctx}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer sub.finish(cancel)
		f(sub)
	}()
	<-done
	root.outcomes[name] = outcome{sub.failed, sub.skipped, sub.log}
	return !sub.failed
}

func (r *recorder) finish(cancel func()) {
	if p := recover(); p != nil {
		r.Errorf("panic: %v", p)
	}
	cancel()
	for len(r.cleanups) > 0 {
		f := r.cleanups[len(r.cleanups)-1]
		r.cleanups = r.cleanups[:len(r.cleanups)-1]
		done := make(chan struct{})
		go func() { // a clean-up may call Fatal
			defer close(done)
			f()
		}()
		<-done
	}
}

func (r *recorder) fail(now bool, text string) {
	r.mu.Lock()
	r.failed = true
	r.log = append(r.log, strings.TrimSpace(text))
	r.mu.Unlock()
	if now {
		runtime.Goexit()
	}
}

func (r *recorder) Error(args ...any)            { r.fail(false, fmt.Sprintln(args...)) }
func (r *recorder) Errorf(f string, args ...any) { r.fail(false, fmt.Sprintf(f, args...)) }
func (r *recorder) Fatal(args ...any)            { r.fail(true, fmt.Sprintln(args...)) }
func (r *recorder) Fatalf(f string, args ...any) { r.fail(true, fmt.Sprintf(f, args...)) }
func (r *recorder) Fail()                        { r.fail(false, "Fail") }
func (r *recorder) FailNow()                     { r.fail(true, "FailNow") }

func (r *recorder) Skipf(f string, args ...any) {
	r.mu.Lock()
	r.skipped = true
	r.log = append(r.log, fmt.Sprintf(f, args...))
	r.mu.Unlock()
	runtime.Goexit()
}

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

func (r *recorder) Log(...any)               {}
func (r *recorder) Logf(string, ...any)      {}
func (r *recorder) Helper()                  {}
func (r *recorder) Name() string             { return r.name }
func (r *recorder) Context() context.Context { return r.ctx }

func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

// record runs a suite and returns how each of its subtests ended.
func record(t testing.TB, suite func(t tb, newHarness NewHarness), newHarness NewHarness) map[string]outcome {
	return recordWithout(t, "", suite, newHarness)
}

// recordWithout is record but for one subtest.
func recordWithout(t testing.TB, leave string, suite func(t tb, newHarness NewHarness), newHarness NewHarness) map[string]outcome {
	r := &recorder{TB: t, ctx: t.Context(), outcomes: map[string]outcome{}, leave: leave}
	suite(r, newHarness)
	return r.outcomes
}

// row is the row that a subtest shows, or its whole name when it shows none.
func row(name string) string {
	id, _, _ := strings.Cut(name, "_")
	if letters, rest, ok := strings.Cut(id, "-"); ok && rest != "" && letters == strings.ToUpper(letters) {
		return id
	}
	return name
}

// failures returns the rows that failed, sorted.
func failures(outcomes map[string]outcome) (rows []string) {
	for name, o := range outcomes {
		if o.failed {
			rows = append(rows, row(name))
		}
	}
	slices.Sort(rows)
	return slices.Compact(rows)
}
