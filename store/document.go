package store

import (
	"encoding/json"
	"time"
)

// Document is one document of a collection.
//
// A Document that a store returned belongs to the caller, Body included: the
// store never changes it afterwards and the caller may. A Document handed to
// Put is only read, and only until Put returns.
type Document struct {
	// ID is the primary key, for entities "<namespace path>/<name>". It is
	// upstream's `_id`, unescaped whatever a backend stores.
	ID string

	// Version is the state that was read. On Put only Version.Rev counts: empty
	// asks for a creation, anything else for an update of exactly that revision.
	Version Version

	// Body is the JSON object without `_id` and `_rev`. It is kept byte for byte
	// as far as the backend can (Cosmos and CouchDB rewrite white space and
	// numbers as their services do) and never holds `id`, `ttl` or a member that
	// starts with an underscore: those belong to backends.
	Body json.RawMessage

	// Meta is what backends keep beside the body. It is read only: Put takes a
	// cluster id and a time to live from PutOptions and ignores Meta.
	Meta Meta
}

// Meta is what a backend knows of a document beside its body.
type Meta struct {
	// ClusterID names the cluster that wrote this state, empty when none did
	// (upstream's `_clusterId`; on CouchDB the member `clusterId`).
	ClusterID string

	// Deleted marks a tombstone. Only reads that ask for tombstones and change
	// feeds ever return true.
	Deleted bool

	// Expires is when the backend will drop the document by itself; the zero
	// time means never, or that the backend cannot tell.
	Expires time.Time
}
