package cosmos_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/whiskstore/whiskstore/cosmos"
	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
	"github.com/whiskstore/whiskstore/store"
)

// A feed shows what happened after a token, deletions as tombstones.
func ExampleStore_Feed() {
	ctx := context.Background()
	srv := cosmostest.NewServer(cosmostest.Options{})
	defer srv.Close()
	cfg := cosmos.DefaultConfig()
	cfg.Endpoint, cfg.Key, cfg.DB = srv.URL(), srv.Key(), "whisk"
	s, err := cosmos.Open(ctx, cfg, store.Subjects, cosmos.Deps{})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	feed, err := s.Feed(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer feed.Close()
	ranges, err := feed.Ranges(ctx)
	if err != nil {
		log.Fatal(err)
	}
	token, err := feed.Start(ctx, ranges[0], store.FromNow())
	if err != nil {
		log.Fatal(err)
	}
	for _, id := range []string{"guest", "whisk.system"} {
		v, err := s.Put(ctx, store.Document{ID: id, Body: []byte(`{"subject":"` + id + `"}`)}, nil)
		if err != nil {
			log.Fatal(err)
		}
		if id == "guest" {
			if _, err := s.Delete(ctx, id, v.Rev, &store.DeleteOptions{Tombstone: time.Hour, ClusterID: "east"}); err != nil {
				log.Fatal(err)
			}
		}
	}
	page, err := feed.Next(ctx, ranges[0], token, nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range page.Changes {
		fmt.Printf("%s deleted=%t by %q\n", c.ID, c.Deleted, c.ClusterID)
	}
	fmt.Println(page.Drained)
	// Output:
	// guest deleted=true by "east"
	// whisk.system deleted=false by ""
	// true
}
