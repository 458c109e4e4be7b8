package memory_test

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/memory"
)

// A collection in memory, its view and its change feed.
func Example() {
	ctx := context.Background()
	backend, err := memory.New(memory.Options{Collection: store.Whisks})
	if err != nil {
		fmt.Println(err)
		return
	}
	whisks := store.Chain{}.Over(backend) // store.Check alone
	defer whisks.Close()

	_, err = whisks.Put(ctx, store.Document{
		ID: "guest/tick",
		Body: json.RawMessage(`{"entityType":"trigger","namespace":"guest","name":"tick","version":"0.0.1",` +
			`"publish":false,"annotations":[],"parameters":[],"limits":{},"updated":1700000000000}`),
	}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}

	triggers := &store.Query{
		Table:    "whisks.v2.1.0/triggers",
		StartKey: store.Key{"guest"}, EndKey: store.Key{"guest", store.Top},
		Descending: true, Limit: 30,
	}
	for row, err := range whisks.Query(ctx, triggers) {
		fmt.Println(row.ID, string(row.Key), err)
	}

	feed := backend.Feed()
	defer feed.Close()
	ranges, _ := feed.Ranges(ctx)
	token, _ := feed.Start(ctx, ranges[0], store.FromBeginning())
	page, err := feed.Next(ctx, ranges[0], token, nil)
	for _, c := range page.Changes {
		fmt.Println(c.ID, "deleted:", c.Deleted, "drained:", page.Drained, err)
	}
	// Output:
	// guest/tick ["guest"] <nil>
	// guest/tick deleted: false drained: true <nil>
}
