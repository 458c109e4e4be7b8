package storetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"strings"

	"github.com/whiskstore/whiskstore/store"
)

// object is a JSON object. The functions below make OpenWhisk's documents from
// it, field for field (storage.md section 2).
type object map[string]any

func (o object) raw() json.RawMessage {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(o); err != nil {
		panic("storetest: " + err.Error()) // only fixtures of this package come here
	}
	return bytes.TrimSpace(b.Bytes())
}

// with returns a copy of o with the members of more over its own.
func (o object) with(more object) object {
	c := maps.Clone(o)
	maps.Copy(c, more)
	return c
}

// pick returns what o has of names.
func (o object) pick(names ...string) object {
	p := object{}
	for _, n := range names {
		if v, ok := o[n]; ok {
			p[n] = v
		}
	}
	return p
}

func document(id string, body object) store.Document {
	return store.Document{ID: id, Body: body.raw()}
}

// entityID is the id of an entity.
func entityID(o object) string { return fmt.Sprintf("%s/%s", o["namespace"], o["name"]) }

// entity returns the document of an entity.
func entity(o object) store.Document { return document(entityID(o), o) }

func whisk(entityType, ns, name string, updated int64) object {
	return object{
		"namespace": ns, "name": name, "version": "0.0.1", "publish": false, "annotations": []any{},
		"updated": updated, "entityType": entityType,
	}
}

func action(ns, name string, updated int64) object {
	return whisk("action", ns, name, updated).with(object{
		"exec":       object{"kind": "nodejs:20", "code": "function main() { return {} }", "binary": false},
		"parameters": []any{object{"key": "greeting", "value": "hi <&> \u00fc"}},
		"limits":     object{"timeout": 60000, "memory": 256, "logs": 10, "concurrency": 1},
	})
}

func pack(ns, name string, updated int64) object {
	return whisk("package", ns, name, updated).with(object{"binding": object{}, "parameters": []any{}})
}

func trigger(ns, name string, updated int64) object {
	return whisk("trigger", ns, name, updated).with(object{"parameters": []any{}, "limits": object{}})
}

func rule(ns, name string, updated int64) object {
	return whisk("rule", ns, name, updated).with(object{
		"trigger": object{"path": ns, "name": "tick"}, "action": object{"path": ns, "name": "hello"},
	})
}

// activation returns the n-th record of action name, from start to end in
// milliseconds since the epoch; end 0 has not ended.
func activation(ns, name string, n int, start, end int64) object {
	id := fmt.Sprintf("%032x", n+1)
	a := whisk("activation", ns, name, end+30).with(object{
		"activationId": id, "subject": ns, "start": start, "end": end, "logs": []any{},
		"response":    object{"statusCode": 0, "result": object{"ok": true}, "size": 11},
		"annotations": []any{object{"key": "kind", "value": "nodejs:20"}, object{"key": "waitTime", "value": 5}},
	})
	if end != 0 {
		a["duration"] = end - start
	}
	return a
}

func activationDoc(o object) store.Document {
	return document(fmt.Sprintf("%s/%s", o["namespace"], o["activationId"]), o)
}

// identity is one namespace of a subject.
type identity struct{ name, uuid, key string }

func (i identity) object() object { return object{"name": i.name, "uuid": i.uuid, "key": i.key} }

// newIdentity returns an identity with fresh credentials.
func newIdentity(name string) identity {
	return identity{name: name, uuid: unique("uuid"), key: strings.Repeat(unique("k"), 5)[:64]}
}

func subject(name string, namespaces ...identity) object {
	list := make([]any, len(namespaces))
	for i, n := range namespaces {
		list[i] = n.object()
	}
	return object{"subject": name, "namespaces": list}
}

// auth returns the document of a fresh subject with one namespace.
func auth(e *env, namespace string) store.Document {
	name := unique("subject")
	return document(name, subject(name, newIdentity(e.ns+namespace)))
}

// The tables and what their rows hold.
const (
	actionsTable     = "whisks.v2.1.0/actions"
	packagesTable    = "whisks.v2.1.0/packages"
	publicTable      = "whisks.v2.1.0/packages-public"
	rulesTable       = "whisks.v2.1.0/rules"
	triggersTable    = "whisks.v2.1.0/triggers"
	activationsTable = "whisks.v2.1.0/activations"
	filtersTable     = "whisks-filters.v2.1.1/activations"
	identitiesTable  = "subjects.v2.0.0/identities"
	blockedTable     = "namespaceThrottlings/blockedNamespaces"
)

// value returns the value of o's row in the table, after the checklist's rows
// DH-04 to DH-22.
func value(table string, o object, f Features) any {
	common := o.pick("namespace", "name", "version", "publish", "annotations", "updated")
	switch table {
	case actionsTable:
		common["limits"] = o["limits"]
		common["exec"] = object{"binary": o["exec"].(object)["binary"]}
	case packagesTable:
		common["binding"] = false
		if b := o["binding"].(object); len(b) > 0 {
			common["binding"] = b
		}
	case publicTable:
		common["binding"] = false
	case rulesTable:
		if f.RulesValueOne {
			return 1
		}
	case activationsTable, filtersTable:
		v := o.pick("namespace", "name", "version", "publish", "annotations", "activationId", "start", "cause")
		ended := o["end"] != int64(0)
		if ended {
			v["end"] = o["end"]
			v["duration"] = o["end"].(int64) - o["start"].(int64)
		}
		if f.StatusCode == StatusCodeAlways || ended {
			v["statusCode"] = o["response"].(object)["statusCode"]
		}
		return v
	}
	return common
}

// under asks for everything of the table under path, with the keys that
// upstream uses for lists, newest first.
func under(table, path string) *store.Query {
	return &store.Query{
		Table: table, StartKey: store.Key{path, 0}, EndKey: store.Key{path, store.Top, store.Top}, Descending: true,
	}
}

// sameJSON reports whether a and b are equal as JSON, numbers by their value.
func sameJSON(a, b []byte) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	return reflect.DeepEqual(x, y)
}

// asJSON returns v as compact JSON.
func asJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("storetest: " + err.Error()) // only fixtures of this package come here
	}
	return b
}

// wantBody holds that got is what was stored as want.
func (e *env) wantBody(what string, got store.Document, want store.Document) {
	e.Helper()
	if got.ID != want.ID {
		e.Errorf("%s: got id %q, want %q", what, got.ID, want.ID)
	}
	if !sameJSON(got.Body, want.Body) {
		e.Errorf("%s %q: got body %s, want %s", what, want.ID, got.Body, want.Body)
	}
}
