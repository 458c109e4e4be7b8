package cosmostest_test

import (
	"fmt"
	"testing"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
)

// TestScanBound follows the empty pages of a filter that no index serves.
func TestScanBound(t *testing.T) {
	srv := shop(t, cosmostest.Options{ScanItems: 10})
	for i := range 45 {
		create(t, srv, fmt.Sprint("p", i), fmt.Sprintf(`{"id":"k%d","pk":"p%d","n":%d}`, i, i, i))
	}
	var found []string
	pages, token := 0, ""
	for {
		a := expect(t, ask(t, srv, "SELECT VALUE c.id FROM c WHERE c.n > 33 AND c.n < 36", append(crossed(), "x-ms-continuation", token)...), 200)
		pages++
		if rows := a.member(t, "Documents"); rows != "[]" {
			found = append(found, rows)
		}
		if token = a.Header.Get("x-ms-continuation"); token == "" {
			break
		}
	}
	check(t, "rows", fmt.Sprint(found), `[["k34","k35"]]`)
	check(t, "pages", pages, 5)
}
