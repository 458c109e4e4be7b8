package storetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"net/url"
	"strings"

	"github.com/whiskstore/whiskstore/store"
)

// onAttachments is an attachment store with a defect.
func onAttachments(f func(w *wrongAttachments)) spoiled { return spoiled{attachments: f} }

// upstream is a harness whose store closes the attachment store that stands
// beside it.
func upstream() spoiled {
	var beside *wrongAttachments
	return spoiled{
		store: func(w *wrong) {
			beside = nil
			w.close = func() error {
				err := w.next.Close()
				if beside != nil && err == nil {
					err = beside.next.Close()
				}
				return err
			}
		},
		attachments: func(w *wrongAttachments) { beside = w },
	}
}

var besideMutants = []mutant{
	{"keeps an attachment of a document that is gone", []string{"CRUD-I2"}, onAttachments(func(w *wrongAttachments) {
		w.deleteAll = func(ctx context.Context, docID string) error {
			if ctx.Err() != nil || !strings.HasSuffix(docID, "/hello") {
				return w.next.DeleteAll(ctx, docID)
			}
			return nil
		}
	})},
	{"closes its attachment store", []string{"CRUD-I3"}, upstream()},
}

var attachmentMutants = []mutant{
	{"forgets the name of what it stored", []string{"AS-01"}, onAttachments(func(w *wrongAttachments) {
		w.attach = func(ctx context.Context, docID, name string, r io.Reader, opts *store.AttachOptions) (store.AttachmentInfo, error) {
			info, err := w.next.Attach(ctx, docID, name, r, opts)
			info.Name = ""
			return info, err
		}
	})},
	{"deletes nothing by name", []string{"AS-02"}, onAttachments(func(w *wrongAttachments) {
		w.del = func(ctx context.Context, docID, name string) error {
			if name == "c1" && ctx.Err() == nil {
				return nil
			}
			return w.next.Delete(ctx, docID, name)
		}
	})},
	{"reads nothing from a document that it never knew", []string{"AS-03"}, onAttachments(func(w *wrongAttachments) {
		known := map[string]bool{}
		w.attach = func(ctx context.Context, docID, name string, r io.Reader, opts *store.AttachOptions) (store.AttachmentInfo, error) {
			known[docID] = true
			return w.next.Attach(ctx, docID, name, r, opts)
		}
		w.read = func(ctx context.Context, docID, name string, opts *store.ReadOptions) (io.ReadCloser, error) {
			r, err := w.next.Read(ctx, docID, name, opts)
			if !known[docID] && errors.Is(err, store.ErrNotFound) {
				return io.NopCloser(strings.NewReader("")), nil
			}
			return r, err
		}
	})},
	{"keeps what came before the source failed", []string{"AS-04"}, onAttachments(func(w *wrongAttachments) {
		w.attach = func(ctx context.Context, docID, name string, r io.Reader, opts *store.AttachOptions) (store.AttachmentInfo, error) {
			var got bytes.Buffer
			if _, err := got.ReadFrom(r); err != nil {
				_, _ = w.next.Attach(ctx, docID, name, &got, opts)
				return store.AttachmentInfo{}, &store.Error{Op: store.OpAttach, ID: docID, Kind: store.ErrInvalid, Err: err}
			}
			return w.next.Attach(ctx, docID, name, &got, opts)
		}
	})},
	{"hides why the source failed", []string{"AS-04"}, onAttachments(func(w *wrongAttachments) {
		w.attach = func(ctx context.Context, docID, name string, r io.Reader, opts *store.AttachOptions) (store.AttachmentInfo, error) {
			info, err := w.next.Attach(ctx, docID, name, r, opts)
			if err != nil && !store.IsContext(err) && !errors.Is(err, store.ErrClosed) {
				err = &store.Error{Op: store.OpAttach, ID: docID, Kind: store.ErrInvalid}
			}
			return info, err
		}
	})},
	{"deletes two attachments of a document", []string{"AS-I1"}, onAttachments(func(w *wrongAttachments) {
		w.deleteAll = func(ctx context.Context, docID string) error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			n := 0
			for info, err := range w.next.List(ctx) {
				if err != nil {
					return err
				}
				if info.DocID != docID {
					continue
				}
				if n++; n <= 2 {
					if err := w.next.Delete(ctx, docID, info.Name); err != nil {
						return err
					}
				}
			}
			return nil
		}
	})},
	{"deletes what a document's id is a prefix of", []string{"AS-D1"}, onAttachments(func(w *wrongAttachments) {
		w.deleteAll = func(ctx context.Context, docID string) error {
			for info, err := range w.next.List(ctx) {
				if err == nil && strings.HasPrefix(info.DocID, docID+"/") {
					err = w.next.Delete(ctx, info.DocID, info.Name)
				}
				if err != nil {
					return err
				}
			}
			return w.next.DeleteAll(ctx, docID)
		}
	})},
	{"cannot delete what is not there", []string{"AS-D2"}, onAttachments(func(w *wrongAttachments) {
		w.del = func(ctx context.Context, docID, name string) error {
			r, err := w.next.Read(ctx, docID, name, nil)
			if err != nil {
				return err
			}
			return errors.Join(r.Close(), w.next.Delete(ctx, docID, name))
		}
	})},
	{"refuses empty content", []string{"sizes"}, onAttachments(func(w *wrongAttachments) {
		w.attach = func(ctx context.Context, docID, name string, r io.Reader, opts *store.AttachOptions) (store.AttachmentInfo, error) {
			info, err := w.next.Attach(ctx, docID, name, r, opts)
			if err == nil && info.Length == 0 {
				err = &store.Error{Op: store.OpAttach, ID: docID, Kind: store.ErrInvalid}
			}
			return info, err
		}
	})},
	{"unescapes names", []string{"names"}, onAttachments(func(w *wrongAttachments) {
		w.attach = func(ctx context.Context, docID, name string, r io.Reader, opts *store.AttachOptions) (store.AttachmentInfo, error) {
			if plain, err := url.PathUnescape(name); err == nil {
				name = plain
			}
			return w.next.Attach(ctx, docID, name, r, opts)
		}
	})},
	{"does not verify digests", []string{"digest_verified"}, onAttachments(func(w *wrongAttachments) {
		w.read = func(ctx context.Context, docID, name string, _ *store.ReadOptions) (io.ReadCloser, error) {
			return w.next.Read(ctx, docID, name, nil)
		}
	})},
	{"lists before the loop", []string{"list"}, onAttachments(func(w *wrongAttachments) {
		w.list = func(ctx context.Context) iter.Seq2[store.AttachmentInfo, error] {
			var infos []store.AttachmentInfo
			var last error
			for info, err := range w.next.List(ctx) {
				if last = err; err == nil {
					infos = append(infos, info)
				}
			}
			return func(yield func(store.AttachmentInfo, error) bool) {
				for _, info := range infos {
					if !yield(info, nil) {
						return
					}
				}
				if last != nil {
					yield(store.AttachmentInfo{}, last)
				}
			}
		}
	})},
	{"has the scheme of inlined contents", []string{"scheme"}, onAttachments(func(w *wrongAttachments) { w.scheme = "mem" })},
	{"has no default type", []string{"defaults"}, onAttachments(func(w *wrongAttachments) {
		w.attach = func(ctx context.Context, docID, name string, r io.Reader, opts *store.AttachOptions) (store.AttachmentInfo, error) {
			info, err := w.next.Attach(ctx, docID, name, r, opts)
			if opts == nil {
				info.ContentType = ""
			}
			return info, err
		}
	})},
	{"ignores the context of a delete", []string{"cancelled_context"}, onAttachments(func(w *wrongAttachments) {
		w.del = func(ctx context.Context, docID, name string) error {
			return w.next.Delete(context.WithoutCancel(ctx), docID, name)
		}
	})},
	{"lists nothing after Close", []string{"use_after_close"}, onAttachments(func(w *wrongAttachments) {
		w.list = func(ctx context.Context) iter.Seq2[store.AttachmentInfo, error] {
			return func(yield func(store.AttachmentInfo, error) bool) {
				for info, err := range w.next.List(ctx) {
					if errors.Is(err, store.ErrClosed) || !yield(info, err) {
						return
					}
				}
			}
		}
	})},
}
