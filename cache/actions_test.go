package cache_test

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/attach"
	"github.com/whiskstore/whiskstore/store/entity"
	"github.com/whiskstore/whiskstore/store/memory"
)

// countedStore and countedAttachments count what reaches the backends.
type countedStore struct {
	store.ArtifactStore
	gets atomic.Int64
}

func (s *countedStore) Get(ctx context.Context, id string, opts *store.GetOptions) (store.Document, error) {
	s.gets.Add(1)
	return s.ArtifactStore.Get(ctx, id, opts)
}

type countedAttachments struct {
	store.AttachmentStore
	reads atomic.Int64
	gate  chan struct{} // reads wait for it, when set
}

func (s *countedAttachments) Read(ctx context.Context, id, name string, opts *store.ReadOptions) (io.ReadCloser, error) {
	s.reads.Add(1)
	if s.gate != nil {
		<-s.gate
	}
	return s.AttachmentStore.Read(ctx, id, name, opts)
}

type actionRig struct {
	t           *testing.T
	docs        countedStore
	attachments countedAttachments
	documents   *cache.Cache[store.Document]
	chain       store.ArtifactStore // with the cache of documents in it
	bare        *attach.Attacher    // beside the caches
	*cache.Actions
}

// withActions runs test over caches whose backends are counted, in a bubble.
func withActions(t *testing.T, opts cache.ActionOptions, test func(*actionRig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &actionRig{t: t}
		m, err := memory.New(memory.Options{Collection: store.Whisks})
		if err != nil {
			t.Fatal(err)
		}
		r.docs.ArtifactStore = m
		r.attachments.AttachmentStore = memory.NewAttachments(memory.AttachmentOptions{})
		options := cache.DocumentOptions()
		options.Lag, options.MaxAge = time.Second, time.Minute
		r.documents = cache.New(options)
		r.chain = store.Chain{Cache: cache.Middleware(r.documents, "")}.Over(&r.docs)
		defer r.chain.Close()
		inline := &attach.Options{MaxInlineSize: 4}
		r.bare = attach.New(m, r.attachments.AttachmentStore, inline)
		r.Actions = cache.NewActions(attach.New(r.chain, &r.attachments, inline), opts)
		test(r)
	})
}

func action(name, code string) *entity.Action {
	return &entity.Action{
		Namespace: "guest", Name: entity.EntityName(name), Version: entity.SemVer{Patch: 1},
		Exec:        entity.Exec{Kind: "nodejs:20", Code: &entity.Code{Inline: code}},
		Annotations: entity.Parameters{{Key: "a", Value: []byte(`1`)}},
		Limits:      entity.ActionLimits{Timeout: 60000, Memory: 256},
	}
}

func (r *actionRig) get(id, code string) *entity.Action {
	r.t.Helper()
	a, err := r.Get(r.t.Context(), id, nil)
	if err != nil {
		r.t.Fatalf("%s: %v", id, err)
	}
	if a.Exec.Code.Inline != code {
		r.t.Errorf("%s: got code %q, want %q", id, a.Exec.Code.Inline, code)
	}
	return a
}

// cost fails unless that many reads reached the backends since it was last asked.
func (r *actionRig) cost(what string, gets, reads int64) {
	r.t.Helper()
	if g, a := r.docs.gets.Swap(0), r.attachments.reads.Swap(0); g != gets || a != reads {
		r.t.Errorf("%s: %d document and %d attachment reads, want %d and %d", what, g, a, gets, reads)
	}
}

func TestActions(t *testing.T) {
	withActions(t, cache.ActionOptions{}, func(r *actionRig) {
		ctx := r.t.Context()
		stored, err := r.bare.PutAction(ctx, action("hello", "hello, world"), nil, nil)
		if err != nil {
			r.t.Fatal(err)
		}
		r.attachments.gate = make(chan struct{})
		var readers sync.WaitGroup
		for range 5 {
			readers.Go(func() { r.get("guest/hello", "hello, world") })
		}
		synctest.Wait()
		close(r.attachments.gate)
		readers.Wait()
		r.cost("five readers", 1, 1)

		got := r.get("guest/hello", "hello, world")
		got.Exec.Code.Inline, got.Annotations[0].Value[0] = "changed", '2'
		if again := r.get("guest/hello", "hello, world"); string(again.Annotations[0].Value) != "1" {
			r.t.Error("a caller modified what is shared")
		}
		r.cost("hits", 0, 0)

		// The code stays what it is when only the rest of the action changes.
		stored.Annotations = entity.Parameters{{Key: "a", Value: []byte(`3`)}}
		changed, err := r.bare.PutAction(ctx, stored, nil, nil)
		if err != nil {
			r.t.Fatal(err)
		}
		r.documents.Observe("guest/hello", changed.Revision)
		if got := r.get("guest/hello", "hello, world"); string(got.Annotations[0].Value) != "3" {
			r.t.Errorf("got annotation %s, want the new one", got.Annotations[0].Value)
		}
		r.cost("other annotations", 1, 0)

		r.documents.Lose(cache.Loss{})
		<-time.After(2 * time.Second)
		r.get("guest/hello", "hello, world")
		r.cost("after a loss", 1, 0)

		replaced := action("hello", "another world")
		replaced.Revision = changed.Revision
		if _, err := r.bare.PutAction(ctx, replaced, changed.Exec.Code.Attached, nil); err != nil {
			r.t.Fatal(err)
		}
		r.documents.Forget("guest/hello")
		<-time.After(2 * time.Second)
		r.get("guest/hello", "another world")
		r.cost("other code", 1, 1)

		if _, err := r.Get(ctx, "guest/nothing", nil); !errors.Is(err, store.ErrNotFound) {
			r.t.Errorf("got %v, want not found", err)
		}
	})
}

// TestActionsPut: what was stored through the cache is read as if from the
// backends, without reading them.
func TestActionsPut(t *testing.T) {
	archive := base64.StdEncoding.EncodeToString([]byte("PK\x03\x04 an archive!!!"))
	loose := []byte(archive) // spells the same bytes otherwise
	if i := strings.IndexByte(archive, '='); i > 0 {
		loose[i-1]++
	}
	for name, code := range map[string]string{"text": "main = () => 1", "binary": archive, "padded": "  " + archive + "\n", "loose": string(loose), "small": "x", "none": ""} {
		withActions(t, cache.ActionOptions{}, func(r *actionRig) {
			ctx := r.t.Context()
			id := "guest/" + name
			a := action(name, code)
			if name == "none" {
				a.Exec = entity.Exec{Kind: entity.KindSequence}
			}
			stored, err := r.Put(ctx, a, nil, nil)
			if err != nil {
				r.t.Fatal(err)
			}
			want, err := r.bare.GetAction(ctx, id, nil)
			if err != nil {
				r.t.Fatal(err)
			}
			got, err := r.Get(ctx, id, nil)
			if err != nil || !reflect.DeepEqual(got, want) {
				r.t.Errorf("%s: got %+v, %v; want %+v", name, got, err, want)
			}
			r.cost(name, 0, 0)
			if _, err := r.Delete(ctx, id, stored.Revision.Rev, nil); err != nil {
				r.t.Fatal(err)
			}
			if _, err := r.Get(ctx, id, nil); !errors.Is(err, store.ErrNotFound) {
				r.t.Errorf("%s: got %v after the delete, want not found", name, err)
			}
			if s := r.Stats(); s.Entries != 0 || s.Bytes != 0 {
				r.t.Errorf("%s: %+v is left", name, s)
			}
		})
	}
}

func TestActionsBounds(t *testing.T) {
	withActions(t, cache.ActionOptions{MaxBytes: 10_000, MaxEntries: 3}, func(r *actionRig) {
		big, small := strings.Repeat("x", 4000), strings.Repeat("y", 400)
		for _, name := range []string{"a", "b", "c"} {
			if _, err := r.Put(r.t.Context(), action(name, big), nil, nil); err != nil {
				r.t.Fatal(err)
			}
			r.get("guest/"+name, big)
		}
		if s := r.Stats(); s.Entries != 2 || s.Bytes > 10_000 || s.Bytes < 8000 || s.Evicted != 1 {
			r.t.Errorf("got %+v, want two entries within 10000 bytes", s)
		}
		for _, name := range []string{"d", "e", "f", "g"} {
			if _, err := r.Put(r.t.Context(), action(name, small), nil, nil); err != nil {
				r.t.Fatal(err)
			}
		}
		if s := r.Stats(); s.Entries != 3 {
			r.t.Errorf("got %+v, want three entries", s)
		}
		r.cost("so far", 0, 0)
		r.get("guest/a", big)
		r.cost("an evicted one", 0, 1)
	})
}

// TestActionsReplacedElsewhere: the document is held, its code is not, and another
// node has replaced, or deleted, the action.
func TestActionsReplacedElsewhere(t *testing.T) {
	withActions(t, cache.ActionOptions{}, func(r *actionRig) {
		ctx := r.t.Context()
		hold := func(code string) *entity.Action {
			stored, err := r.bare.PutAction(ctx, action("hello", code), nil, nil)
			if err != nil {
				r.t.Fatal(err)
			}
			r.documents.Forget("guest/hello")
			<-time.After(2 * time.Second)
			if _, err := r.chain.Get(ctx, "guest/hello", nil); err != nil {
				r.t.Fatal(err)
			}
			return stored
		}
		stored := hold("hello, world")
		replaced := action("hello", "another world")
		replaced.Revision = stored.Revision
		replaced, err := r.bare.PutAction(ctx, replaced, stored.Exec.Code.Attached, nil)
		if err != nil {
			r.t.Fatal(err)
		}
		r.get("guest/hello", "another world")
		r.cost("a replacement", 2, 2)
		r.get("guest/hello", "another world")
		r.cost("once more", 1, 0) // the documents' cache knows now that it is behind

		if _, err := r.bare.DeleteAction(ctx, "guest/hello", replaced.Revision.Rev, nil); err != nil {
			r.t.Fatal(err)
		}
		stored = hold("a third world")
		if _, err := r.bare.DeleteAction(ctx, "guest/hello", stored.Revision.Rev, nil); err != nil {
			r.t.Fatal(err)
		}
		_, err = r.Get(ctx, "guest/hello", nil)
		var e *store.Error
		if !errors.As(err, &e) || e.Kind != store.ErrNotFound || e.Op != store.OpGet {
			r.t.Errorf("got %v, want the document not found", err)
		}
	})
}

// TestActionsReadersJoinNoOlderState: who comes after the documents' cache has heard
// of a new version is not given the one that an earlier reader still gets the code of.
func TestActionsReadersJoinNoOlderState(t *testing.T) {
	withActions(t, cache.ActionOptions{}, func(r *actionRig) {
		stored, err := r.bare.PutAction(r.t.Context(), action("hello", "hello, world"), nil, nil)
		if err != nil {
			r.t.Fatal(err)
		}
		r.attachments.gate = make(chan struct{})
		var readers sync.WaitGroup
		readers.Go(func() { r.get("guest/hello", "hello, world") })
		synctest.Wait()

		stored.Annotations = entity.Parameters{{Key: "a", Value: []byte(`3`)}}
		changed, err := r.bare.PutAction(r.t.Context(), stored, nil, nil)
		if err != nil {
			r.t.Fatal(err)
		}
		r.documents.Observe("guest/hello", changed.Revision)
		readers.Go(func() {
			if got := r.get("guest/hello", "hello, world"); got.Revision.Rev != changed.Revision.Rev {
				r.t.Errorf("got revision %s, want %s", got.Revision.Rev, changed.Revision.Rev)
			}
		})
		synctest.Wait()
		close(r.attachments.gate)
		readers.Wait()
		r.cost("two states with the same code", 2, 1)
	})
}

// TestActionsTooLargeToKeep: an action that does not fit takes no other one's place,
// and is not kept in an older state either.
func TestActionsTooLargeToKeep(t *testing.T) {
	withActions(t, cache.ActionOptions{MaxBytes: 10_000}, func(r *actionRig) {
		small, huge := strings.Repeat("y", 400), strings.Repeat("x", 20_000)
		var b *entity.Action
		for _, name := range []string{"a", "b"} {
			stored, err := r.Put(r.t.Context(), action(name, small), nil, nil)
			if err != nil {
				r.t.Fatal(err)
			}
			r.get("guest/"+name, small)
			b = stored
		}
		replaced := action("b", huge)
		replaced.Revision = b.Revision
		if _, err := r.Put(r.t.Context(), replaced, b.Exec.Code.Attached, nil); err != nil {
			r.t.Fatal(err)
		}
		r.get("guest/b", huge)
		if s := r.Stats(); s.Entries != 1 || s.Evicted != 0 {
			r.t.Errorf("got %+v, want the small one alone and nothing evicted", s)
		}
	})
}

func TestActionsKeepNoTombstones(t *testing.T) {
	withActions(t, cache.ActionOptions{}, func(r *actionRig) {
		ctx := r.t.Context()
		stored, err := r.Put(ctx, action("hello", "x"), nil, nil)
		if err != nil {
			r.t.Fatal(err)
		}
		r.get("guest/hello", "x")
		if _, err := r.docs.Delete(ctx, "guest/hello", stored.Revision.Rev, &store.DeleteOptions{Tombstone: time.Hour}); err != nil {
			r.t.Fatal(err)
		}
		got, err := r.Get(ctx, "guest/hello", &store.GetOptions{Tombstones: true})
		if err != nil || got.Exec.Code.Inline != "x" {
			r.t.Errorf("got %v and %v, want the action as it was", got, err)
		}
		if s := r.Stats(); s.Entries != 0 {
			r.t.Errorf("%+v: a tombstone is kept", s)
		}
	})
}
