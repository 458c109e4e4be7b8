package view_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/whiskstore/whiskstore/store"
)

func TestIdentities(t *testing.T) {
	const (
		top    = `{"subject":"foo","uuid":"u1","key":"k1"}`
		nested = `{"subject":"bar","namespaces":[{"name":"foo","uuid":"u2","key":"k2"}]}`
		two    = `{"subject":"bar","namespaces":[{"name":"foo","uuid":"u2","key":"k2"},{"name":"foo2","uuid":"u3","key":"k3"}]}`
	)
	for _, tc := range []struct {
		name string
		key  store.Key
		body string
		want string // the row, none when empty
		join string // the document that was asked for
	}{
		{"DH-25_top_level_by_name", store.Key{"foo"}, top,
			`{"id":"bar","key":["foo"],"value":{"_id":"foo/limits","namespace":"foo","uuid":"u1","key":"k1"},"doc":null}`, ""},
		{"DH-26_namespace_by_name", store.Key{"foo"}, nested,
			`{"id":"bar","key":["foo"],"value":{"_id":"foo/limits","namespace":"foo","uuid":"u2","key":"k2"},"doc":null}`, "foo/limits"},
		{"DH-27_top_level_by_credentials", store.Key{"u1", "k1"}, top,
			`{"id":"bar","key":["u1","k1"],"value":{"_id":"foo/limits","namespace":"foo","uuid":"u1","key":"k1"},"doc":null}`, ""},
		{"DH-28_namespace_by_credentials", store.Key{"u2", "k2"}, nested,
			`{"id":"bar","key":["u2","k2"],"value":{"_id":"foo/limits","namespace":"foo","uuid":"u2","key":"k2"},"doc":null}`, "foo/limits"},
		{"DH-29_no_key_and_blocked", store.Key{"foo"}, `{"subject":"foo","uuid":"u1","blocked":true}`, "", ""},
		{"DH-30_no_limits_document", store.Key{"u2", "k2"}, nested,
			`{"id":"bar","key":["u2","k2"],"value":{"_id":"foo/limits","namespace":"foo","uuid":"u2","key":"k2"},"doc":null}`, "foo/limits"},
		{"DH-31_uuid_and_key_of_different_namespaces", store.Key{"u2", "k3"}, two, "", ""},

		{"no_key_but_not_blocked", store.Key{"foo"}, `{"subject":"foo","uuid":"u1"}`, "", ""},
		{"blocked", store.Key{"foo"}, `{"blocked":true,` + nested[1:], "", ""},
		{"blocked_by_a_string_is_not", store.Key{"foo"}, `{"blocked":"true",` + nested[1:],
			`{"id":"bar","key":["foo"],"value":{"_id":"foo/limits","namespace":"foo","uuid":"u2","key":"k2"},"doc":null}`, "foo/limits"},
		{"second_namespace", store.Key{"foo2"}, two,
			`{"id":"bar","key":["foo2"],"value":{"_id":"foo2/limits","namespace":"foo2","uuid":"u3","key":"k3"},"doc":null}`, "foo2/limits"},
		{"top_level_that_does_not_match", store.Key{"n"}, `{"subject":"s","uuid":"u","key":"k","namespaces":[{"name":"n","uuid":"u","key":"k"}]}`,
			`{"id":"bar","key":["n"],"value":{"_id":"n/limits","namespace":"n","uuid":"u","key":"k"},"doc":null}`, "n/limits"},
		{"top_level_wins", store.Key{"u", "k"}, `{"subject":"s","uuid":"u","key":"k","namespaces":[{"name":"n","uuid":"u","key":"k"}]}`,
			`{"id":"bar","key":["u","k"],"value":{"_id":"s/limits","namespace":"s","uuid":"u","key":"k"},"doc":null}`, ""},
		{"odd_elements", store.Key{"foo"}, `{"namespaces":[1,null,{},{"name":"foo"},{"name":"foo","uuid":1,"key":"k"},{"name":"f\u006fo","uuid":"u\"","key":"k"}]}`,
			`{"id":"bar","key":["foo"],"value":{"_id":"foo/limits","namespace":"foo","uuid":"u\"","key":"k"},"doc":null}`, "foo/limits"},
		{"namespaces_not_an_array", store.Key{"foo"}, `{"namespaces":{"name":"foo","uuid":"u","key":"k"}}`, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var asked []string
			join := func(_ context.Context, id string) (store.Document, error) {
				asked = append(asked, id)
				return store.Document{}, &store.Error{Kind: store.ErrNotFound}
			}
			rows, err := newPlan(t, store.Subjects, lookup(tc.key...)).Rows(t.Context(), store.Document{ID: "bar", Body: []byte(tc.body)}, join)
			if err != nil {
				t.Fatal(err)
			}
			var got string
			for _, row := range rows {
				text, err := json.Marshal(row)
				if err != nil {
					t.Fatal(err)
				}
				got += string(text)
			}
			if got != tc.want {
				t.Errorf("row of %s: got %s, want %s", tc.body, got, tc.want)
			}
			var want []string
			if tc.join != "" {
				want = []string{tc.join}
			}
			if !slices.Equal(asked, want) {
				t.Errorf("joins: got %v, want %v", asked, want)
			}
		})
	}
}

func TestJoin(t *testing.T) {
	doc := store.Document{ID: "bar", Version: store.Version{Rev: "1-a"}, Body: []byte(`{"namespaces":[{"name":"foo","uuid":"u","key":"k"}]}`)}
	p := newPlan(t, store.Subjects, lookup("foo"))

	limits := store.Document{ID: "foo/limits", Body: []byte(`{"invocationsPerMinute":7}`)}
	rows, err := p.Rows(t.Context(), doc, func(context.Context, string) (store.Document, error) { return limits, nil })
	if err != nil || len(rows) != 1 || rows[0].Doc == nil || rows[0].Doc.ID != "foo/limits" || string(rows[0].Doc.Body) != string(limits.Body) {
		t.Errorf("row with limits: got %+v and %v, want document %s", rows, err, limits.ID)
	}
	if rows[0].Rev != "1-a" {
		t.Errorf("revision of the row: got %q, want the subject's", rows[0].Rev)
	}

	fault := &store.Error{Op: store.OpGet, ID: "foo/limits", Kind: store.ErrThrottled}
	outage := &store.Error{Op: store.OpGet, ID: "foo/limits", Kind: store.ErrUnavailable, Err: &store.Error{Kind: store.ErrNotFound}} // no absence
	for _, want := range []error{fault, outage, context.Canceled} {
		_, err := p.Rows(t.Context(), doc, func(context.Context, string) (store.Document, error) { return store.Document{}, want })
		if err != want {
			t.Errorf("failed join: got %v, want %v unchanged", err, want)
		}
	}
	if _, err := p.Rows(t.Context(), doc, nil); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("no join given: got %v, want %v", err, store.ErrInvalid)
	}
}

func TestBlockedNamespaces(t *testing.T) {
	for _, tc := range []struct {
		name, id, body string
		want           []string
	}{
		{"DH-32_concurrentInvocations", "bar/limits", `{"concurrentInvocations":0}`, []string{`{"id":"bar/limits","key":"bar","value":1}`}},
		{"DH-33_invocationsPerMinute", "bar/limits", `{"concurrentInvocations":10,"invocationsPerMinute":0}`, []string{`{"id":"bar/limits","key":"bar","value":1}`}},
		{"DH-34_not_zero", "bar/limits", `{"concurrentInvocations":10,"invocationsPerMinute":40}`, nil},
		{"DH-35_blocked_subject", "bar", `{"subject":"bar","blocked":true,"namespaces":[{"name":"foo","uuid":"u","key":"k"},{"name":"foo2","uuid":"u2","key":"k2"}]}`,
			[]string{`{"id":"bar","key":"foo","value":1}`, `{"id":"bar","key":"foo2","value":1}`}},
		{"DH-36_not_blocked", "bar", `{"subject":"bar","blocked":false,"namespaces":[{"name":"foo"},{"name":"foo2"}]}`, nil},

		{"malformed_limits_otherwise", "bar/limits", `{"concurrentInvocations":0,"maxParameterSize":5,"allowedKinds":"x","invocationsPerMinute":"y"}`,
			[]string{`{"id":"bar/limits","key":"bar","value":1}`}},
		{"zero_as_a_string_is_none", "bar/limits", `{"concurrentInvocations":"0"}`, nil},
		{"zero_by_value", "bar/limits", `{"concurrentInvocations":0.0}`, []string{`{"id":"bar/limits","key":"bar","value":1}`}},
		{"text_before_the_first_suffix", "a/limits/limits", `{"concurrentInvocations":0}`, []string{`{"id":"a/limits/limits","key":"a","value":1}`}},
		{"limits_of_a_subject_do_not_count", "bar", `{"concurrentInvocations":0}`, nil},
		{"no_subject", "bar", `{"blocked":true,"namespaces":[{"name":"foo"}]}`, nil},
		{"odd_elements", "bar", `{"subject":1,"blocked":true,"namespaces":[3,{},{"name":4},{"name":"f\"o"}]}`, []string{`{"id":"bar","key":"f\"o","value":1}`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, docs := range []bool{false, true} {
				q := &store.Query{Table: blocked, IncludeDocs: docs}
				if got := rowsOf(t, store.Subjects, q, tc.id, tc.body); !slices.Equal(got, tc.want) {
					t.Errorf("rows of %s, documents %t: got %v, want %v", tc.body, docs, got, tc.want)
				}
				if got := newPlan(t, store.Subjects, q).RowCount(tc.id, []byte(tc.body)); got != len(tc.want) {
					t.Errorf("row count of %s: got %d, want %d", tc.body, got, len(tc.want))
				}
			}
		})
	}
}
