package store

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/whiskstore/whiskstore/store/internal/rawjson"
)

// Top is upstream's high sentinel: it sorts after every key that occurs.
const Top = "\ufff0"

// Key is a CouchDB-style key: strings, numbers (int, int64, float64) and bools.
type Key []any

// Stale says how old a CouchDB view may be. Other backends ignore it: their
// views are never older than their documents.
type Stale uint8

// The values of Stale, upstream's StaleParameter.
const (
	StaleNo          Stale = iota // the view is brought up to date first
	StaleOK                       // as the view is
	StaleUpdateAfter              // as the view is, and updated afterwards
)

// Query asks for the rows of one view.
//
// The key shapes are those that upstream issues (storage.md 1.6); every other
// one is ErrUnsupported:
//
//	StartKey      EndKey            rows
//	[ns]          [ns, Top]         everything under ns
//	[ns, since]   [ns, Top, Top]    since <= order field
//	[ns, since]   [ns, upto, Top]   since <= order field <= upto
//	[name]        [name]            identities by namespace
//	[uuid, key]   [uuid, key]       identities by credentials
//	[]            []                blockedNamespaces
type Query struct {
	// Table is "<design document>/<view>", for example "whisks.v2.1.0/actions".
	Table string

	StartKey Key
	EndKey   Key

	// Skip drops that many rows, before Limit counts (row QRY-D1).
	Skip int

	// Limit is the largest number of rows; 0 is unlimited.
	Limit int

	// IncludeDocs fills Row.Doc. The identities view always does.
	IncludeDocs bool

	// Descending returns the newest first.
	Descending bool

	// Reduce is accepted where a backend has reduce functions (CouchDB), and
	// never together with IncludeDocs (row QRY-D2).
	Reduce bool

	// Stale matters to CouchDB only.
	Stale Stale

	// OnUnreadable, when set, is called with an ErrUnreadable for each document
	// that cannot be shaped into a row, and the loop goes on; the document takes
	// part in Skip. It is called from the goroutine of the loop.
	OnUnreadable func(error)
}

// Row is one row of a view.
type Row struct {
	// ID is the id of the document that the row comes from.
	ID string

	// Key is the row's key as JSON: an array, or the scalar of
	// blockedNamespaces.
	Key json.RawMessage

	// Value is the view's value as JSON.
	Value json.RawMessage

	// Doc is the document when documents are included, nil otherwise. In a join
	// it is the joined document, nil when that does not exist.
	Doc *Document

	// Joined says that Doc comes from a join, so that a nil Doc is an answer.
	Joined bool

	// Rev is the revision of the row's own document, empty where the backend does
	// not return one with a row.
	Rev string
}

// MarshalJSON returns the row as upstream writes it: id, key, value and, when
// documents are included, doc with `_id` and, where known, `_rev` in front.
// Characters that matter to HTML stay as they are, as upstream has them, unless
// the encoder that calls this escapes them (see json.Encoder.SetEscapeHTML).
func (r Row) MarshalJSON() ([]byte, error) {
	b := rawjson.AppendString([]byte(`{"id":`), r.ID)
	b = append(append(b, `,"key":`...), orNull(r.Key)...)
	b = append(append(b, `,"value":`...), orNull(r.Value)...)
	switch {
	case r.Doc != nil:
		doc, err := r.Doc.MarshalJSON()
		if err != nil {
			return nil, err
		}
		b = append(append(b, `,"doc":`...), doc...)
	case r.Joined:
		b = append(b, `,"doc":null`...)
	}
	return append(b, '}'), nil
}

// MarshalJSON returns the document as upstream writes it: the body with `_id`
// and, when Version.Rev is set, `_rev` in front of its members.
func (d Document) MarshalJSON() ([]byte, error) {
	body := bytes.TrimLeft(d.Body, " \t\r\n")
	if len(body) == 0 || body[0] != '{' {
		return nil, &Error{Op: "encode", ID: d.ID, Kind: ErrInvalid, Err: errBodyNotObject}
	}
	b := make([]byte, 0, len(d.Body)+len(d.ID)+len(d.Version.Rev)+24)
	b = rawjson.AppendString(append(b, `{"_id":`...), d.ID)
	if d.Version.Rev != "" {
		b = rawjson.AppendString(append(b, `,"_rev":`...), d.Version.Rev)
	}
	rest := bytes.TrimLeft(body[1:], " \t\r\n")
	if len(rest) == 0 || rest[0] != '}' {
		b = append(b, ',')
	}
	return append(b, rest...), nil
}

// String returns the table and keys, for error texts. Of a key of identities
// only the first element is shown: the second is a secret.
func (q *Query) String() string {
	return q.Table + " " + q.keyText(q.StartKey) + " to " + q.keyText(q.EndKey) +
		" skip " + strconv.Itoa(q.Skip) + " limit " + strconv.Itoa(q.Limit)
}

func (q *Query) keyText(key Key) string {
	if len(key) > 1 && strings.HasSuffix(q.Table, "/identities") {
		key = Key{key[0], "(secret)"}
	}
	text, err := json.Marshal(key)
	if err != nil {
		return "(malformed key)"
	}
	return string(text)
}

func orNull(raw json.RawMessage) []byte {
	if len(raw) == 0 {
		return []byte("null")
	}
	return raw
}
