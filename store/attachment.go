package store

import (
	"context"
	"io"
	"iter"
	"time"
)

// AttachmentStore keeps the attachments of one collection's documents. An
// attachment has the id of its document and a name that is unique below it;
// contents never change under one name. It is safe for concurrent use.
//
// The document need not exist, and need not exist in the same backend: an
// AttachmentStore knows of no documents.
type AttachmentStore interface {
	// Scheme is what stands before the colon of attachment names that this store
	// gives out: "s3", "mems". It never changes.
	Scheme() string

	// Attach stores r's bytes to its end and returns their digest and length. It
	// streams: memory does not grow with the content. When r fails, Attach fails
	// with an error whose cause is r's, and nothing is readable afterwards (row
	// AS-04). Attach does not close r.
	Attach(ctx context.Context, docID, name string, r io.Reader, opts *AttachOptions) (AttachmentInfo, error)

	// Read returns the content, or ErrNotFound. The caller closes the reader. With
	// opts.Digest the content is verified: the reader's last Read fails with
	// ErrUnreadable instead of io.EOF when it differs.
	Read(ctx context.Context, docID, name string, opts *ReadOptions) (io.ReadCloser, error)

	// Delete removes one attachment. That it does not exist is success (row
	// AS-D2).
	Delete(ctx context.Context, docID, name string) error

	// DeleteAll removes every attachment of the document, and of no other one
	// whose id merely extends docID (row AS-D1).
	DeleteAll(ctx context.Context, docID string) error

	// List returns what the store holds, in no particular order, under the same
	// rules as a Query loop. It is for sweepers.
	List(ctx context.Context) iter.Seq2[AttachmentInfo, error]

	// Close releases what the store holds.
	Close() error
}

// AttachOptions are the options of Attach; nil is the zero value.
type AttachOptions struct {
	// ContentType is a media type; empty is application/octet-stream.
	ContentType string
}

// ReadOptions are the options of Read; nil is the zero value.
type ReadOptions struct {
	// Digest is what the document's reference says, "sha256-<hex>"; empty skips
	// the verification.
	Digest string
}

// AttachmentInfo describes one attachment.
type AttachmentInfo struct {
	// DocID and Name are its key.
	DocID string
	Name  string

	// ContentType is the media type it was stored with.
	ContentType string

	// Digest is "sha256-" and the lower-case hex SHA-256 of the content (row
	// ATT-D2). List leaves it empty where the backend does not keep it.
	Digest string

	// Length is in bytes.
	Length int64

	// Modified is when the attachment was stored.
	Modified time.Time
}
