package cosmostest_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
)

// TestPagesOverSplits reads all items in pages of random size while ranges split between pages: none is lost or doubled.
func TestPagesOverSplits(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint("seed_", seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			srv := shop(t, cosmostest.Options{Ranges: 1 + random.IntN(3), ScanItems: 1 + random.IntN(50)})
			const items = 60
			for i := range items {
				create(t, srv, fmt.Sprint("p", i), fmt.Sprintf(`{"id":"k%d","pk":"p%d","tags":[1,2]}`, i, i))
			}
			sql, want := "SELECT VALUE c.id FROM c", 1
			if seed%2 == 1 {
				sql, want = "SELECT VALUE c.id FROM c JOIN t IN c.tags", 2
			}
			seen, token := map[string]int{}, ""
			for pages := 0; ; pages++ {
				a := expect(t, ask(t, srv, sql, append(crossed(), "x-ms-max-item-count", strconv.Itoa(1+random.IntN(12)), "x-ms-continuation", token)...), 200)
				var rows []string
				if err := json.Unmarshal([]byte(a.member(t, "Documents")), &rows); err != nil {
					t.Fatal(err)
				}
				for _, id := range rows {
					seen[id]++
				}
				if token = a.Header.Get("x-ms-continuation"); token == "" {
					break
				}
				if random.IntN(4) == 0 {
					ranges := srv.Ranges("shop", "cart")
					srv.Split("shop", "cart", ranges[random.IntN(len(ranges))].ID)
				}
				if pages > 10*items {
					t.Fatal("the pages do not end")
				}
			}
			for i := range items {
				if id := fmt.Sprint("k", i); seen[id] != want {
					t.Errorf("%s: got %d times want %d", id, seen[id], want)
				}
			}
		})
	}
}
