package memory

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"iter"
	"sync"
	"time"

	"github.com/whiskstore/whiskstore/store"
)

// Scheme is the scheme of attachments in this package's stores, as upstream's
// in-memory attachment store has it.
const Scheme = "mems"

// AttachmentOptions are the options of NewAttachments.
type AttachmentOptions struct {
	// Collection is written into errors: "whisks", "activations".
	Collection string

	// Now is the clock of AttachmentInfo.Modified; nil is time.Now.
	Now func() time.Time
}

// Attachments is an AttachmentStore in memory. It is safe for concurrent use.
// Contents are held in memory as a whole, so Attach needs as much as r gives. An
// attachment that is attached again is replaced; readers that are open keep what
// they read.
type Attachments struct {
	collection string
	now        func() time.Time

	mu     sync.RWMutex
	docs   map[string]map[string]*attachment // by document id and name
	closed bool
}

var _ store.AttachmentStore = (*Attachments)(nil)

type attachment struct {
	info   store.AttachmentInfo
	chunks [][]byte
}

// chunkSize is the size of the pieces in which contents are read and held.
const chunkSize = 64 << 10

// NewAttachments returns an empty store.
func NewAttachments(opts AttachmentOptions) *Attachments {
	a := &Attachments{collection: opts.Collection, now: opts.Now, docs: map[string]map[string]*attachment{}}
	if a.now == nil {
		a.now = time.Now
	}
	return a
}

// Scheme returns "mems".
func (a *Attachments) Scheme() string { return Scheme }

func (a *Attachments) Attach(ctx context.Context, docID, name string, r io.Reader, opts *store.AttachOptions) (store.AttachmentInfo, error) {
	if err := a.begin(ctx, store.OpAttach, docID, name); err != nil {
		return store.AttachmentInfo{}, err
	}
	att := &attachment{info: store.AttachmentInfo{DocID: docID, Name: name, ContentType: "application/octet-stream"}}
	if opts != nil && opts.ContentType != "" {
		att.info.ContentType = opts.ContentType
	}
	digest := sha256.New()
	for {
		if err := ctx.Err(); err != nil {
			return store.AttachmentInfo{}, err
		}
		chunk := make([]byte, chunkSize)
		n, err := io.ReadFull(r, chunk)
		if n > 0 {
			digest.Write(chunk[:n])
			att.chunks = append(att.chunks, chunk[:n:n])
			att.info.Length += int64(n)
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			break
		}
		if err != nil {
			return store.AttachmentInfo{}, a.source(docID, name, err)
		}
	}
	att.info.Digest = digestText(digest)
	att.info.Modified = a.now()

	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return store.AttachmentInfo{}, a.fail(store.OpAttach, docID, name, store.ErrClosed, nil)
	}
	if a.docs[docID] == nil {
		a.docs[docID] = map[string]*attachment{}
	}
	a.docs[docID][name] = att
	return att.info, nil
}

func (a *Attachments) Read(ctx context.Context, docID, name string, opts *store.ReadOptions) (io.ReadCloser, error) {
	if err := a.begin(ctx, store.OpRead, docID, name); err != nil {
		return nil, err
	}
	a.mu.RLock()
	att := a.docs[docID][name]
	a.mu.RUnlock()
	if att == nil {
		return nil, a.fail(store.OpRead, docID, name, store.ErrNotFound, nil)
	}
	return newReader(ctx, &chunkReader{chunks: att.chunks}, opts, func(kind store.Kind, cause error) error {
		return a.fail(store.OpRead, docID, name, kind, cause)
	}), nil
}

func (a *Attachments) Delete(ctx context.Context, docID, name string) error {
	if err := a.begin(ctx, store.OpDetach, docID, name); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.docs[docID], name)
	if len(a.docs[docID]) == 0 {
		delete(a.docs, docID)
	}
	return nil
}

func (a *Attachments) DeleteAll(ctx context.Context, docID string) error {
	if err := a.begin(ctx, store.OpDetachAll, docID, ""); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.docs, docID)
	return nil
}

func (a *Attachments) List(ctx context.Context) iter.Seq2[store.AttachmentInfo, error] {
	return func(yield func(store.AttachmentInfo, error) bool) {
		if err := a.begin(ctx, store.OpList, "", ""); err != nil {
			yield(store.AttachmentInfo{}, err)
			return
		}
		var all []store.AttachmentInfo
		a.mu.RLock()
		for _, names := range a.docs {
			for _, att := range names {
				all = append(all, att.info)
			}
		}
		a.mu.RUnlock()
		for _, info := range all {
			if err := ctx.Err(); err != nil {
				yield(store.AttachmentInfo{}, err)
				return
			}
			if !yield(info, nil) {
				return
			}
		}
	}
}

// Close lets go of the contents. A second Close is ErrClosed.
func (a *Attachments) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return a.fail(store.OpClose, "", "", store.ErrClosed, nil)
	}
	a.closed, a.docs = true, nil
	return nil
}

// begin is what all calls check.
func (a *Attachments) begin(ctx context.Context, op store.Op, docID, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	a.mu.RLock()
	closed := a.closed
	a.mu.RUnlock()
	if closed {
		return a.fail(op, docID, name, store.ErrClosed, nil)
	}
	if docID == "" && op != store.OpList || name == "" && op != store.OpList && op != store.OpDetachAll {
		return a.fail(op, docID, name, store.ErrInvalid, fmt.Errorf("document id %q, name %q", docID, name))
	}
	return nil
}

// source translates the error of an attachment's source, which ends up as the
// cause.
func (a *Attachments) source(docID, name string, err error) error {
	if store.IsContext(err) {
		return err
	}
	return a.fail(store.OpAttach, docID, name, store.ErrUnavailable, err)
}

func (a *Attachments) fail(op store.Op, docID, name string, kind store.Kind, cause error) error {
	id := docID
	if name != "" {
		id += "/" + name
	}
	return &store.Error{Op: op, Collection: a.collection, ID: id, Kind: kind, Err: cause}
}

func digestText(h hash.Hash) string { return "sha256-" + hex.EncodeToString(h.Sum(nil)) }

// chunkReader reads chunks, which it does not change.
type chunkReader struct {
	chunks [][]byte
	at     int // in the first chunk
}

func (r *chunkReader) Read(p []byte) (int, error) {
	if len(r.chunks) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.chunks[0][r.at:])
	if r.at += n; r.at == len(r.chunks[0]) {
		r.chunks, r.at = r.chunks[1:], 0
	}
	return n, nil
}

func (r *chunkReader) Close() error { return nil }

// reader verifies a digest while it reads, and ends with its context.
type reader struct {
	ctx    context.Context
	from   io.ReadCloser
	want   string
	digest hash.Hash // nil: nothing to verify
	fail   func(store.Kind, error) error
	end    error
}

func newReader(ctx context.Context, from io.ReadCloser, opts *store.ReadOptions, fail func(store.Kind, error) error) *reader {
	r := &reader{ctx: ctx, from: from, fail: fail}
	if opts != nil && opts.Digest != "" {
		r.want, r.digest = opts.Digest, sha256.New()
	}
	return r
}

func (r *reader) Read(p []byte) (int, error) {
	if r.end != nil {
		return 0, r.end
	}
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.from.Read(p)
	if r.digest != nil {
		r.digest.Write(p[:n])
	}
	switch {
	case err == io.EOF:
		if r.digest != nil && digestText(r.digest) != r.want {
			err = r.fail(store.ErrUnreadable, fmt.Errorf("digest is %s, want %s", digestText(r.digest), r.want))
		}
	case err != nil:
		err = r.fail(store.ErrUnavailable, err)
	}
	r.end = err
	return n, err
}

func (r *reader) Close() error {
	r.end = r.fail(store.ErrClosed, nil)
	return r.from.Close()
}
