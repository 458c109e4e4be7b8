// Package cosmos measures the Cosmos DB backend beside azcosmos alone, on a
// server in another process. WHISKSTORE_BENCH=1 makes its test take the time that
// figures need and hold them to their bounds.
package cosmos

import (
	"context"
	"fmt"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"

	"github.com/whiskstore/whiskstore/cosmos"
	"github.com/whiskstore/whiskstore/integration/bench"
	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/softdelete"
	"github.com/whiskstore/whiskstore/store/stamp"
)

// Account is a server to measure on.
type Account struct{ Endpoint, Key string }

// open opens whisks in a database of its own.
func (a Account) open(ctx context.Context, db string) (*cosmos.Store, error) {
	c := cosmos.DefaultConfig()
	c.Endpoint, c.Key, c.DB = a.Endpoint, a.Key, db
	c.Throughput, c.RecordUsageFrequency, c.SoftDeleteTTL = 0, 0, time.Hour
	return cosmos.Open(ctx, c, store.Whisks, cosmos.Deps{})
}

func action(i int) store.Document {
	name := fmt.Sprintf("a%06d", i)
	return store.Document{ID: "guest/" + name, Body: fmt.Appendf(nil,
		`{"namespace":"guest","name":%q,"version":"0.0.1","publish":false,"annotations":[{"key":"exec","value":"nodejs:20"}],"limits":{"timeout":60000,"memory":256,"logs":10},"exec":{"kind":"nodejs:20","code":"function main() { return {} }","binary":false},"parameters":[],"updated":%d,"entityType":"action"}`, name, i)}
}

// Get compares a point read through the full chain, without a cache, with
// azcosmos's ReadItem.
func Get(ctx context.Context, a Account, db string, o *bench.Options) (bench.Result, error) {
	s, err := a.open(ctx, db)
	if err != nil {
		return bench.Result{}, err
	}
	soft, err := softdelete.New(time.Hour)
	if err != nil {
		return bench.Result{}, err
	}
	chain := store.Chain{SoftDelete: soft, Stamp: stamp.New("cluster-a")}.Over(s)
	defer chain.Close()
	doc := action(1)
	if _, err := chain.Put(ctx, doc, nil); err != nil {
		return bench.Result{}, err
	}
	cred, err := azcosmos.NewKeyCredential(a.Key)
	if err != nil {
		return bench.Result{}, err
	}
	client, err := azcosmos.NewClientWithKey(a.Endpoint, cred, nil)
	if err != nil {
		return bench.Result{}, err
	}
	defer client.Close()
	bare, err := client.NewContainer(db, store.Whisks)
	if err != nil {
		return bench.Result{}, err
	}
	return bench.Compare(ctx, "get",
		bench.Side{Name: "azcosmos ReadItem", Settings: "no session token", Run: func(ctx context.Context, n int) error {
			for range n {
				id := "guest|a000001"
				if _, err := bare.ReadItem(ctx, azcosmos.NewPartitionKeyString(id), id, nil); err != nil {
					return err
				}
			}
			return nil
		}},
		bench.Side{Name: "chain", Settings: "check, softdelete, stamp, cosmos; session tokens", Run: func(ctx context.Context, n int) error {
			for range n {
				if _, err := chain.Get(ctx, doc.ID, nil); err != nil {
					return err
				}
			}
			return nil
		}}, o)
}

// List compares a list of some rows over one range with the same over the ranges
// of another account.
func List(ctx context.Context, one, many Account, db string, docs, limit int, o *bench.Options) (bench.Result, error) {
	sides := [2]bench.Side{}
	for i, a := range []Account{one, many} {
		s, err := a.open(ctx, db)
		if err != nil {
			return bench.Result{}, err
		}
		defer s.Close()
		for j := range docs {
			if _, err := s.Put(ctx, action(j), nil); err != nil {
				return bench.Result{}, err
			}
		}
		q := &store.Query{Table: "whisks.v2.1.0/actions", StartKey: store.Key{"guest"}, EndKey: store.Key{"guest", store.Top}, Limit: limit, Descending: true}
		sides[i] = bench.Side{Name: []string{"one range", "many ranges"}[i], Settings: fmt.Sprintf("newest %d of %d", limit, docs),
			Run: func(ctx context.Context, n int) error {
				for range n {
					rows := 0
					for _, err := range s.Query(ctx, q) {
						if err != nil {
							return err
						}
						rows++
					}
					if want := limit; limit > 0 && rows != want || limit == 0 && rows != docs {
						return fmt.Errorf("%d rows, want %d", rows, want)
					}
				}
				return nil
			}}
	}
	return bench.Compare(ctx, "list", sides[0], sides[1], o)
}
