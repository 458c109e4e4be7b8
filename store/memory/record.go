package memory

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/view"
)

// record is one state of one document. It never changes once it is installed,
// so that who found it under the lock may read it without.
type record struct {
	id        string
	body      []byte
	version   store.Version
	clusterID string
	deleted   bool
	expires   int64  // Unix nanoseconds, 0 is never
	committed int64  // Unix nanoseconds, by the clock of the store that committed it
	seq       uint64 // position in this store's feed
	sum       uint32 // checksum on disk

	// seen holds, per lineage other than this state's and this store's, the newest
	// order of the document that was applied here. It answers reads that ask to be
	// as fresh as a state which a state of another lineage has replaced.
	seen map[string]uint64

	entries []view.Entry // where it stands in the views, until it is installed
	places  []place      // where the indexes hold it, from then on
}

// place is one position in one index.
type place struct {
	tree  *tree
	order float64
}

func (r *record) expired(now time.Time) bool {
	return r.expires != 0 && r.expires <= now.UnixNano()
}

// document returns a copy that belongs to the caller.
func (r *record) document() store.Document {
	d := r.shared()
	d.Body = bytes.Clone(r.body)
	return d
}

// shared returns the document with the store's own body.
func (r *record) shared() store.Document {
	return store.Document{
		ID:      r.id,
		Version: r.version,
		Body:    r.body,
		Meta:    store.Meta{ClusterID: r.clusterID, Deleted: r.deleted, Expires: fromNanos(r.expires)},
	}
}

// generation is the number before the dash of the revision, 0 when there is
// none.
func (r *record) generation() uint64 {
	n, _, _ := strings.Cut(r.version.Rev, "-")
	g, err := strconv.ParseUint(n, 10, 64)
	if err != nil {
		return 0
	}
	return g
}

// shows reports whether the record is v of another replica, or a state that
// came after it.
func (r *record) shows(v store.Version) bool {
	switch v.Compare(r.version) {
	case store.Same, store.Older:
		return true
	}
	return v.Order != 0 && r.seen[v.Lineage] >= v.Order
}

// seenWith returns what the successor of r, a state of lineage, has seen.
func (r *record) seenWith(v store.Version, own, lineage string) map[string]uint64 {
	if r == nil && (v.Lineage == lineage || v.Lineage == own) {
		return nil
	}
	seen := map[string]uint64{}
	add := func(l string, order uint64) {
		if l != "" && l != own && l != lineage {
			seen[l] = max(seen[l], order)
		}
	}
	add(v.Lineage, v.Order)
	if r != nil {
		add(r.version.Lineage, r.version.Order)
		for l, order := range r.seen {
			add(l, order)
		}
	}
	if len(seen) == 0 {
		return nil
	}
	return seen
}

// standsIn is the inverse of installing: where r stands in the views.
func (r *record) standsIn() []view.Entry {
	entries := make([]view.Entry, len(r.places))
	for i, p := range r.places {
		entries[i] = view.Entry{View: p.tree.key.view, Path: p.tree.key.path, Order: p.order}
	}
	return entries
}

func toNanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func fromNanos(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}
