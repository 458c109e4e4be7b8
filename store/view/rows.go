package view

import (
	"context"
	"math"
	"strconv"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/internal/rawjson"
)

// Join reads the document that a row is joined with. ErrNotFound says that
// there is none; any other error ends the query as it is.
type Join func(ctx context.Context, id string) (store.Document, error)

// Rows returns the rows of one document: one in list views, none or one in
// Identities, one per namespace in BlockedNamespaces.
//
// In list views doc is a document that matches; Rows does not look again, so
// that it works on a body reduced to Fields. One without its order field has no
// row. In subject views Rows decides by itself, on the whole body. Values keep
// the document's numbers and nested JSON verbatim; only what upstream computes
// is new. Rows share no memory with doc.Body but Row.Doc, which is doc.
//
// join is called for Identities only, at most once, and not for credentials of
// the legacy form, whose row has no document. Its errors come back as they are.
// A body that is no JSON object is an ErrUnreadable with the document's id.
func (p *Plan) Rows(ctx context.Context, doc store.Document, join Join) ([]store.Row, error) {
	return p.appendRows(ctx, nil, doc, join)
}

func (p *Plan) appendRows(ctx context.Context, rows []store.Row, doc store.Document, join Join) ([]store.Row, error) {
	m, err := scan(doc.Body)
	if err != nil {
		return rows, unreadable(store.OpQuery, p.collection(), doc.ID, err)
	}
	switch p.View {
	case Identities:
		row, ok, err := p.identityRow(ctx, doc, &m, join)
		if ok {
			rows = append(rows, row)
		}
		return rows, err
	case BlockedNamespaces:
		return appendBlocked(rows, doc, &m), nil
	}
	if row, ok := p.listRow(doc, &m); ok {
		rows = append(rows, row)
	}
	return rows, nil
}

func (p *Plan) collection() string {
	switch {
	case p.View.isActivations():
		return store.Activations
	case p.View.isList():
		return store.Whisks
	}
	return store.Subjects
}

// listRow shapes the row of a list view: key and value share one allocation.
func (p *Plan) listRow(doc store.Document, m *members) (row store.Row, ok bool) {
	order, _, ok := m.order(p.View)
	if !ok {
		return store.Row{}, false
	}
	b := make([]byte, 0, m.valueSize()+len(p.Path)+len(order)+8)
	if p.View.isActivations() {
		b = m.appendActivation(b)
	} else {
		b = m.appendEntity(b, p.View)
	}
	n := len(b)
	b = append(b, '[')
	b = rawjson.AppendString(b, p.Path)
	if p.pair {
		b = append(b, ',')
		b = append(b, order...)
	}
	b = append(b, ']')
	row = store.Row{ID: doc.ID, Rev: doc.Version.Rev, Value: b[:n:n], Key: b[n:]}
	if p.IncludeDocs {
		own := doc // so that doc itself stays off the heap without documents
		row.Doc = &own
	}
	return row, true
}

// valueSize is an upper bound for values that the document determines.
func (m *members) valueSize() int {
	const names = 224 // of all members, with quotes, colons and computed numbers
	return names + len(m.namespace) + len(m.name) + len(m.version) + len(m.publish) + len(m.annotations) + len(m.updated) +
		len(m.limits) + len(m.binding) + len(m.activationID) + len(m.start) + len(m.cause) + len(m.end)
}

// appendEntity appends the value of an entity's row (storage.md 6.3, rows DH-04
// to DH-09).
func (m *members) appendEntity(b []byte, v View) []byte {
	b = append(b, '{')
	b = appendMember(b, "namespace", m.namespace)
	b = appendMember(b, "name", m.name)
	b = appendMember(b, "version", m.version)
	b = appendMember(b, "publish", m.publish)
	b = appendMember(b, "annotations", m.annotations)
	b = appendMember(b, "updated", m.updated)
	switch v {
	case Actions:
		b = appendMember(b, "limits", m.limits)
		binary := child(m.exec, "binary")
		if binary == nil {
			binary = rawFalse
		}
		b = append(appendMember(b, "exec", []byte(`{"binary":`)), binary...)
		b = append(b, '}')
	case Packages:
		binding := m.binding
		if !isObject(binding) || isEmptyObject(binding) {
			binding = rawFalse
		}
		b = appendMember(b, "binding", binding)
	case PackagesPublic:
		b = appendMember(b, "binding", rawFalse)
	}
	return append(b, '}')
}

var rawFalse = []byte("false")

// appendActivation appends the value of an activation's row (rows DH-18 to
// DH-22): upstream leaves members that are null out here, and only here.
func (m *members) appendActivation(b []byte) []byte {
	b = append(b, '{')
	b = appendNonNull(b, "namespace", m.namespace)
	b = appendNonNull(b, "name", m.name)
	b = appendNonNull(b, "version", m.version)
	b = appendNonNull(b, "publish", m.publish)
	b = appendNonNull(b, "annotations", m.annotations)
	b = appendNonNull(b, "activationId", m.activationID)
	b = appendNonNull(b, "start", m.start)
	b = appendNonNull(b, "cause", m.cause)
	if end, ok := number(m.end); ok && end != 0 {
		b = appendMember(b, "end", m.end)
		var buf [32]byte
		b = appendMember(b, "duration", appendDifference(buf[:0], m.end, m.start))
	}
	b = appendNonNull(b, "statusCode", child(m.response, "statusCode"))
	return append(b, '}')
}

// appendDifference appends x - y: exactly for whole numbers, which all times
// that upstream writes are, else as float64.
func appendDifference(b, x, y []byte) []byte {
	i, ok1 := whole(x)
	j, ok2 := whole(y)
	if ok1 && ok2 {
		return strconv.AppendInt(b, i-j, 10)
	}
	f, _ := number(x)
	g, _ := number(y)
	d := max(-math.MaxFloat64, min(f-g, math.MaxFloat64)) // JSON has no infinity
	return strconv.AppendFloat(b, d, 'g', -1, 64)
}

// appendMember appends a member to an open object, nothing when raw is nil.
func appendMember(b []byte, name string, raw []byte) []byte {
	if raw == nil {
		return b
	}
	if b[len(b)-1] != '{' { // no complete value ends so
		b = append(b, ',')
	}
	b = append(b, '"')
	b = append(b, name...)
	b = append(b, '"', ':')
	return append(b, raw...)
}

func appendNonNull(b []byte, name string, raw []byte) []byte {
	if isNull(raw) {
		return b
	}
	return appendMember(b, name, raw)
}
