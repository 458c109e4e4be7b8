package store

import (
	"context"
	"fmt"
	"time"
)

// ChangeFeed is the history of one collection as a set of ranges, each an
// endless sequence of pages. It is opened on the backend of the account that
// nodes read, never through decorators, and is safe for concurrent use, a range
// at a time.
//
// A feed shows at least the newest state of every document that changed, its
// tombstones included, at least once, and of one document never an older state
// after a newer one, except after going back to an earlier token. Physical
// deletes leave no change on Cosmos.
type ChangeFeed interface {
	// Ranges returns the ranges that together cover the collection now.
	Ranges(ctx context.Context) ([]Range, error)

	// Start returns the token from which Next of this range begins. FromTime is
	// ErrUnsupported where changes carry no time (CouchDB).
	Start(ctx context.Context, r Range, from From) (Token, error)

	// Next returns the changes after token. It never returns an empty page while
	// there are changes. With none it waits up to opts.Wait for one and then
	// returns an empty page with Drained set and a token that may have moved.
	//
	// A token is validated: one that is damaged, of another collection or from
	// the future is ErrInvalid, never a restart. A range that was split or merged
	// away is a *RangeGone.
	Next(ctx context.Context, r Range, token Token, opts *NextOptions) (Page, error)

	// Close ends waiting calls with ErrClosed and releases the feed.
	Close() error
}

// Range is a part of a collection's key space.
type Range struct {
	// ID names the range, for leases and metrics. It is unique for the life of the
	// collection.
	ID string

	// Min (inclusive) and Max (exclusive) are bounds in the backend's own key
	// space, from "" to "FF" on Cosmos; both are empty where a collection has only
	// one range.
	Min, Max string
}

// Token is a position in a range. It is opaque to callers and may be stored
// and handed to another process.
type Token string

// From says where a feed starts.
type From struct {
	kind fromKind
	at   time.Time
}

type fromKind uint8

const (
	fromBeginning fromKind = iota
	fromNow
	fromTime
)

// FromBeginning starts with the oldest change that is left. It is the zero From.
func FromBeginning() From { return From{} }

// FromNow starts after what is committed when Start returns.
func FromNow() From { return From{kind: fromNow} }

// FromTime starts with the changes committed at or after t.
func FromTime(t time.Time) From { return From{kind: fromTime, at: t} }

// IsBeginning reports whether f is FromBeginning.
func (f From) IsBeginning() bool { return f.kind == fromBeginning }

// IsNow reports whether f is FromNow.
func (f From) IsNow() bool { return f.kind == fromNow }

// Time returns the time of a FromTime, and whether f is one.
func (f From) Time() (time.Time, bool) { return f.at, f.kind == fromTime }

// NextOptions are the options of Next; nil is the zero value.
type NextOptions struct {
	// Wait is how long Next may wait for a change when there is none. Zero does
	// not wait.
	Wait time.Duration

	// Limit is the largest number of changes in the page; 0 is the backend's
	// default.
	Limit int
}

// Page is what one Next returned.
type Page struct {
	// Changes in the order of the range.
	Changes []Change

	// Token continues after this page.
	Token Token

	// Drained says that there was nothing more when the page was read.
	Drained bool

	// Pending is about how many changes follow the page, -1 when unknown.
	Pending int64

	// Session is a position that reflects everything up to the end of the page,
	// empty where the backend has none.
	Session Session
}

// Change is one document's new state.
type Change struct {
	ID        string
	Version   Version // zero when unknown, as with several leaves on CouchDB
	ClusterID string  // the cluster that wrote it
	Deleted   bool    // it is a tombstone

	// Doc is the document where the feed returns it, nil otherwise. A tombstone's
	// Doc has Meta.Deleted set.
	Doc *Document

	// Committed is when the change was committed, as exactly as the backend knows
	// (seconds on Cosmos); zero where it does not.
	Committed time.Time
}

// RangeGone is the error of Next for a range that no longer exists. Its
// children take over from the parent's token. It is of kind ErrNotFound.
type RangeGone struct {
	Range    Range
	Children []Range
}

// Error names the range and its children.
func (e *RangeGone) Error() string {
	ids := make([]string, len(e.Children))
	for i, c := range e.Children {
		ids[i] = c.ID
	}
	return fmt.Sprintf("feedNext: range %q is gone, continued by %q", e.Range.ID, ids)
}

// Is reports whether target is ErrNotFound.
func (e *RangeGone) Is(target error) bool { return target == error(ErrNotFound) }
