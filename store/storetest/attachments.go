package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/whiskstore/whiskstore/store"
)

// chunked hands out content in pieces of 42 bytes, as upstream's suite does, and
// then fails with err, if that is set.
type chunked struct {
	rest []byte
	err  error
}

func (c *chunked) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		if c.err != nil {
			return 0, c.err
		}
		return 0, io.EOF
	}
	n := copy(p, c.rest[:min(42, len(c.rest))])
	c.rest = c.rest[n:]
	return n, nil
}

// content returns n bytes that look random and are the same in every run.
func content(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256-" + hex.EncodeToString(sum[:])
}

// attach stores content and fails the subtest when that fails.
func (a *attachments) attach(docID, name string, b []byte) store.AttachmentInfo {
	a.e.Helper()
	a.docs = append(a.docs, docID)
	info, err := a.s.Attach(a.e.ctx, docID, name, &chunked{rest: b}, &store.AttachOptions{ContentType: octets})
	if err != nil {
		a.e.Fatalf("Attach %q of %q: got %v, want nil", name, docID, err)
	}
	return info
}

const octets = "application/octet-stream"

func (a *attachments) read(docID, name string, opts *store.ReadOptions) ([]byte, error) {
	r, err := a.s.Read(a.e.ctx, docID, name, opts)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(r)
	return b, errors.Join(err, r.Close())
}

func (a *attachments) wantContent(docID, name string, want []byte) {
	a.e.Helper()
	got, err := a.read(docID, name, &store.ReadOptions{})
	if err != nil || !bytes.Equal(got, want) {
		a.e.Errorf("Read %q of %q: got %d bytes and %v, want %d bytes as attached", name, docID, len(got), err, len(want))
	}
}

// wantGone holds that the attachment cannot be read, unless deletes are lazy.
func (a *attachments) wantGone(docID, name string) {
	a.e.Helper()
	if a.e.Features.LazyDelete {
		return
	}
	_, err := a.read(docID, name, &store.ReadOptions{})
	a.wantMissing(err, docID)
}

// wantMissing holds that err says of which document an attachment is missing.
func (a *attachments) wantMissing(err error, docID string) {
	a.e.Helper()
	a.e.wantKind("Read of what is not there", err, store.ErrNotFound)
	var se *store.Error
	if errors.As(err, &se) && (se.Op != store.OpRead || !strings.HasPrefix(se.ID, docID)) {
		a.e.Errorf("Read of what is not there: got error %#v, want op %q and an id that names %q", se, store.OpRead, docID)
	}
}

// list returns the attachments of the document by name.
func (a *attachments) list(docID string) map[string]store.AttachmentInfo {
	a.e.Helper()
	found := map[string]store.AttachmentInfo{}
	for info, err := range a.s.List(a.e.ctx) {
		if err != nil {
			a.e.Fatalf("List: got %v, want attachments", err)
		}
		if info.DocID == docID {
			if _, twice := found[info.Name]; twice {
				a.e.Errorf("List: got %q of %q twice", info.Name, docID)
			}
			found[info.Name] = info
		}
	}
	return found
}

// wantNone holds that nothing is left of the document, and of anything where
// nobody else uses the store.
func (a *attachments) wantNone(docID string) {
	a.e.Helper()
	for info, err := range a.s.List(a.e.ctx) {
		if err != nil {
			a.e.Fatalf("List: got %v, want attachments", err)
		}
		if info.DocID == docID || !a.e.Features.SharedAttachments {
			a.e.Errorf("List after everything was deleted: got %q of %q, want nothing", info.Name, info.DocID)
		}
	}
}

var errSource = errors.New("the source fails at 7")

var attachmentCases = []suiteCase{
	{"AS-01_attach_and_read", func(e *env) {
		a := e.attachments()
		id, b := e.ns+"/hello", content(1, 16023)
		info := a.attach(id, "code", b)
		if info.Length != 16023 || info.Digest != digest(b) {
			e.Errorf("Attach: got %+v, want length 16023 and digest %s", info, digest(b))
		}
		if info.DocID != id || info.Name != "code" || info.ContentType != octets || info.Modified.IsZero() {
			e.Errorf("Attach: got %+v, want document %q, name %q, type %q and a time", info, id, "code", octets)
		}
		a.wantContent(id, "code", b)
	}},
	{"AS-02_delete", func(e *env) {
		a := e.attachments()
		d, other := e.ns+"/d", e.ns+"/d2"
		stored := map[[2]string][]byte{}
		for i, k := range [][2]string{{d, "c1"}, {d, "c2"}, {d, "c3"}, {other, "c21"}, {other, "c22"}} {
			stored[k] = content(uint64(i), 1000*(i%3+1))
			if info := a.attach(k[0], k[1], stored[k]); info.Length != int64(len(stored[k])) {
				e.Errorf("Attach %q: got length %d, want %d", k, info.Length, len(stored[k]))
			}
		}
		check := func(gone ...string) {
			e.Helper()
			for k, b := range stored {
				if k[0] == d && len(gone) > 0 && (gone[0] == "" || gone[0] == k[1]) {
					a.wantGone(k[0], k[1])
					continue
				}
				a.wantContent(k[0], k[1], b)
			}
		}
		check()
		if err := a.s.Delete(e.ctx, d, "c1"); err != nil {
			e.Errorf("Delete: got %v, want nil", err)
		}
		check("c1")
		if err := a.s.DeleteAll(e.ctx, d); err != nil {
			e.Errorf("DeleteAll: got %v, want nil", err)
		}
		check("")
	}},
	{"AS-03_read_missing", func(e *env) {
		a := e.attachments()
		_, err := a.read(e.ns+"/no-existing-id", "code", nil)
		a.wantMissing(err, e.ns+"/no-existing-id")
	}},
	{"AS-04_source_fails", func(e *env) {
		a := e.attachments()
		for i, n := range []int{7, 100_000} {
			id := fmt.Sprintf("%s/fails%d", e.ns, i)
			a.docs = append(a.docs, id)
			_, err := a.s.Attach(e.ctx, id, "code", &chunked{rest: content(1, n), err: errSource}, nil)
			if !errors.Is(err, errSource) {
				e.Errorf("Attach from a source that fails: got %v, want an error whose cause is %q", err, errSource)
			}
			_, err = a.read(id, "code", nil)
			e.wantKind("Read of what was never complete", err, store.ErrNotFound)
			if left := a.list(id); len(left) != 0 {
				e.Errorf("List of what was never complete: got %v, want nothing", left)
			}
		}
	}},
	{"AS-I1_nothing_left", func(e *env) {
		a := e.attachments()
		id := e.ns + "/d"
		for i := range 3 {
			a.attach(id, fmt.Sprint("c", i), content(uint64(i), 100))
		}
		if err := a.s.DeleteAll(e.ctx, id); err != nil {
			e.Fatalf("DeleteAll: got %v, want nil", err)
		}
		a.wantNone(id)
	}},
	{"AS-D1_delete_by_document", func(e *env) {
		a := e.attachments()
		d := e.ns + "/d"
		kept := []string{e.ns + "/d2", e.ns + "/d/inner", e.ns, e.ns + "/D"}
		for _, id := range append(kept, d) {
			a.attach(id, "code", []byte(id))
		}
		if err := a.s.DeleteAll(e.ctx, d); err != nil {
			e.Errorf("DeleteAll: got %v, want nil", err)
		}
		a.wantGone(d, "code")
		for _, id := range kept {
			a.wantContent(id, "code", []byte(id))
		}
	}},
	{"AS-D2_delete_missing", func(e *env) {
		a := e.attachments()
		id := e.ns + "/d"
		a.attach(id, "kept", []byte("x"))
		for _, missing := range [][2]string{{id, "code"}, {e.ns + "/none", "code"}} {
			if err := a.s.Delete(e.ctx, missing[0], missing[1]); err != nil {
				e.Errorf("Delete of the missing attachment %q: got %v, want nil", missing, err)
			}
		}
		if err := a.s.DeleteAll(e.ctx, e.ns+"/none"); err != nil {
			e.Errorf("DeleteAll of a document without attachments: got %v, want nil", err)
		}
		a.wantContent(id, "kept", []byte("x"))
	}},
	{"sizes", func(e *env) {
		a := e.attachments()
		for i, n := range []int{0, 1, 42, 4096, 1 << 20} {
			id, b := fmt.Sprintf("%s/size%d", e.ns, i), content(uint64(i), n)
			info := a.attach(id, "code", b)
			if info.Length != int64(n) || info.Digest != digest(b) {
				e.Errorf("Attach of %d bytes: got length %d and digest %s, want digest %s", n, info.Length, info.Digest, digest(b))
			}
			a.wantContent(id, "code", b)
		}
	}},
	{"names", func(e *env) {
		a := e.attachments()
		id := e.ns + "/ü a+b"
		names := []string{"code", "a b", "ü😀", "a+b%2F", "x-y_z.0~"}
		for _, name := range names {
			a.attach(id, name, []byte(name))
		}
		for _, name := range names {
			a.wantContent(id, name, []byte(name))
		}
		if found := a.list(id); len(found) != len(names) {
			e.Errorf("List: got %d attachments of %q, want %d", len(found), id, len(names))
		}
	}},
	{"digest_verified", func(e *env) {
		a := e.attachments()
		id, b := e.ns+"/d", content(1, 5000)
		a.attach(id, "code", b)
		if got, err := a.read(id, "code", &store.ReadOptions{Digest: digest(b)}); err != nil || !bytes.Equal(got, b) {
			e.Errorf("Read with the right digest: got %d bytes and %v, want %d", len(got), err, len(b))
		}
		_, err := a.read(id, "code", &store.ReadOptions{Digest: digest([]byte("other"))})
		e.wantKind("Read with a wrong digest", err, store.ErrUnreadable)
	}},
	{"list", func(e *env) {
		a := e.attachments()
		id, b := e.ns+"/d", content(1, 500)
		before := time.Now().Add(-time.Hour)
		for _, name := range []string{"c1", "c2"} {
			a.attach(id, name, b)
		}
		found := a.list(id)
		if len(found) != 2 {
			e.Errorf("List: got %d attachments of %q, want 2", len(found), id)
		}
		for name, info := range found {
			if info.Length != 500 || info.Digest != "" && info.Digest != digest(b) {
				e.Errorf("List: got %+v for %q, want length 500 and digest %s or none", info, name, digest(b))
			}
			if e.Advance == nil && info.Modified.Before(before) || info.Modified.IsZero() {
				e.Errorf("List: got time %v for %q, want about now", info.Modified, name)
			}
		}
		n := 0
		for range a.s.List(e.ctx) {
			if n++; n == 1 {
				break
			}
		}
		loop := a.s.List(e.ctx)
		a.attach(id, "c3", b) // after List was called, before its loop
		n = 0
		for info := range loop {
			if info.DocID == id {
				n++
			}
		}
		if n != 3 {
			e.Errorf("List: got %d attachments of %q, want 3: nothing happens before the loop", n, id)
		}
	}},
	{"scheme", func(e *env) {
		a := e.attachments()
		s := a.s.Scheme()
		if s == "" || bytes.ContainsAny([]byte(s), ":/") || s == "mem" || s != a.s.Scheme() {
			e.Errorf("Scheme: got %q, want a scheme of its own that never changes", s)
		}
	}},
	{"defaults", func(e *env) {
		a := e.attachments()
		a.docs = append(a.docs, e.ns+"/d")
		info, err := a.s.Attach(e.ctx, e.ns+"/d", "code", &chunked{rest: []byte("x")}, nil)
		if err != nil || info.ContentType != octets {
			e.Errorf("Attach with nil options: got %+v and %v, want type %s", info, err, octets)
		}
	}},
	{"cancelled_context", func(e *env) {
		a := e.attachments()
		id := e.ns + "/d"
		a.attach(id, "code", []byte("x"))
		ctx, cancel := context.WithCancel(e.ctx)
		cancel()
		for name, run := range a.operations(id) {
			var err error
			e.within(prompt, name, func() { err = run(ctx) })
			if err != context.Canceled {
				e.Errorf("%s with a cancelled context: got %v (%T), want %v as it is", name, err, err, context.Canceled)
			}
		}
		a.wantContent(id, "code", []byte("x"))
		_, err := a.read(id, "other", nil)
		e.wantKind("Read of what a cancelled Attach did not store", err, store.ErrNotFound)
	}},
	{"use_after_close", func(e *env) {
		a := e.attachments()
		id := e.ns + "/d"
		a.attach(id, "code", []byte("x"))
		if err := a.s.DeleteAll(e.ctx, id); err != nil {
			e.Errorf("DeleteAll: got %v, want nil", err)
		}
		if err := a.s.Close(); err != nil {
			e.Fatalf("Close: got %v, want nil", err)
		}
		for name, run := range a.operations(id) {
			e.wantKind(name+" after Close", run(e.ctx), store.ErrClosed)
		}
	}},
}

// operations returns one call of each operation on the document. Attach is of
// another name than the rest.
func (a *attachments) operations(id string) map[string]func(ctx context.Context) error {
	return map[string]func(ctx context.Context) error{
		"Attach": func(ctx context.Context) error {
			_, err := a.s.Attach(ctx, id, "other", &chunked{rest: []byte("y")}, nil)
			return err
		},
		"Read": func(ctx context.Context) error {
			r, err := a.s.Read(ctx, id, "code", nil)
			if err == nil {
				_, err = io.ReadAll(r)
				err = errors.Join(err, r.Close())
			}
			return err
		},
		"Delete":    func(ctx context.Context) error { return a.s.Delete(ctx, id, "code") },
		"DeleteAll": func(ctx context.Context) error { return a.s.DeleteAll(ctx, id) },
		"List": func(ctx context.Context) (last error) {
			for _, err := range a.s.List(ctx) {
				last = err
			}
			return last
		},
	}
}
