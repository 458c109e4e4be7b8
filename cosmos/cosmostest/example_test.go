package cosmostest_test

import (
	"context"
	"fmt"

	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
)

// A test starts an account, uses it with the official client, and looks at what arrived.
func Example() {
	ctx := context.Background()
	srv := cosmostest.NewServer(cosmostest.Options{Ranges: 2})
	defer srv.Close()
	client, err := srv.Client(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := client.CreateDatabase(ctx, azcosmos.DatabaseProperties{ID: "shop"}, nil); err != nil {
		fmt.Println(err)
		return
	}
	db, err := client.NewDatabase("shop")
	if err != nil {
		fmt.Println(err)
		return
	}
	key := azcosmos.PartitionKeyDefinition{Paths: []string{"/id"}, Version: 2}
	if _, err := db.CreateContainer(ctx, azcosmos.ContainerProperties{ID: "cart", PartitionKeyDefinition: key}, nil); err != nil {
		fmt.Println(err)
		return
	}
	cart, err := db.NewContainer("cart")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, id := range []string{"apple", "pear", "plum"} {
		if _, err := cart.CreateItem(ctx, azcosmos.NewPartitionKeyString(id), fmt.Appendf(nil, `{"id":%q}`, id), nil); err != nil {
			fmt.Println(err)
			return
		}
	}
	srv.Split("shop", "cart", "0")
	pager := cart.NewQueryItemsPager("SELECT VALUE c.id FROM c WHERE STARTSWITH(c.id, 'p')", azcosmos.NewPartitionKey(), nil)
	rows := 0
	for pager.More() {
		page, err := pager.NextPage(ctx)
		if err != nil {
			fmt.Println(err)
			return
		}
		rows += len(page.Items)
	}
	writes := srv.Counters().Total(cosmostest.CounterKey{Operation: cosmostest.CreateItem})
	fmt.Println(rows, "rows;", writes.Requests, "creates;", len(srv.Ranges("shop", "cart")), "ranges")
	// Output: 2 rows; 3 creates; 3 ranges
}
