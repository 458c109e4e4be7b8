package storetest

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/whiskstore/whiskstore/store"
)

// onPage is a feed that changes its pages.
func onPage(f func(opts store.NextOptions, p *store.Page)) spoiled {
	return spoiled{feed: func(w *wrongFeed) { w.nextFn = w.page(f) }}
}

type nextFunc = func(ctx context.Context, r store.Range, token store.Token, opts store.NextOptions) (store.Page, error)

// onNext is a feed with another Next.
func onNext(f func(w *wrongFeed) nextFunc) spoiled {
	return spoiled{feed: func(w *wrongFeed) { w.nextFn = f(w) }}
}

type startFunc = func(ctx context.Context, r store.Range, from store.From) (store.Token, error)

func onStart(f func(w *wrongFeed) startFunc) spoiled {
	return spoiled{feed: func(w *wrongFeed) { w.start = f(w) }}
}

var feedMutants = []mutant{
	{"begins with now", []string{"from_beginning", "order", "tombstones"}, onStart(func(w *wrongFeed) startFunc {
		return func(ctx context.Context, r store.Range, from store.From) (store.Token, error) {
			if from.IsBeginning() {
				from = store.FromNow()
			}
			return w.next.Start(ctx, r, from)
		}
	})},
	{"drops the first of many changes", []string{"from_beginning"}, onPage(func(_ store.NextOptions, p *store.Page) {
		if len(p.Changes) > 9 {
			p.Changes = p.Changes[1:]
		}
	})},
	{"begins now with the beginning", []string{"from_now"}, onStart(func(w *wrongFeed) startFunc {
		return func(ctx context.Context, r store.Range, from store.From) (store.Token, error) {
			if from.IsNow() {
				from = store.FromBeginning()
			}
			return w.next.Start(ctx, r, from)
		}
	})},
	{"begins after a time", []string{"from_time"}, onStart(func(w *wrongFeed) startFunc {
		return func(ctx context.Context, r store.Range, from store.From) (store.Token, error) {
			if at, ok := from.Time(); ok {
				from = store.FromTime(at.Add(1))
			}
			return w.next.Start(ctx, r, from)
		}
	})},
	{"shows an old state again", []string{"order"}, spoiled{feed: func(w *wrongFeed) {
		seen := map[string][]store.Change{}
		w.nextFn = w.page(func(_ store.NextOptions, p *store.Page) {
			for _, c := range p.Changes {
				if seen[c.ID] = append(seen[c.ID], c); len(seen[c.ID]) == 3 && !seen[c.ID][1].Deleted {
					p.Changes = append(p.Changes, seen[c.ID][0])
				}
			}
		})
	}}},
	{"shows tombstones as documents", []string{"tombstones"}, onPage(func(_ store.NextOptions, p *store.Page) {
		for i := range p.Changes {
			p.Changes[i].Deleted = false
		}
	})},
	{"loses the cluster id of deletes", []string{"cluster_ids"}, onPage(func(_ store.NextOptions, p *store.Page) {
		for i := range p.Changes {
			if p.Changes[i].Deleted {
				p.Changes[i].ClusterID = ""
			}
		}
	})},
	{"ignores the limit", []string{"limit"}, onNext(func(w *wrongFeed) nextFunc {
		return func(ctx context.Context, r store.Range, token store.Token, opts store.NextOptions) (store.Page, error) {
			opts.Limit = min(opts.Limit, 0)
			return w.next.Next(ctx, r, token, &opts)
		}
	})},
	{"goes back when a token is used again", []string{"tokens_resume"}, spoiled{feed: func(w *wrongFeed) {
		var last []store.Change
		used := map[store.Token]bool{}
		w.nextFn = func(ctx context.Context, r store.Range, token store.Token, opts store.NextOptions) (store.Page, error) {
			p, err := w.next.Next(ctx, r, token, &opts)
			if err == nil && len(p.Changes) > 0 {
				p.Changes, last = append(map[bool][]store.Change{true: last}[used[token]], p.Changes...), p.Changes
			}
			used[token] = true
			return p, err
		}
	}}},
	{"names no session", []string{"sessions"}, onPage(func(_ store.NextOptions, p *store.Page) { p.Session = "" })},
	{"does not say that a range is gone", []string{"split"}, onNext(func(w *wrongFeed) nextFunc {
		return func(ctx context.Context, r store.Range, token store.Token, opts store.NextOptions) (store.Page, error) {
			p, err := w.next.Next(ctx, r, token, &opts)
			var gone *store.RangeGone
			if errors.As(err, &gone) {
				err = &store.Error{Op: store.OpNext, ID: r.ID, Kind: store.ErrNotFound}
			}
			return p, err
		}
	})},
	{"loses the second child of a split", []string{"split"}, onNext(func(w *wrongFeed) nextFunc {
		return func(ctx context.Context, r store.Range, token store.Token, opts store.NextOptions) (store.Page, error) {
			p, err := w.next.Next(ctx, r, token, &opts)
			if strings.HasSuffix(r.ID, "b") {
				p.Changes, p.Drained = nil, true
			}
			return p, err
		}
	})},
}

var feedCallMutants = []mutant{
	{"counts what is not there", []string{"drained"}, onPage(func(_ store.NextOptions, p *store.Page) {
		if len(p.Changes) == 0 {
			p.Pending = 1
		}
	})},
	{"does not wait to the end", []string{"waits_and_gives_up"}, onNext(func(w *wrongFeed) nextFunc {
		return func(ctx context.Context, r store.Range, token store.Token, opts store.NextOptions) (store.Page, error) {
			if opts.Wait > 0 && opts.Wait < time.Second {
				opts.Wait /= 10
			}
			return w.next.Next(ctx, r, token, &opts)
		}
	})},
	{"wakes with an empty page", []string{"wakes_for_change"}, onNext(func(w *wrongFeed) nextFunc {
		return func(ctx context.Context, r store.Range, token store.Token, opts store.NextOptions) (store.Page, error) {
			wait := opts.Wait
			opts.Wait = 0
			p, err := w.next.Next(ctx, r, token, &opts)
			if err != nil || len(p.Changes) > 0 || wait == 0 {
				return p, err
			}
			opts.Wait = wait
			if p, err = w.next.Next(ctx, r, token, &opts); len(p.Changes) > 0 {
				p.Changes, p.Token, p.Drained = nil, token, true
			}
			return p, err
		}
	})},
	{"ends waiting calls with a page", []string{"close_ends_waiting"}, onNext(func(w *wrongFeed) nextFunc {
		return func(ctx context.Context, r store.Range, token store.Token, opts store.NextOptions) (store.Page, error) {
			_, closed := w.next.Ranges(ctx)
			p, err := w.next.Next(ctx, r, token, &opts)
			if closed == nil && errors.Is(err, store.ErrClosed) {
				return store.Page{Token: token, Drained: true}, nil
			}
			return p, err
		}
	})},
	{"knows its ranges after Close", []string{"use_after_close"}, spoiled{feed: func(w *wrongFeed) {
		w.ranges = func(ctx context.Context) ([]store.Range, error) {
			r, err := w.next.Ranges(ctx)
			if errors.Is(err, store.ErrClosed) {
				err = nil
			}
			return r, err
		}
	}}},
	{"starts with a cancelled context", []string{"cancelled_context"}, onStart(func(w *wrongFeed) startFunc {
		return func(ctx context.Context, r store.Range, from store.From) (store.Token, error) {
			return w.next.Start(context.WithoutCancel(ctx), r, from)
		}
	})},
	{"takes an empty token for the beginning", []string{"token_damaged"}, restarting(func(_, bad store.Token) bool { return bad == "" })},
	{"restarts on a damaged token", []string{"token_damaged"}, restarting(func(good, bad store.Token) bool {
		return !wellFormed(bad)
	})},
	{"restarts on a token of another collection", []string{"token_foreign"}, restarting(func(good, bad store.Token) bool {
		return lineage(good) != lineage(bad) && wellFormed(bad)
	})},
	{"restarts on a token from the future", []string{"token_from_the_future"}, restarting(func(good, bad store.Token) bool {
		return lineage(good) == lineage(bad) && wellFormed(bad)
	})},
	{"takes a negative limit for none", []string{"bad_arguments"}, onNext(func(w *wrongFeed) nextFunc {
		return func(ctx context.Context, r store.Range, token store.Token, opts store.NextOptions) (store.Page, error) {
			opts.Limit = max(opts.Limit, 0)
			return w.next.Next(ctx, r, token, &opts)
		}
	})},
}

// restarting is a feed that begins again with a bad token of some kind.
func restarting(when func(good, bad store.Token) bool) spoiled {
	return onNext(func(w *wrongFeed) nextFunc {
		return func(ctx context.Context, r store.Range, token store.Token, opts store.NextOptions) (store.Page, error) {
			p, err := w.next.Next(ctx, r, token, &opts)
			good, startErr := w.next.Start(ctx, r, store.FromBeginning())
			if startErr == nil && errors.Is(err, store.ErrInvalid) && opts.Limit >= 0 && opts.Wait >= 0 && when(good, token) {
				return w.next.Next(ctx, r, good, &opts)
			}
			return p, err
		}
	})
}

// lineage is the part of memory's token that names the store.
func lineage(token store.Token) string {
	l, _, _ := strings.Cut(string(token), ".")
	return l
}

// wellFormed reports whether the checksum of memory's token is right.
func wellFormed(token store.Token) bool {
	text := string(token)
	i := strings.LastIndexByte(text, '.')
	return i > 0 && checksum(text[:i]) == text[i+1:]
}
