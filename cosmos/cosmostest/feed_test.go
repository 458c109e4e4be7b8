package cosmostest_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
)

// feedOf reads the feed of a single range and returns the ids of its items.
func feedOf(t *testing.T, url string, header ...string) (ids string, a answer) {
	t.Helper()
	a = do(t, url, "GET", docs, "", append(header, "A-IM", "Incremental Feed")...)
	if a.Status == 304 {
		return "", a
	}
	var p feedPage
	if err := json.Unmarshal([]byte(expect(t, a, 200).Body), &p); err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, d := range p.Documents {
		all = append(all, d.ID)
	}
	return strings.Join(all, " "), a
}

// TestFeed shows the documented rows of section 6.
func TestFeed(t *testing.T) {
	srv := shop(t, cosmostest.Options{})
	for _, id := range []string{"a1", "a2", "a3"} {
		create(t, srv, "a", `{"id":"`+id+`","pk":"a"}`)
	}
	create(t, srv, "b", `{"id":"b1","pk":"b"}`)
	t.Run("6_latest_version_in_order_of_change", func(t *testing.T) {
		expect(t, do(t, srv.URL(), "PUT", docs+"/a1", `{"id":"a1","pk":"a","n":2}`, pk("a")...), 200)
		ids, _ := feedOf(t, srv.URL())
		check(t, "ids", ids, "a2 a3 b1 a1")
	})
	t.Run("6_deletes_never_appear", func(t *testing.T) {
		expect(t, do(t, srv.URL(), "DELETE", docs+"/a2", "", pk("a")...), 204)
		ids, a := feedOf(t, srv.URL())
		check(t, "ids", ids, "a3 b1 a1")
		check(t, "the etag is past the delete", a.Header.Get("etag"), `"7"`)
	})
	t.Run("6_logical_partition", func(t *testing.T) {
		ids, _ := feedOf(t, srv.URL(), pk("b")...)
		check(t, "ids", ids, "b1")
	})
	t.Run("6_pages", func(t *testing.T) {
		ids, a := feedOf(t, srv.URL(), "x-ms-max-item-count", "2")
		check(t, "first", ids, "a3 b1")
		ids, _ = feedOf(t, srv.URL(), "x-ms-max-item-count", "2", "If-None-Match", a.Header.Get("etag"))
		check(t, "second", ids, "a1")
	})
	t.Run("6_from_now", func(t *testing.T) {
		_, now := feedOf(t, srv.URL(), "If-None-Match", "*")
		check(t, "status", now.Status, 304)
		create(t, srv, "a", `{"id":"new","pk":"a"}`)
		ids, _ := feedOf(t, srv.URL(), "If-None-Match", now.Header.Get("etag"))
		check(t, "ids", ids, "new")
	})
	t.Run("6_a_transaction_is_one_page", func(t *testing.T) {
		_, now := feedOf(t, srv.URL(), "If-None-Match", "*")
		expect(t, do(t, srv.URL(), "POST", docs, `[{"operationType":"Create","resourceBody":{"id":"t1","pk":"a"}},{"operationType":"Create","resourceBody":{"id":"t2","pk":"a"}}]`,
			append(pk("a"), "x-ms-cosmos-is-batch-request", "True")...), 200)
		create(t, srv, "a", `{"id":"t3","pk":"a"}`)
		ids, a := feedOf(t, srv.URL(), "If-None-Match", now.Header.Get("etag"), "x-ms-max-item-count", "1")
		check(t, "ids", ids, "t1 t2")
		ids, _ = feedOf(t, srv.URL(), "If-None-Match", a.Header.Get("etag"), "x-ms-max-item-count", "1")
		check(t, "next", ids, "t3")
	})
	t.Run("6_malformed_etag", func(t *testing.T) {
		expect(t, do(t, srv.URL(), "GET", docs, "", "A-IM", "Incremental Feed", "If-None-Match", "nonsense"), 400)
	})
}

// TestFeedInALaggingRegion resumes where the region has not come to yet: nothing new, and the position is kept.
func TestFeedInALaggingRegion(t *testing.T) {
	srv := shop(t, cosmostest.Options{Regions: []string{"East US", "West US"}})
	srv.PauseReplication("West US")
	for i := range 5 {
		create(t, srv, "a", fmt.Sprintf(`{"id":"k%d","pk":"a"}`, i))
	}
	_, east := feedOf(t, srv.URL())
	_, west := feedOf(t, srv.RegionURL("West US"), "If-None-Match", east.Header.Get("etag"))
	check(t, "status", west.Status, 304)
	check(t, "etag", west.Header.Get("etag"), east.Header.Get("etag"))
	srv.ResumeReplication("West US")
	create(t, srv, "a", `{"id":"later","pk":"a"}`)
	ids, _ := feedOf(t, srv.RegionURL("West US"), "If-None-Match", east.Header.Get("etag"))
	check(t, "ids", ids, "later")
}

// TestIDsAreUniquePerKey stores one id under two partition keys.
func TestIDsAreUniquePerKey(t *testing.T) {
	srv := shop(t, cosmostest.Options{})
	create(t, srv, "a", `{"id":"same","pk":"a"}`)
	create(t, srv, "b", `{"id":"same","pk":"b"}`)
	expect(t, do(t, srv.URL(), "DELETE", docs+"/same", "", pk("a")...), 204)
	check(t, "pk", expect(t, do(t, srv.URL(), "GET", docs+"/same", "", pk("b")...), 200).member(t, "pk"), `"b"`)
}
