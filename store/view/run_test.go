package view_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"testing"

	"github.com/whiskstore/whiskstore/store"
)

// docsOf yields documents and counts how many were asked for.
func docsOf(docs []store.Document, asked *int) iter.Seq2[store.Document, error] {
	return func(yield func(store.Document, error) bool) {
		for _, doc := range docs {
			*asked++
			if !yield(doc, nil) {
				return
			}
		}
	}
}

func series(n int) []store.Document {
	var docs []store.Document
	for i := range n {
		docs = append(docs, store.Document{ID: fmt.Sprintf("ns/%d", i), Body: fmt.Appendf(nil, `{"namespace":"ns","name":"a","start":%d}`, i)})
	}
	return docs
}

func TestRunSkipAndLimit(t *testing.T) {
	blockedDocs := []store.Document{
		{ID: "a", Body: []byte(`{"subject":"a","blocked":true,"namespaces":[{"name":"a1"},{"name":"a2"},{"name":"a3"}]}`)},
		{ID: "b", Body: []byte(`{"subject":"b","blocked":true,"namespaces":[]}`)},
		{ID: "c/limits", Body: []byte(`{"concurrentInvocations":0}`)},
	}
	for _, tc := range []struct {
		name        string
		collection  string
		table       string
		docs        []store.Document
		skip, limit int
		want        []string // keys
		asked       int
	}{
		{"all", store.Activations, activations, series(3), 0, 0, []string{`["ns"]`, `["ns"]`, `["ns"]`}, 3},
		{"skip", store.Activations, activations, series(3), 2, 0, []string{`["ns"]`}, 3},
		{"skip_beyond_the_end", store.Activations, activations, series(3), 5, 1, nil, 3},
		{"limit_ends_the_reading", store.Activations, activations, series(3), 0, 2, []string{`["ns"]`, `["ns"]`}, 2},
		{"skip_before_limit", store.Activations, activations, series(9), 2, 1, []string{`["ns"]`}, 3},
		{"rows_are_skipped_not_documents", store.Subjects, blocked, blockedDocs, 2, 0, []string{`"a3"`, `"c"`}, 3},
		{"limit_within_a_document", store.Subjects, blocked, blockedDocs, 1, 1, []string{`"a2"`}, 1},
		{"skip_across_documents", store.Subjects, blocked, blockedDocs, 3, 1, []string{`"c"`}, 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			q := &store.Query{Table: tc.table}
			if tc.collection == store.Activations {
				q = everything(tc.table, "ns")
			}
			q.Skip, q.Limit = tc.skip, tc.limit
			asked := 0
			rows := newPlan(t, tc.collection, q).Run(t.Context(), docsOf(tc.docs, &asked), nil, nil)
			if asked != 0 {
				t.Errorf("documents asked for before the loop: got %d, want none", asked)
			}
			for range 2 { // a second loop asks again
				asked = 0
				var got []string
				for row, err := range rows {
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, string(row.Key))
				}
				if !slices.Equal(got, tc.want) {
					t.Errorf("keys: got %v, want %v", got, tc.want)
				}
				if asked != tc.asked {
					t.Errorf("documents asked for: got %d, want %d", asked, tc.asked)
				}
			}
		})
	}
}

func TestRunUnreadable(t *testing.T) {
	docs := series(5)
	docs[1].Body = []byte(`{"start":`)
	docs[3].Body = []byte(`[]`)
	withPageError := func(yield func(store.Document, error) bool) {
		for i, doc := range docs {
			var err error
			if i == 3 { // an item that the backend itself could not decode
				doc, err = store.Document{}, &store.Error{ID: "ns/3", Kind: store.ErrUnreadable}
			}
			if !yield(doc, err) {
				return
			}
		}
	}
	for _, tc := range []struct {
		name         string
		skip, limit  int
		ids, reports []string
	}{
		{"go_on", 0, 0, []string{"ns/0", "ns/2", "ns/4"}, []string{"ns/1", "ns/3"}},
		{"takes_part_in_skip", 2, 0, []string{"ns/2", "ns/4"}, []string{"ns/3"}},
		{"not_in_limit", 0, 2, []string{"ns/0", "ns/2"}, []string{"ns/1"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			q := everything(activations, "ns")
			q.Skip, q.Limit = tc.skip, tc.limit
			for name, seq := range map[string]iter.Seq2[store.Document, error]{"bodies": docsOf(docs, new(int)), "errors": withPageError} {
				var ids, reports []string
				report := func(err error) {
					var e *store.Error
					if !errors.As(err, &e) || e.Kind != store.ErrUnreadable {
						t.Errorf("%s: reported %v, want an unreadable document", name, err)
						return
					}
					reports = append(reports, e.ID)
				}
				for row, err := range newPlan(t, store.Activations, q).Run(t.Context(), seq, nil, report) {
					if err != nil {
						t.Fatal(err)
					}
					ids = append(ids, row.ID)
				}
				if !slices.Equal(ids, tc.ids) || !slices.Equal(reports, tc.reports) {
					t.Errorf("%s: got rows %v and reports %v, want %v and %v", name, ids, reports, tc.ids, tc.reports)
				}
			}
		})
	}
	t.Run("ends_the_loop", func(t *testing.T) {
		ids, err := collect(newPlan(t, store.Activations, everything(activations, "ns")).Run(t.Context(), docsOf(docs, new(int)), nil, nil))
		var e *store.Error
		if !errors.As(err, &e) || e.Kind != store.ErrUnreadable || e.ID != "ns/1" || !slices.Equal(ids, []string{"ns/0"}) {
			t.Errorf("loop: got %v and %v, want ns/0 and unreadable ns/1", ids, err)
		}
	})
}

// collect returns the ids of rows up to an error, and checks that it is last.
func collect(rows iter.Seq2[store.Row, error]) (ids []string, err error) {
	for row, e := range rows {
		switch {
		case err != nil:
			return ids, fmt.Errorf("a pair after the error %w", err)
		case e != nil:
			err = e
		default:
			ids = append(ids, row.ID)
		}
	}
	return ids, err
}

func TestRunErrors(t *testing.T) {
	t.Run("of_documents", func(t *testing.T) {
		fault := &store.Error{Op: store.OpQuery, Kind: store.ErrThrottled}
		docs := func(yield func(store.Document, error) bool) {
			_ = yield(series(1)[0], nil) && yield(store.Document{}, fault)
		}
		q := everything(activations, "ns")
		report := func(err error) { t.Errorf("reported %v, want nothing", err) }
		if ids, err := collect(newPlan(t, store.Activations, q).Run(t.Context(), docs, nil, report)); err != error(fault) || len(ids) != 1 {
			t.Errorf("loop: got %v and %v, want one row and %v", ids, err, fault)
		}
		q.Skip = 5
		if ids, err := collect(newPlan(t, store.Activations, q).Run(t.Context(), docs, nil, report)); err != error(fault) || len(ids) != 0 {
			t.Errorf("loop within skip: got %v and %v, want %v", ids, err, fault)
		}
	})
	t.Run("of_the_context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		asked := 0
		var got error
		for _, err := range newPlan(t, store.Activations, everything(activations, "ns")).Run(ctx, docsOf(series(9), &asked), nil, nil) {
			got = err
			cancel()
		}
		if got != context.Canceled || asked != 2 {
			t.Errorf("cancelled after the first row: got %v after %d documents, want %v after 2", got, asked, context.Canceled)
		}
	})
	t.Run("of_the_join", func(t *testing.T) {
		doc := store.Document{ID: "s", Body: []byte(`{"namespaces":[{"name":"n","uuid":"u","key":"k"}]}`)}
		for _, want := range []error{context.DeadlineExceeded, store.ErrUnavailable} {
			join := func(context.Context, string) (store.Document, error) { return store.Document{}, want }
			if _, err := collect(newPlan(t, store.Subjects, lookup("n")).Run(t.Context(), docsOf([]store.Document{doc}, new(int)), join, nil)); err != want {
				t.Errorf("loop: got %v, want %v", err, want)
			}
		}
		q := lookup("n")
		q.Skip = 1
		join := func(context.Context, string) (store.Document, error) {
			t.Error("joined a row that is skipped")
			return store.Document{}, nil
		}
		if ids, err := collect(newPlan(t, store.Subjects, q).Run(t.Context(), docsOf([]store.Document{doc}, new(int)), join, nil)); len(ids) != 0 || err != nil {
			t.Errorf("loop: got %v and %v, want nothing", ids, err)
		}
	})
	t.Run("break", func(t *testing.T) {
		asked := 0
		for range newPlan(t, store.Activations, everything(activations, "ns")).Run(t.Context(), docsOf(series(9), &asked), nil, nil) {
			break
		}
		if asked != 1 {
			t.Errorf("documents asked for: got %d, want 1", asked)
		}
	})
}

// What a row shares with the document is the document alone.
func TestRowsDoNotShareMemory(t *testing.T) {
	body := []byte(`{"namespace":"ns","name":"a","start":5}`)
	q := &store.Query{Table: activations, StartKey: store.Key{"ns", 0}, EndKey: store.Key{"ns", store.Top, store.Top}}
	rows, err := newPlan(t, store.Activations, q).Rows(t.Context(), store.Document{ID: "ns/1", Body: body}, nil)
	if err != nil || len(rows) != 1 {
		t.Fatalf("rows: got %v and %v, want one", rows, err)
	}
	for i := range body {
		body[i] = 'x'
	}
	row := rows[0]
	row.Value = append(row.Value, "overwrites?"...)
	if want := `["ns",5]`; string(row.Key) != want {
		t.Errorf("key: got %s, want %s", row.Key, want)
	}
	if row.Doc != nil {
		t.Errorf("document: got %v, want none", row.Doc)
	}
}

func TestRowsWithDocuments(t *testing.T) {
	q := everything(activations, "ns")
	q.IncludeDocs = true
	doc := store.Document{ID: "ns/1", Version: store.Version{Rev: "1-a", Order: 1, Lineage: "l"},
		Body: []byte(` {"namespace":"ns","start":5 , "logs":[]}`), Meta: store.Meta{ClusterID: "c"}}
	rows, err := newPlan(t, store.Activations, q).Rows(t.Context(), doc, nil)
	if err != nil || len(rows) != 1 || rows[0].Doc == nil {
		t.Fatalf("rows: got %v and %v, want one with its document", rows, err)
	}
	if !reflect.DeepEqual(*rows[0].Doc, doc) {
		t.Errorf("document: got %+v, want %+v", *rows[0].Doc, doc)
	}
	if rows[0].Joined || rows[0].ID != doc.ID || rows[0].Rev != "1-a" {
		t.Errorf("row: got %+v, want id and revision of the document, not joined", rows[0])
	}
}
