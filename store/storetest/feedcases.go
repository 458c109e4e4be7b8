package storetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/whiskstore/whiskstore/store"
)

var feedCases = []suiteCase{
	{"from_beginning", func(e *env) {
		f := e.feed()
		var docs []store.Document
		for i := range 9 {
			doc := auth(e, fmt.Sprint(i))
			doc.Version = f.put(doc)
			docs = append(docs, doc)
		}
		r := f.from(store.FromBeginning())
		r.until(f.canary(), 0)
		for _, doc := range docs {
			e.wantChange(r.last(doc.ID), doc, doc.Version, "")
		}
	}},
	{"from_now", func(e *env) {
		f := e.feed()
		before := auth(e, "before")
		f.put(before)
		r := f.from(store.FromNow())
		after := auth(e, "after")
		v := f.put(after)
		r.until(f.canary(), 0)
		e.wantChange(r.last(after.ID), after, v, "")
		if got := r.of(before.ID); len(got) != 0 {
			e.Errorf("feed from now: got %+v, which was committed before", got)
		}
	}},
	{"from_time", func(e *env) {
		f := e.feed()
		if !e.Features.FeedHasTime {
			ranges, err := f.cf.Ranges(e.ctx)
			if err != nil {
				e.Fatalf("Ranges: got %v, want some", err)
			}
			_, err = f.cf.Start(e.ctx, ranges[0], store.FromTime(time.Now()))
			e.wantKind("Start from a time where changes have none", err, store.ErrUnsupported)
			return
		}
		e.need(e.Advance != nil, "Harness.Advance")
		start := f.from(store.FromNow())
		before := auth(e, "before")
		f.put(before)
		e.Advance(3 * time.Second)
		after := auth(e, "after")
		v := f.put(after)
		start.until(f.canary(), 0)
		committed := start.last(after.ID).Committed
		old := start.last(before.ID).Committed
		if d := committed.Sub(old); d < 2*time.Second || d > time.Minute {
			e.Errorf("commit times: got %v apart (%v, %v), want about 3s", d, old, committed)
		}
		for _, c := range []struct {
			at   time.Time
			want bool
		}{{old, true}, {committed, false}, {committed.Add(-time.Second), false}} {
			r := f.from(store.FromTime(c.at))
			r.until(f.canary(), 0)
			if got := len(r.of(before.ID)) > 0; got != c.want {
				e.Errorf("feed from %v: got %v that what was committed at %v is in it, want %v", c.at, got, old, c.want)
			}
			e.wantChange(r.last(after.ID), after, v, "")
		}
	}},
	{"order", func(e *env) {
		f := e.feed()
		live := f.from(store.FromNow())
		doc := auth(e, "foo")
		var written []store.Version
		for i := range 6 {
			doc.Body = subject(doc.ID, newIdentity(e.ns+fmt.Sprint(i))).raw()
			doc.Version = f.put(doc)
			written = append(written, doc.Version)
			live.drain(0)
		}
		late := f.from(store.FromBeginning())
		canary := f.canary()
		for _, r := range []*reader{live, late} {
			r.until(canary, 0)
			at := -1
			for _, c := range r.of(doc.ID) {
				for i, v := range written {
					if c.Version.Rev != v.Rev {
						continue
					}
					if i < at {
						e.Errorf("feed: got state %d of %q after state %d", i, doc.ID, at)
					}
					at = i
				}
			}
			e.wantChange(r.last(doc.ID), doc, doc.Version, "")
		}
	}},
	{"tombstones", func(e *env) {
		f := e.feed()
		live := f.from(store.FromNow())
		doc := auth(e, "foo")
		v := f.put(doc)
		dead := f.bury(doc.ID, v.Rev, store.DeleteOptions{ClusterID: "west"})
		late := f.from(store.FromBeginning())
		canary := f.canary()
		for _, r := range []*reader{live, late} {
			r.until(canary, 0)
			c := r.last(doc.ID)
			if !c.Deleted {
				e.Errorf("change of a tombstone: got %+v, want a deletion", c)
			}
			if c.Doc != nil && !c.Doc.Meta.Deleted {
				e.Errorf("change of a tombstone: got document %+v, want Meta.Deleted", c.Doc)
			}
			e.wantChangeVersion(c, dead)
		}
		again := auth(e, "again")
		again.ID = doc.ID
		created := f.put(again)
		live.until(f.canary(), 0)
		e.wantChange(live.last(doc.ID), again, created, "")
	}},
	{"cluster_ids", func(e *env) {
		f := e.feed()
		r := f.from(store.FromNow())
		for _, cluster := range []string{"east", ""} {
			doc := auth(e, "live"+cluster)
			v := f.putAs(doc, cluster)
			r.until(f.canary(), 0)
			e.wantChange(r.last(doc.ID), doc, v, cluster)
			f.bury(doc.ID, v.Rev, store.DeleteOptions{ClusterID: "of-the-delete"})
			r.until(f.canary(), 0)
			c := r.last(doc.ID)
			if want := e.stamped("of-the-delete"); c.ClusterID != want {
				e.Errorf("change of a tombstone: got cluster id %q, want %q", c.ClusterID, want)
			}
			if c.Doc != nil && c.Doc.Meta.ClusterID != c.ClusterID {
				e.Errorf("change of a tombstone: got a document of %q, want of %q", c.Doc.Meta.ClusterID, c.ClusterID)
			}
		}
	}},
	{"limit", func(e *env) {
		f := e.feed()
		r := f.from(store.FromNow())
		for i := range 7 {
			f.put(auth(e, fmt.Sprint(i)))
		}
		r.until(f.canary(), 2)
		seen := map[string]bool{}
		for _, c := range r.changes {
			seen[c.ID] = true
		}
		if len(seen) != 8 {
			e.Errorf("feed by pages of 2: got %d documents %v, want 8", len(seen), r.ids())
		}
	}},
	{"tokens_resume", func(e *env) {
		f := e.feed()
		r := f.from(store.FromNow())
		first := auth(e, "first")
		f.put(first)
		r.until(first.ID, 0)
		resumed := &reader{f: f, tokens: map[store.Range]store.Token{}}
		for rg, token := range r.tokens {
			resumed.tokens[rg] = store.Token([]byte(token)) // as another process would have it
		}
		second := auth(e, "second")
		f.put(second)
		resumed.until(f.canary(), 0)
		resumed.last(second.ID)
		if got := resumed.of(first.ID); len(got) != 0 {
			e.Errorf("feed from a token: got %+v, which came before it", got)
		}
	}},
	{"sessions", func(e *env) {
		e.need(e.Features.Sessions, "Features.Sessions")
		f := e.feed()
		r := f.from(store.FromNow())
		doc := auth(e, "foo")
		v := f.put(doc)
		r.until(doc.ID, 0)
		if r.session == "" {
			e.Fatalf("Next: got a page without a session")
		}
		got, err := f.s.Get(e.ctx, doc.ID, &store.GetOptions{After: store.Freshness{Session: r.session}})
		if err != nil || got.Version.Rev != v.Rev {
			e.Errorf("Get after session %q: got %+v and %v, want revision %q", r.session, got.Version, err, v.Rev)
		}
	}},
	{"split", func(e *env) {
		e.need(e.Split != nil, "Harness.Split")
		f := e.feed()
		r := f.from(store.FromNow())
		var docs []store.Document
		for i := range 4 {
			doc := auth(e, fmt.Sprint(i))
			doc.Version = f.put(doc)
			docs = append(docs, doc)
		}
		for rg, token := range r.tokens {
			e.Split(store.Subjects, rg)
			_, err := f.cf.Next(e.ctx, rg, token, nil)
			var gone *store.RangeGone
			if !errors.As(err, &gone) || !errors.Is(err, store.ErrNotFound) || len(gone.Children) < 2 || gone.Range != rg {
				e.Fatalf("Next of the split range %q: got %v, want a *store.RangeGone with children", rg.ID, err)
			}
			delete(r.tokens, rg)
			for _, child := range gone.Children {
				r.tokens[child] = token // children take over from the parent's token
			}
			break
		}
		r.until(f.canary(), 0)
		for _, doc := range docs {
			e.wantChange(r.last(doc.ID), doc, doc.Version, "")
		}
	}},
}
