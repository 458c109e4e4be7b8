package observe

import (
	"context"
	"io"
	"iter"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/whiskstore/whiskstore/store"
)

// NewAttachments is New for an attachment store. The function that it returns
// wraps a store, which the result owns and closes; it is safe for concurrent use.
//
// The bytes of an attachment count when they have been stored, or when the reader
// is closed.
func NewAttachments(opts Options) (func(next store.AttachmentStore) store.AttachmentStore, error) {
	o, err := opts.complete()
	if err != nil {
		return nil, err
	}
	r, err := newRecorder(o)
	if err != nil {
		return nil, err
	}
	bytes, err := r.meter.Int64Counter("whiskstore.attachment.io",
		metric.WithUnit("By"), metric.WithDescription("Bytes of attachments that were read and written."))
	if err != nil {
		return nil, instrumentError(err)
	}
	direction := func(name string) []metric.AddOption {
		set := attribute.NewSet(r.attributes(directionKey.String(name))...)
		add := []metric.AddOption{metric.WithAttributeSet(set)}
		bytes.Add(context.Background(), 0, add...)
		return add
	}
	ops := attachmentOperations{
		attach:  r.named(store.OpAttach),
		read:    r.named(store.OpRead),
		delete:  r.named(store.OpDetach),
		all:     r.named(store.OpDetachAll),
		list:    r.named(store.OpList),
		bytes:   bytes,
		in:      direction("read"),
		written: direction("write"),
	}
	if err := r.publish(); err != nil {
		return nil, err
	}
	return func(next store.AttachmentStore) store.AttachmentStore {
		return &attachments{next: next, ops: &ops}
	}, nil
}

type attachmentOperations struct {
	attach, read, delete, all, list *operation

	bytes       metric.Int64Counter
	in, written []metric.AddOption
}

type attachments struct {
	next store.AttachmentStore
	ops  *attachmentOperations
}

var _ store.AttachmentStore = (*attachments)(nil)

func (a *attachments) Scheme() string { return a.next.Scheme() }

// Attach hands r on as it is: a backend may look for more than io.Reader in it.
func (a *attachments) Attach(ctx context.Context, docID, name string, r io.Reader, opts *store.AttachOptions) (store.AttachmentInfo, error) {
	c := a.ops.attach.begin(ctx, documentKey, docID)
	info, err := a.next.Attach(c.ctx, docID, name, r, opts)
	if err == nil {
		a.ops.bytes.Add(c.ctx, info.Length, a.ops.written...)
	}
	c.end(err, noRows)
	return info, err
}

func (a *attachments) Read(ctx context.Context, docID, name string, opts *store.ReadOptions) (io.ReadCloser, error) {
	c := a.ops.read.begin(ctx, documentKey, docID)
	r, err := a.next.Read(c.ctx, docID, name, opts)
	if err != nil {
		c.end(err, noRows)
		return nil, err
	}
	return &reader{next: r, call: c, ops: a.ops}, nil
}

func (a *attachments) Delete(ctx context.Context, docID, name string) error {
	c := a.ops.delete.begin(ctx, documentKey, docID)
	err := a.next.Delete(c.ctx, docID, name)
	c.end(err, noRows)
	return err
}

func (a *attachments) DeleteAll(ctx context.Context, docID string) error {
	c := a.ops.all.begin(ctx, documentKey, docID)
	err := a.next.DeleteAll(c.ctx, docID)
	c.end(err, noRows)
	return err
}

func (a *attachments) List(ctx context.Context) iter.Seq2[store.AttachmentInfo, error] {
	return func(yield func(store.AttachmentInfo, error) bool) {
		c := a.ops.list.begin(ctx, documentKey, "")
		loop(&c, a.next.List(c.ctx), yield)
	}
}

func (a *attachments) Close() error { return a.next.Close() }

// reader measures a read until it is closed. Close may come while Read runs, to
// end it.
type reader struct {
	next io.ReadCloser
	call call
	ops  *attachmentOperations

	mu    sync.Mutex
	bytes int64
	err   error // the first that ended the content early
	ended bool
}

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.next.Read(p)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bytes += int64(n)
	if err != nil && err != io.EOF && r.err == nil {
		r.err = err
	}
	return n, err
}

func (r *reader) Close() error {
	err := r.next.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return err
	}
	r.ended = true
	if r.err == nil {
		r.err = err
	}
	r.ops.bytes.Add(r.call.ctx, r.bytes, r.ops.in...)
	r.call.end(r.err, noRows)
	return err
}
