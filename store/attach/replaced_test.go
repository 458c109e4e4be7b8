package attach_test

import (
	"context"
	"errors"
	"io"
	"strings"
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

// jars is a backend that keeps the code of any action under any name.
type jars struct{ content string }

func (*jars) Scheme() string { return "couch" }

func (j *jars) Read(context.Context, string, string, *store.ReadOptions) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(j.content)), nil
}

// TestAssembleCodeUnderTheSameName: older deployments call the code of every version
// "jarfile", so the name alone does not say that what is held is still right.
func TestAssembleCodeUnderTheSameName(t *testing.T) {
	for _, tc := range []struct {
		name, attachment, content string
		digests                   [2]string
		binary                    bool
		want                      string
	}{
		{"another digest", "jarfile", "two", [2]string{"md5-1", "md5-2"}, false, "two"},
		{"no digest", "jarfile", "two", [2]string{}, false, "two"},
		{"the same digest", "jarfile", "never read", [2]string{"md5-1", "md5-1"}, false, "one"},
		{"no digest, a name with a scheme", "couch:x", "never read", [2]string{}, false, "one"},
		{"now binary", "couch:x", "one", [2]string{"md5-1", "md5-1"}, true, "b25l"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f, backend := newFixture(t, nil), &jars{"one"}
			a := attach.New(f.docs, f.attachments, &attach.Options{Native: backend})
			action := newAction("a", "")
			put := func(digest string) {
				t.Helper()
				action.Exec.Code = &entity.Code{Attached: &entity.Attached{AttachmentName: tc.attachment, AttachmentType: attach.TypeText, Digest: digest}}
				var err error
				if action, err = f.PutAction(t.Context(), action, nil, nil); err != nil {
					t.Fatal(err)
				}
			}
			put(tc.digests[0])
			held, err := a.Assemble(t.Context(), "guest/a", nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			backend.content, action.Exec.Binary = tc.content, tc.binary
			put(tc.digests[1])
			got, err := a.Assemble(t.Context(), "guest/a", nil, held)
			if err != nil {
				t.Fatal(err)
			}
			if code := got.Action().Exec.Code.Inline; code != tc.want {
				t.Errorf("got code %q, want %q", code, tc.want)
			}
		})
	}
}

// TestPutActionWithoutNewCode: the old code goes when the new version has none, and
// stays when the new version refers to it.
func TestPutActionWithoutNewCode(t *testing.T) {
	f := newFixture(t, &attach.Options{MaxInlineSize: -1})
	stored, err := f.PutAction(t.Context(), newAction("a", binary(100)), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	old := stored.Exec.Code.Attached
	for _, tc := range []struct {
		name string
		exec entity.Exec
		want int
	}{
		{"the same reference", stored.Exec, 1},
		{"a sequence", entity.Exec{Kind: entity.KindSequence}, 0},
	} {
		next := newAction("a", "")
		next.Exec, next.Revision = tc.exec, stored.Revision
		if stored, err = f.PutAction(t.Context(), next, old, nil); err != nil {
			t.Fatal(err)
		}
		if got := count(t, f.attachments); got != tc.want {
			t.Errorf("%s: %d attachments are left, want %d", tc.name, got, tc.want)
		}
	}
}

// recreated runs after behind each deletion of a document.
type recreated struct {
	attach.Documents
	after func()
}

func (r *recreated) Delete(ctx context.Context, id, rev string, opts *store.DeleteOptions) (store.Version, error) {
	v, err := r.Documents.Delete(ctx, id, rev, opts)
	r.after()
	return v, err
}

// TestDeleteActionThatIsCreatedAnew creates the action anew between the deletion of
// its document and that of its code.
func TestDeleteActionThatIsCreatedAnew(t *testing.T) {
	f := newFixture(t, &attach.Options{MaxInlineSize: -1})
	stored, err := f.PutAction(t.Context(), newAction("a", binary(100)), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	code := binary(100)
	a := attach.New(&recreated{f.docs, func() {
		if _, err := f.PutAction(t.Context(), newAction("a", code), nil, nil); err != nil {
			t.Fatal(err)
		}
	}}, f.attachments, nil)
	if _, err := a.DeleteAction(t.Context(), "guest/a", stored.Revision.Rev, nil); err != nil {
		t.Fatal(err)
	}
	got, err := f.GetAction(t.Context(), "guest/a", nil)
	if err != nil || got.Exec.Code.Inline != code {
		t.Errorf("got %v and %v, want the new action with its code", got, err)
	}
	if n := count(t, f.attachments); n != 1 {
		t.Errorf("got %d attachments, want the new one only", n)
	}
}
