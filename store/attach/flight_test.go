package attach_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/attach"
	"github.com/whiskstore/whiskstore/store/entity"
)

// gate counts reads and holds those without options back until it is opened.
type gate struct {
	attach.Documents
	open  chan struct{}
	gets  atomic.Int64
	reads atomic.Int64
}

func (g *gate) Get(ctx context.Context, id string, opts *store.GetOptions) (store.Document, error) {
	g.gets.Add(1)
	if opts != nil {
		return g.Documents.Get(ctx, id, opts)
	}
	select {
	case <-g.open:
	case <-ctx.Done():
		return store.Document{}, ctx.Err()
	}
	return g.Documents.Get(ctx, id, opts)
}

type gateAttachments struct {
	store.AttachmentStore
	g *gate
}

func (a gateAttachments) Read(ctx context.Context, docID, name string, opts *store.ReadOptions) (io.ReadCloser, error) {
	a.g.reads.Add(1)
	return a.AttachmentStore.Read(ctx, docID, name, opts)
}

func TestConcurrentReadsShareOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, &attach.Options{MaxInlineSize: -1})
		code := binary(1000)
		if _, err := f.PutAction(t.Context(), newAction("a", code), nil, nil); err != nil {
			t.Fatal(err)
		}
		g := &gate{Documents: f.docs, open: make(chan struct{})}
		a := attach.New(g, gateAttachments{f.attachments, g}, nil)

		// The first reader gives up; one of the five that wait takes over.
		first, giveUp := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := a.GetAction(first, "guest/a", nil); !errors.Is(err, context.Canceled) {
				t.Errorf("reader that gave up: got %v, want canceled", err)
			}
		})
		synctest.Wait()
		for range 5 {
			wg.Go(func() {
				got, err := a.GetAction(t.Context(), "guest/a", nil)
				if err != nil || got.Exec.Code.Inline != code {
					t.Errorf("reader: got %v, want the code", err)
				}
			})
		}
		synctest.Wait()
		giveUp()
		synctest.Wait()
		close(g.open)
		wg.Wait()
		if gets, reads := g.gets.Load(), g.reads.Load(); gets != 2 || reads != 1 {
			t.Errorf("got %d document reads and %d attachment reads, want 2 (one given up) and 1", gets, reads)
		}
	})
}

func TestReaderAfterAWriteDoesNotJoinAnOlderRead(t *testing.T) {
	for name, write := range map[string]func(context.Context, *attach.Attacher, *entity.Action) error{
		"PutAction": func(ctx context.Context, a *attach.Attacher, next *entity.Action) error {
			_, err := a.PutAction(ctx, next, nil, nil)
			return err
		},
		"PutAction of a sequence": func(ctx context.Context, a *attach.Attacher, next *entity.Action) error {
			next.Exec = entity.Exec{Kind: entity.KindSequence}
			_, err := a.PutAction(ctx, next, nil, nil)
			return err
		},
		"Put": func(ctx context.Context, a *attach.Attacher, next *entity.Action) error {
			_, _, err := a.Put(ctx, next.DocID(), attach.TypeText, strings.NewReader("two"), nil, func(ref entity.Attached) (store.Document, error) {
				next.Exec.Code = &entity.Code{Attached: &ref}
				return next.MarshalDocument()
			}, nil)
			return err
		},
		"DeleteAction": func(ctx context.Context, a *attach.Attacher, next *entity.Action) error {
			_, err := a.DeleteAction(ctx, next.DocID(), next.Revision.Rev, nil)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { testReaderAfter(t, write) }) })
	}
}

func testReaderAfter(t *testing.T, write func(context.Context, *attach.Attacher, *entity.Action) error) {
	f := newFixture(t, nil)
	stored, err := f.PutAction(t.Context(), newAction("a", "one"), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{Documents: f.docs, open: make(chan struct{})}
	a := attach.New(g, f.attachments, nil)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(g.open)
	wg.Go(func() { a.GetAction(t.Context(), "guest/a", nil) })
	synctest.Wait()
	next := newAction("a", "two")
	next.Revision = stored.Revision
	if err := write(t.Context(), a, next); err != nil {
		t.Fatal(err)
	}
	before := g.gets.Load()
	wg.Go(func() { a.GetAction(t.Context(), "guest/a", nil) })
	synctest.Wait()
	if g.gets.Load() == before {
		t.Error("a reader that began after the write joined a read from before it")
	}
}
