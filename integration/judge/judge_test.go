package judge_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/whiskstore/whiskstore/integration/judge"
	"github.com/whiskstore/whiskstore/store"
)

// seeds are those of the corpora; any should do.
var seeds = []uint64{1, 20261123}

// TestCouchDBViews compares package view with CouchDB's own map functions.
func TestCouchDBViews(t *testing.T) {
	for _, seed := range seeds {
		for _, collection := range []string{store.Whisks, store.Activations, store.Subjects} {
			t.Run(fmt.Sprintf("%s/%d", collection, seed), func(t *testing.T) {
				c := newCorpus(collection, seed)
				db := newCouchDB(t, collection, c.all())
				cmp := &comparison{corpus: c, differences: couchDBDifferences[collection], seen: map[string]int{}}
				for _, l := range lists {
					if l.collection != collection {
						continue
					}
					for q := range listQueries(c, l.table, l.whole, l.parts) {
						p := c.plan(t, q)
						cmp.compare(t, q, c.rows(t, p), db.rows(t, q))
						if slices.Contains(l.parts, p.Path) && q.Limit == 0 {
							all := *q
							all.Skip = 0
							got := p.Count(int64(len(c.rows(t, c.plan(t, &all)))))
							if want := max(0, db.count(t, q)-int64(q.Skip)); got != want {
								t.Errorf("count of %s: got %d, CouchDB says %d", describe(q), got, want)
							}
						}
					}
				}
				if collection == store.Subjects {
					for _, q := range subjectQueries(c) {
						cmp.compare(t, q, c.rows(t, c.plan(t, q)), db.rows(t, q))
					}
				}
				cmp.finish(t)
			})
		}
	}
}

// TestCosmosQueries compares package view with the SQL of upstream, run by a
// Cosmos DB server, and shaped by package view: that it finds the same
// documents in the same order, and that the computed fields and the members that
// it selects are enough.
func TestCosmosQueries(t *testing.T) {
	for _, seed := range seeds {
		for _, collection := range []string{store.Whisks, store.Activations, store.Subjects} {
			t.Run(fmt.Sprintf("%s/%d", collection, seed), func(t *testing.T) {
				c := newCorpus(collection, seed)
				db := newCosmosDB(t, collection, withTombstones(c))
				cmp := &comparison{corpus: c, differences: cosmosDifferences[collection], seen: map[string]int{}}
				for _, l := range lists {
					if l.collection != collection {
						continue
					}
					for q := range listQueries(c, l.table, l.whole, l.parts) {
						p := c.plan(t, q)
						cmp.compare(t, q, c.rows(t, p), db.rows(t, p, c.join))
						if q.Limit == 0 {
							all := *q
							all.Skip = 0
							got := p.Count(int64(len(c.rows(t, c.plan(t, &all)))))
							if want := db.count(t, p); got != want {
								t.Errorf("count of %s: got %d, Cosmos DB says %d", describe(q), got, want)
							}
						}
					}
				}
				if collection == store.Subjects {
					for _, q := range subjectQueries(c) {
						p := c.plan(t, q)
						cmp.compare(t, q, c.rows(t, p), db.rows(t, p, c.join))
					}
				}
				cmp.finish(t)
			})
		}
	}
}

// withTombstones adds a tombstone beside every third document, and marks another
// third as explicitly alive: neither may change an answer.
func withTombstones(c corpus) []judge.Document {
	var docs []judge.Document
	for i, d := range c.all() {
		switch i % 3 {
		case 0:
			dead := judge.Document{ID: d.ID + " deleted", Body: map[string]any{}}
			for k, v := range d.Body {
				dead.Body[k] = v
			}
			dead.Body["_deleted"] = true
			dead.Body["ttl"] = 86400
			docs = append(docs, dead)
		case 1:
			alive := judge.Document{ID: d.ID, Body: map[string]any{"_deleted": false}}
			for k, v := range d.Body {
				alive.Body[k] = v
			}
			d = alive
		}
		docs = append(docs, d)
	}
	return docs
}

// cosmosDifferences are those of upstream's SQL itself.
var cosmosDifferences = map[string][]difference{
	store.Subjects: {
		// The inner join drops subjects without the array (defect C6): the legacy form
		// is then found by its own credentials nowhere.
		{"subject without namespaces", func(m mismatch) bool {
			return m.part == onlyOurs && m.source["namespaces"] == nil
		}},
		// `blocked` that is neither missing nor false excludes in SQL, but only true
		// does in Scala.
		{"blocked is no boolean", func(m mismatch) bool {
			_, isBool := m.source["blocked"].(bool)
			return m.part == onlyOurs && m.source["blocked"] != nil && !isBool
		}},
	},
}

// couchDBDifferences are the differences between the map functions of CouchDB
// and upstream's emulation of them, which package view follows.
var couchDBDifferences = map[string][]difference{
	store.Whisks: {
		keyOfPathAlone,
		orderNoNumber,
		{"value of a rule is 1", func(m mismatch) bool { // D3
			return m.part == value && strings.HasSuffix(m.query.Table, "/rules") && text(m.theirs) == "1"
		}},
		{"binary is stored, but falsy", func(m mismatch) bool {
			exec, _ := m.source["exec"].(map[string]any)
			binary, stored := exec["binary"]
			return m.part == value && stored && binary == nil
		}},
		{"binding is no object", func(m mismatch) bool {
			_, isObject := m.source["binding"].(map[string]any)
			return m.part == onlyOurs && strings.HasSuffix(m.query.Table, "/packages-public") && m.source["binding"] != nil && !isObject
		}},
		// CouchDB goes by what members there are, the emulation by entityType alone.
		{"entityType is missing", func(m mismatch) bool {
			return m.part == onlyTheirs && m.source["entityType"] == nil
		}},
		{"members of another type", func(m mismatch) bool {
			needs := map[any]string{"action": "exec", "trigger": "parameters", "rule": "trigger", "package": "binding"}
			missing := m.source[needs[m.source["entityType"]]] == nil
			return (m.part == onlyOurs || m.part == onlyTheirs) && missing
		}},
	},
	store.Activations: {
		keyOfPathAlone,
		orderNoNumber,
		{"statusCode before the end", func(m mismatch) bool { // D2
			mine, ok := m.ours.(map[string]any)
			if m.part != value || !ok || mine["end"] != nil {
				return false
			}
			rest := map[string]any{}
			for k, v := range mine {
				if k != "statusCode" {
					rest[k] = v
				}
			}
			return reflect.DeepEqual(rest, m.theirs)
		}},
		{"annotation binding", func(m mismatch) bool { // D1
			return (m.part == onlyOurs || m.part == onlyTheirs) && isFilter(m.query) && len(annotations(m.source, "binding")) > 0
		}},
		{"last annotation path, not first", func(m mismatch) bool {
			return (m.part == onlyOurs || m.part == onlyTheirs) && isFilter(m.query) && len(annotations(m.source, "path")) > 1
		}},
		{"null members", func(m mismatch) bool {
			theirs, _ := m.theirs.(map[string]any)
			cause, there := theirs["cause"]
			return m.part == value && there && cause == nil
		}},
	},
	store.Subjects: {
		{"credentials of the subject itself", func(m mismatch) bool {
			return m.part == onlyOurs && m.source["uuid"] != nil
		}},
		{"one row for each namespace that matches", func(m mismatch) bool {
			return m.part == onlyTheirs && m.source["subject"] == "twice"
		}},
		{"blocked is truthy", func(m mismatch) bool {
			_, isBool := m.source["blocked"].(bool)
			return (m.part == onlyOurs || m.part == onlyTheirs) && m.source["blocked"] != nil && !isBool
		}},
		{"id that holds /limits but does not end with it", func(m mismatch) bool { // B8
			theirs, _ := m.theirs.(row)
			return m.part == onlyTheirs && strings.Contains(theirs.ID, "/limits") && !strings.HasSuffix(theirs.ID, "/limits")
		}},
	},
}

// Upstream's emulation makes keys as long as the start key; CouchDB's keys
// always hold the order member.
var keyOfPathAlone = difference{"key of the path alone", func(m mismatch) bool {
	theirs, _ := m.theirs.([]any)
	return m.part == key && len(m.query.StartKey) == 1 && len(theirs) == 2 && reflect.DeepEqual(m.ours, theirs[:1])
}}

// CouchDB sorts a missing order member first, as null, and a text last; in
// package view a document without a number is in no list.
var orderNoNumber = difference{"order member is no number", func(m mismatch) bool {
	order := "updated"
	if strings.HasSuffix(m.query.Table, "/activations") {
		order = "start"
	}
	_, isNumber := m.source[order].(int64)
	return m.part == onlyTheirs && !isNumber
}}

func isFilter(q *store.Query) bool { return strings.HasPrefix(q.Table, "whisks-filters") }

func annotations(source map[string]any, name string) []any {
	var values []any
	list, _ := source["annotations"].([]any)
	for _, a := range list {
		if a, ok := a.(map[string]any); ok && a["key"] == name {
			values = append(values, a["value"])
		}
	}
	return values
}
