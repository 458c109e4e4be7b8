package store

import (
	"context"
	"iter"
	"time"
)

// The collections of a deployment, by the names that they have on Cosmos.
const (
	Whisks      = "whisks"      // actions, packages, rules and triggers (WhiskEntity)
	Activations = "activations" // activation records (WhiskActivation)
	Subjects    = "subjects"    // subjects and their limits (WhiskAuth)
)

// ArtifactStore is one collection of documents: whisks, activations or
// subjects. It is safe for concurrent use.
//
// # What every implementation does
//
// A write is atomic for its document and visible to reads of the same store
// value when it returns (reads through another region may lag). A failed
// precondition changes nothing. Absence is an error of kind ErrNotFound, never
// a zero Document. A tombstone, whoever wrote it, appears in no Get, Query,
// Count or join unless GetOptions.Tombstones asks for it.
//
// Arguments are checked before any I/O. A done context makes every operation
// return its error promptly and unwrapped. After Close, every operation fails
// with ErrClosed. Options may be nil, are only read, and only until the
// operation returns.
//
// # What an implementation may assume
//
// Check stands in front of it in every stack: ids are non-blank and within
// length, bodies are JSON objects without reserved members and within the size
// limit, skip and limit are not negative, the context was alive a moment ago,
// and Close is called once.
//
// # What is not promised
//
// No transactions and no order between operations on different documents. A
// Query is not isolated from writes that run beside it: a document that changes
// meanwhile appears in its old or its new state, never half, and where its place
// in the order changes, a backend that pages may show it twice or not at all.
// More that one backend or the other cannot keep stands in the package comment.
type ArtifactStore interface {
	Getter
	Putter
	Deleter
	Querier
	Counter

	// Close releases what the store holds and waits for its goroutines. What it
	// was made of is closed with it, inside out, each part once.
	Close() error
}

// Getter reads documents by id.
type Getter interface {
	// Get returns the document, or ErrNotFound when there is none or only a
	// tombstone (rows CRUD-11 to CRUD-16). With opts.Rev it returns
	// ErrRevisionMismatch when the current state is another one: old states
	// cannot be read.
	Get(ctx context.Context, id string, opts *GetOptions) (Document, error)
}

// Putter writes documents.
type Putter interface {
	// Put creates (doc.Version.Rev is empty) or updates doc and returns its new
	// version. No other state of this document ever has or had that revision,
	// unless it is the same content with the same history (CouchDB).
	//
	// A creation fails with ErrConflict when a live document exists; a tombstone
	// is replaced. An update fails with ErrConflict when the document is at
	// another revision, deleted or absent. Each Put clears the time to live and
	// the cluster id of the state before it.
	//
	// A reply that is lost is settled by the backend as far as the deadline
	// allows: success means that this very body is stored, ErrInDoubt that nobody
	// knows. A definite failure (every other kind) has written nothing.
	Put(ctx context.Context, doc Document, opts *PutOptions) (Version, error)
}

// Deleter deletes documents.
type Deleter interface {
	// Delete removes the document if it is at revision rev, which must not be
	// empty (ErrInvalid, row CRUD-08). It fails with ErrNotFound when there is no
	// such document or a tombstone, and with ErrConflict when it is at another
	// revision.
	//
	// With opts.Tombstone it leaves a tombstone and returns the tombstone's
	// version; a backend that always leaves one (CouchDB) does so without being
	// asked. A physical delete returns the zero Version; when its reply is lost and
	// the document turns out to be gone, that is success, whoever removed it.
	Delete(ctx context.Context, id, rev string, opts *DeleteOptions) (Version, error)
}

// Querier runs view queries.
type Querier interface {
	// Query returns the rows of q in order. Nothing happens before the loop; a
	// second loop asks again. At most one pair holds an error, it is the last one,
	// and its row is the zero Row. When ctx ends, the loop ends with its error
	// within one page; after a break nothing is left open. The store does not keep
	// or change q, and the caller must not change it during a loop.
	//
	// A document that cannot be shaped into a row ends the loop with an
	// ErrUnreadable that names its id, unless q.OnUnreadable is set.
	Query(ctx context.Context, q *Query) iter.Seq2[Row, error]
}

// Counter counts the rows of a view.
type Counter interface {
	// Count returns max(0, matched - q.Skip), without tombstones (rows QRY-10 to
	// QRY-12, QRY-D5). Limit, IncludeDocs and Descending do not matter to it.
	Count(ctx context.Context, q *Query) (int64, error)
}

// GetOptions are the options of Get; nil is the zero value.
type GetOptions struct {
	// Rev, when set, must be the revision of the current state.
	Rev string

	// After asks for freshness. The zero value is satisfied by any state that the
	// store's ordinary reads show.
	After Freshness

	// Tombstones returns a tombstone as a Document with Meta.Deleted instead of
	// ErrNotFound. It is for bridges and sweepers.
	Tombstones bool
}

// Freshness asks that a read reflect at least what its fields name. A backend
// that reads replicas waits for them, or reads the primary; when it can do
// neither in time it fails with ErrUnavailable or the context's error, it never
// answers with an older state. A Session of another backend is ErrInvalid.
type Freshness struct {
	// Version: the answer is this state of the document or a newer one. A state
	// whose relation to it is Unknown counts as newer when it comes from the
	// primary.
	Version Version

	// Session: the answer reflects everything that was committed at this position.
	Session Session
}

// IsZero reports whether f asks for nothing.
func (f Freshness) IsZero() bool { return f == Freshness{} }

// Session is a position in a collection's history that a backend gave out and
// understands: a session token on Cosmos, an update sequence on CouchDB. It is
// opaque, holds no secret, and may travel to other processes.
type Session string

// PutOptions are the options of Put; nil is the zero value.
type PutOptions struct {
	// ClusterID is stored beside the body and returned as Meta.ClusterID. The
	// stamp decorator sets it.
	ClusterID string

	// TTL is how long the document lives, from this write's commit, in whole
	// seconds (fractions are rounded up). Zero means the collection's default.
	TTL time.Duration
}

// DeleteOptions are the options of Delete; nil is the zero value.
type DeleteOptions struct {
	// ClusterID is stored in the tombstone. The stamp decorator sets it.
	ClusterID string

	// Tombstone, when positive, asks for a tombstone that lives that long, in
	// whole seconds (fractions are rounded up). The softdelete decorator sets it.
	Tombstone time.Duration
}
