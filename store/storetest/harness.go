package storetest

import (
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/store"
)

// NewHarness makes the harness of one subtest. It fails t when it cannot, and
// registers with t.Cleanup what the suite does not close: the suite closes each
// store, attachment store and feed that it got, before those clean-ups run.
type NewHarness func(t testing.TB) *Harness

// Harness is one deployment to test: up to three collections, the attachments
// beside them and their change feeds. Store is required; each other nil field
// skips the subtests that need it.
type Harness struct {
	Features Features

	// Store opens a collection: store.Whisks, store.Activations or
	// store.Subjects. store.Check is the outermost layer of what it returns. It is
	// called at most once per collection.
	Store func(collection string) store.ArtifactStore

	// Attachments opens the attachment store that stands beside the collections.
	// It is called at most once.
	Attachments func() store.AttachmentStore

	// Feed opens the change feed of a collection that Store opened before, on the
	// backend itself. It is called at most once per collection.
	Feed func(collection string) store.ChangeFeed

	// Advance lets d pass for everything that the harness opened: it moves a fake
	// clock, or waits. The suite never asks for more than a few seconds more than
	// Features.TombstoneTTL.
	Advance func(d time.Duration)

	// Split splits a range of the feed of a collection in two.
	Split func(collection string, r store.Range)

	// FutureToken returns a token like this one, well-formed and of the same
	// collection, of a position that the collection has not reached.
	FutureToken func(collection string, token store.Token) store.Token

	// Requests returns how many requests have reached the backends of all
	// collections. Where it is set, the subtests on bad input and on the laziness
	// of Query hold that nothing was sent.
	Requests func() int64

	// PutUnreadable writes, past store.Check, a document of collection whisks that
	// stands in view actions under ns at that time of update and cannot be shaped
	// into a row. It returns the document's id.
	PutUnreadable func(ns string, updated int64) (id string)
}

// Features says what a stack promises beyond, or short of, what every stack
// does. The zero value is the least: the suite then skips what it names.
type Features struct {
	// ExactBodies: bodies come back byte for byte. Without it they are equal as
	// JSON.
	ExactBodies bool

	// ExactNumbers: numbers keep their digits, beyond what a float64 holds.
	ExactNumbers bool

	// MaxBody is the largest body in bytes, 0 when the suite should not try.
	MaxBody int

	// RefusedIDs are ids that store.Check accepts on other backends and this stack
	// refuses as ErrInvalid, for example "a|b" on Cosmos.
	RefusedIDs []string

	// RowRev: rows carry the revision of their document.
	RowRev bool

	// StatusCode says when a row of an activation has a status code.
	StatusCode StatusCode

	// RulesValueOne: the value of a row of view rules is the number 1, as CouchDB
	// has it, not the common fields.
	RulesValueOne bool

	// Reduce: Query.Reduce is accepted (CouchDB).
	Reduce bool

	// OrderOnWrite, OrderOnRead and OrderInFeed: versions from writes, from Get,
	// from the feed carry Order and Lineage always. Without it they may lack
	// them, but never order wrongly.
	OrderOnWrite, OrderOnRead, OrderInFeed bool

	// NativeTTL: documents and tombstones with a time to live vanish by
	// themselves.
	NativeTTL bool

	// ReportsExpiry: Meta.Expires is set on what has a time to live.
	ReportsExpiry bool

	// HardDelete: Delete without Tombstone removes the document and returns the
	// zero Version. Without it every Delete leaves a tombstone (CouchDB, and every
	// stack with softdelete).
	HardDelete bool

	// TombstoneTTL, when set, is how long every tombstone lives whatever the
	// options say (softdelete).
	TombstoneTTL time.Duration

	// Stamp, when set, is the cluster id of every write whatever the options say
	// (decorator stamp).
	Stamp string

	// Retry is for stacks whose views lag behind writes: the waits between the
	// attempts at an expected answer of Query or Count. Empty means that views show
	// every finished write, as Get does on every stack.
	Retry []time.Duration

	// ReplicaReads: Get may read a replica. Linearizability is then not held
	// against it, but read-your-writes and monotonic reads through
	// GetOptions.After are.
	ReplicaReads bool

	// Sessions: pages of the feed name a position that GetOptions.After accepts.
	Sessions bool

	// FeedHasTime: changes carry their commit time and a feed starts from a time.
	// Without it FromTime is ErrUnsupported.
	FeedHasTime bool

	// FeedHasDocs: changes carry the document.
	FeedHasDocs bool

	// LazyDelete: deleted attachments may stay readable for a while (a CDN).
	LazyDelete bool

	// SharedAttachments: other work may keep attachments in the same store, so
	// that List is not expected to be empty at the end.
	SharedAttachments bool
}

// StatusCode says for which activations a row has statusCode.
type StatusCode uint8

const (
	// StatusCodeAlways: every activation whose response has one (row DH-21).
	StatusCodeAlways StatusCode = iota

	// StatusCodeWhenEnded: only those that have ended, as CouchDB's views.
	StatusCodeWhenEnded
)
