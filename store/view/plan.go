package view

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/whiskstore/whiskstore/store"
)

// Plan is a query resolved against its table. It is immutable and safe for
// concurrent use.
type Plan struct {
	// View is the view that Table names.
	View View

	// Path is the first key element of list views: a namespace path, or for
	// ActivationsFilter "<namespace>/<filter>". It is empty for subject views.
	Path string

	// Name is set for identities by namespace, UUID and Key for identities by
	// credentials. Key is a secret.
	Name      string
	UUID, Key string

	// Min and Max are the inclusive bounds of the order field, -Inf and +Inf where
	// the query leaves them open.
	Min, Max float64

	// Descending reverses the order of documents.
	Descending bool

	// Skip drops that many rows before Limit counts; Limit 0 is unlimited.
	Skip, Limit int

	// IncludeDocs says whether rows carry documents: always for Identities, never
	// for BlockedNamespaces, else as asked.
	IncludeDocs bool

	// pair says that StartKey has two elements: the keys of list rows then hold
	// the order field, and identities are by credentials.
	pair bool
}

// NewPlan resolves q against the tables of a collection (store.Whisks,
// store.Activations or store.Subjects). It is pure and does no I/O.
//
// Errors are a *store.Error with Op query, the collection, and the table as ID:
// ErrInvalid for what store.CheckQuery refuses, ErrUnsupported for tables that
// the collection does not have, for key shapes other than those of store.Query,
// and for Reduce (rows QRY-D2, QRY-D3).
func NewPlan(collection string, q *store.Query) (*Plan, error) {
	if q == nil {
		return nil, &store.Error{Op: store.OpQuery, Collection: collection, Kind: store.ErrInvalid, Err: errors.New("no query")}
	}
	fail := func(kind store.Kind, err error) (*Plan, error) {
		return nil, &store.Error{Op: store.OpQuery, Collection: collection, ID: q.Table, Kind: kind, Err: err}
	}
	if err := store.CheckQuery(q); err != nil {
		return fail(store.ErrInvalid, err)
	}
	v := tables(collection, q.Table)
	switch {
	case v == 0:
		return fail(store.ErrUnsupported, fmt.Errorf("table %q is no view of %q", q.Table, collection))
	case q.Reduce:
		return fail(store.ErrUnsupported, errors.New("reduce"))
	}
	p := &Plan{
		View: v,
		Min:  math.Inf(-1), Max: math.Inf(1),
		Descending: q.Descending,
		Skip:       q.Skip, Limit: q.Limit,
		IncludeDocs: q.IncludeDocs,
	}
	var ok bool
	switch v {
	case Identities:
		p.IncludeDocs = true
		ok = p.identityKeys(q.StartKey, q.EndKey)
	case BlockedNamespaces:
		p.IncludeDocs = false
		ok = len(q.StartKey) == 0 && len(q.EndKey) == 0
	default:
		ok = p.listKeys(q.StartKey, q.EndKey)
	}
	if !ok {
		return fail(store.ErrUnsupported, errors.New("keys of this shape"))
	}
	return p, nil
}

// listKeys reads the three key shapes of list views.
func (p *Plan) listKeys(start, end store.Key) bool {
	if len(start) == 0 || len(end) != len(start)+1 || start[0] != end[0] || end[len(end)-1] != store.Top {
		return false
	}
	var ok bool
	if p.Path, ok = start[0].(string); !ok {
		return false
	}
	switch len(start) {
	case 1:
		return true
	case 2:
		p.pair = true
		if p.Min, ok = keyNumber(start[1]); !ok {
			return false
		}
		if end[1] == store.Top {
			return true
		}
		p.Max, ok = keyNumber(end[1])
		return ok
	}
	return false
}

func (p *Plan) identityKeys(start, end store.Key) bool {
	if len(start) != len(end) {
		return false
	}
	var parts [2]string
	for i := range start {
		s, ok := start[i].(string)
		if !ok || i >= len(parts) || start[i] != end[i] {
			return false
		}
		parts[i] = s
	}
	switch len(start) {
	case 1:
		p.Name = parts[0]
		return true
	case 2:
		p.UUID, p.Key = parts[0], parts[1]
		p.pair = true
		return true
	}
	return false
}

// keyNumber returns a key element that store.CheckQuery let pass.
func keyNumber(e any) (float64, bool) {
	switch e := e.(type) {
	case int:
		return float64(e), true
	case int64:
		return float64(e), true
	case float64:
		return e, true
	}
	return 0, false
}

// Range returns the part of an index of Entries that holds all candidates of
// the plan: the places of one View and Path whose Order is within min and max,
// both inclusive.
func (p *Plan) Range() (v View, path string, min, max float64) {
	return p.View, p.indexPath(), p.Min, p.Max
}

func (p *Plan) indexPath() string {
	switch {
	case p.View != Identities:
		return p.Path
	case p.pair:
		return credentialsPath(p.UUID, p.Key)
	}
	return namePath(p.Name)
}

// namePath and credentialsPath are the paths of Identities. No name can be
// mistaken for credentials, nor one pair of credentials for another.
func namePath(name string) string { return "n:" + name }

func credentialsPath(uuid, key string) string {
	return "k" + strconv.Itoa(len(uuid)) + ":" + uuid + key
}

// Count returns what store.Counter promises for a number of matched rows:
// max(0, matched - Skip), whatever Limit is (rows QRY-10, QRY-11).
func (p *Plan) Count(matched int64) int64 {
	return max(0, matched-int64(p.Skip))
}

var (
	commonFields   = []string{"namespace", "name", "version", "publish", "annotations", "updated"}
	actionFields   = append(commonFields[:len(commonFields):len(commonFields)], "limits", "exec.binary")
	packageFields  = append(commonFields[:len(commonFields):len(commonFields)], "binding")
	activityFields = []string{"namespace", "name", "version", "publish", "annotations", "activationId", "start", "cause", "end", "response.statusCode"}
)

// Fields returns the members of a document that Rows needs, dots for nesting,
// in the order of row values (storage.md 6.2, rows DH-10 and DH-23). It is nil
// where Rows needs whole documents: with IncludeDocs and for subject views. The
// caller owns the slice.
func (p *Plan) Fields() []string {
	if p.IncludeDocs {
		return nil
	}
	var fields []string
	switch p.View {
	case Actions:
		fields = actionFields
	case Packages:
		fields = packageFields
	case PackagesPublic, Rules, Triggers:
		fields = commonFields
	case Activations, ActivationsFilter:
		fields = activityFields
	default:
		return nil
	}
	return append([]string(nil), fields...)
}
