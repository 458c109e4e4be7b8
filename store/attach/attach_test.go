package attach_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/attach"
	"github.com/whiskstore/whiskstore/store/entity"
	"github.com/whiskstore/whiskstore/store/memory"
)

type fixture struct {
	docs        *memory.Store
	attachments *memory.Attachments
	*attach.Attacher
}

func newFixture(t *testing.T, opts *attach.Options) fixture {
	t.Helper()
	docs, err := memory.New(memory.Options{Collection: store.Whisks})
	if err != nil {
		t.Fatal(err)
	}
	attachments := memory.NewAttachments(memory.AttachmentOptions{})
	return fixture{docs, attachments, attach.New(docs, attachments, opts)}
}

func newAction(name, code string) *entity.Action {
	return &entity.Action{
		Namespace: "guest", Name: entity.EntityName(name), Version: entity.SemVer{Patch: 1},
		Exec:   entity.Exec{Kind: "java:8", Code: &entity.Code{Inline: code}},
		Limits: entity.ActionLimits{Timeout: 60000, Memory: 256},
	}
}

// binary returns n random bytes as the base64 text of an action.
func binary(n int) string {
	raw := make([]byte, n)
	rand.Read(raw)
	return base64.StdEncoding.EncodeToString(raw)
}

func reference(t *testing.T, s store.Getter, id string) *entity.Attached {
	t.Helper()
	action, err := store.GetAs[entity.Action](t.Context(), s, id, nil)
	if err != nil {
		t.Fatal(err)
	}
	if action.Exec.Code.Attached == nil {
		t.Fatalf("%s holds its code, want a reference", id)
	}
	return action.Exec.Code.Attached
}

func count(t *testing.T, s store.AttachmentStore) (n int) {
	t.Helper()
	for _, err := range s.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

// testScheme is an attachment store of scheme "test" that keeps nothing.
type testScheme struct{ *memory.Attachments }

func (testScheme) Scheme() string { return "test" }

func TestInlineSize(t *testing.T) {
	put := func(t *testing.T, a *attach.Attacher, content string) string {
		t.Helper()
		_, ref, err := a.Put(t.Context(), "guest/doc", "text/plain", iotest.OneByteReader(strings.NewReader(content)), nil,
			func(ref entity.Attached) (store.Document, error) {
				return store.Document{ID: "guest/doc" + binary(6), Body: []byte(`{}`)}, nil
			}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return ref.AttachmentName
	}
	t.Run("ATT-08_zero_disables_inlining", func(t *testing.T) {
		f := newFixture(t, nil)
		a := attach.New(f.docs, testScheme{f.attachments}, &attach.Options{MaxInlineSize: -1})
		for _, content := range []string{"hello world", "x"} {
			if got := put(t, a, content); !strings.HasPrefix(got, "test:") {
				t.Errorf("name of %q: got %q, want scheme test", content, got)
			}
		}
	})
	t.Run("ATT-D1_inline_below_the_limit", func(t *testing.T) {
		f := newFixture(t, &attach.Options{MaxInlineSize: 8})
		if got, want := put(t, f.Attacher, "\xfb\xff?abcd"), "mem:-_8_YWJjZA=="; got != want {
			t.Errorf("seven bytes: got %q, want %q", got, want)
		}
		if got := put(t, f.Attacher, "12345678"); !strings.HasPrefix(got, "mems:") {
			t.Errorf("eight bytes: got %q, want the attachment store's scheme", got)
		}
		if got := put(t, newFixture(t, nil).Attacher, strings.Repeat("x", attach.DefaultMaxInlineSize-1)); !strings.HasPrefix(got, "mem:") {
			t.Errorf("default limit less one: got %.10q, want inline", got)
		}
		if got := put(t, newFixture(t, nil).Attacher, strings.Repeat("x", attach.DefaultMaxInlineSize)); !strings.HasPrefix(got, "mems:") {
			t.Errorf("default limit: got %.10q, want the attachment store's scheme", got)
		}
	})
}

func TestDigest(t *testing.T) {
	t.Run("ATT-D2_sha256_for_inline_and_stored", func(t *testing.T) {
		// The SHA-256 of "abc" is the first vector of FIPS 180-2.
		const want = "sha256-ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
		for _, size := range []int{100, -1} {
			f := newFixture(t, &attach.Options{MaxInlineSize: size})
			if _, err := f.PutAction(t.Context(), newAction("a", "abc"), nil, nil); err != nil {
				t.Fatal(err)
			}
			if got := reference(t, f.docs, "guest/a"); got.Digest != want || *got.Length != 3 || got.AttachmentType != attach.TypeText {
				t.Errorf("inline size %d: got %+v, want digest %s, length 3, %s", size, got, want, attach.TypeText)
			}
		}
	})
}

// recorder writes down the order of what reaches documents and attachments.
type recorder struct {
	store.ArtifactStore
	store.AttachmentStore
	calls  *[]string
	putErr error
	delErr error
}

func (r recorder) Put(ctx context.Context, doc store.Document, opts *store.PutOptions) (store.Version, error) {
	*r.calls = append(*r.calls, "put")
	if r.putErr != nil {
		return store.Version{}, r.putErr
	}
	return r.ArtifactStore.Put(ctx, doc, opts)
}

type attachmentRecorder struct{ recorder }

func (r attachmentRecorder) Attach(ctx context.Context, docID, name string, content io.Reader, opts *store.AttachOptions) (store.AttachmentInfo, error) {
	*r.calls = append(*r.calls, "attach")
	return r.AttachmentStore.Attach(ctx, docID, name, content, opts)
}

func (r attachmentRecorder) Delete(ctx context.Context, docID, name string) error {
	*r.calls = append(*r.calls, "delete")
	if r.delErr != nil {
		return r.delErr
	}
	return r.AttachmentStore.Delete(ctx, docID, name)
}

func (r attachmentRecorder) Close() error { return nil }

type docs struct{ recorder }

func (d docs) Delete(ctx context.Context, id, rev string, opts *store.DeleteOptions) (store.Version, error) {
	return d.ArtifactStore.Delete(ctx, id, rev, opts)
}

func TestUpdateOrder(t *testing.T) {
	setUp := func(t *testing.T) (fixture, *recorder, *entity.Attached, *entity.Action) {
		f := newFixture(t, &attach.Options{MaxInlineSize: -1})
		stored, err := f.PutAction(t.Context(), newAction("a", "one"), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		next := newAction("a", "two")
		next.Revision = stored.Revision
		return f, &recorder{ArtifactStore: f.docs, AttachmentStore: f.attachments, calls: new([]string)}, stored.Exec.Code.Attached, next
	}
	t.Run("ATT-D3_upload_then_document_then_delete", func(t *testing.T) {
		f, r, old, next := setUp(t)
		if _, err := attach.New(docs{*r}, attachmentRecorder{*r}, &attach.Options{MaxInlineSize: -1}).PutAction(t.Context(), next, old, nil); err != nil {
			t.Fatal(err)
		}
		if got, want := strings.Join(*r.calls, " "), "attach put delete"; got != want {
			t.Errorf("order: got %s, want %s", got, want)
		}
		if got := count(t, f.attachments); got != 1 {
			t.Errorf("attachments: got %d, want the new one only", got)
		}
	})
	t.Run("ATT-D3_other_scheme_is_left_alone", func(t *testing.T) {
		_, r, _, next := setUp(t)
		old := &entity.Attached{AttachmentName: "s3:x", AttachmentType: attach.TypeText}
		if _, err := attach.New(docs{*r}, attachmentRecorder{*r}, &attach.Options{MaxInlineSize: -1}).PutAction(t.Context(), next, old, nil); err != nil {
			t.Fatal(err)
		}
		if got, want := strings.Join(*r.calls, " "), "attach put"; got != want {
			t.Errorf("order: got %s, want %s", got, want)
		}
	})
	t.Run("ATT-D3_refused_document_orphans_the_upload", func(t *testing.T) {
		f, r, old, next := setUp(t)
		r.putErr = &store.Error{Op: store.OpPut, Kind: store.ErrConflict}
		if _, err := attach.New(docs{*r}, attachmentRecorder{*r}, &attach.Options{MaxInlineSize: -1}).PutAction(t.Context(), next, old, nil); !errors.Is(err, store.ErrConflict) {
			t.Fatalf("put: got %v, want conflict", err)
		}
		if got, want := strings.Join(*r.calls, " "), "attach put"; got != want {
			t.Errorf("order: got %s, want %s", got, want)
		}
		if got := count(t, f.attachments); got != 2 {
			t.Errorf("attachments: got %d, want the old one and the orphan", got)
		}
	})
	t.Run("failing_clean_up_does_not_fail_the_update", func(t *testing.T) {
		_, r, old, next := setUp(t)
		r.delErr = errors.New("no")
		if _, err := attach.New(docs{*r}, attachmentRecorder{*r}, &attach.Options{MaxInlineSize: -1}).PutAction(t.Context(), next, old, nil); err != nil {
			t.Errorf("update that happened: got %v, want success", err)
		}
	})
}

func TestDispatch(t *testing.T) {
	f := newFixture(t, nil)
	a := attach.New(f.docs, f.attachments, &attach.Options{Native: native{}})
	read := func(a *attach.Attacher, name string) (string, error) {
		r, err := a.Read(t.Context(), "guest/doc", &entity.Attached{AttachmentName: name})
		if err != nil {
			return "", err
		}
		defer r.Close()
		content, err := io.ReadAll(r)
		return string(content), err
	}
	for _, tc := range []struct {
		name, want string
		kind       store.Kind
		without    bool // a backend that keeps no attachments itself
	}{
		{name: "mem:", want: ""},
		{name: "mem://", want: ""},
		{name: "mem:-_8_YWJjZA==", want: "\xfb\xff?abcd"},
		{name: "mem:***", kind: store.ErrUnreadable},
		{name: "mems:missing", kind: store.ErrNotFound},
		{name: "jarfile", want: "native jarfile"},
		{name: "couch:x", want: "native x"},
		{name: "jarfile", kind: store.ErrInvalid, without: true},
		{name: "couch:x", kind: store.ErrInvalid, without: true},
		{name: "az:x", kind: store.ErrInvalid},
	} {
		who := a
		if tc.without {
			who = f.Attacher
		}
		got, err := read(who, tc.name)
		if tc.kind != 0 && !errors.Is(err, tc.kind) || tc.kind == 0 && (err != nil || got != tc.want) {
			t.Errorf("%s (native: %v): got %q, %v, want %q, %v", tc.name, !tc.without, got, err, tc.want, tc.kind)
		}
	}
	alone := attach.New(f.docs, nil, nil)
	if _, err := alone.PutAction(t.Context(), newAction("big", binary(attach.DefaultMaxInlineSize)), nil, nil); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("large code without an attachment store: got %v, want invalid", err)
	}
	if err := alone.DeleteAll(t.Context(), "guest/big"); err != nil {
		t.Errorf("deletion without an attachment store: got %v, want success", err)
	}
}

type native struct{}

func (native) Scheme() string { return "couch" }

func (native) Read(_ context.Context, _, name string, _ *store.ReadOptions) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader("native " + name)), nil
}

func TestFailingSourceWritesNothing(t *testing.T) {
	f := newFixture(t, nil)
	boom := errors.New("boom")
	for _, content := range []io.Reader{iotest.ErrReader(boom), io.MultiReader(bytes.NewReader(make([]byte, 1<<20)), iotest.ErrReader(boom))} {
		_, _, err := f.Put(t.Context(), "guest/a", attach.TypeBinary, content, nil, func(entity.Attached) (store.Document, error) {
			t.Error("a document was made of content that could not be read")
			return store.Document{}, nil
		}, nil)
		if !errors.Is(err, boom) {
			t.Errorf("put: got %v, want the source's error", err)
		}
	}
	if got := count(t, f.attachments); got != 0 {
		t.Errorf("attachments: got %d, want 0", got)
	}
}
