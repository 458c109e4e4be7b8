package cosmostest_test

import (
	"fmt"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
)

// TestClientUnderEverySwitch uses azcosmos for writes, a query, ReadManyItems and the change feed over a split.
func TestClientUnderEverySwitch(t *testing.T) {
	for _, s := range cosmostest.AllSwitches() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			opts := cosmostest.Options{Ranges: 2}
			s.Set(&opts.Switches)
			srv := shop(t, opts)
			c := container(t, srv, nil)
			ctx := t.Context()
			var ids []azcosmos.ItemIdentity
			for i := range 12 {
				id := fmt.Sprint("k", i)
				key := azcosmos.NewPartitionKeyString(id)
				if _, err := c.CreateItem(ctx, key, fmt.Appendf(nil, `{"id":%q,"pk":%q}`, id, id), nil); err != nil {
					t.Fatal(err)
				}
				ids = append(ids, azcosmos.ItemIdentity{ID: id, PartitionKey: key})
			}
			whole := azcosmos.FeedRange{MinInclusive: "", MaxExclusive: "FF"}
			feed := &azcosmos.ChangeFeedOptions{FeedRange: &whole, MaxItemCount: 5}
			first, err := c.ReadChangeFeed(ctx, feed)
			if err != nil {
				t.Fatal(err)
			}
			changes := len(first.Items)
			feed.Continuation = &first.ContinuationToken
			srv.Split("shop", "cart", "1")
			for {
				page, err := c.ReadChangeFeed(ctx, feed)
				if err != nil {
					t.Fatal(err)
				}
				if len(page.Items) == 0 {
					break
				}
				changes += len(page.Items)
				feed.Continuation = &page.ContinuationToken
			}
			check(t, "changes", changes, 12)
			many, err := c.ReadManyItems(ctx, ids, nil)
			if err != nil {
				t.Fatal(err)
			}
			check(t, "read", len(many.Items), 12)
			pager := c.NewQueryItemsPager("SELECT * FROM c WHERE STARTSWITH(c.id, 'k')", azcosmos.NewPartitionKey(), &azcosmos.QueryOptions{PageSizeHint: 5})
			rows := 0
			for pager.More() {
				page, err := pager.NextPage(ctx)
				if err != nil {
					t.Fatal(err)
				}
				rows += len(page.Items)
			}
			check(t, "rows", rows, 12)
		})
	}
}
