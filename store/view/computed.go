package view

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/internal/rawjson"
)

// Computed returns the value of the member `_c` that a document carries on
// Cosmos, byte for byte what Scala stores, or nil where Scala stores none
// (storage.md 3.3, rows DH-01 to DH-03 and DH-13 to DH-17):
//
//	whisks       {"rootns":"<first segment of namespace>"}
//	activations  {"nspath":"<namespace>/[<package>/]<name>","deleteLogs":<bool>}
//	subjects     none
//
// The package is the second of exactly three segments of the first annotation
// `path`; the annotation `binding` is ignored, as in Scala, so that activations
// of a bound package stand under the package that provides the action. Segments
// are those of Java's split: trailing empty ones do not count.
//
// Scala fails a write over annotations of unexpected form; Computed passes over
// what it cannot use: elements that are no objects are skipped, a `path` that is
// no string leaves the name alone, a `kind` that is no string is no sequence, and
// without a name that is a string there is no nspath.
//
// The error is a *store.Error: ErrUnreadable when body is not a JSON object,
// ErrUnsupported for an unknown collection.
func Computed(collection string, body []byte) (json.RawMessage, error) {
	m, err := scan(body)
	if err != nil {
		return nil, &store.Error{Op: store.OpPut, Collection: collection, Kind: store.ErrUnreadable, Err: err}
	}
	switch collection {
	case store.Whisks:
		ns, ok := str(m.namespace)
		if !ok {
			return nil, nil
		}
		b := append(make([]byte, 0, len(ns)+16), `{"rootns":`...)
		b = rawjson.AppendString(b, rootNamespace(ns))
		return append(b, '}'), nil
	case store.Activations:
		b := append(make([]byte, 0, len(m.namespace)+len(m.name)+96), '{')
		if path, ok := m.appendNSPath(nil); ok {
			b = append(b, `"nspath":`...)
			b = append(rawjson.AppendString(b, path), ',')
		}
		b = append(b, `"deleteLogs":`...)
		b = strconv.AppendBool(b, m.deleteLogs())
		return append(b, '}'), nil
	case store.Subjects:
		return nil, nil
	}
	return nil, unknownCollection(store.OpPut, collection)
}

func unknownCollection(op store.Op, collection string) error {
	return &store.Error{Op: op, Collection: collection, Kind: store.ErrUnsupported, Err: fmt.Errorf("collection %q", collection)}
}

// rootNamespace returns the first segment of a namespace path.
func rootNamespace(ns []byte) []byte {
	if i := bytes.IndexByte(bytes.TrimRight(ns, "/"), '/'); i >= 0 {
		return ns[:i]
	}
	return ns
}

// appendNSPath appends the path of ActivationsFilter under which an activation
// stands.
func (m *members) appendNSPath(b []byte) ([]byte, bool) {
	ns, ok := str(m.namespace)
	if !ok {
		return b, false
	}
	name, ok := str(m.name)
	if !ok {
		return b, false
	}
	b = append(append(b, ns...), '/')
	if pkg := annotationOr(m.annotations, "path", nil, packageOf); pkg != nil {
		b = append(append(b, pkg...), '/')
	}
	return append(b, name...), true
}

// packageOf returns the second segment of a raw path of exactly three, nil for
// any other. The segment may be empty.
func packageOf(raw []byte) []byte {
	path, _ := str(raw)
	_, rest, ok := bytes.Cut(bytes.TrimRight(path, "/"), slash)
	if !ok {
		return nil
	}
	pkg, name, ok := bytes.Cut(rest, slash)
	if !ok || bytes.IndexByte(name, '/') >= 0 {
		return nil
	}
	return pkg
}

var slash = []byte("/")

func (m *members) deleteLogs() bool {
	return annotationOr(m.annotations, "kind", true, func(kind []byte) bool { return !equals(kind, "sequence") })
}
