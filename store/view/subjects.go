package view

import (
	"context"
	"errors"
	"strings"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/internal/rawjson"
)

// identity is one set of credentials of a subject.
type identity struct {
	namespace, uuid, key []byte

	// top says that they are the subject's own (the legacy form), not those of an
	// element of `namespaces`.
	top bool
}

// identities calls yield for each set of credentials of a subject that is not
// blocked, its own first (storage.md 6.4).
func (m *members) identities(yield func(identity) bool) {
	if isTrue(m.blocked) {
		return
	}
	if c, ok := newIdentity(m.subject, m.uuid, m.key); ok {
		c.top = true
		if !yield(c) {
			return
		}
	}
	m.eachNamespace(func(name, uuid, key []byte) bool {
		c, ok := newIdentity(name, uuid, key)
		return !ok || yield(c)
	})
}

func newIdentity(namespace, uuid, key []byte) (c identity, ok bool) {
	var ok1, ok2, ok3 bool
	c.namespace, ok1 = str(namespace)
	c.uuid, ok2 = str(uuid)
	c.key, ok3 = str(key)
	return c, ok1 && ok2 && ok3
}

// eachNamespace calls visit with the raw members of each element of `namespaces`
// that is an object.
func (m *members) eachNamespace(visit func(name, uuid, key []byte) bool) {
	if !isArray(m.namespaces) {
		return
	}
	_ = rawjson.Array(m.namespaces, func(element []byte) error {
		if !isObject(element) {
			return nil
		}
		var name, uuid, key []byte
		_ = rawjson.Object(element, func(member, raw []byte) error {
			switch string(rawjson.Name(member)) {
			case "name":
				name = raw
			case "uuid":
				uuid = raw
			case "key":
				key = raw
			}
			return nil
		})
		if !visit(name, uuid, key) {
			return errFound
		}
		return nil
	})
}

// findIdentity returns the first credentials that the plan asks for.
func (p *Plan) findIdentity(m *members) (found identity, ok bool) {
	m.identities(func(c identity) bool {
		if p.pair {
			ok = string(c.uuid) == p.UUID && string(c.key) == p.Key
		} else {
			ok = string(c.namespace) == p.Name
		}
		if ok {
			found = c
		}
		return !ok
	})
	return found, ok
}

const limitsSuffix = "/limits"

// blockedNamespaces calls yield with each name that the document puts on the
// block list (storage.md 6.5). Of a limits document only the two fields count,
// whatever else is wrong with it; elements of `namespaces` without a name are
// passed over.
func (m *members) blockedNamespaces(id string, yield func(name []byte) bool) {
	if strings.HasSuffix(id, limitsSuffix) {
		if isZero(m.concurrentInvocations) || isZero(m.invocationsPerMinute) {
			name, _, _ := strings.Cut(id, limitsSuffix)
			yield([]byte(name))
		}
		return
	}
	if m.subject == nil || !isTrue(m.blocked) {
		return
	}
	m.eachNamespace(func(raw, _, _ []byte) bool {
		name, ok := str(raw)
		return !ok || yield(name)
	})
}

// identityRow shapes the row of a subject and joins the limits of its
// namespace. Credentials of the legacy form have none (row DH-25).
func (p *Plan) identityRow(ctx context.Context, doc store.Document, m *members, join Join) (row store.Row, ok bool, err error) {
	c, ok := p.findIdentity(m)
	if !ok {
		return store.Row{}, false, nil
	}
	row = store.Row{ID: doc.ID, Rev: doc.Version.Rev, Joined: true}
	limits := string(c.namespace) + limitsSuffix
	if !c.top {
		if row.Doc, err = joined(ctx, limits, join); err != nil {
			return store.Row{}, false, err
		}
	}
	b := make([]byte, 0, 64+2*len(limits)+2*len(c.uuid)+2*len(c.key))
	b = append(b, `{"_id":`...)
	b = rawjson.AppendString(b, limits)
	b = append(b, `,"namespace":`...)
	b = rawjson.AppendString(b, c.namespace)
	b = append(b, `,"uuid":`...)
	b = rawjson.AppendString(b, c.uuid)
	b = append(b, `,"key":`...)
	b = rawjson.AppendString(b, c.key)
	b = append(b, '}')
	n := len(b)
	b = append(b, '[')
	if p.pair {
		b = rawjson.AppendString(b, p.UUID)
		b = append(b, ',')
		b = rawjson.AppendString(b, p.Key)
	} else {
		b = rawjson.AppendString(b, p.Name)
	}
	b = append(b, ']')
	row.Value, row.Key = b[:n:n], b[n:]
	return row, true, nil
}

func joined(ctx context.Context, id string, join Join) (*store.Document, error) {
	if join == nil {
		return nil, &store.Error{Op: store.OpQuery, Collection: store.Subjects, ID: id, Kind: store.ErrInvalid,
			Err: errors.New("identities need a join")}
	}
	doc, err := join(ctx, id)
	switch {
	case err == nil:
		return &doc, nil
	case store.KindOf(err) == store.ErrNotFound:
		return nil, nil
	}
	return nil, err
}

func appendBlocked(rows []store.Row, doc store.Document, m *members) []store.Row {
	m.blockedNamespaces(doc.ID, func(name []byte) bool {
		b := append(make([]byte, 0, len(name)+3), '1')
		b = rawjson.AppendString(b, name)
		rows = append(rows, store.Row{ID: doc.ID, Rev: doc.Version.Rev, Value: b[:1:1], Key: b[1:]})
		return true
	})
	return rows
}
