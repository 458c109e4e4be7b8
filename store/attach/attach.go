// Package attach keeps the attachments of documents: it decides what travels
// inline in a document and what goes to an attachment store, writes both in the
// order that never leaves a document without its attachment, and reads each
// attachment from where its name says.
//
//	name              where the bytes are
//	mem:<base64url>   in the name itself (inline)
//	s3:<uuid>, …      in the attachment store of that scheme
//	couch:<uuid>      in CouchDB itself, as are names without a scheme, which
//	                  older deployments wrote; both need Options.Native
//
// An Attacher stands beside a finished stack, not in it: documents go through
// the stack's decorators, attachments do not.
package attach

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/google/uuid"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/entity"
)

// InlineScheme is the scheme of attachments that travel in their own name.
const InlineScheme = "mem"

// DefaultMaxInlineSize is upstream's `whisk.db.max-inline-size`, in bytes.
const DefaultMaxInlineSize = 16 << 10

// Documents is what an Attacher needs of the stack of a collection.
type Documents interface {
	store.Getter
	store.Putter
	store.Deleter
}

// Options are the options of New; nil is the zero value.
type Options struct {
	// MaxInlineSize is the size in bytes from which contents go to the attachment
	// store; smaller ones travel inline (row ATT-D1). 0 is DefaultMaxInlineSize,
	// negative turns inlining off for all but empty contents (upstream's 0, row
	// ATT-08).
	MaxInlineSize int

	// Native reads attachments that a backend keeps itself, those of its own
	// scheme and those without one. Nil refuses them with ErrInvalid, as upstream
	// does on Cosmos (row ATT-D4).
	Native Reader

	// Logger receives what could not be cleaned up; nil is silent.
	Logger *slog.Logger
}

// Reader is the part of an attachment store that reads.
type Reader interface {
	Scheme() string
	Read(ctx context.Context, docID, name string, opts *store.ReadOptions) (io.ReadCloser, error)
}

// Attacher puts and reads documents with attachments. It is safe for concurrent
// use and holds nothing that needs closing: the stack and the attachment store
// stay the caller's.
type Attacher struct {
	docs        Documents
	attachments store.AttachmentStore
	native      Reader
	maxInline   int
	log         *slog.Logger
	reads       flights[string, *Assembled] // of actions
	codes       flights[codeKey, string]
}

// New returns an Attacher over a collection's stack and attachment store.
// Without an attachment store (nil) contents that cannot travel inline are
// refused with ErrInvalid (row ATT-D5) and deletions do nothing (row ATT-D6).
func New(docs Documents, attachments store.AttachmentStore, opts *Options) *Attacher {
	a := &Attacher{docs: docs, attachments: attachments, maxInline: DefaultMaxInlineSize, log: slog.New(slog.DiscardHandler)}
	if opts != nil {
		switch {
		case opts.MaxInlineSize > 0:
			a.maxInline = opts.MaxInlineSize
		case opts.MaxInlineSize < 0:
			a.maxInline = 0
		}
		a.native = opts.Native
		if opts.Logger != nil {
			a.log = opts.Logger
		}
	}
	return a
}

// Put stores a document with one attachment (rows ATT-01 to ATT-05, ATT-D3):
// the content first, then the document that build makes of the reference to it,
// then, if old is a reference into the same attachment store, old is removed.
//
// When the content cannot be read or stored, no document is written. When the
// document is refused, the new content stays behind unreferenced, for a sweeper:
// nobody can tell a refused write from one that will yet happen. That old cannot
// be removed is logged, not an error: the document has been written.
func (a *Attacher) Put(ctx context.Context, docID, contentType string, content io.Reader, old *entity.Attached,
	build func(entity.Attached) (store.Document, error), opts *store.PutOptions) (store.Version, entity.Attached, error) {
	defer a.reads.forget(docID)
	ref, err := a.keep(ctx, docID, contentType, content)
	if err != nil {
		return store.Version{}, entity.Attached{}, err
	}
	doc, err := build(ref)
	if err != nil {
		return store.Version{}, entity.Attached{}, err
	}
	v, err := a.docs.Put(ctx, doc, opts)
	if err != nil {
		return store.Version{}, entity.Attached{}, err
	}
	if old != nil && old.AttachmentName != ref.AttachmentName {
		a.forget(ctx, docID, old)
	}
	return v, ref, nil
}

// keep stores content inline or in the attachment store.
func (a *Attacher) keep(ctx context.Context, docID, contentType string, content io.Reader) (entity.Attached, error) {
	// One byte tells whether there is content at all: none is always inline, as upstream has it.
	head, err := io.ReadAll(io.LimitReader(&contextReader{ctx, content}, int64(max(a.maxInline, 1))))
	if err != nil {
		return entity.Attached{}, fail(store.OpAttach, docID, err)
	}
	if len(head) == 0 || len(head) < a.maxInline {
		sum := sha256.Sum256(head)
		length := int64(len(head))
		return entity.Attached{
			AttachmentName: InlineScheme + ":" + base64.URLEncoding.EncodeToString(head),
			AttachmentType: contentType,
			Length:         &length,
			Digest:         "sha256-" + hex.EncodeToString(sum[:]),
		}, nil
	}
	if a.attachments == nil {
		return entity.Attached{}, invalid(store.OpAttach, docID, "content of %d bytes or more needs an attachment store, and none is configured", a.maxInline)
	}
	name := uuid.NewString()
	info, err := a.attachments.Attach(ctx, docID, name, io.MultiReader(strings.NewReader(string(head)), content), &store.AttachOptions{ContentType: contentType})
	if err != nil {
		return entity.Attached{}, err
	}
	return entity.Attached{
		AttachmentName: a.attachments.Scheme() + ":" + name,
		AttachmentType: contentType,
		Length:         &info.Length,
		Digest:         info.Digest,
	}, nil
}

// forget removes the content behind old if it lies in the attachment store.
func (a *Attacher) forget(ctx context.Context, docID string, old *entity.Attached) {
	if a.attachments == nil {
		return
	}
	scheme, name, ok := strings.Cut(old.AttachmentName, ":")
	if !ok || scheme != a.attachments.Scheme() {
		return
	}
	if err := a.attachments.Delete(ctx, docID, name); err != nil {
		a.log.WarnContext(ctx, "attachment stays behind", "document", docID, "error", err)
	}
}

// Read returns the content that ref refers to. The caller closes the reader.
// Contents of an attachment store are verified against ref's digest as they are
// read.
func (a *Attacher) Read(ctx context.Context, docID string, ref *entity.Attached) (io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	scheme, name, ok := strings.Cut(ref.AttachmentName, ":")
	switch {
	case ok && scheme == InlineScheme:
		content, err := inline(name)
		if err != nil {
			return nil, &store.Error{Op: store.OpRead, ID: docID, Kind: store.ErrUnreadable, Err: err}
		}
		return io.NopCloser(strings.NewReader(string(content))), nil
	case ok && a.attachments != nil && scheme == a.attachments.Scheme():
		return a.attachments.Read(ctx, docID, name, &store.ReadOptions{Digest: ref.Digest})
	case a.native != nil && (!ok || scheme == a.native.Scheme()):
		if !ok {
			name = ref.AttachmentName
		}
		return a.native.Read(ctx, docID, name, nil) // CouchDB's digest is its own MD5
	case !ok:
		return nil, invalid(store.OpRead, docID, "attachment %q has no scheme, and the backend keeps no attachments", ref.AttachmentName)
	}
	return nil, invalid(store.OpRead, docID, "unknown attachment scheme %q", scheme)
}

func isInline(name string) bool { return strings.HasPrefix(name, InlineScheme+":") }

// inline decodes the part of an inline name behind the scheme. Upstream writes
// no bytes at all as "mem://".
func inline(name string) ([]byte, error) {
	if name == "//" {
		name = ""
	}
	content, err := base64.URLEncoding.DecodeString(name)
	if err != nil {
		return nil, fmt.Errorf("inline attachment: %w", err)
	}
	return content, nil
}

// DeleteAll removes every attachment of a document, those of a document that was
// created anew under its id included.
func (a *Attacher) DeleteAll(ctx context.Context, docID string) error {
	if a.attachments == nil {
		return nil
	}
	return a.attachments.DeleteAll(ctx, docID)
}

func invalid(op store.Op, docID, format string, args ...any) error {
	return &store.Error{Op: op, ID: docID, Kind: store.ErrInvalid, Err: fmt.Errorf(format, args...)}
}

// fail passes errors of contexts and of the contract on and names the source of
// all others.
func fail(op store.Op, docID string, err error) error {
	if store.IsContext(err) || store.KindOf(err) != 0 {
		return err
	}
	return &store.Error{Op: op, ID: docID, Kind: store.ErrUnavailable, Err: fmt.Errorf("reading the content: %w", err)}
}

// contextReader ends with its context, so that a source that never ends does
// not hold an upload for ever.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

var (
	errTooLarge = errors.New("larger than an action's code may be")
	errReplaced = errors.New("the action was replaced again and again while it was read")
)
