package view_test

import (
	"bytes"
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/whiskstore/whiskstore/store"
)

// The naive reference: it decodes every document into maps, filters all of them,
// sorts, cuts. It shares no code with the package and reads keys by itself.

type object = map[string]any

type refRow struct {
	ID, Key, Value string // JSON with sorted members and numbers in one form
	Doc            string // id of the document in the row, "null" or ""
}

type refDoc struct {
	id    string
	m     object
	order *big.Rat
}

func refRows(t *testing.T, q *store.Query, docs []store.Document) (rows []refRow, matched int) {
	limits := map[string]bool{}
	var found []refDoc
	for _, doc := range docs {
		d := refDoc{id: doc.ID, m: decode(t, doc.Body).(object), order: new(big.Rat)}
		limits[doc.ID] = true
		if refMatches(q, &d) {
			found = append(found, d)
		}
	}
	slices.SortFunc(found, func(a, b refDoc) int {
		c := a.order.Cmp(b.order)
		if c == 0 {
			c = strings.Compare(a.id, b.id)
		}
		if q.Descending {
			c = -c
		}
		return c
	})
	for _, d := range found {
		rows = append(rows, refShape(t, q, d, limits)...)
	}
	matched = len(rows)
	rows = rows[min(q.Skip, len(rows)):]
	if q.Limit > 0 && len(rows) > q.Limit {
		rows = rows[:q.Limit]
	}
	return rows, matched
}

// refMatches decides list views and fills the order; subject views are decided
// by their rows.
func refMatches(q *store.Query, d *refDoc) bool {
	_, name, _ := strings.Cut(q.Table, "/")
	field := "updated"
	if name == "activations" {
		field = "start"
	}
	if name == "identities" || name == "blockedNamespaces" {
		return true
	}
	n, ok := d.m[field].(json.Number)
	if !ok {
		return false
	}
	d.order.SetString(n.String())
	if len(q.StartKey) > 1 {
		if d.order.Cmp(rat(q.StartKey[1])) < 0 || q.EndKey[1] != any(store.Top) && d.order.Cmp(rat(q.EndKey[1])) > 0 {
			return false
		}
	}
	ns, ok := d.m["namespace"].(string)
	if !ok {
		return false
	}
	path := q.StartKey[0].(string)
	if q.Table == filtered {
		name, ok := d.m["name"].(string)
		return ok && ns+"/"+refFilter(d.m, name) == path
	}
	if q.Table == activations {
		return ns == path
	}
	if segments := javaSplit(ns); ns != path && (len(segments) < 2 || segments[0] != path) {
		return false
	}
	if name == "packages-public" {
		binding, isObject := d.m["binding"].(object)
		return d.m["entityType"] == "package" && d.m["publish"] == true && (!isObject || len(binding) == 0)
	}
	return d.m["entityType"] == strings.TrimSuffix(name, "s")
}

// javaSplit is String.split("/").
func javaSplit(s string) []string {
	if !strings.Contains(s, "/") {
		return []string{s}
	}
	parts := strings.Split(s, "/")
	for len(parts) > 0 && parts[len(parts)-1] == "" {
		parts = parts[:len(parts)-1]
	}
	return parts
}

func refFilter(m object, name string) string {
	elements, _ := m["annotations"].([]any)
	for _, e := range elements {
		o, _ := e.(object)
		value, ok := o["value"]
		if !ok || o["key"] != "path" {
			continue
		}
		path, _ := value.(string)
		if p := javaSplit(path); len(p) == 3 {
			return p[1] + "/" + name
		}
		return name
	}
	return name
}

func refShape(t *testing.T, q *store.Query, d refDoc, limits map[string]bool) []refRow {
	_, name, _ := strings.Cut(q.Table, "/")
	key := []any{}
	for _, e := range q.StartKey {
		key = append(key, e)
	}
	value := object{}
	pick := func(names ...string) {
		for _, n := range names {
			if v, ok := d.m[n]; ok {
				value[n] = v
			}
		}
	}
	row := refRow{ID: d.id}
	if q.IncludeDocs {
		row.Doc = d.id
	}
	field := "updated"
	switch name {
	case "identities":
		subject, uuid, secret, top, ok := refIdentity(q.StartKey, d.m)
		if !ok {
			return nil
		}
		value = object{"_id": subject + "/limits", "namespace": subject, "uuid": uuid, "key": secret}
		row.Doc = "null"
		if !top && limits[subject+"/limits"] {
			row.Doc = subject + "/limits"
		}
		row.Key, row.Value = normal(t, key), normal(t, value)
		return []refRow{row}
	case "blockedNamespaces":
		var rows []refRow
		for _, ns := range refBlocked(d) {
			rows = append(rows, refRow{ID: d.id, Key: normal(t, ns), Value: normal(t, json.Number("1"))})
		}
		return rows
	case "activations":
		field = "start"
		pick("namespace", "name", "version", "publish", "annotations", "activationId", "start", "cause")
		if end, ok := d.m["end"].(json.Number); ok && rat(end).Sign() != 0 {
			value["end"] = end
			value["duration"] = new(big.Rat).Sub(rat(end), d.order)
		}
		if response, ok := d.m["response"].(object); ok {
			if code, ok := response["statusCode"]; ok {
				value["statusCode"] = code
			}
		}
		for n, v := range value {
			if v == nil {
				delete(value, n)
			}
		}
	default:
		pick("namespace", "name", "version", "publish", "annotations", "updated")
		switch name {
		case "actions":
			pick("limits")
			binary := any(false)
			if exec, ok := d.m["exec"].(object); ok {
				if b, ok := exec["binary"]; ok {
					binary = b
				}
			}
			value["exec"] = object{"binary": binary}
		case "packages":
			value["binding"] = false
			if b, ok := d.m["binding"].(object); ok && len(b) > 0 {
				value["binding"] = b
			}
		case "packages-public":
			value["binding"] = false
		}
	}
	if len(key) == 2 {
		key[1] = d.m[field]
	}
	row.Key, row.Value = normal(t, key), normal(t, value)
	return []refRow{row}
}

func refIdentity(key store.Key, m object) (subject, uuid, secret string, top, ok bool) {
	if m["blocked"] == true {
		return
	}
	try := func(name, u, k any) bool {
		var ok1, ok2, ok3 bool
		subject, ok1 = name.(string)
		uuid, ok2 = u.(string)
		secret, ok3 = k.(string)
		if !ok1 || !ok2 || !ok3 {
			return false
		}
		if len(key) == 1 {
			return key[0] == name
		}
		return key[0] == u && key[1] == k
	}
	if try(m["subject"], m["uuid"], m["key"]) {
		return subject, uuid, secret, true, true
	}
	elements, _ := m["namespaces"].([]any)
	for _, e := range elements {
		if o, _ := e.(object); try(o["name"], o["uuid"], o["key"]) {
			return subject, uuid, secret, false, true
		}
	}
	return "", "", "", false, false
}

func refBlocked(d refDoc) (names []string) {
	if strings.HasSuffix(d.id, "/limits") {
		for _, field := range []string{"concurrentInvocations", "invocationsPerMinute"} {
			if n, ok := d.m[field].(json.Number); ok && rat(n).Sign() == 0 {
				return []string{d.id[:strings.Index(d.id, "/limits")]}
			}
		}
		return nil
	}
	if _, ok := d.m["subject"]; !ok || d.m["blocked"] != true {
		return nil
	}
	elements, _ := d.m["namespaces"].([]any)
	for _, e := range elements {
		o, _ := e.(object)
		if name, ok := o["name"].(string); ok {
			names = append(names, name)
		}
	}
	return names
}

func decode(t *testing.T, text []byte) (v any) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func rat(n any) *big.Rat {
	r := new(big.Rat)
	switch n := n.(type) {
	case int:
		r.SetInt64(int64(n))
	case float64:
		r.SetFloat64(n)
	case json.Number:
		r.SetString(n.String())
	}
	return r
}

// normal returns v as JSON in one form.
func normal(t *testing.T, v any) string {
	t.Helper()
	var walk func(v any) any
	walk = func(v any) any {
		switch v := v.(type) {
		case object:
			o := object{}
			for n, e := range v {
				o[n] = walk(e)
			}
			return o
		case []any:
			a := []any{}
			for _, e := range v {
				a = append(a, walk(e))
			}
			return a
		case json.Number:
			return object{"number": rat(v).RatString()}
		case *big.Rat:
			return object{"number": v.RatString()}
		}
		return v
	}
	text, err := json.Marshal(walk(v))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
