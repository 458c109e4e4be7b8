package judge_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/whiskstore/whiskstore/integration/judge"
)

// TestCosmosAnswers holds the judge to what the table in package store says was
// measured on it.
func TestCosmosAnswers(t *testing.T) {
	db := newCosmosDB(t, "whisks", nil)
	do := func(method, id, body string, header ...string) answer {
		t.Helper()
		h := http.Header{"Content-Type": {"application/json"}}
		if id != "" {
			h.Set("x-ms-documentdb-partitionkey", `["`+id+`"]`)
		}
		for i := 0; i+1 < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		path := db.docs()
		if method != http.MethodPost {
			path += "/" + id
		}
		return send(t, t.Context(), method, db.server.JoinPath(path), h, body)
	}
	step := func(name string, got answer, status int) answer {
		t.Helper()
		if got.status != status {
			t.Fatalf("%s: got status %d, want %d: %s", name, got.status, status, got.raw)
		}
		return got
	}
	const id = "guest|hello"
	const item = `{"id":"guest|hello","n":1}`
	patch := func(condition string, operations ...string) string {
		if condition != "" {
			condition = `"condition":"` + condition + `",`
		}
		return "{" + condition + `"operations":[` + strings.Join(operations, ",") + "]}"
	}
	const deleted = `{"op":"set","path":"/deleted","value":true}`
	const ttl = `{"op":"set","path":"/ttl","value":86400}`
	const alive = "from c where NOT IS_DEFINED(c.deleted) OR c.deleted = false"

	first := step("create", do("POST", id, item), 201)
	step("create again", do("POST", id, item), 409)
	step("replace, stale", do("PUT", id, item, "If-Match", "stale"), 412)
	step("replace what is not there", do("PUT", "absent", `{"id":"absent"}`, "If-Match", "stale"), 404)
	second := step("replace", do("PUT", id, item, "If-Match", first.etag), 200)
	if first.etag == second.etag {
		t.Error("replace: the etag did not change with the same content")
	}
	step("patch, stale", do("PATCH", id, patch("", deleted), "If-Match", first.etag), 412)
	step("patch what is not there", do("PATCH", "absent", patch("", deleted), "If-Match", first.etag), 404)
	step("patch, path that is not there", do("PATCH", id, patch("", `{"op":"remove","path":"/clusterId"}`), "If-Match", second.etag), 400)
	step("patch of two members", do("PATCH", id, patch(alive, deleted, ttl), "If-Match", second.etag), 200)
	tombstone := step("read", do("GET", id, ""), 200)
	if tombstone.body["deleted"] != true || tombstone.body["ttl"] != 86400.0 {
		t.Errorf("patch of two members: got %s", tombstone.raw)
	}
	step("patch, condition", do("PATCH", id, patch(alive, ttl), "If-Match", tombstone.etag), 412)
	step("patch below /_, which this server alone refuses", do("PATCH", id, patch("", `{"op":"set","path":"/_deleted","value":true}`), "If-Match", tombstone.etag), 400)
	step("delete, stale", do("DELETE", id, "", "If-Match", first.etag), 412)
	step("delete", do("DELETE", id, "", "If-Match", tombstone.etag), 204)
	step("delete what is not there", do("DELETE", id, "", "If-Match", tombstone.etag), 404)

	container := send(t, t.Context(), "GET", db.server.JoinPath(strings.TrimSuffix(db.docs(), "/docs")), http.Header{}, "")
	outer, inner := rid(t, container), rid(t, first)
	if len(outer) != 8 || !strings.HasPrefix(inner, outer) {
		t.Errorf("_rid: got item %x in container %x, want the container's 8 bytes first", inner, outer)
	}
}

func rid(t *testing.T, a answer) string {
	t.Helper()
	text, _ := a.body["_rid"].(string)
	// The service writes - for /.
	raw, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(text, "-", "/"))
	if err != nil {
		t.Fatalf("_rid %q: %v", text, err)
	}
	return string(raw)
}

// TestCosmosPagesAreNoSnapshot shows why the contract promises no more of a
// Query over several pages: a document that moves between two of them is seen
// twice in one direction and not at all in the other.
func TestCosmosPagesAreNoSnapshot(t *testing.T) {
	for _, tt := range []struct {
		order string
		want  string
	}{
		{"r.updated", "a b c d e a"},
		{"r.updated DESC", "e d c b"},
	} {
		t.Run(tt.order, func(t *testing.T) {
			var docs []judge.Document
			for i, id := range []string{"a", "b", "c", "d", "e"} {
				docs = append(docs, judge.Document{ID: id, Body: map[string]any{"updated": i}})
			}
			db := newCosmosDB(t, "whisks", docs)
			var ids []string
			for continuation := "first"; continuation != ""; {
				header := http.Header{"Content-Type": {"application/query+json"}}
				header.Set("x-ms-documentdb-isquery", "true")
				header.Set("x-ms-max-item-count", "2")
				if continuation != "first" {
					header.Set("x-ms-continuation", continuation)
				}
				var page struct{ Documents []string }
				sql := judge.SQL{Query: "SELECT VALUE r.id FROM root r ORDER BY " + tt.order}
				continuation = db.call(t, http.MethodPost, db.docs(), header, sql, &page).Get("x-ms-continuation")
				ids = append(ids, page.Documents...)
				if len(ids) == 2 {
					moved := map[string]any{"id": "a", "updated": 99}
					db.call(t, http.MethodPut, db.docs()+"/a", http.Header{"X-Ms-Documentdb-Partitionkey": {`["a"]`}}, moved, nil)
				}
			}
			if got := strings.Join(ids, " "); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}
