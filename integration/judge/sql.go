package judge

import (
	"fmt"
	"math"
	"strings"

	"github.com/whiskstore/whiskstore/store/view"
)

// SQL is a Cosmos DB query as its REST interface takes it.
type SQL struct {
	Query      string      `json:"query"`
	Parameters []Parameter `json:"parameters"`
}

// Parameter is a value of a query; its name starts with "@".
type Parameter struct {
	Name  string `json:"name"`
	Value any    `json:"value"`
}

const (
	notDeleted = "(NOT IS_DEFINED(r._deleted) OR r._deleted = false)"
	notBlocked = "(NOT IS_DEFINED(r.blocked) OR r.blocked = false)"
)

// CosmosQuery returns the statement that finds a plan's documents, written from
// the description of upstream's (storage.md 3.8): each item of the answer is a
// document, or has one, perhaps reduced to the plan's fields, as its member
// view. Items stand in the plan's order; only the first Skip + Limit are asked
// for. Subject views return whole documents in no order, one more than once when
// several of its namespaces match.
//
// One condition is ours: that the order member is a number. Without it documents
// with another one take places of a list's part, and Count counts those that
// have none, which ORDER BY leaves out.
func CosmosQuery(p *view.Plan) SQL {
	from, where, params := condition(p)
	switch p.View {
	case view.Identities, view.BlockedNamespaces:
		return SQL{fmt.Sprintf("SELECT r AS view FROM %s WHERE %s AND %s", from, notDeleted, where), params}
	}
	top := ""
	if p.Limit > 0 {
		top = fmt.Sprintf("TOP %d ", p.Skip+p.Limit)
	}
	order := "r." + orderMember(p.View)
	if p.Descending {
		order += " DESC"
	}
	return SQL{fmt.Sprintf("SELECT %s%s FROM %s WHERE %s AND %s ORDER BY %s",
		top, projection(p.Fields()), from, notDeleted, where, order), params}
}

// CosmosCount returns the statement that counts a plan's documents, without
// tombstones. It is meant for list views, where documents and rows are as many.
func CosmosCount(p *view.Plan) SQL {
	from, where, params := condition(p)
	return SQL{fmt.Sprintf("SELECT VALUE COUNT(1) FROM %s WHERE %s AND %s", from, notDeleted, where), params}
}

func condition(p *view.Plan) (from, where string, params []Parameter) {
	param := func(name string, value any) { params = append(params, Parameter{name, value}) }
	from = "root r"
	switch p.View {
	case view.Identities:
		from = "root r JOIN n IN r.namespaces"
		if p.Name != "" {
			param("@name", p.Name)
			return from, notBlocked + " AND ((r.subject = @name AND IS_DEFINED(r.key)) OR n.name = @name)", params
		}
		param("@uuid", p.UUID)
		param("@key", p.Key)
		return from, notBlocked + " AND ((r.uuid = @uuid AND r.key = @key) OR (n.uuid = @uuid AND n.key = @key))", params
	case view.BlockedNamespaces:
		return from, "(r.blocked = true OR r.concurrentInvocations = 0 OR r.invocationsPerMinute = 0)", nil
	case view.Activations:
		param("@nsvalue", p.Path)
		where = "r.namespace = @nsvalue"
	case view.ActivationsFilter:
		param("@nsvalue", p.Path)
		where = "r._c.nspath = @nsvalue"
	default:
		param("@entityType", map[view.View]string{view.Actions: "action", view.Rules: "rule", view.Triggers: "trigger",
			view.Packages: "package", view.PackagesPublic: "package"}[p.View])
		param("@namespace", p.Path)
		where = "r.entityType = @entityType AND (r.namespace = @namespace OR r._c.rootns = @namespace)"
		if p.View == view.PackagesPublic {
			where = "r.publish = true AND (NOT IS_OBJECT(r.binding) OR r.binding = {}) AND " + where
		}
	}
	order := "r." + orderMember(p.View)
	where += " AND IS_NUMBER(" + order + ")"
	switch {
	case !math.IsInf(p.Max, 0):
		param("@since", int64(p.Min))
		param("@upto", int64(p.Max))
		where += " AND (" + order + " BETWEEN @since AND @upto)"
	case !math.IsInf(p.Min, 0):
		param("@since", int64(p.Min))
		where += " AND " + order + " >= @since"
	}
	return from, where, params
}

func orderMember(v view.View) string {
	if v == view.Activations || v == view.ActivationsFilter {
		return "start"
	}
	return "updated"
}

// projection returns the object literal for fields and the id, one level of
// nesting deep, or "*" for whole documents.
func projection(fields []string) string {
	if len(fields) == 0 {
		return "*"
	}
	var b strings.Builder
	b.WriteString("{")
	for _, f := range append(fields, "id") {
		if outer, inner, nested := strings.Cut(f, "."); nested {
			fmt.Fprintf(&b, `"%s": {"%s": r['%s']['%s']}, `, outer, inner, outer, inner)
			continue
		}
		fmt.Fprintf(&b, `"%s": r['%s'], `, f, f)
	}
	return strings.TrimSuffix(b.String(), ", ") + "} AS view"
}
