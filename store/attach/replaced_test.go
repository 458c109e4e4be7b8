package attach_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/attach"
	"github.com/whiskstore/whiskstore/store/entity"
)

// interrupted runs before ahead of each read of an attachment.
type interrupted struct {
	store.AttachmentStore
	before func()
}

func (i *interrupted) Read(ctx context.Context, docID, name string, opts *store.ReadOptions) (io.ReadCloser, error) {
	i.before()
	return i.AttachmentStore.Read(ctx, docID, name, opts)
}

// TestGetActionWhileItIsReplaced replaces the action between the read of its
// document and that of its code, which then has gone.
func TestGetActionWhileItIsReplaced(t *testing.T) {
	for _, tc := range []struct {
		name         string
		replacements int // each before another read of the code
		want         error
	}{
		{"once", 1, nil},
		{"twice", 2, nil},
		{"for ever", 100, store.ErrUnavailable},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t, &attach.Options{MaxInlineSize: -1})
			stored, err := f.PutAction(t.Context(), newAction("a", binary(100)), nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			left, code := tc.replacements, ""
			a := attach.New(f.docs, &interrupted{f.attachments, func() {
				if left--; left < 0 {
					return
				}
				code = binary(100)
				next := newAction("a", code)
				next.Revision = stored.Revision
				if stored, err = f.PutAction(t.Context(), next, stored.Exec.Code.Attached, nil); err != nil {
					t.Fatal(err)
				}
			}}, nil)
			got, err := a.GetAction(t.Context(), "guest/a", nil)
			switch {
			case !errors.Is(err, tc.want):
				t.Fatalf("got %v, want %v", err, tc.want)
			case err == nil && got.Exec.Code.Inline != code:
				t.Error("got other code than the last replacement's")
			}
		})
	}
}

func TestGetActionWithoutItsCode(t *testing.T) {
	f := newFixture(t, &attach.Options{MaxInlineSize: -1})
	if _, err := f.PutAction(t.Context(), newAction("a", binary(100)), nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := f.attachments.DeleteAll(t.Context(), "guest/a"); err != nil {
		t.Fatal(err)
	}
	_, err := f.GetAction(t.Context(), "guest/a", nil)
	var e *store.Error
	if !errors.As(err, &e) || e.Kind != store.ErrNotFound || e.Op != store.OpRead {
		t.Errorf("got %v, want the attachment not found", err)
	}
}

// TestGetActionWhileItIsDeleted deletes the action between the two reads: it
// is the document that is reported as missing.
func TestGetActionWhileItIsDeleted(t *testing.T) {
	f := newFixture(t, &attach.Options{MaxInlineSize: -1})
	stored, err := f.PutAction(t.Context(), newAction("a", binary(100)), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	a := attach.New(f.docs, &interrupted{f.attachments, func() {
		if _, err := f.DeleteAction(t.Context(), "guest/a", stored.Revision.Rev, nil); err != nil {
			t.Fatal(err)
		}
	}}, nil)
	_, err = a.GetAction(t.Context(), "guest/a", nil)
	var e *store.Error
	if !errors.As(err, &e) || e.Kind != store.ErrNotFound || e.Op != store.OpGet {
		t.Errorf("got %v, want the document not found", err)
	}
}

func TestEmptyContentIsAlwaysInline(t *testing.T) {
	f := newFixture(t, &attach.Options{MaxInlineSize: -1})
	stored, err := f.PutAction(t.Context(), &entity.Action{
		Namespace: "guest", Name: "a", Version: entity.SemVer{Patch: 1},
		Exec:   entity.Exec{Kind: "java:8", Code: &entity.Code{}},
		Limits: entity.ActionLimits{Timeout: 60000, Memory: 256},
	}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := stored.Exec.Code.Attached.AttachmentName; got != "mem:" {
		t.Errorf("name: got %q, want %q", got, "mem:")
	}
	got, err := f.GetAction(t.Context(), "guest/a", nil)
	if err != nil || got.Exec.Code.Inline != "" {
		t.Errorf("read: got %v and %v, want no code", got, err)
	}
}
