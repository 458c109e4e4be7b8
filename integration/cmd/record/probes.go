package main

import (
	"strings"
	"time"
)

// probe is one question. Names in braces stand for values: {db} is the database, others are kept from headers of
// earlier answers.
type probe struct {
	name, method, path, body string
	header                   []string
	keep                     map[string]string // name to the header that holds its value
	values                   bool              // compare values, not the shape only
	unsigned, wrongKey       bool
	age                      time.Duration // of the date that is signed
}

const (
	docs = "/dbs/{db}/colls/c/docs"
	item = `{"id":"k1","pk":"a","n":7}`
)

func key(v string) []string { return []string{"x-ms-documentdb-partitionkey", `["` + v + `"]`} }

func with(header []string, more ...string) []string {
	return append(header[:len(header):len(header)], more...)
}

// probes are asked in order: first those that make data, then the rows of cosmos-wire.md by section, those of section 9
// last, which nobody has recorded.
func probes() []probe {
	a := key("a")
	cross := []string{"x-ms-documentdb-query-enablecrosspartition", "True"}
	ranged := with(cross, "x-ms-documentdb-partitionkeyrangeid", "0")
	query := func(name, sql string, header []string) probe {
		return probe{name: name, method: "POST", path: docs, body: `{"query":"` + strings.ReplaceAll(sql, `"`, `\"`) + `"}`, values: true,
			header: with(header, "Content-Type", "application/query+json")}
	}
	batch := with(a, "x-ms-cosmos-is-batch-request", "True", "x-ms-cosmos-batch-atomic", "True")
	feed := []string{"A-IM", "Incremental Feed", "x-ms-documentdb-partitionkeyrangeid", "0"}
	out := []probe{
		{name: "3.1 account", method: "GET", path: "/"},
		{name: "3 no authorization", method: "GET", path: "/dbs", unsigned: true},
		{name: "3 unknown path", method: "GET", path: "/foo"},
		{name: "4.1 create database", method: "POST", path: "/dbs", body: `{"id":"{db}"}`, header: []string{"x-ms-offer-throughput", "400"}},
		{name: "4.1 create it again", method: "POST", path: "/dbs", body: `{"id":"{db}"}`},
		{name: "4.1 read database", method: "GET", path: "/dbs/{db}"},
		{name: "4.1 missing database", method: "GET", path: "/dbs/whiskstore-none"},
		{name: "4.2 create container", method: "POST", path: "/dbs/{db}/colls", body: `{"id":"c","defaultTtl":-1,"partitionKey":{"paths":["/pk"],"kind":"Hash"}}`},
		{name: "4.2 create it again", method: "POST", path: "/dbs/{db}/colls", body: `{"id":"c","partitionKey":{"paths":["/pk"],"kind":"Hash"}}`},
		{name: "4.2 bad name", method: "POST", path: "/dbs/{db}/colls", body: `{"id":"a/b","partitionKey":{"paths":["/pk"],"kind":"Hash"}}`},
		{name: "4.2 default TTL of 0", method: "POST", path: "/dbs/{db}/colls", body: `{"id":"t","defaultTtl":0,"partitionKey":{"paths":["/pk"],"kind":"Hash"}}`},
		{name: "4.2 missing container", method: "GET", path: "/dbs/{db}/colls/none/docs/x", header: a},
		{name: "4.3 ranges", method: "GET", path: "/dbs/{db}/colls/c/pkranges"},
		{name: "4.4 create", method: "POST", path: docs, body: item, header: a, keep: map[string]string{"{token}": "x-ms-session-token"}},
		{name: "4.4 create it again", method: "POST", path: docs, body: item, header: a},
		{name: "4.4 no key", method: "POST", path: docs, body: item},
		{name: "4.4 other key", method: "POST", path: docs, body: item, header: key("b")},
		{name: "4.4 no id", method: "POST", path: docs, body: `{"pk":"a"}`, header: a},
		{name: "4.4 broken", method: "POST", path: docs, body: `{"id":`, header: a},
		{name: "4.4 array", method: "POST", path: docs, body: `[1]`, header: a},
		{name: "4.4 too large", method: "POST", path: docs, body: `{"id":"big","pk":"a","v":"` + strings.Repeat("x", 3<<20) + `"}`, header: a},
		{name: "4.4 upsert", method: "POST", path: docs, body: item, header: with(a, "x-ms-documentdb-is-upsert", "True")},
		{name: "4.5 read", method: "GET", path: docs + "/k1", header: a, keep: map[string]string{"{etag}": "etag"}},
		{name: "4.5 read unchanged", method: "GET", path: docs + "/k1", header: with(a, "If-None-Match", "{etag}")},
		{name: "4.5 read absent", method: "GET", path: docs + "/none", header: a},
		{name: "4.5 replace stale", method: "PUT", path: docs + "/k1", body: item, header: with(a, "If-Match", `"stale"`)},
		{name: "4.5 replace", method: "PUT", path: docs + "/k1", body: item, header: with(a, "If-Match", "{etag}")},
		{name: "4.5 replace absent", method: "PUT", path: docs + "/none", body: `{"id":"none","pk":"a"}`, header: a},
		{name: "4.5 patch", method: "PATCH", path: docs + "/k1", body: `{"operations":[{"op":"set","path":"/m","value":1},{"op":"incr","path":"/n","value":1}]}`, header: a},
		{name: "4.6 batch", method: "POST", path: docs, body: `[{"operationType":"Create","resourceBody":{"id":"b1","pk":"a"}},{"operationType":"Read","id":"k1"}]`, header: batch},
		{name: "4.6 failed batch", method: "POST", path: docs, body: `[{"operationType":"Create","resourceBody":{"id":"b2","pk":"a"}},{"operationType":"Create","resourceBody":{"id":"b1","pk":"a"}}]`, header: batch},
		query("5.1 X0", "SELECT * FROM c", nil),
		query("5.1 filter", "SELECT c.id FROM c WHERE c.pk = 'a' AND NOT IS_DEFINED(c.none)", cross),
		query("5.1 1004", "SELECT VALUE COUNT(1) FROM c", cross),
		query("5.1 X1", "SELECT COUNT(1) AS n FROM c", cross),
		query("5.1 COUNT with a range", "SELECT VALUE COUNT(1) FROM c", ranged),
		query("5.2 syntax", "SELECT FROM c", cross),
		query("5.2 unknown function", "SELECT ABC(1) FROM c", cross),
		query("5.2 division by zero", "SELECT VALUE 1/0", cross),
		query("5.2 bad continuation", "SELECT * FROM c", with(cross, "x-ms-continuation", "nonsense")),
		query("5.2 bad page size", "SELECT * FROM c", with(cross, "x-ms-max-item-count", "abc")),
		{name: "6 feed from the beginning", method: "GET", path: docs, header: feed, keep: map[string]string{"{feed}": "etag"}},
	}
	return append(out, unrecorded(a, batch, feed, cross, ranged, query)...)
}

// unrecorded are questions of section 9.
func unrecorded(a, batch, feed, cross, ranged []string, query func(string, string, []string) probe) []probe {
	return []probe{
		query("9.2 ORDER BY with a range", "SELECT c.id FROM c ORDER BY c.id DESC", ranged),
		query("9.2 TOP with a range", "SELECT TOP 1 c.id FROM c ORDER BY c.id", ranged),
		query("9.2 ORDER BY a missing property", "SELECT c.id FROM c ORDER BY c.none", ranged),
		query("9.2 ORDER BY with a key", "SELECT c.id FROM c ORDER BY c.id", a),
		query("9.2 page with a range", "SELECT c.id FROM c", with(ranged, "x-ms-max-item-count", "1")),
		query("9.2 page of ORDER BY", "SELECT c.id FROM c ORDER BY c.id", with(ranged, "x-ms-max-item-count", "1")),
		query("9.2 DISTINCT with a range", "SELECT DISTINCT VALUE c.pk FROM c", ranged),
		query("9.2 GROUP BY with a range", "SELECT c.pk, COUNT(1) AS n FROM c GROUP BY c.pk", ranged),
		query("9.2 comparison of types", "SELECT VALUE 1 = '1'", cross),
		{name: "9.3 nothing new", method: "GET", path: docs, header: with(feed, "If-None-Match", "{feed}")},
		{name: "9.3 from now", method: "GET", path: docs, header: with(feed, "If-None-Match", "*")},
		{name: "9.3 one per page", method: "GET", path: docs, header: with(feed, "x-ms-max-item-count", "1")},
		{name: "9.3 of a key", method: "GET", path: docs, header: with(a, "A-IM", "Incremental Feed")},
		{name: "9.3 since 2020", method: "GET", path: docs, header: with(feed, "If-Modified-Since", "Wed, 01 Jan 2020 00:00:00 GMT")},
		{name: "9.4 ranges as a feed", method: "GET", path: "/dbs/{db}/colls/c/pkranges", header: []string{"A-IM", "Incremental Feed"}, keep: map[string]string{"{ranges}": "etag"}},
		{name: "9.4 ranges unchanged", method: "GET", path: "/dbs/{db}/colls/c/pkranges", header: []string{"A-IM", "Incremental Feed", "If-None-Match", "{ranges}"}},
		query("9.4 unknown range", "SELECT * FROM c", with(cross, "x-ms-documentdb-partitionkeyrangeid", "77")),
		{name: "9.6 session ahead", method: "GET", path: docs + "/k1", header: with(a, "x-ms-session-token", "0:-1#99999999")},
		{name: "9.6 session malformed", method: "GET", path: docs + "/k1", header: with(a, "x-ms-session-token", "nonsense")},
		{name: "9.13 own session", method: "GET", path: docs + "/k1", header: with(a, "x-ms-session-token", "{token}")},
		{name: "9.12 wrong key", method: "GET", path: "/dbs/{db}", wrongKey: true},
		{name: "9.12 date too old", method: "GET", path: "/dbs/{db}", age: time.Hour},
		{name: "9.7 minimal", method: "POST", path: docs, body: `{"id":"min","pk":"a"}`, header: with(a, "Prefer", "return=minimal")},
		{name: "9.8 patch condition", method: "PATCH", path: docs + "/k1", body: `{"condition":"from c where c.n = -1","operations":[{"op":"set","path":"/m","value":2}]}`, header: a},
		{name: "9.8 patch stale", method: "PATCH", path: docs + "/k1", body: `{"operations":[{"op":"set","path":"/m","value":2}]}`, header: with(a, "If-Match", `"stale"`)},
		{name: "9.8 patch absent", method: "PATCH", path: docs + "/none", body: `{"operations":[{"op":"set","path":"/m","value":2}]}`, header: a},
		{name: "9.8 patch missing parent", method: "PATCH", path: docs + "/k1", body: `{"operations":[{"op":"add","path":"/x/y","value":2}]}`, header: a},
		{name: "9.8 patch move", method: "PATCH", path: docs + "/k1", body: `{"operations":[{"op":"move","from":"/m","path":"/moved"}]}`, header: a},
		{name: "9.8 patch remove missing", method: "PATCH", path: docs + "/k1", body: `{"operations":[{"op":"remove","path":"/none"}]}`, header: a},
		{name: "9.8 patch system property", method: "PATCH", path: docs + "/k1", body: `{"operations":[{"op":"set","path":"/_deleted","value":true}]}`, header: a},
		{name: "9.8 delete stale", method: "DELETE", path: docs + "/k1", header: with(a, "If-Match", `"stale"`)},
		{name: "9.8 create guarded", method: "POST", path: docs, body: item, header: with(a, "If-None-Match", "*")},
		{name: "9.8 rename", method: "PUT", path: docs + "/min", body: `{"id":"min2","pk":"a"}`, header: a},
		{name: "9.9 batch with a stale etag", method: "POST", path: docs, body: `[{"operationType":"Replace","id":"k1","ifMatch":"\"stale\"","resourceBody":` + item + `},{"operationType":"Read","id":"k1"}]`, header: batch},
		{name: "9.9 batch with a read that has not changed", method: "POST", path: docs, body: `[{"operationType":"Read","id":"b1","ifNoneMatch":"*"}]`, header: batch},
		{name: "9.10 2 MiB", method: "POST", path: docs, body: `{"id":"edge","pk":"a","v":"` + strings.Repeat("x", 2<<20-100) + `"}`, header: a},
		{name: "9.10 id with a question mark", method: "POST", path: docs, body: `{"id":"what?","pk":"a"}`, header: a},
		{name: "9.11 offers", method: "GET", path: "/offers"},
		{name: "9.14 TTL of 0", method: "POST", path: docs, body: `{"id":"ttl","pk":"a","ttl":0}`, header: a},
		{name: "9.14 TTL null", method: "POST", path: docs, body: `{"id":"ttl","pk":"a","ttl":null}`, header: a},
		{name: "9.15 version 2", method: "POST", path: "/dbs/{db}/colls", body: `{"id":"v2","partitionKey":{"paths":["/pk"],"kind":"Hash","version":2}}`, values: true},
		{name: "9.15 hierarchical", method: "POST", path: "/dbs/{db}/colls", body: `{"id":"h","partitionKey":{"paths":["/a","/b"],"kind":"MultiHash","version":2}}`, values: true},
		{name: "9.15 prefix of a key", method: "POST", path: "/dbs/{db}/colls/h/docs", body: `{"query":"SELECT * FROM c"}`, header: with(a, "Content-Type", "application/query+json")},
		{name: "4.5 delete", method: "DELETE", path: docs + "/k1", header: a},
		{name: "4.5 delete absent", method: "DELETE", path: docs + "/k1", header: a},
	}
}
