package view_test

import (
	"testing"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/view"
)

var activation = store.Document{ID: "guest/0ab1c2d3e4f5061728394a5b6c7d8e9f", Body: []byte(`{"namespace":"guest","name":"hello","subject":"guest",` +
	`"activationId":"0ab1c2d3e4f5061728394a5b6c7d8e9f","start":1700000000000,"end":1700000000123,` +
	`"response":{"statusCode":0,"result":{"ok":true},"size":11},"logs":["2023-11-14T22:13:20Z stdout: hi"],` +
	`"version":"0.0.2","publish":false,"duration":123,` +
	`"annotations":[{"key":"path","value":"guest/utils/hello"},{"key":"kind","value":"nodejs:20"},` +
	`{"key":"limits","value":{"timeout":60000,"memory":256,"logs":10}},{"key":"waitTime","value":5},{"key":"initTime","value":30}],` +
	`"updated":1700000000130,"entityType":"activation"}`)}

func activationPlan(t testing.TB) *view.Plan {
	return newPlan(t, store.Activations, &store.Query{Table: filtered, StartKey: store.Key{"guest/utils/hello", 0},
		EndKey: store.Key{"guest/utils/hello", store.Top, store.Top}})
}

// Lists of a million documents run these once per document.
func TestAllocations(t *testing.T) {
	p := activationPlan(t)
	for _, tc := range []struct {
		name string
		want float64
		f    func()
	}{
		{"match", 0, func() {
			if !p.Match(activation.ID, activation.Body) {
				t.Error("match: got false, want true")
			}
		}},
		{"entries: the slice and two paths", 3, func() {
			if entries, err := view.Entries(store.Activations, activation.ID, activation.Body); len(entries) != 2 || err != nil {
				t.Errorf("entries: got %v and %v, want two", entries, err)
			}
		}},
		{"rows: the slice and the text", 2, func() {
			if rows, err := p.Rows(t.Context(), activation, nil); len(rows) != 1 || err != nil {
				t.Errorf("rows: got %v and %v, want one", rows, err)
			}
		}},
	} {
		if got := testing.AllocsPerRun(100, tc.f); got > tc.want {
			t.Errorf("%s: got %v allocations, want at most %v", tc.name, got, tc.want)
		}
	}
}

func BenchmarkEntries(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := view.Entries(store.Activations, activation.ID, activation.Body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	b.ReportAllocs()
	p := activationPlan(b)
	for b.Loop() {
		p.Match(activation.ID, activation.Body)
	}
}

func BenchmarkRun(b *testing.B) {
	b.ReportAllocs()
	p := activationPlan(b)
	docs := func(yield func(store.Document, error) bool) {
		for b.Loop() {
			if !yield(activation, nil) {
				return
			}
		}
	}
	for _, err := range p.Run(b.Context(), docs, nil, nil) {
		if err != nil {
			b.Fatal(err)
		}
	}
}
