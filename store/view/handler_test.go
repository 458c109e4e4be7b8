package view_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/view"
)

const (
	whiskTables = "whisks.v2.1.0/"
	activations = "whisks.v2.1.0/activations"
	filtered    = "whisks-filters.v2.1.1/activations"
	identities  = "subjects.v2.0.0/identities"
	blocked     = "namespaceThrottlings/blockedNamespaces"
)

// everything is the query for all rows under a path.
func everything(table, path string) *store.Query {
	return &store.Query{Table: table, StartKey: store.Key{path}, EndKey: store.Key{path, store.Top}}
}

// lookup is a query of identities.
func lookup(key ...any) *store.Query {
	return &store.Query{Table: identities, StartKey: key, EndKey: key}
}

func newPlan(t testing.TB, collection string, q *store.Query) *view.Plan {
	t.Helper()
	p, err := view.NewPlan(collection, q)
	if err != nil {
		t.Fatalf("plan of %v: %v", q, err)
	}
	return p
}

func noLimits(context.Context, string) (store.Document, error) {
	return store.Document{}, store.ErrNotFound
}

// rowsOf returns the rows of one document as upstream writes them.
func rowsOf(t *testing.T, collection string, q *store.Query, id, body string) []string {
	t.Helper()
	rows, err := newPlan(t, collection, q).Rows(t.Context(), store.Document{ID: id, Body: json.RawMessage(body)}, noLimits)
	if err != nil {
		t.Fatalf("rows of %s: %v", body, err)
	}
	var texts []string
	for _, row := range rows {
		text, err := json.Marshal(row)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	return texts
}

func TestComputedFields(t *testing.T) {
	for _, tc := range []struct{ name, collection, body, want string }{
		{"DH-01_no_namespace", store.Whisks, `{"foo":"bar"}`, ``},
		{"DH-02_plain_namespace", store.Whisks, `{"namespace":"foo"}`, `{"rootns":"foo"}`},
		{"DH-02_rule", store.Whisks, `{"namespace":"foo","name":"foo","trigger":{"path":"system","name":"bar"},"action":{"path":"system","name":"bar"},"version":"0.0.1","publish":false,"annotations":[],"updated":1,"entityType":"rule"}`, `{"rootns":"foo"}`},
		{"DH-03_nested_namespace", store.Whisks, `{"namespace":"foo/bar"}`, `{"rootns":"foo"}`},
		{"DH-03_rule", store.Whisks, `{"namespace":"foo/bar","name":"foo","trigger":{},"action":{},"entityType":"rule"}`, `{"rootns":"foo"}`},
		{"DH-13_no_namespace", store.Activations, `{"annotations":[{"key":"foo","value":"bar"}]}`, `{"deleteLogs":true}`},
		{"DH-14_sequence", store.Activations, `{"annotations":[{"key":"kind","value":"sequence"}]}`, `{"deleteLogs":false}`},
		{"DH-15_kind_action", store.Activations, `{"namespace":"foons","name":"bar","annotations":[{"key":"kind","value":"action"}]}`, `{"nspath":"foons/bar","deleteLogs":true}`},
		{"DH-16_path_with_package", store.Activations, `{"namespace":"foons","name":"bar","annotations":[{"key":"path","value":"barns/barpkg/baraction"}]}`, `{"nspath":"foons/barpkg/bar","deleteLogs":true}`},
		{"DH-17_path_without_package", store.Activations, `{"namespace":"foons","name":"bar","annotations":[{"key":"path","value":"baraction"}]}`, `{"nspath":"foons/bar","deleteLogs":true}`},

		{"no_computed_fields_of_subjects", store.Subjects, `{"subject":"foo","namespace":"foo"}`, ``},
		{"namespace_not_a_string", store.Whisks, `{"namespace":["foo"]}`, ``},
		{"empty_namespace", store.Whisks, `{"namespace":""}`, `{"rootns":""}`},
		{"trailing_separators_end_no_segment", store.Whisks, `{"namespace":"foo//"}`, `{"rootns":"foo//"}`},
		{"only_separators", store.Whisks, `{"namespace":"//"}`, `{"rootns":"//"}`},
		{"leading_separator", store.Whisks, `{"namespace":"/foo"}`, `{"rootns":""}`},
		{"last_of_two_members_counts", store.Whisks, `{"namespace":"a/b","namespace":"c/d"}`, `{"rootns":"c"}`},
		{"escaped_as_spray_json_does", store.Whisks, `{"namesp\u0061ce":"<\"\u00e9\u2028\u0001\b\/"}`, `{"rootns":"<\"é` + "\u2028" + `\u0001\b/"}`},
		{"path_with_trailing_separator", store.Activations, `{"namespace":"n","name":"a","annotations":[{"key":"path","value":"x/y/z/"}]}`, `{"nspath":"n/y/a","deleteLogs":true}`},
		{"path_with_empty_package", store.Activations, `{"namespace":"n","name":"a","annotations":[{"key":"path","value":"x//z"}]}`, `{"nspath":"n//a","deleteLogs":true}`},
		{"path_of_four_segments", store.Activations, `{"namespace":"n","name":"a","annotations":[{"key":"path","value":"w/x/y/z"}]}`, `{"nspath":"n/a","deleteLogs":true}`},
		{"first_path_wins", store.Activations, `{"namespace":"n","name":"a","annotations":[{"key":"path","value":"x/p1/a"},{"key":"path","value":"x/p2/a"}]}`, `{"nspath":"n/p1/a","deleteLogs":true}`},
		{"path_without_value_is_none", store.Activations, `{"namespace":"n","name":"a","annotations":[{"key":"path"},{"key":"path","value":"x/p2/a"}]}`, `{"nspath":"n/p2/a","deleteLogs":true}`},
		{"binding_is_ignored", store.Activations, `{"namespace":"n","name":"a","annotations":[{"key":"binding","value":"x/bound"},{"key":"path","value":"x/p/a"}]}`, `{"nspath":"n/p/a","deleteLogs":true}`},
		// From here on Scala fails the write (D5).
		{"path_not_a_string", store.Activations, `{"namespace":"n","name":"a","annotations":[{"key":"path","value":[1]}]}`, `{"nspath":"n/a","deleteLogs":true}`},
		{"path_null", store.Activations, `{"namespace":"n","name":"a","annotations":[{"key":"path","value":null}]}`, `{"nspath":"n/a","deleteLogs":true}`},
		{"kind_not_a_string", store.Activations, `{"namespace":"n","name":"a","annotations":[{"key":"kind","value":{"sequence":1}}]}`, `{"nspath":"n/a","deleteLogs":true}`},
		{"elements_not_objects", store.Activations, `{"namespace":"n","name":"a","annotations":[1,"path",null,[{}],{"key":"kind","value":"sequence"}]}`, `{"nspath":"n/a","deleteLogs":false}`},
		{"no_name", store.Activations, `{"namespace":"n"}`, `{"deleteLogs":true}`},
		{"name_not_a_string", store.Activations, `{"namespace":"n","name":7}`, `{"deleteLogs":true}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := view.Computed(tc.collection, []byte(tc.body))
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != tc.want {
				t.Errorf("_c of %s: got %s, want %s", tc.body, got, tc.want)
			}
			if tc.want == "" && got != nil {
				t.Errorf("_c of %s: got %q, want nil", tc.body, got)
			}
		})
	}
}

func TestComputedErrors(t *testing.T) {
	if _, err := view.Computed(store.Whisks, []byte(`{"namespace":`)); !errors.Is(err, store.ErrUnreadable) {
		t.Errorf("malformed body: got %v, want %v", err, store.ErrUnreadable)
	}
	if _, err := view.Computed("others", []byte(`{}`)); !errors.Is(err, store.ErrUnsupported) {
		t.Errorf("unknown collection: got %v, want %v", err, store.ErrUnsupported)
	}
}

func TestAnnotation(t *testing.T) {
	appendX := func(value []byte) string {
		var s string
		if err := json.Unmarshal(value, &s); err != nil {
			t.Error(err)
		}
		return s + "-x"
	}
	for _, tc := range []struct{ name, annotations, want string }{
		{"DH-11_none", ``, "default"},
		{"DH-11_not_an_array", `{"fooKey":"fooValue"}`, "default"},
		{"DH-11_other_name", `[{"key":"barKey","value":"barValue"}]`, "default"},
		{"DH-12_transform", `[{"key":"fooKey","value":"fooValue"}]`, "fooValue-x"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := view.AnnotationOr([]byte(tc.annotations), "fooKey", "default", appendX); got != tc.want {
				t.Errorf("annotation in %q: got %s, want %s", tc.annotations, got, tc.want)
			}
		})
	}
}

func TestListRows(t *testing.T) {
	// Every document needs its order field to have a row; the checklist's lack it.
	for _, tc := range []struct{ name, table, body, want string }{
		{"DH-04_trigger", whiskTables + "triggers", `{"namespace":"foo","version":5,"end":9,"cause":204,"updated":1}`,
			`{"namespace":"foo","version":5,"updated":1}`},
		{"DH-05_package_public", whiskTables + "packages-public", `{"namespace":"foo","version":5,"binding":{"foo":"bar"},"cause":204,"updated":1}`,
			`{"namespace":"foo","version":5,"updated":1,"binding":false}`},
		{"DH-06_package", whiskTables + "packages", `{"namespace":"foo","version":5,"binding":{"foo":"bar"},"cause":204,"updated":1}`,
			`{"namespace":"foo","version":5,"updated":1,"binding":{"foo":"bar"}}`},
		{"DH-07_action", whiskTables + "actions", `{"namespace":"foo","version":5,"binding":{"foo":"bar"},"limits":204,"exec":{"binary":true,"code":"x"},"updated":1}`,
			`{"namespace":"foo","version":5,"updated":1,"limits":204,"exec":{"binary":true}}`},
		{"DH-08_action_without_exec", whiskTables + "actions", `{"namespace":"foo","version":5,"binding":{"foo":"bar"},"limits":204,"updated":1}`,
			`{"namespace":"foo","version":5,"updated":1,"limits":204,"exec":{"binary":false}}`},
		{"DH-09_exec_without_binary", whiskTables + "actions", `{"namespace":"foo","version":5,"limits":204,"exec":{"code":"stuff"},"updated":1}`,
			`{"namespace":"foo","version":5,"updated":1,"limits":204,"exec":{"binary":false}}`},
		{"DH-18_activation", activations, `{"namespace":"foo","extra":false,"cause":204,"start":5}`,
			`{"namespace":"foo","start":5,"cause":204}`},
		{"DH-19_ended", activations, `{"namespace":"foo","extra":false,"cause":204,"start":5,"end":9,"duration":77}`,
			`{"namespace":"foo","start":5,"cause":204,"end":9,"duration":4}`},
		{"DH-20_not_ended", activations, `{"namespace":"foo","extra":false,"cause":204,"start":5,"end":0,"duration":77}`,
			`{"namespace":"foo","start":5,"cause":204}`},
		{"DH-21_statusCode", activations, `{"namespace":"foo","cause":204,"start":5,"end":0,"response":{"statusCode":404,"result":{}}}`,
			`{"namespace":"foo","start":5,"cause":204,"statusCode":404}`},
		{"DH-22_no_statusCode", activations, `{"namespace":"foo","cause":204,"start":5,"end":0,"response":{"status":404}}`,
			`{"namespace":"foo","start":5,"cause":204}`},

		{"rule_has_common_members", whiskTables + "rules", `{"trigger":{},"annotations":[],"publish":false,"version":"0.0.1","name":"r","namespace":"foo","updated":1}`,
			`{"namespace":"foo","name":"r","version":"0.0.1","publish":false,"annotations":[],"updated":1}`},
		{"nested_values_stay_verbatim", whiskTables + "actions", `{"updated":1.70e12,"annotations":[ {"key":"a","value":12345678901234567890.10} ],"exec":{"binary":"yes"},"limits":{ }}`,
			`{"annotations":[ {"key":"a","value":12345678901234567890.10} ],"updated":1.70e12,"limits":{ },"exec":{"binary":"yes"}}`},
		{"escaped_names_of_members", whiskTables + "actions", `{"upd\u0061ted":1,"exec":{"b\u0069nary":true}}`, `{"updated":1,"exec":{"binary":true}}`},
		{"last_of_two_members", whiskTables + "actions", `{"updated":2,"updated":1,"exec":{"binary":true,"binary":false}}`, `{"updated":1,"exec":{"binary":false}}`},
		{"entity_keeps_nulls", whiskTables + "triggers", `{"namespace":null,"updated":1}`, `{"namespace":null,"updated":1}`},
		{"activation_drops_nulls", activations, `{"cause":null,"start":5,"end":null,"response":{"statusCode":null}}`, `{"start":5}`},
		{"empty_binding", whiskTables + "packages", "{\"updated\":1,\"binding\":{ \n}}", `{"updated":1,"binding":false}`},
		{"binding_not_an_object", whiskTables + "packages", `{"updated":1,"binding":"x"}`, `{"updated":1,"binding":false}`},
		{"exec_not_an_object", whiskTables + "actions", `{"updated":1,"exec":[{"binary":true}]}`, `{"updated":1,"exec":{"binary":false}}`},
		{"large_times_are_exact", activations, `{"start":100000000000000001,"end":100000000000000004}`,
			`{"start":100000000000000001,"end":100000000000000004,"duration":3}`},
		{"fractions_of_times", activations, `{"start":1.5,"end":1.2e1}`, `{"start":1.5,"end":1.2e1,"duration":10.5}`},
		{"duration_stays_a_number", activations, `{"start":-1e308,"end":1e308}`, `{"start":-1e308,"end":1e308,"duration":1.7976931348623157e+308}`},
		{"ended_at_minus_zero", activations, `{"start":1,"end":-0.0}`, `{"start":1}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			collection := store.Whisks
			if tc.table == activations {
				collection = store.Activations
			}
			rows, err := newPlan(t, collection, everything(tc.table, "foo")).Rows(t.Context(), store.Document{ID: "foo/x", Body: []byte(tc.body)}, nil)
			if err != nil || len(rows) != 1 {
				t.Fatalf("rows of %s: got %v and %v, want one", tc.body, rows, err)
			}
			if got := string(rows[0].Value); got != tc.want {
				t.Errorf("value of %s: got %s, want %s", tc.body, got, tc.want)
			}
		})
	}
}

func TestRequiredFields(t *testing.T) {
	common := []string{"namespace", "name", "version", "publish", "annotations", "updated"}
	with := func(more ...string) []string { return append(slices.Clone(common), more...) }
	activity := []string{"namespace", "name", "version", "publish", "annotations", "activationId", "start", "cause", "end", "response.statusCode"}
	for _, tc := range []struct {
		name, collection, table string
		want                    []string
	}{
		{"DH-10_actions", store.Whisks, whiskTables + "actions", with("limits", "exec.binary")},
		{"DH-10_packages", store.Whisks, whiskTables + "packages", with("binding")},
		{"DH-10_packages-public", store.Whisks, whiskTables + "packages-public", common},
		{"DH-10_rules", store.Whisks, whiskTables + "rules", common},
		{"DH-10_triggers", store.Whisks, whiskTables + "triggers", common},
		{"DH-23_activations", store.Activations, activations, activity},
		{"DH-23_filtered", store.Activations, filtered, activity},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newPlan(t, tc.collection, everything(tc.table, "foo"))
			got := p.Fields()
			if !slices.Equal(got, tc.want) {
				t.Errorf("fields: got %v, want %v", got, tc.want)
			}
			got[0] = "changed"
			if again := p.Fields(); !slices.Equal(again, tc.want) {
				t.Errorf("fields after a caller changed them: got %v, want %v", again, tc.want)
			}
			q := everything(tc.table, "foo")
			q.IncludeDocs = true
			if got := newPlan(t, tc.collection, q).Fields(); got != nil {
				t.Errorf("fields with documents: got %v, want nil", got)
			}
		})
	}
	for name, collection := range map[string]string{"DH-10_unknown": store.Whisks, "DH-24_unknown": store.Activations} {
		t.Run(name, func(t *testing.T) {
			if _, err := view.NewPlan(collection, everything("whisks.v2.1.0/unknown", "foo")); !errors.Is(err, store.ErrUnsupported) {
				t.Errorf("view unknown: got %v, want %v", err, store.ErrUnsupported)
			}
		})
	}
	if got := newPlan(t, store.Subjects, lookup("foo")).Fields(); got != nil {
		t.Errorf("fields of identities: got %v, want nil", got)
	}
}
