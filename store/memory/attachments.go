package memory

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"
	"time"

	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/whiskstore/whiskstore/store"
)

// Scheme is the scheme of attachments in this package's stores, as upstream's
// in-memory attachment store has it.
const Scheme = "mems"

// AttachmentOptions are the options of NewAttachments and OpenAttachments.
type AttachmentOptions struct {
	// Collection is written into errors: "whisks", "activations".
	Collection string

	// Now is the clock of AttachmentInfo.Modified; nil is time.Now.
	Now func() time.Time
}

// Attachments is an AttachmentStore, in memory or in a directory. It is safe
// for concurrent use. In memory, Attach needs as much of it as the content has;
// in a directory a bounded amount. An attachment that is attached again is
// replaced; readers that are open keep what they read.
type Attachments struct {
	collection string
	now        func() time.Time
	disk       *attachmentDisk // nil in memory

	writing sync.Mutex // held by who changes docs, across the commit on disk

	mu     sync.RWMutex                      // guards what follows
	docs   map[string]map[string]*attachment // by document id and name
	closed bool
}

var _ store.AttachmentStore = (*Attachments)(nil)

// attachment is a content and what is known of it.
type attachment struct {
	info   store.AttachmentInfo
	chunks [][]byte // in memory, the content; on disk, what is not written yet

	id      uint64 // on disk, names the content
	count   int    // how many chunks it has there
	sum     uint32 // checksum of its info there
	readers int    // open readers; Attachments.mu guards it
	dropped bool   // to be removed from disk with the last reader
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

// Attach stores r's content, which replaces what was attached under that name.
func (a *Attachments) Attach(ctx context.Context, docID, name string, r io.Reader, opts *store.AttachOptions) (store.AttachmentInfo, error) {
	if err := a.begin(ctx, store.OpAttach, docID, name); err != nil {
		return store.AttachmentInfo{}, err
	}
	att := &attachment{info: store.AttachmentInfo{DocID: docID, Name: name, ContentType: "application/octet-stream"}}
	if opts != nil && opts.ContentType != "" {
		att.info.ContentType = opts.ContentType
	}
	if a.disk != nil {
		att.id = a.disk.next.Add(1)
	}
	digest := sha256.New()
	for {
		if err := ctx.Err(); err != nil {
			return store.AttachmentInfo{}, a.giveUp(att, err)
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
			return store.AttachmentInfo{}, a.giveUp(att, a.source(docID, name, err))
		}
		if a.disk != nil && len(att.chunks) == chunksPerCommit {
			if err := a.disk.spill(att); err != nil {
				return store.AttachmentInfo{}, a.giveUp(att, a.fail(store.OpAttach, docID, name, store.ErrUnavailable, err))
			}
		}
	}
	att.info.Digest = digestText(digest)
	att.info.Modified = a.now().Round(0)
	if err := a.install(att); err != nil {
		return store.AttachmentInfo{}, a.giveUp(att, a.shape(store.OpAttach, docID, name, err))
	}
	return att.info, nil
}

// install makes att the attachment of its name.
func (a *Attachments) install(att *attachment) error {
	a.writing.Lock()
	defer a.writing.Unlock()
	a.mu.RLock()
	old, closed := a.docs[att.info.DocID][att.info.Name], a.closed
	a.mu.RUnlock()
	if closed {
		return store.ErrClosed
	}
	if a.disk != nil {
		if err := a.disk.commit(att, old); err != nil {
			return err
		}
	}
	a.mu.Lock()
	if a.docs[att.info.DocID] == nil {
		a.docs[att.info.DocID] = map[string]*attachment{}
	}
	a.docs[att.info.DocID][att.info.Name] = att
	a.mu.Unlock()
	if old != nil {
		a.release(old)
	}
	return nil
}

// giveUp removes what is on disk of an attachment that came to nothing.
func (a *Attachments) giveUp(att *attachment, err error) error {
	if a.disk != nil && att.count > 0 {
		_ = a.disk.drop(att) // or when the directory is opened again
	}
	return err
}

// Read returns the content as it is now, whatever becomes of the attachment
// while it is read.
func (a *Attachments) Read(ctx context.Context, docID, name string, opts *store.ReadOptions) (io.ReadCloser, error) {
	if err := a.begin(ctx, store.OpRead, docID, name); err != nil {
		return nil, err
	}
	a.mu.Lock()
	att := a.docs[docID][name]
	if att != nil {
		att.readers++
	}
	a.mu.Unlock()
	if att == nil {
		return nil, a.fail(store.OpRead, docID, name, store.ErrNotFound, nil)
	}
	var from io.ReadCloser = &chunkReader{chunks: att.chunks}
	if a.disk != nil {
		from = &diskReader{a: a, att: att}
	}
	return newReader(ctx, from, opts, func(kind store.Kind, cause error) error {
		return a.fail(store.OpRead, docID, name, kind, cause)
	}), nil
}

// Delete removes one attachment, if it is there.
func (a *Attachments) Delete(ctx context.Context, docID, name string) error {
	return a.delete(ctx, store.OpDetach, docID, name)
}

// DeleteAll removes every attachment of the document, all or none of them.
func (a *Attachments) DeleteAll(ctx context.Context, docID string) error {
	return a.delete(ctx, store.OpDetachAll, docID, "")
}

// delete removes one attachment, or all of the document when name is empty.
func (a *Attachments) delete(ctx context.Context, op store.Op, docID, name string) error {
	if err := a.begin(ctx, op, docID, name); err != nil {
		return err
	}
	a.writing.Lock()
	defer a.writing.Unlock()
	var gone []*attachment
	a.mu.RLock()
	for n, att := range a.docs[docID] {
		if name == "" || n == name {
			gone = append(gone, att)
		}
	}
	a.mu.RUnlock()
	if a.disk != nil && len(gone) > 0 {
		if err := a.disk.remove(gone); err != nil {
			return a.shape(op, docID, name, err)
		}
	}
	a.mu.Lock()
	for _, att := range gone {
		delete(a.docs[docID], att.info.Name)
	}
	if len(a.docs[docID]) == 0 {
		delete(a.docs, docID)
	}
	a.mu.Unlock()
	a.release(gone...)
	return nil
}

// release removes the contents of attachments that nobody can find any more
// from disk, but for those that are being read: they go with their last reader.
func (a *Attachments) release(atts ...*attachment) {
	if a.disk == nil {
		return
	}
	var free []*attachment
	a.mu.Lock()
	for _, att := range atts {
		att.dropped = true
		if att.readers == 0 {
			free = append(free, att)
		}
	}
	a.mu.Unlock()
	if len(free) > 0 {
		_ = a.disk.drop(free...) // or when the directory is opened again
	}
}

// List returns the attachments that there were when the loop began.
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

// Close lets go of the contents and of the directory. A second Close is
// ErrClosed.
func (a *Attachments) Close() error {
	a.writing.Lock()
	defer a.writing.Unlock()
	a.mu.Lock()
	closed := a.closed
	a.closed, a.docs = true, nil
	a.mu.Unlock()
	if closed {
		return a.fail(store.OpClose, "", "", store.ErrClosed, nil)
	}
	if a.disk != nil {
		return a.shape(store.OpClose, "", "", a.disk.d.close())
	}
	return nil
}

// shape translates an error of the disk.
func (a *Attachments) shape(op store.Op, docID, name string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrClosed) || errors.Is(err, bolterrors.ErrDatabaseNotOpen):
		return a.fail(op, docID, name, store.ErrClosed, nil)
	case op == store.OpClose || errors.Is(err, errBroken):
		return a.fail(op, docID, name, store.ErrUnavailable, err)
	}
	return a.fail(op, docID, name, store.ErrInDoubt, err)
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
