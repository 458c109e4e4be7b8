package cosmostest_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
)

type feedPage struct {
	Documents []struct {
		ID  string `json:"id"`
		LSN int64  `json:"_lsn"`
	}
}

// TestSplit follows ranges, feeds, queries and sessions over a split.
func TestSplit(t *testing.T) {
	srv := shop(t, cosmostest.Options{SessionWait: -1})
	for i := range 40 {
		create(t, srv, fmt.Sprint("p", i), fmt.Sprintf(`{"id":"k%02d","pk":"p%d","n":%d}`, i, i, i))
	}
	before := expect(t, do(t, srv.URL(), "GET", coll+"/pkranges", "", "A-IM", "Incremental Feed"), 200)
	etag := before.Header.Get("etag")
	unchanged := expect(t, do(t, srv.URL(), "GET", coll+"/pkranges", "", "A-IM", "Incremental Feed", "If-None-Match", etag), 304)
	check(t, "etag again", unchanged.Header.Get("etag"), etag)
	half := expect(t, do(t, srv.URL(), "GET", docs, "", "A-IM", "Incremental Feed", "x-ms-max-item-count", "20", "x-ms-documentdb-partitionkeyrangeid", "0"), 200)
	page := expect(t, ask(t, srv, "SELECT VALUE c.id FROM c", append(crossed(), "x-ms-max-item-count", "15")...), 200)
	token := half.Header.Get("x-ms-session-token")

	children := srv.Split("shop", "cart", "0")
	t.Run("4.3_ranges", func(t *testing.T) {
		a := expect(t, do(t, srv.URL(), "GET", coll+"/pkranges", "", "A-IM", "Incremental Feed", "If-None-Match", etag), 200)
		check(t, "count", a.member(t, "_count"), "2")
		check(t, "parents", strings.Count(a.Body, `"parents":["0"]`), 2)
		for _, r := range srv.Ranges("shop", "cart") {
			check(t, "half of "+r.ID, r.Items, 20)
		}
	})
	t.Run("8.2_old_range_is_gone", func(t *testing.T) {
		check(t, "query", expect(t, ask(t, srv, "SELECT * FROM c", ranged("0")...), 410).sub(), "1002")
		check(t, "feed", expect(t, do(t, srv.URL(), "GET", docs, "", "A-IM", "Incremental Feed", "x-ms-documentdb-partitionkeyrangeid", "0"), 410).sub(), "1002")
	})
	t.Run("6_parent_etag_on_children", func(t *testing.T) {
		seen := map[string]int{}
		add := func(a answer) {
			var p feedPage
			if err := json.Unmarshal([]byte(a.Body), &p); err != nil {
				t.Fatal(err)
			}
			for _, d := range p.Documents {
				seen[d.ID]++
			}
		}
		add(half)
		for _, id := range children {
			add(expect(t, do(t, srv.URL(), "GET", docs, "", "A-IM", "Incremental Feed", "If-None-Match", half.Header.Get("etag"), "x-ms-documentdb-partitionkeyrangeid", id), 200))
		}
		check(t, "items", len(seen), 40)
		for id, n := range seen {
			check(t, id, n, 1)
		}
	})
	t.Run("continuation_over_the_split", func(t *testing.T) {
		var ids []string
		for a := page; ; {
			var rows []string
			if err := json.Unmarshal([]byte(a.member(t, "Documents")), &rows); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, rows...)
			next := a.Header.Get("x-ms-continuation")
			if next == "" {
				break
			}
			a = expect(t, ask(t, srv, "SELECT VALUE c.id FROM c", append(crossed(), "x-ms-max-item-count", "7", "x-ms-continuation", next)...), 200)
		}
		slices.Sort(ids)
		check(t, "rows", len(ids), 40)
		check(t, "distinct rows", len(slices.Compact(ids)), 40)
	})
	t.Run("parent_session_binds_children", func(t *testing.T) {
		expect(t, do(t, srv.URL(), "GET", docs+"/k01", "", append(pk("p1"), session(token)...)...), 200)
		ahead := do(t, srv.URL(), "GET", docs+"/k01", "", append(pk("p1"), session("0:-1#9999")...)...)
		check(t, "substatus", ahead.sub(), "1002")
	})
}

// TestSplitUnderLoad writes and follows the feed with azcosmos while ranges split.
func TestSplitUnderLoad(t *testing.T) {
	srv := shop(t, cosmostest.Options{Ranges: 2})
	client, err := srv.Client(nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.NewContainer("shop", "cart")
	if err != nil {
		t.Fatal(err)
	}
	const writers, each = 4, 100
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				id := fmt.Sprintf("%d-%d", w, i)
				if _, err := c.CreateItem(t.Context(), azcosmos.NewPartitionKeyString(id), []byte(`{"id":"`+id+`","pk":"`+id+`"}`), nil); err != nil {
					t.Error(err)
				}
				if i == each/2 {
					ranges := srv.Ranges("shop", "cart")
					srv.Split("shop", "cart", ranges[w%len(ranges)].ID)
				}
			}
		})
	}
	whole := azcosmos.FeedRange{MinInclusive: "", MaxExclusive: "FF"}
	opts := &azcosmos.ChangeFeedOptions{FeedRange: &whole, MaxItemCount: 7}
	seen := map[string]int{}
	written := make(chan struct{})
	go func() { wg.Wait(); close(written) }()
	for done := false; ; {
		page, err := c.ReadChangeFeed(t.Context(), opts)
		if err != nil {
			t.Fatal(err)
		}
		for _, raw := range page.Items {
			var d struct{ ID string }
			if err := json.Unmarshal(raw, &d); err != nil {
				t.Fatal(err)
			}
			seen[d.ID]++
		}
		opts.Continuation = &page.ContinuationToken
		if len(page.Items) > 0 {
			continue
		}
		if done {
			break
		}
		select {
		case <-written:
			done = true
		default:
		}
	}
	check(t, "items", len(seen), writers*each)
	for id, n := range seen {
		if n != 1 {
			t.Errorf("item %s: got %d times want 1", id, n)
		}
	}
	if len(srv.Ranges("shop", "cart")) != 2+writers {
		t.Errorf("ranges: got %v want %d", srv.Ranges("shop", "cart"), 2+writers)
	}
}
