package cosmos_test

import (
	"context"
	"fmt"

	"github.com/whiskstore/whiskstore/cosmos"
	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
	"github.com/whiskstore/whiskstore/store"
)

func Example() {
	account := cosmostest.NewServer(cosmostest.Options{Ranges: 4})
	defer account.Close()

	cfg := cosmos.DefaultConfig()
	cfg.Endpoint, cfg.Key, cfg.DB = account.URL(), account.Key(), "whisk"
	ctx := context.Background()
	whisks, err := cosmos.Open(ctx, cfg, store.Whisks, cosmos.Deps{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer whisks.Close()

	for i, name := range []string{"hello", "bye"} {
		doc := store.Document{ID: "guest/" + name, Body: fmt.Appendf(nil,
			`{"namespace":"guest","name":%q,"version":"0.0.1","publish":false,"annotations":[],"updated":%d,"entityType":"rule"}`, name, i+1)}
		if _, err := whisks.Put(ctx, doc, nil); err != nil {
			fmt.Println(err)
			return
		}
	}
	newest := &store.Query{Table: "whisks.v2.1.0/rules", Descending: true,
		StartKey: store.Key{"guest", 0}, EndKey: store.Key{"guest", store.Top, store.Top}}
	for row, err := range whisks.Query(ctx, newest) {
		fmt.Println(row.ID, string(row.Key), err)
	}
	// Output:
	// guest/bye ["guest",2] <nil>
	// guest/hello ["guest",1] <nil>
}
