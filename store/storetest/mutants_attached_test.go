package storetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"

	"github.com/whiskstore/whiskstore/store"
)

var attachedMutants = []mutant{
	{"forgets the length of a document's second attachment", []string{"ATT-01"}, onAttachments(func(w *wrongAttachments) {
		n := map[string]int{}
		w.attach = func(ctx context.Context, docID, name string, r io.Reader, opts *store.AttachOptions) (store.AttachmentInfo, error) {
			info, err := w.next.Attach(ctx, docID, name, r, opts)
			if n[docID]++; n[docID] == 2 {
				info.Length = 0
			}
			return info, err
		}
	})},
	{"deletes no single attachment", []string{"ATT-02", "ATT-07"}, onAttachments(func(w *wrongAttachments) {
		w.del = func(context.Context, string, string) error { return nil }
	})},
	{"does not shorten an action", []string{"ATT-03"}, onPut(func(w *wrong) putFunc {
		return func(ctx context.Context, doc store.Document, opts store.PutOptions) (store.Version, error) {
			if old, live := w.current(doc.ID); live && doc.Version.Rev == old.Version.Rev && len(old.Body) > len(doc.Body)+10_000 {
				doc.Body = old.Body
			}
			return w.next.Put(ctx, doc, &opts)
		}
	})},
	{"cuts contents at 4 MiB", []string{"ATT-04"}, onAttachments(func(w *wrongAttachments) {
		w.attach = func(ctx context.Context, docID, name string, r io.Reader, opts *store.AttachOptions) (store.AttachmentInfo, error) {
			return w.next.Attach(ctx, docID, name, io.LimitReader(r, 4<<20), opts)
		}
	})},
	{"spoils inlined contents", []string{"ATT-05"}, onDocument(func(_ *wrong, opts store.GetOptions, doc *store.Document) {
		if opts.Rev != "" {
			doc.Body = bytes.Replace(doc.Body, []byte(`"mem:`), []byte(`"mem:AAAA`), 1)
		}
	})},
	{"reads nothing for what is not there", []string{"ATT-06"}, onAttachments(func(w *wrongAttachments) {
		w.read = func(ctx context.Context, docID, name string, opts *store.ReadOptions) (io.ReadCloser, error) {
			r, err := w.next.Read(ctx, docID, name, opts)
			if name == "foo" && errors.Is(err, store.ErrNotFound) {
				return io.NopCloser(strings.NewReader("")), nil
			}
			return r, err
		}
	})},
	{"keeps the attachment of a deleted action", []string{"ATT-07"}, onAttachments(func(w *wrongAttachments) {
		w.del = func(ctx context.Context, docID, name string) error {
			if strings.HasSuffix(docID, "/attachment_delete") {
				return nil
			}
			return w.next.Delete(ctx, docID, name)
		}
	})},
}
