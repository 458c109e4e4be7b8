package view_test

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/view"
)

func TestPlanKeys(t *testing.T) {
	inf := math.Inf(1)
	for _, tc := range []struct {
		name     string
		start    store.Key
		end      store.Key
		min, max float64
	}{
		{"everything", store.Key{"ns"}, store.Key{"ns", store.Top}, -inf, inf},
		{"since", store.Key{"ns", 5}, store.Key{"ns", store.Top, store.Top}, 5, inf},
		{"since_and_upto", store.Key{"ns", int64(5)}, store.Key{"ns", 7.5, store.Top}, 5, 7.5},
		{"empty_range", store.Key{"ns", 9}, store.Key{"ns", 7, store.Top}, 9, 7},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newPlan(t, store.Whisks, &store.Query{Table: whiskTables + "actions", StartKey: tc.start, EndKey: tc.end})
			v, path, lo, hi := p.Range()
			if v != view.Actions || path != "ns" || lo != tc.min || hi != tc.max {
				t.Errorf("range: got %v %q %v..%v, want actions \"ns\" %v..%v", v, path, lo, hi, tc.min, tc.max)
			}
		})
	}
}

func TestPlanFields(t *testing.T) {
	for _, tc := range []struct {
		name, collection string
		q                store.Query
		want             view.Plan // the exported fields
	}{
		{"list", store.Activations, store.Query{Table: filtered, StartKey: store.Key{"ns/a", 1}, EndKey: store.Key{"ns/a", 2, store.Top},
			Skip: 3, Limit: 4, IncludeDocs: true, Descending: true, Stale: store.StaleUpdateAfter},
			view.Plan{View: view.ActivationsFilter, Path: "ns/a", Min: 1, Max: 2, Skip: 3, Limit: 4, IncludeDocs: true, Descending: true}},
		{"identities_always_have_documents", store.Subjects, store.Query{Table: "subjects/identities", StartKey: store.Key{"n"}, EndKey: store.Key{"n"}},
			view.Plan{View: view.Identities, Name: "n", Min: math.Inf(-1), Max: math.Inf(1), IncludeDocs: true}},
		{"credentials", store.Subjects, store.Query{Table: identities, StartKey: store.Key{"u", "k"}, EndKey: store.Key{"u", "k"}},
			view.Plan{View: view.Identities, UUID: "u", Key: "k", Min: math.Inf(-1), Max: math.Inf(1), IncludeDocs: true}},
		{"blocked_namespaces_never", store.Subjects, store.Query{Table: blocked, IncludeDocs: true},
			view.Plan{View: view.BlockedNamespaces, Min: math.Inf(-1), Max: math.Inf(1)}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := reflect.ValueOf(newPlan(t, tc.collection, &tc.q)).Elem()
			want := reflect.ValueOf(tc.want)
			for i, f := range reflect.VisibleFields(want.Type()) {
				if f.IsExported() && !got.Field(i).Equal(want.Field(i)) {
					t.Errorf("%s: got %v, want %v", f.Name, got.Field(i), want.Field(i))
				}
			}
		})
	}
}

func TestPlanErrors(t *testing.T) {
	key := func(e ...any) store.Key { return e }
	actions := whiskTables + "actions"
	for _, tc := range []struct {
		name, collection string
		q                *store.Query
		want             store.Kind
	}{
		{"QRY-D3_unknown_table", store.Whisks, everything("whisks.v2.1.0/sequences", "ns"), store.ErrUnsupported},
		{"unknown_design_document", store.Whisks, everything("whisks.v9/actions", "ns"), store.ErrUnsupported},
		{"table_of_another_collection", store.Whisks, everything(activations, "ns"), store.ErrUnsupported},
		{"unknown_collection", "others", everything(actions, "ns"), store.ErrUnsupported},
		{"activations_by_date", store.Activations, everything("activations/byDate", "ns"), store.ErrUnsupported},
		{"QRY-D3_no_keys", store.Whisks, &store.Query{Table: actions}, store.ErrUnsupported},
		{"QRY-D3_different_paths", store.Whisks, &store.Query{Table: actions, StartKey: key("a"), EndKey: key("b", store.Top)}, store.ErrUnsupported},
		{"no_top", store.Whisks, &store.Query{Table: actions, StartKey: key("a"), EndKey: key("a")}, store.ErrUnsupported},
		{"upto_without_since", store.Whisks, &store.Query{Table: actions, StartKey: key("a"), EndKey: key("a", 5, store.Top)}, store.ErrUnsupported},
		{"since_without_end", store.Whisks, &store.Query{Table: actions, StartKey: key("a", 5), EndKey: key("a", store.Top)}, store.ErrUnsupported},
		{"since_a_string", store.Whisks, &store.Query{Table: actions, StartKey: key("a", "5"), EndKey: key("a", store.Top, store.Top)}, store.ErrUnsupported},
		{"upto_a_bool", store.Whisks, &store.Query{Table: actions, StartKey: key("a", 5), EndKey: key("a", true, store.Top)}, store.ErrUnsupported},
		{"path_a_number", store.Whisks, &store.Query{Table: actions, StartKey: key(5), EndKey: key(5, store.Top)}, store.ErrUnsupported},
		{"three_elements", store.Whisks, &store.Query{Table: actions, StartKey: key("a", 1, 2), EndKey: key("a", 1, 2, store.Top)}, store.ErrUnsupported},
		{"identities_without_key", store.Subjects, &store.Query{Table: identities}, store.ErrUnsupported},
		{"identities_of_a_range", store.Subjects, everything(identities, "n"), store.ErrUnsupported},
		{"identities_of_two_names", store.Subjects, &store.Query{Table: identities, StartKey: key("a"), EndKey: key("b")}, store.ErrUnsupported},
		{"identities_of_three_elements", store.Subjects, lookup("a", "b", "c"), store.ErrUnsupported},
		{"identities_of_a_number", store.Subjects, lookup(5), store.ErrUnsupported},
		{"block_list_with_keys", store.Subjects, &store.Query{Table: blocked, StartKey: key("a"), EndKey: key("a")}, store.ErrUnsupported},
		{"reduce", store.Whisks, &store.Query{Table: actions, StartKey: key("a"), EndKey: key("a", store.Top), Reduce: true}, store.ErrUnsupported},
		{"QRY-D2_reduce_with_documents", store.Whisks, &store.Query{Table: actions, StartKey: key("a"), EndKey: key("a", store.Top), Reduce: true, IncludeDocs: true}, store.ErrInvalid},
		{"QRY-09_negative_limit", store.Whisks, &store.Query{Table: actions, StartKey: key("a"), EndKey: key("a", store.Top), Limit: -1}, store.ErrInvalid},
		{"QRY-09_negative_skip", store.Whisks, &store.Query{Table: actions, StartKey: key("a"), EndKey: key("a", store.Top), Skip: -1}, store.ErrInvalid},
		{"key_element_of_another_type", store.Whisks, &store.Query{Table: actions, StartKey: key([]string{"a"}), EndKey: key([]string{"a"}, store.Top)}, store.ErrInvalid},
		{"not_a_number", store.Whisks, &store.Query{Table: actions, StartKey: key("a", math.NaN()), EndKey: key("a", store.Top, store.Top)}, store.ErrInvalid},
		{"malformed_table", store.Whisks, everything("actions", "a"), store.ErrInvalid},
		{"no_query", store.Whisks, nil, store.ErrInvalid},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, err := view.NewPlan(tc.collection, tc.q)
			var e *store.Error
			if p != nil || !errors.As(err, &e) || e.Kind != tc.want {
				t.Fatalf("plan: got %v and error %v, want kind %v", p, err, tc.want)
			}
			if e.Op != store.OpQuery || e.Collection != tc.collection || tc.q != nil && e.ID != tc.q.Table {
				t.Errorf("error names %s %q %q, want query, the collection and the table", e.Op, e.Collection, e.ID)
			}
		})
	}
}

func TestCount(t *testing.T) {
	q := everything(activations, "ns")
	q.Skip, q.Limit = 4, 1
	p := newPlan(t, store.Activations, q)
	for matched, want := range map[int64]int64{10: 6, 4: 0, 3: 0, 0: 0} {
		if got := p.Count(matched); got != want {
			t.Errorf("count of %d less 4: got %d, want %d", matched, got, want)
		}
	}
}

func TestEntries(t *testing.T) {
	for _, tc := range []struct {
		name, collection, id, body string
		want                       []view.Entry
	}{
		{"action", store.Whisks, "guest/a", `{"namespace":"guest","entityType":"action","updated":5}`,
			[]view.Entry{{View: view.Actions, Path: "guest", Order: 5}}},
		{"action_in_a_package", store.Whisks, "guest/p/a", `{"namespace":"guest/p","entityType":"action","updated":5}`,
			[]view.Entry{{View: view.Actions, Path: "guest", Order: 5}, {View: view.Actions, Path: "guest/p", Order: 5}}},
		{"private_package", store.Whisks, "guest/p", `{"namespace":"guest","entityType":"package","publish":false,"binding":{},"updated":5}`,
			[]view.Entry{{View: view.Packages, Path: "guest", Order: 5}}},
		{"public_package", store.Whisks, "guest/p", `{"namespace":"guest","entityType":"package","publish":true,"binding":{},"updated":5}`,
			[]view.Entry{{View: view.Packages, Path: "guest", Order: 5}, {View: view.PackagesPublic, Path: "guest", Order: 5}}},
		{"public_binding", store.Whisks, "guest/p", `{"namespace":"guest","entityType":"package","publish":true,"binding":{"name":"x"},"updated":5}`,
			[]view.Entry{{View: view.Packages, Path: "guest", Order: 5}}},
		{"publish_not_a_bool", store.Whisks, "guest/p", `{"namespace":"guest","entityType":"package","publish":"true","updated":5}`,
			[]view.Entry{{View: view.Packages, Path: "guest", Order: 5}}},
		{"trigger_and_rule", store.Whisks, "guest/r", `{"namespace":"guest","entityType":"rule","updated":1e3}`,
			[]view.Entry{{View: view.Rules, Path: "guest", Order: 1000}}},
		{"no_updated", store.Whisks, "guest/a", `{"namespace":"guest","entityType":"action"}`, nil},
		{"updated_a_string", store.Whisks, "guest/a", `{"namespace":"guest","entityType":"action","updated":"5"}`, nil},
		{"updated_beyond_numbers", store.Whisks, "guest/a", `{"namespace":"guest","entityType":"action","updated":1e999}`, nil},
		{"unknown_type", store.Whisks, "guest/a", `{"namespace":"guest","entityType":"alarm","updated":5}`, nil},
		{"activation", store.Activations, "guest/1", `{"namespace":"guest","name":"a","start":5,"updated":9,"annotations":[{"key":"path","value":"guest/p/a"}]}`,
			[]view.Entry{{View: view.Activations, Path: "guest", Order: 5}, {View: view.ActivationsFilter, Path: "guest/p/a", Order: 5}}},
		{"activation_without_name", store.Activations, "guest/1", `{"namespace":"guest","start":5}`,
			[]view.Entry{{View: view.Activations, Path: "guest", Order: 5}}},
		{"activation_without_start", store.Activations, "guest/1", `{"namespace":"guest","name":"a","updated":5}`, nil},
		{"limits", store.Subjects, "guest/limits", `{"concurrentInvocations":0}`, []view.Entry{{View: view.BlockedNamespaces}}},
		{"blocked_subject", store.Subjects, "s", `{"subject":"s","blocked":true,"namespaces":[{"name":"a","uuid":"u","key":"k"},{"name":"b","uuid":"u","key":"k"}]}`,
			[]view.Entry{{View: view.BlockedNamespaces}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := view.Entries(tc.collection, tc.id, []byte(tc.body))
			if err != nil {
				t.Fatal(err)
			}
			slices.SortFunc(got, func(a, b view.Entry) int {
				if a.View != b.View {
					return int(a.View) - int(b.View)
				}
				return len(a.Path) - len(b.Path)
			})
			if !slices.Equal(got, tc.want) {
				t.Errorf("entries of %s: got %v, want %v", tc.body, got, tc.want)
			}
		})
	}
}

// Identities are found where their plans look, each once.
func TestIdentityEntries(t *testing.T) {
	body := `{"subject":"a","uuid":"u1","key":"k1","namespaces":[{"name":"a","uuid":"u1","key":"k1"},{"name":"b","uuid":"u2","key":"k2"}]}`
	entries, err := view.Entries(store.Subjects, "s", []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 4 {
		t.Errorf("entries: got %v, want two names and two credentials", entries)
	}
	for _, key := range []store.Key{{"a"}, {"b"}, {"u1", "k1"}, {"u2", "k2"}} {
		v, path, _, _ := newPlan(t, store.Subjects, lookup(key...)).Range()
		if !slices.Contains(entries, view.Entry{View: v, Path: path}) {
			t.Errorf("entries: got %v, want one at %q for %v", entries, path, key)
		}
	}
	paths := map[string]store.Key{}
	for _, key := range []store.Key{{"uk"}, {"u", "k"}, {"uk", ""}, {"", "uk"}, {"1:u", "k"}, {"k1:uk"}, {"11", ":u"}, {"1", "1:u"}} {
		_, path, _, _ := newPlan(t, store.Subjects, lookup(key...)).Range()
		if other, taken := paths[path]; taken {
			t.Errorf("path %q: got it for %v and %v, want it for one", path, other, key)
		}
		paths[path] = key
	}
}

// A document that is broken halfway still appears where its head puts it.
func TestEntriesOfMalformed(t *testing.T) {
	entries, err := view.Entries(store.Whisks, "guest/a", []byte(`{"namespace":"guest","entityType":"action","updated":5,"exec":`))
	if want := []view.Entry{{View: view.Actions, Path: "guest", Order: 5}}; !slices.Equal(entries, want) {
		t.Errorf("entries: got %v, want %v", entries, want)
	}
	var e *store.Error
	if !errors.As(err, &e) || e.Kind != store.ErrUnreadable || e.ID != "guest/a" || e.Collection != store.Whisks {
		t.Errorf("error: got %v, want unreadable guest/a", err)
	}
	if _, err := view.Entries("others", "x", []byte(`{}`)); !errors.Is(err, store.ErrUnsupported) {
		t.Errorf("unknown collection: got %v, want %v", err, store.ErrUnsupported)
	}
}

func TestOrder(t *testing.T) {
	body := []byte(`{"updated":7,"start":5}`)
	for _, tc := range []struct {
		p    *view.Plan
		body []byte
		want float64
		ok   bool
	}{
		{newPlan(t, store.Whisks, everything(whiskTables+"rules", "ns")), body, 7, true},
		{newPlan(t, store.Activations, everything(filtered, "ns/a")), body, 5, true},
		{newPlan(t, store.Activations, everything(activations, "ns")), []byte(`{"updated":7}`), 0, false},
		{newPlan(t, store.Subjects, lookup("n")), body, 0, true},
	} {
		if got, ok := tc.p.Order(tc.body); got != tc.want || ok != tc.ok {
			t.Errorf("order of %s in %v: got %v %t, want %v %t", tc.body, tc.p.View, got, ok, tc.want, tc.ok)
		}
	}
}

func TestViewString(t *testing.T) {
	for v, want := range map[view.View]string{view.Actions: "actions", view.PackagesPublic: "packages-public",
		view.BlockedNamespaces: "blockedNamespaces", 0: "unknown view", 99: "unknown view"} {
		if got := v.String(); got != want {
			t.Errorf("view %d: got %q, want %q", uint8(v), got, want)
		}
	}
}
