package cosmos

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/view"
)

// statement is a query in Cosmos DB's SQL.
type statement struct {
	text   string
	params []azcosmos.QueryParameter
}

// notDeleted leaves tombstones out, upstream's too (row COS-D4).
const notDeleted = "(NOT IS_DEFINED(r._deleted) OR r._deleted = false)"

// where is the condition of a view. Unlike upstream's it asks for an order field
// that is a number: ORDER BY leaves the others out, and Count agrees with it.
type where struct {
	conds  []string
	params []azcosmos.QueryParameter
}

func (w *where) and(cond string) { w.conds = append(w.conds, cond) }

func (w *where) param(name string, value any) {
	w.params = append(w.params, azcosmos.QueryParameter{Name: name, Value: value})
}

func (w *where) String() string { return strings.Join(w.conds, " AND ") }

// orderField is the member that a list view is ordered by.
func orderField(v view.View) string {
	switch v {
	case view.Activations, view.ActivationsFilter:
		return "start"
	}
	return "updated"
}

// whereOf is the condition of a list view (storage.md 3.8).
func whereOf(p *view.Plan) *where {
	w := &where{}
	w.and(notDeleted)
	entity := func(kind string) {
		w.and("r.entityType = @entityType AND (r.namespace = @namespace OR r._c.rootns = @namespace)")
		w.param("@entityType", kind)
		w.param("@namespace", p.Path)
	}
	switch p.View {
	case view.Actions:
		entity("action")
	case view.Packages:
		entity("package")
	case view.PackagesPublic:
		w.and("r.publish = true AND (NOT IS_OBJECT(r.binding) OR r.binding = {})")
		entity("package")
	case view.Rules:
		entity("rule")
	case view.Triggers:
		entity("trigger")
	case view.Activations:
		w.and("r.namespace = @nsvalue")
		w.param("@nsvalue", p.Path)
	case view.ActivationsFilter:
		w.and("r._c.nspath = @nsvalue")
		w.param("@nsvalue", p.Path)
	}
	field := "r." + orderField(p.View)
	w.and("IS_NUMBER(" + field + ")")
	if !math.IsInf(p.Min, -1) {
		w.and(field + " >= @since")
		w.param("@since", p.Min)
	}
	if !math.IsInf(p.Max, 1) {
		w.and(field + " <= @upto")
		w.param("@upto", p.Max)
	}
	return w
}

// fieldClause is an object literal of a document's fields, dots making nested
// objects (rows COS-16 to COS-18).
func fieldClause(fields []string) string {
	var b strings.Builder
	b.WriteByte('{')
	for i := 0; i < len(fields); i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		outer, inner, nested := strings.Cut(fields[i], ".")
		if !nested {
			fmt.Fprintf(&b, `"%s":r['%s']`, outer, outer)
			continue
		}
		fmt.Fprintf(&b, `"%s":{"%s":r['%s']['%s']}`, outer, inner, outer, inner)
	}
	b.WriteByte('}')
	return b.String()
}

// selectClause are the columns of a row: id, etag and order field of the
// document, and the document, reduced to fields unless these are nil.
func selectClause(fields []string, order string) string {
	doc := "r"
	if fields != nil {
		doc = fieldClause(fields)
	}
	return fmt.Sprintf("r['id'] AS i, r['_etag'] AS e, r['%s'] AS o, %s AS d", order, doc)
}

// listStatement asks one range for the rows of a list view in order. top is the
// largest number of rows, 0 for all; after, when set, leaves out what comes
// before an order value.
func listStatement(p *view.Plan, top int, after json.RawMessage) statement {
	w := whereOf(p)
	order := orderField(p.View)
	direction, compare := "", ">="
	if p.Descending {
		direction, compare = " DESC", "<="
	}
	if after != nil {
		w.and("r." + order + " " + compare + " @after")
		w.param("@after", after)
	}
	limit := ""
	if top > 0 {
		limit = fmt.Sprintf("TOP %d ", top)
	}
	return statement{fmt.Sprintf("SELECT %s%s FROM root r WHERE %s ORDER BY r.%s%s",
		limit, selectClause(p.Fields(), order), w, order, direction), w.params}
}

// countStatement asks one range for the number of documents in a list view.
// Unlike upstream's it leaves tombstones out (row QRY-D5).
func countStatement(p *view.Plan) statement {
	w := whereOf(p)
	return statement{"SELECT VALUE COUNT(1) FROM root r WHERE " + w.String(), w.params}
}

// subjectStatement asks for the documents that may have rows in a subject view;
// Plan.Rows decides. ARRAY_CONTAINS stands where upstream has a JOIN, which
// repeats a subject for each namespace that matches and misses subjects of the
// legacy form that have none.
func subjectStatement(p *view.Plan) statement {
	w := &where{}
	w.and(notDeleted)
	switch {
	case p.View == view.BlockedNamespaces:
		w.and("(r.blocked = true OR r.concurrentInvocations = 0 OR r.invocationsPerMinute = 0)")
	case p.Name != "" || p.UUID == "" && p.Key == "":
		w.and(`(r.subject = @name OR ARRAY_CONTAINS(r.namespaces, {"name": @name}, true))`)
		w.param("@name", p.Name)
	default:
		w.and(`(r.uuid = @uuid OR ARRAY_CONTAINS(r.namespaces, {"uuid": @uuid}, true))`)
		w.param("@uuid", p.UUID)
	}
	return statement{"SELECT * FROM root r WHERE " + w.String(), w.params}
}

// isSubjects reports whether a plan is one of the subject views, which have no
// order field.
func isSubjects(p *view.Plan) bool {
	return p.View == view.Identities || p.View == view.BlockedNamespaces
}

// planOf resolves a query, with the operation that asks in the error.
func (s *Store) planOf(op store.Op, q *store.Query) (*view.Plan, error) {
	p, err := view.NewPlan(s.collection, q)
	if err != nil {
		table := ""
		if q != nil {
			table = q.Table
		}
		return nil, s.fail(op, table, store.KindOf(err), err)
	}
	return p, nil
}
