package view

import "github.com/whiskstore/whiskstore/store"

// Entries returns every place at which the document stands in the views of its
// collection, in no particular order and none twice.
//
// A document without its order field, or with one that is not a number, stands
// in no list view, as on Cosmos. An entity in a package stands under its
// namespace and under the root namespace.
//
// The error is a *store.Error: ErrUnsupported for an unknown collection,
// ErrUnreadable when body is not a JSON object; with the latter Entries returns
// what the part before the fault gives, so that the document still appears in
// its views, as one that cannot be read.
func Entries(collection string, id string, body []byte) ([]Entry, error) {
	m, err := scan(body)
	if err != nil {
		err = unreadable(opIndex, collection, id, err)
	}
	var entries []Entry
	switch collection {
	case store.Whisks:
		entries = m.entityEntries()
	case store.Activations:
		entries = m.activationEntries()
	case store.Subjects:
		entries = m.subjectEntries(id)
	default:
		err = unknownCollection(opIndex, collection)
	}
	return entries, err
}

const opIndex store.Op = "index"

func unreadable(op store.Op, collection, id string, cause error) error {
	return &store.Error{Op: op, Collection: collection, ID: id, Kind: store.ErrUnreadable, Err: cause}
}

func (m *members) entityEntries() []Entry {
	v := m.entityView()
	ns, ok := str(m.namespace)
	if v == 0 || !ok {
		return nil
	}
	_, order, ok := m.order(v)
	if !ok {
		return nil
	}
	paths := [2]string{string(ns)}
	n := 1
	if root := rootNamespace(ns); len(root) != len(ns) {
		paths[1] = string(root)
		n = 2
	}
	public := v == Packages && m.isPublic()
	entries := make([]Entry, 0, 2*n)
	for _, path := range paths[:n] {
		entries = append(entries, Entry{v, path, order})
		if public {
			entries = append(entries, Entry{PackagesPublic, path, order})
		}
	}
	return entries
}

func (m *members) activationEntries() []Entry {
	ns, ok := str(m.namespace)
	if !ok {
		return nil
	}
	_, order, ok := m.order(Activations)
	if !ok {
		return nil
	}
	entries := append(make([]Entry, 0, 2), Entry{Activations, string(ns), order})
	var buf [pathBuffer]byte
	if path, ok := m.appendNSPath(buf[:0]); ok {
		entries = append(entries, Entry{ActivationsFilter, string(path), order})
	}
	return entries
}

// pathBuffer is enough for most paths; longer ones cost an allocation.
const pathBuffer = 256

func (m *members) subjectEntries(id string) []Entry {
	var entries []Entry
	add := func(path string) {
		for _, e := range entries {
			if e.Path == path {
				return
			}
		}
		entries = append(entries, Entry{View: Identities, Path: path})
	}
	m.identities(func(c identity) bool {
		add(namePath(string(c.namespace)))
		add(credentialsPath(string(c.uuid), string(c.key)))
		return true
	})
	m.blockedNamespaces(id, func([]byte) bool {
		entries = append(entries, Entry{View: BlockedNamespaces})
		return false
	})
	return entries
}

// entityView returns the list view of an entity's type, Packages for public
// packages too.
func (m *members) entityView() View {
	kind, _ := str(m.entityType)
	switch string(kind) {
	case "action":
		return Actions
	case "package":
		return Packages
	case "rule":
		return Rules
	case "trigger":
		return Triggers
	}
	return 0
}

// isPublic reports whether a package is published and provides what it holds
// itself, rather than binding another one.
func (m *members) isPublic() bool {
	return isTrue(m.publish) && (!isObject(m.binding) || isEmptyObject(m.binding))
}

// Match reports whether the document has rows under the plan; the same documents
// have an Entry in the plan's Range. It needs the whole body, not one reduced to
// Fields.
func (p *Plan) Match(id string, body []byte) bool {
	return p.RowCount(id, body) > 0
}

// RowCount returns how many rows the document has under the plan, without
// shaping them: at most one, except in BlockedNamespaces. It needs the whole
// body.
func (p *Plan) RowCount(id string, body []byte) int {
	// What a malformed body holds before its fault counts, as in Entries.
	m, _ := scan(body)
	switch n := 0; p.View {
	case Identities:
		if _, ok := p.findIdentity(&m); ok {
			n = 1
		}
		return n
	case BlockedNamespaces:
		m.blockedNamespaces(id, func([]byte) bool { n++; return true })
		return n
	default:
		if p.matchList(&m) {
			n = 1
		}
		return n
	}
}

// Order returns the order field of a document of the plan's view, for merging
// what several sources return in order. It is false where the document stands in
// no list view; subject views have no order field and return zero.
func (p *Plan) Order(body []byte) (order float64, ok bool) {
	if !p.View.isList() {
		return 0, true
	}
	m, _ := scan(body)
	_, order, ok = m.order(p.View)
	return order, ok
}

func (p *Plan) matchList(m *members) bool {
	_, order, ok := m.order(p.View)
	if !ok || order < p.Min || order > p.Max {
		return false
	}
	switch p.View {
	case Activations:
		return equals(m.namespace, p.Path)
	case ActivationsFilter:
		var buf [pathBuffer]byte
		path, ok := m.appendNSPath(buf[:0])
		return ok && string(path) == p.Path
	case PackagesPublic:
		return m.entityView() == Packages && m.isPublic() && m.isUnder(p.Path)
	default:
		return m.entityView() == p.View && m.isUnder(p.Path)
	}
}

// isUnder reports whether path is the entity's namespace or its root.
func (m *members) isUnder(path string) bool {
	ns, ok := str(m.namespace)
	return ok && (string(ns) == path || string(rootNamespace(ns)) == path)
}
