package judge_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// answer is what a server said.
type answer struct {
	status int
	etag   string
	body   map[string]any
	raw    string
}

// send does not mind the status.
func send(t *testing.T, ctx context.Context, method string, u *url.URL, header http.Header, body string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header.Clone()
	if password, ok := u.User.Password(); ok {
		req.SetBasicAuth(u.User.Username(), password)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: resp.StatusCode, etag: strings.Trim(resp.Header.Get("ETag"), `"`), raw: string(raw)}
	_ = json.Unmarshal(raw, &a.body) // arrays and empty bodies have no members
	return a
}

// TestCouchDBAnswers holds the judge to what the table in package store says of
// CouchDB and what its clients need. Nothing in it is peculiar to PouchDB.
func TestCouchDBAnswers(t *testing.T) {
	db := newCouchDB(t, "subjects", nil)
	do := func(method, path, query, body string, header ...string) answer {
		t.Helper()
		u := *db.url
		if path != "" {
			u = *u.JoinPath(path)
		}
		u.RawQuery = query
		h := http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}}
		for i := 0; i+1 < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return send(t, t.Context(), method, &u, h, body)
	}
	const doc = "guest%2Fhello"
	step := func(name string, got answer, status int, member string, want any) answer {
		t.Helper()
		if got.status != status {
			t.Fatalf("%s: got status %d, want %d: %s", name, got.status, status, got.raw)
		}
		if member != "" && got.body[member] != want {
			t.Fatalf("%s: got %s %v, want %v", name, member, got.body[member], want)
		}
		return got
	}
	rev := func(a answer) string { s, _ := a.body["rev"].(string); return s }

	step("read what is not there", do("GET", doc, "", ""), 404, "reason", "missing")
	first := step("create", do("PUT", doc, "", `{"n":1}`), 201, "ok", true)
	if first.etag != rev(first) {
		t.Errorf("create: got ETag %q, want the revision %q", first.etag, rev(first))
	}
	step("create again", do("PUT", doc, "", `{"n":1}`), 409, "error", "conflict")
	second := step("update, revision in the body", do("PUT", doc, "", `{"n":2,"_rev":"`+rev(first)+`"}`), 201, "ok", true)
	third := step("update, If-Match", do("PUT", doc, "", `{"n":3}`, "If-Match", `"`+rev(second)+`"`), 201, "ok", true)
	step("update, stale", do("PUT", doc, "", `{"n":4,"_rev":"`+rev(second)+`"}`), 409, "error", "conflict")
	step("update, malformed revision", do("PUT", doc, "", `{"n":4,"_rev":"42"}`), 400, "error", "bad_request")
	if got := step("read", do("GET", doc, "", ""), 200, "_rev", rev(third)); got.etag != rev(third) {
		t.Errorf("read: got ETag %q, want the revision %q", got.etag, rev(third))
	}
	step("member with an underscore", do("PUT", "other", "", `{"_clusterId":"a"}`), 400, "error", "doc_validation")
	step("id with an underscore", do("PUT", "_other", "", `{}`), 400, "", nil)
	step("too large", do("PUT", "other", "", `{"a":"`+strings.Repeat("x", 8_000_000)+`"}`), 413, "", nil)

	step("delete, stale", do("DELETE", doc, "rev="+rev(first), ""), 409, "error", "conflict")
	step("delete what is not there", do("DELETE", "absent", "rev="+rev(first), ""), 404, "reason", "missing")
	dead := step("delete with members", do("PUT", doc, "", `{"_deleted":true,"clusterId":"a","_rev":"`+rev(third)+`"}`), 201, "ok", true)
	step("read a tombstone", do("GET", doc, "", ""), 404, "reason", "deleted")
	step("delete a tombstone", do("DELETE", doc, "rev="+rev(third), ""), 404, "reason", "deleted")
	step("members of a tombstone", do("GET", doc, "rev="+rev(dead), ""), 200, "clusterId", "a")
	if got := step("leaves", do("GET", doc, "open_revs=all", ""), 200, "", nil); !strings.Contains(got.raw, `"clusterId":"a"`) {
		t.Errorf("leaves: got %s, want the tombstone", got.raw)
	}
	again := step("create over a tombstone", do("PUT", doc, "", `{"n":5}`), 201, "ok", true)
	if got, want := generation(again), generation(dead); got <= want {
		t.Errorf("create over a tombstone: got generation %s, want more than %s", got, want)
	}

	now := step("changes from now", do("GET", "_changes", "since=now&limit=0", ""), 200, "pending", 0.0)
	seq, ok := now.body["last_seq"].(string)
	if !ok || !strings.Contains(seq, "-") {
		t.Errorf("changes from now: got last_seq %v, want an opaque text", now.body["last_seq"])
	}
	since := "since=" + url.QueryEscape(seq)
	step("changes from nowhere", do("GET", "_changes", "since=bogus", ""), 400, "", nil)
	step("longpoll without a change", do("GET", "_changes", since+"&feed=longpoll&timeout=50", ""), 200, "", nil)
	step("write", do("PUT", "late", "", `{"clusterId":"b"}`), 201, "ok", true)
	if got := step("changes", do("GET", "_changes", since+"&include_docs=true", ""), 200, "pending", 0.0); !strings.Contains(got.raw, `"clusterId":"b"`) {
		t.Errorf("changes: got %s, want the document", got.raw)
	}
	all := step("changes, a page of one", do("GET", "_changes", "limit=1", ""), 200, "", nil)
	if rows, _ := all.body["results"].([]any); len(rows) != 1 || all.body["pending"] == 0.0 {
		t.Errorf("changes, a page of one: got %s, want one row and others pending", all.raw)
	}
	seqOf := step("view with update_seq", do("GET", "_design/subjects.v2.0.0/_view/identities", "update_seq=true", ""), 200, "", nil).body["update_seq"]
	if seq, ok := seqOf.(string); !ok || seq == "" {
		t.Errorf("view with update_seq: got %v, want an opaque text", seqOf)
	} else {
		step("changes since the view", do("GET", "_changes", "since="+url.QueryEscape(seq), ""), 200, "pending", 0.0)
	}
	anonymous := *db.url
	anonymous.User = nil
	step("without credentials", send(t, t.Context(), "GET", &anonymous, http.Header{}, ""), 401, "error", "unauthorized")
}

func generation(a answer) string {
	rev, _ := a.body["rev"].(string)
	n, _, _ := strings.Cut(rev, "-")
	return n
}

// TestCouchDBContinuousFeed: the header comes before the first change, changes
// and heartbeats come as they happen.
func TestCouchDBContinuousFeed(t *testing.T) {
	db := newCouchDB(t, "subjects", nil)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	u := db.url.JoinPath("_changes")
	u.RawQuery = "feed=continuous&since=now&heartbeat=50"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	req.SetBasicAuth(u.User.Username(), password)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()

	lines := bufio.NewScanner(resp.Body)
	next := func() string {
		t.Helper()
		if !lines.Scan() {
			t.Fatalf("feed ended: %v", lines.Err())
		}
		return lines.Text()
	}
	if line := next(); line != "" {
		t.Errorf("got %q, want a heartbeat", line)
	}
	db.call(t, http.MethodPut, "late", nil, map[string]any{"n": 1}, nil)
	var change struct{ ID, Seq string }
	for change.ID == "" {
		if line := next(); line != "" {
			if err := json.Unmarshal([]byte(line), &change); err != nil {
				t.Fatalf("%v in %q", err, line)
			}
		}
	}
	if change.ID != "late" || change.Seq == "" {
		t.Errorf("got %+v, want the change of late", change)
	}
}
