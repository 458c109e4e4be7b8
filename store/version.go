package store

// Version names one state of one document.
//
// The zero Version names no state; physical deletes return it.
type Version struct {
	// Rev is the backend's revision, verbatim and opaque: the etag with its
	// quotes on Cosmos, "<generation>-<hash>" on CouchDB.
	Rev string

	// Order is the position of this state among the states of its Lineage, larger
	// being newer: LSN on Cosmos, generation on CouchDB, commit sequence in
	// memory. Zero means that the backend could not prove one.
	Order uint64

	// Lineage names the history in which Order counts: the container's `_rid`, an
	// identity kept in the CouchDB database, that of the embedded store. Empty
	// means that the state belongs to no single history, and so has no order.
	Lineage string
}

// Ordering is the answer of Version.Compare.
type Ordering uint8

// The answers of Version.Compare. Unknown is the zero value: whoever forgets to
// look treats two versions as incomparable, which is always safe.
const (
	Unknown Ordering = iota
	Older
	Same
	Newer
)

// String returns "unknown", "older", "same" or "newer".
func (o Ordering) String() string {
	switch o {
	case Older:
		return "older"
	case Same:
		return "same"
	case Newer:
		return "newer"
	}
	return "unknown"
}

// IsZero reports whether v names no state.
func (v Version) IsZero() bool { return v == Version{} }

// Compare tells how v relates to w, two versions of the same document: v is
// Older, Same or Newer than w, or their relation is Unknown. It never guesses:
//
//   - equal non-empty revisions are Same, unless both name a lineage and these
//     differ (a container that was replaced hands out nothing comparable);
//   - different revisions are ordered by Order within one named lineage, where
//     both have one;
//   - all else is Unknown, equal orders with different revisions included: a
//     fail-over that lost data, or two leaves of a CouchDB document.
func (v Version) Compare(w Version) Ordering {
	if v.Rev == "" || w.Rev == "" {
		return Unknown
	}
	if v.Lineage != "" && w.Lineage != "" && v.Lineage != w.Lineage {
		return Unknown
	}
	if v.Rev == w.Rev {
		return Same
	}
	if v.Lineage == "" || w.Lineage == "" || v.Order == 0 || w.Order == 0 {
		return Unknown
	}
	switch {
	case v.Order < w.Order:
		return Older
	case v.Order > w.Order:
		return Newer
	}
	return Unknown
}
