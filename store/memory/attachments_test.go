package memory_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/memory"
)

func attach(t testing.TB, a store.AttachmentStore, docID, name string, content []byte) store.AttachmentInfo {
	t.Helper()
	info, err := a.Attach(t.Context(), docID, name, bytes.NewReader(content), &store.AttachOptions{ContentType: "text/plain"})
	if err != nil {
		t.Fatalf("Attach %s/%s: got %v, want nil", docID, name, err)
	}
	return info
}

func content(t testing.TB, a store.AttachmentStore, docID, name string, opts *store.ReadOptions) ([]byte, error) {
	t.Helper()
	r, err := a.Read(t.Context(), docID, name, opts)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func testAttachments(t *testing.T, a store.AttachmentStore) {
	big := bytes.Repeat([]byte("0123456789abcdef"), 9000)
	info := attach(t, a, "guest/a", "code", big)
	if info.Length != int64(len(big)) || info.ContentType != "text/plain" || info.Modified.IsZero() || !strings.HasPrefix(info.Digest, "sha256-") {
		t.Errorf("Attach: got %+v", info)
	}
	for _, id := range []string{"guest/a2", "guest/a/b", "guest"} {
		attach(t, a, id, "code", []byte(id))
	}
	if got, err := content(t, a, "guest/a", "code", &store.ReadOptions{Digest: info.Digest}); err != nil || !bytes.Equal(got, big) {
		t.Errorf("Read: got %d bytes and %v, want %d", len(got), err, len(big))
	}
	_, err := content(t, a, "guest/a", "code", &store.ReadOptions{Digest: "sha256-00"})
	wantKind(t, "Read with another digest", err, store.ErrUnreadable)

	r, err := a.Read(t.Context(), "guest/a", "code", nil)
	if err != nil {
		t.Fatal(err)
	}
	attach(t, a, "guest/a", "code", nil) // an open reader keeps what it reads
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, big) {
		t.Errorf("Read across a replacement: got %d bytes and %v, want %d", len(got), err, len(big))
	}
	_ = r.Close()
	_, err = r.Read(make([]byte, 1))
	wantKind(t, "Read of a closed reader", err, store.ErrClosed)
	if got, err := content(t, a, "guest/a", "code", nil); err != nil || len(got) != 0 {
		t.Errorf("Read of an empty attachment: got %d bytes and %v, want none", len(got), err)
	}

	if err := a.DeleteAll(t.Context(), "guest/a"); err != nil {
		t.Fatal(err)
	}
	left := map[string]bool{}
	for info, err := range a.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		left[info.DocID+" "+info.Name] = true
	}
	if len(left) != 3 || !left["guest/a2 code"] || !left["guest/a/b code"] || !left["guest code"] {
		t.Errorf("List after DeleteAll: got %v, want the documents whose ids extend it or are extended", left)
	}
	for range 2 {
		if err := a.Delete(t.Context(), "guest/a2", "code"); err != nil {
			t.Errorf("Delete: got %v, want nil", err)
		}
	}
	_, err = content(t, a, "guest/a2", "code", nil)
	wantKind(t, "Read after Delete", err, store.ErrNotFound)

	cause := errors.New("source broke")
	_, err = a.Attach(t.Context(), "guest/f", "code", io.MultiReader(bytes.NewReader(big), broken{cause}), nil)
	if !errors.Is(err, cause) {
		t.Errorf("Attach of a source that fails: got %v, want its cause", err)
	}
	_, err = content(t, a, "guest/f", "code", nil)
	wantKind(t, "Read after a failed Attach", err, store.ErrNotFound)

	ctx, cancel := context.WithCancel(t.Context())
	r, err = a.Read(ctx, "guest", "code", nil)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := io.ReadAll(r); err != context.Canceled {
		t.Errorf("Read once the context is done: got %v, want %v", err, context.Canceled)
	}
	_ = r.Close()
	if _, err := a.Attach(ctx, "guest", "x", bytes.NewReader(nil), nil); err != context.Canceled {
		t.Errorf("Attach with a done context: got %v, want %v", err, context.Canceled)
	}
	if err := a.Close(); err != nil {
		t.Errorf("Close: got %v, want nil", err)
	}
	wantKind(t, "second Close", a.Close(), store.ErrClosed)
	wantKind(t, "Delete after Close", a.Delete(t.Context(), "guest", "code"), store.ErrClosed)
}

type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

func TestAttachmentsInMemory(t *testing.T) {
	testAttachments(t, memory.NewAttachments(memory.AttachmentOptions{}))
}

func openAttachments(t testing.TB, dir string) *memory.Attachments {
	t.Helper()
	a, err := memory.OpenAttachments(dir, memory.AttachmentOptions{Collection: store.Whisks})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAttachmentsInADirectory(t *testing.T) {
	dir := t.TempDir()
	testAttachments(t, openAttachments(t, dir))

	big := bytes.Repeat([]byte("0123456789abcdef"), 400_000) // several transactions
	a := openAttachments(t, dir)
	info := attach(t, a, "guest/a", "code", big)
	attach(t, a, "guest/b", "code", []byte("small"))
	r, err := a.Read(t.Context(), "guest/a", "code", nil)
	if err != nil {
		t.Fatal(err)
	}
	attach(t, a, "guest/a", "code", []byte("replaced"))
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = io.ReadAll(r)
	wantKind(t, "Read after Close", err, store.ErrClosed)
	_ = r.Close()

	a = openAttachments(t, dir)
	_, err = memory.OpenAttachments(dir, memory.AttachmentOptions{})
	wantKind(t, "second OpenAttachments", err, store.ErrUnavailable)
	for id, want := range map[string]string{"guest/a": "replaced", "guest/b": "small", "guest": "guest"} {
		if got, err := content(t, a, id, "code", nil); err != nil || string(got) != want {
			t.Errorf("Read of %s: got %.20q and %v, want %q", id, got, err, want)
		}
	}
	again := attach(t, a, "guest/a", "code", big)
	if again.Digest != info.Digest {
		t.Errorf("digest: got %s, want %s", again.Digest, info.Digest)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}

	a = openAttachments(t, dir)
	if got, err := content(t, a, "guest/a", "code", &store.ReadOptions{Digest: info.Digest}); err != nil || !bytes.Equal(got, big) {
		t.Errorf("Read: got %d bytes and %v, want %d", len(got), err, len(big))
	}
	if r, err = a.Read(t.Context(), "guest/a", "code", nil); err != nil {
		t.Fatal(err)
	}
	for info, err := range a.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if err := a.DeleteAll(t.Context(), info.DocID); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, big) {
		t.Errorf("Read across a deletion: got %d bytes and %v, want %d", len(got), err, len(big))
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if n := chunksIn(t, dir); n != 0 {
		t.Errorf("chunks of deleted attachments: got %d, want 0", n)
	}
	_, err = memory.New(memory.Options{Collection: store.Whisks, Dir: dir})
	wantKind(t, "New over a directory of attachments", err, store.ErrInvalid)
}

func chunksIn(t testing.TB, dir string) (n int) {
	t.Helper()
	edit(t, dir, func(tx *bolt.Tx) error {
		n = tx.Bucket([]byte("chunks")).Stats().KeyN
		return nil
	})
	return n
}

// An Attach that the process did not live to end leaves nothing.
func TestAttachmentLeftovers(t *testing.T) {
	dir := t.TempDir()
	a := openAttachments(t, dir)
	attach(t, a, "guest/a", "code", []byte("whole"))
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	edit(t, dir, func(tx *bolt.Tx) error {
		return tx.Bucket([]byte("chunks")).Put([]byte{0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0}, []byte("....left over"))
	})
	a = openAttachments(t, dir)
	if got, err := content(t, a, "guest/a", "code", nil); err != nil || string(got) != "whole" {
		t.Errorf("Read: got %q and %v, want whole", got, err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if n := chunksIn(t, dir); n != 1 {
		t.Errorf("chunks: got %d, want 1", n)
	}
	edit(t, dir, func(tx *bolt.Tx) error {
		return tx.Bucket([]byte("chunks")).Delete([]byte{0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0})
	})
	_, err := memory.OpenAttachments(dir, memory.AttachmentOptions{})
	wantKind(t, "OpenAttachments with a chunk missing", err, store.ErrUnreadable)
}
