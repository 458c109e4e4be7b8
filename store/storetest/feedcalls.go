package storetest

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/whiskstore/whiskstore/store"
)

// one returns a range and a token of it that shows nothing yet.
func (f *feed) one() (store.Range, store.Token) {
	f.e.Helper()
	for rg, token := range f.from(store.FromNow()).tokens {
		return rg, token
	}
	return store.Range{}, ""
}

// operations returns one call of each operation.
func (f *feed) operations(rg store.Range, token store.Token) map[store.Op]func(ctx context.Context) error {
	return map[store.Op]func(ctx context.Context) error{
		store.OpRanges: func(ctx context.Context) error {
			_, err := f.cf.Ranges(ctx)
			return err
		},
		store.OpStart: func(ctx context.Context) error {
			_, err := f.cf.Start(ctx, rg, store.FromNow())
			return err
		},
		store.OpNext: func(ctx context.Context) error {
			_, err := f.cf.Next(ctx, rg, token, &store.NextOptions{Wait: patience})
			return err
		},
	}
}

var errNoChange = errors.New("an empty page")

// feedCallCases are about single calls: tokens, waiting, the end.
var feedCallCases = []suiteCase{
	{"drained", func(e *env) {
		f := e.feed()
		rg, token := f.one()
		for _, opts := range []*store.NextOptions{nil, {}, {Limit: 1}} {
			var page store.Page
			var err error
			e.within(prompt, "Next without a wait", func() { page, err = f.cf.Next(e.ctx, rg, token, opts) })
			if err != nil || len(page.Changes) != 0 || !page.Drained || page.Token == "" {
				e.Errorf("Next with nothing to come: got %+v and %v, want an empty page, drained, with a token", page, err)
			}
			if page.Pending > 0 {
				e.Errorf("Next with nothing to come: got %d pending, want none", page.Pending)
			}
		}
	}},
	{"waits_and_gives_up", func(e *env) {
		f := e.feed()
		rg, token := f.one()
		began := time.Now()
		var page store.Page
		var err error
		e.within(prompt+waitNothing, "Next with a short wait", func() {
			page, err = f.cf.Next(e.ctx, rg, token, &store.NextOptions{Wait: waitNothing})
		})
		if err != nil || len(page.Changes) != 0 || !page.Drained {
			e.Errorf("Next after its wait: got %+v and %v, want an empty page, drained", page, err)
		}
		if took := time.Since(began); took < waitNothing/2 {
			e.Errorf("Next with a wait of %v: got an empty page after %v", waitNothing, took)
		}
	}},
	{"wakes_for_change", func(e *env) {
		f := e.feed()
		r := f.from(store.FromNow())
		pages := make(chan error, len(r.tokens))
		ctx, cancel := context.WithCancel(e.ctx)
		defer cancel()
		for rg, token := range r.tokens {
			go func() {
				page, err := f.cf.Next(ctx, rg, token, &store.NextOptions{Wait: patience})
				if err == nil && len(page.Changes) == 0 {
					err = errNoChange
				}
				pages <- err
			}()
		}
		beginWaiting()
		f.canary()
		timer := time.NewTimer(prompt)
		defer timer.Stop()
		select {
		case err := <-pages:
			if err != nil {
				e.Errorf("Next that waited: got %v, want the change", err)
			}
		case <-timer.C:
			e.Errorf("Next that waited: got nothing %v after the change", prompt)
		}
		cancel()
		for range len(r.tokens) - 1 {
			<-pages
		}
	}},
	{"close_ends_waiting", func(e *env) {
		f := e.feed()
		rg, token := f.one()
		ended := make(chan error, 1)
		go func() { ended <- f.operations(rg, token)[store.OpNext](e.ctx) }()
		beginWaiting()
		var err error
		e.within(prompt, "Close", func() { err = f.cf.Close() })
		if err != nil {
			e.Errorf("Close: got %v, want nil", err)
		}
		e.within(prompt, "Next after Close", func() { err = <-ended })
		e.wantKind("Next that waited at Close", err, store.ErrClosed)
	}},
	{"use_after_close", func(e *env) {
		f := e.feed()
		rg, token := f.one()
		if err := f.cf.Close(); err != nil {
			e.Fatalf("Close: got %v, want nil", err)
		}
		for op, run := range f.operations(rg, token) {
			var err error
			e.within(prompt, string(op)+" after Close", func() { err = run(e.ctx) })
			e.wantKind(string(op)+" after Close", err, store.ErrClosed)
		}
		f.put(auth(e, "foo")) // the store is another thing
	}},
	{"cancelled_context", func(e *env) {
		f := e.feed()
		rg, token := f.one()
		ctx, cancel := context.WithCancel(e.ctx)
		cancel()
		for op, run := range f.operations(rg, token) {
			var err error
			e.within(prompt, string(op)+" with a cancelled context", func() { err = run(ctx) })
			if err != context.Canceled {
				e.Errorf("%s with a cancelled context: got %v (%T), want %v as it is", op, err, err, context.Canceled)
			}
		}
		ctx, cancel = context.WithTimeout(e.ctx, waitNothing)
		defer cancel()
		var err error
		e.within(prompt, "Next whose context ends", func() { err = f.operations(rg, token)[store.OpNext](ctx) })
		if err != context.DeadlineExceeded {
			e.Errorf("Next whose context ends: got %v (%T), want %v as it is", err, err, context.DeadlineExceeded)
		}
	}},
	{"token_damaged", func(e *env) {
		f := e.feed()
		f.put(auth(e, "foo"))
		rg, token := f.one()
		text := string(token)
		middle := len(text) / 2
		other := "7"
		if text[middle] == '7' {
			other = "8"
		}
		for name, bad := range map[string]string{
			"empty": "", "garbage": "garbage", "zero": "0", "cut": text[:middle], "first byte gone": text[1:],
			"last byte gone": text[:len(text)-1], "doubled": text + text, "one byte changed": text[:middle] + other + text[middle+1:],
			"long": strings.Repeat("x", 10_000),
		} {
			f.refuses(name, rg, store.Token(bad))
		}
	}},
	{"token_foreign", func(e *env) {
		f := e.feed()
		rg, _ := f.one()
		e.whisks().put(entity(action(e.ns, "hello", 1000)))
		other := e.Feed(store.Whisks)
		defer func() { _ = other.Close() }()
		ranges, err := other.Ranges(e.ctx)
		if err != nil {
			e.Fatalf("Ranges: got %v, want some", err)
		}
		for _, from := range []store.From{store.FromBeginning(), store.FromNow()} {
			token, err := other.Start(e.ctx, ranges[0], from)
			if err != nil {
				e.Fatalf("Start: got %v, want a token", err)
			}
			f.refuses("of another collection", rg, token)
		}
	}},
	{"token_from_the_future", func(e *env) {
		e.need(e.FutureToken != nil, "Harness.FutureToken")
		f := e.feed()
		rg, token := f.one()
		f.refuses("from the future", rg, e.FutureToken(store.Subjects, token))
	}},
	{"bad_arguments", func(e *env) {
		f := e.feed()
		rg, token := f.one()
		for name, opts := range map[string]*store.NextOptions{"limit -1": {Limit: -1}, "wait -1": {Wait: -1}} {
			_, err := f.cf.Next(e.ctx, rg, token, opts)
			e.wantKind("Next with "+name, err, store.ErrInvalid)
		}
		unknown := store.Range{ID: "no such range"}
		_, err := f.cf.Start(e.ctx, unknown, store.FromNow())
		e.wantKinds("Start of an unknown range", err, []store.Kind{store.ErrInvalid, store.ErrNotFound})
		_, err = f.cf.Next(e.ctx, unknown, token, nil)
		e.wantKinds("Next of an unknown range", err, []store.Kind{store.ErrInvalid, store.ErrNotFound})
	}},
}

// refuses holds that Next calls the token invalid and reads nothing.
func (f *feed) refuses(what string, rg store.Range, token store.Token) {
	e := f.e
	e.Helper()
	page, err := f.cf.Next(e.ctx, rg, token, nil)
	e.wantKind("Next with a token that is "+what, err, store.ErrInvalid)
	if len(page.Changes) != 0 {
		e.Errorf("Next with a token that is %s: got %d changes, want none", what, len(page.Changes))
	}
}

// beginWaiting gives calls in other goroutines time to begin. Nothing depends on
// it but how often a call is found waiting.
func beginWaiting() {
	timer := time.NewTimer(waitNothing)
	<-timer.C
}
