package view_test

import (
	"context"
	"fmt"
	"iter"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/view"
)

// The newest two actions under a namespace, those of its packages included.
func Example() {
	docs := []store.Document{ // newest first, as an index of Entries gives them
		{ID: "guest/utils/hello", Body: []byte(`{"namespace":"guest/utils","name":"hello","entityType":"action","version":"0.0.2","publish":false,"annotations":[],"limits":{"memory":256},"exec":{"kind":"nodejs:20","code":"...","binary":false},"updated":1700000000300}`)},
		{ID: "guest/tick", Body: []byte(`{"namespace":"guest","name":"tick","entityType":"trigger","updated":1700000000200}`)},
		{ID: "guest/echo", Body: []byte(`{"namespace":"guest","name":"echo","entityType":"action","version":"0.0.1","publish":false,"annotations":[],"exec":{"kind":"blackbox","image":"x","binary":true},"updated":1700000000100}`)},
		{ID: "guest/old", Body: []byte(`{"namespace":"guest","name":"old","entityType":"action","updated":1600000000000}`)},
	}
	plan, err := view.NewPlan(store.Whisks, &store.Query{
		Table:      "whisks.v2.1.0/actions",
		StartKey:   store.Key{"guest", 0},
		EndKey:     store.Key{"guest", store.Top, store.Top},
		Limit:      2,
		Descending: true,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	var matching iter.Seq2[store.Document, error] = func(yield func(store.Document, error) bool) {
		for _, doc := range docs {
			if plan.Match(doc.ID, doc.Body) && !yield(doc, nil) {
				return
			}
		}
	}
	for row, err := range plan.Run(context.Background(), matching, nil, nil) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s %s\n  %s\n", row.ID, row.Key, row.Value)
	}
	// Output:
	// guest/utils/hello ["guest",1700000000300]
	//   {"namespace":"guest/utils","name":"hello","version":"0.0.2","publish":false,"annotations":[],"updated":1700000000300,"limits":{"memory":256},"exec":{"binary":false}}
	// guest/echo ["guest",1700000000100]
	//   {"namespace":"guest","name":"echo","version":"0.0.1","publish":false,"annotations":[],"updated":1700000000100,"exec":{"binary":true}}
}

// What a writer on Cosmos stores beside an activation, so that Scala's queries
// find it.
func ExampleComputed() {
	computed, err := view.Computed(store.Activations, []byte(`{
		"namespace": "guest", "name": "hello", "start": 1700000000000,
		"annotations": [{"key": "path", "value": "guest/utils/hello"}, {"key": "kind", "value": "nodejs:20"}]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(computed))
	// Output:
	// {"nspath":"guest/utils/hello","deleteLogs":true}
}

// Where a memory index puts a published package.
func ExampleEntries() {
	entries, err := view.Entries(store.Whisks, "guest/utils",
		[]byte(`{"namespace":"guest","name":"utils","binding":{},"publish":true,"updated":1700000000000,"entityType":"package"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, e := range entries {
		fmt.Printf("%v %s %.0f\n", e.View, e.Path, e.Order)
	}
	// Output:
	// packages guest 1700000000000
	// packages-public guest 1700000000000
}
