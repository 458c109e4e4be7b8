package cosmostest_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
)

func session(token string) []string { return []string{"x-ms-session-token", token} }

// TestReplication reads in a second region before and after a write has reached it.
func TestReplication(t *testing.T) {
	srv := shop(t, cosmostest.Options{Regions: []string{"East US", "West US"}, ReplicationDelay: time.Hour, SessionWait: -1})
	west := srv.RegionURL("west us")
	token := create(t, srv, "a", item1).Header.Get("x-ms-session-token")
	check(t, "token", token, "0:0#2#2=-1")
	t.Run("not_there_yet", func(t *testing.T) {
		a := expect(t, do(t, west, "GET", docs+"/k1", "", pk("a")...), 404)
		check(t, "substatus", a.sub(), "")
		check(t, "token", a.Header.Get("x-ms-session-token"), "0:0#1#2=-1")
		check(t, "regions", a.Header.Get("x-ms-number-of-read-regions"), "1")
	})
	t.Run("8.2_session_not_available", func(t *testing.T) {
		a := expect(t, do(t, west, "GET", docs+"/k1", "", append(pk("a"), session(token)...)...), 404)
		check(t, "substatus", a.sub(), "1002")
		check(t, "text", strings.Contains(a.Body, "The read session is not available for the input session token."), true)
		check(t, "query", ask2(t, west, append(pk("a"), session(token)...)...).sub(), "1002")
		check(t, "feed", do(t, west, "GET", docs, "", append(session(token), "A-IM", "Incremental Feed")...).sub(), "1002")
		expect(t, do(t, west, "GET", docs+"/k1", "", append(pk("a"), append(session(token), "x-ms-consistency-level", "Eventual")...)...), 404)
		expect(t, do(t, srv.URL(), "GET", docs+"/k1", "", append(pk("a"), session(token)...)...), 200)
		expect(t, do(t, srv.URL(), "GET", docs+"/k1", "", append(pk("a"), session("nonsense")...)...), 400)
		expect(t, do(t, srv.URL(), "GET", docs+"/k1", "", append(pk("a"), session("7:-1#99,"+token)...)...), 200)
	})
	t.Run("3.2_write_in_a_read_region", func(t *testing.T) {
		a := expect(t, do(t, west, "POST", docs, `{"id":"k2","pk":"a"}`, pk("a")...), 403)
		check(t, "substatus", a.sub(), "3")
		check(t, "text", strings.Contains(a.Body, "The requested operation cannot be performed at this region"), true)
	})
	t.Run("arrives", func(t *testing.T) {
		srv.Advance(2 * time.Hour)
		a := expect(t, do(t, west, "GET", docs+"/k1", "", append(pk("a"), session(token)...)...), 200)
		check(t, "token", a.Header.Get("x-ms-session-token"), token)
		check(t, "item lsn", a.Header.Get("x-ms-item-lsn"), "2")
	})
	t.Run("pause", func(t *testing.T) {
		srv.PauseReplication("West US")
		create(t, srv, "a", `{"id":"p","pk":"a"}`)
		srv.Advance(2 * time.Hour)
		expect(t, do(t, west, "GET", docs+"/p", "", pk("a")...), 404)
		srv.ResumeReplication("West US")
		expect(t, do(t, west, "GET", docs+"/p", "", pk("a")...), 200)
	})
	t.Run("deletes_and_updates_arrive", func(t *testing.T) {
		expect(t, do(t, srv.URL(), "PUT", docs+"/k1", `{"id":"k1","pk":"a","n":2}`, pk("a")...), 200)
		expect(t, do(t, srv.URL(), "DELETE", docs+"/p", "", pk("a")...), 204)
		srv.Advance(2 * time.Hour)
		check(t, "n", do(t, west, "GET", docs+"/k1", "", pk("a")...).member(t, "n"), "2")
		expect(t, do(t, west, "GET", docs+"/p", "", pk("a")...), 404)
	})
}

// TestDefaultTTLInALaggingRegion shows that a container's new default counts for writes that were on their way.
func TestDefaultTTLInALaggingRegion(t *testing.T) {
	srv := shop(t, cosmostest.Options{Regions: []string{"East US", "West US"}})
	srv.PauseReplication("West US")
	create(t, srv, "a", item1)
	expect(t, do(t, srv.URL(), "PUT", coll, `{"id":"cart","defaultTtl":10,"partitionKey":{"paths":["/pk"],"kind":"Hash","version":2}}`), 200)
	srv.ResumeReplication("West US")
	expect(t, do(t, srv.RegionURL("West US"), "GET", docs+"/k1", "", pk("a")...), 200)
	srv.Advance(11 * time.Second)
	for _, region := range srv.Regions() {
		expect(t, do(t, srv.RegionURL(region), "GET", docs+"/k1", "", pk("a")...), 404)
	}
}

func ask2(t *testing.T, url string, header ...string) answer {
	t.Helper()
	return do(t, url, "POST", docs, `{"query":"SELECT * FROM c"}`, append(header, "content-type", "application/query+json")...)
}

// TestSessionWait serves a read that came before its session as soon as the session has arrived.
func TestSessionWait(t *testing.T) {
	srv := shop(t, cosmostest.Options{Regions: []string{"East US", "West US"}, SessionWait: time.Minute})
	srv.PauseReplication("West US")
	token := create(t, srv, "a", item1).Header.Get("x-ms-session-token")
	arrived := make(chan struct{})
	var once sync.Once
	srv.Inject(cosmostest.Fault{Match: func(r *cosmostest.Request) bool {
		if r.Operation == cosmostest.ReadItem {
			once.Do(func() { close(arrived) })
		}
		return false
	}})
	got := make(chan answer, 1)
	go func() {
		got <- do(t, srv.RegionURL("West US"), "GET", docs+"/k1", "", append(pk("a"), session(token)...)...)
	}()
	<-arrived
	srv.ResumeReplication("West US")
	expect(t, <-got, 200)
}

// TestSecondaryLag shows that a read without a session token may miss its own region's newest write.
func TestSecondaryLag(t *testing.T) {
	srv := shop(t, cosmostest.Options{SecondaryLag: time.Hour})
	token := create(t, srv, "a", item1).Header.Get("x-ms-session-token")
	expect(t, do(t, srv.URL(), "GET", docs+"/k1", "", pk("a")...), 404)
	expect(t, do(t, srv.URL(), "GET", docs+"/k1", "", append(pk("a"), session(token)...)...), 200)
	srv.Advance(2 * time.Hour)
	expect(t, do(t, srv.URL(), "GET", docs+"/k1", "", pk("a")...), 200)
}

// TestFailover moves the write region, with and without loss.
func TestFailover(t *testing.T) {
	for _, lose := range []bool{false, true} {
		t.Run(map[bool]string{false: "planned", true: "forced"}[lose], func(t *testing.T) {
			srv := shop(t, cosmostest.Options{Regions: []string{"East US", "West US"}, SessionWait: -1})
			create(t, srv, "a", `{"id":"old","pk":"a"}`)
			expect(t, do(t, srv.RegionURL("West US"), "GET", docs+"/old", "", pk("a")...), 200)
			srv.PauseReplication("West US")
			token := create(t, srv, "a", item1).Header.Get("x-ms-session-token")
			srv.Failover("West US", lose)
			srv.ResumeReplication("West US")
			check(t, "write region", srv.Regions()[0], "West US")
			account := do(t, srv.URL(), "GET", "/", "")
			check(t, "account", strings.Contains(account.member(t, "writableLocations"), "West US"), true)
			want := 200
			if lose {
				want = 404
			}
			for _, region := range srv.Regions() {
				expect(t, do(t, srv.RegionURL(region), "GET", docs+"/k1", "", pk("a")...), want)
				expect(t, do(t, srv.RegionURL(region), "GET", docs+"/old", "", pk("a")...), 200)
			}
			if lose {
				a := do(t, srv.RegionURL("West US"), "GET", docs+"/k1", "", append(pk("a"), session(token)...)...)
				check(t, "a session that was lost", a.sub(), "1002")
			}
			check(t, "old write region", do(t, srv.RegionURL("East US"), "POST", docs, `{"id":"k9","pk":"a"}`, pk("a")...).sub(), "3")
			create(t, srv, "a", `{"id":"new","pk":"a"}`)
			expect(t, do(t, srv.RegionURL("East US"), "GET", docs+"/new", "", pk("a")...), 200)
		})
	}
}

// TestMultiWrite writes one item in two regions and expects the later write everywhere.
func TestMultiWrite(t *testing.T) {
	srv := shop(t, cosmostest.Options{Regions: []string{"East US", "West US"}, MultiWrite: true, SessionWait: -1})
	east, west := srv.RegionURL("East US"), srv.RegionURL("West US")
	tentative := append(pk("a"), "x-ms-cosmos-allow-tentative-writes", "true")
	check(t, "both writable", strings.Count(do(t, srv.URL(), "GET", "/", "").member(t, "writableLocations"), "name"), 2)
	check(t, "without the header", do(t, west, "POST", docs, item1, pk("a")...).sub(), "3")
	check(t, "a container in a satellite", do(t, west, "POST", "/dbs/shop/colls", `{"id":"x","partitionKey":{"paths":["/pk"],"kind":"Hash"}}`, tentative...).sub(), "3")
	srv.PauseReplication("East US")
	srv.PauseReplication("West US")
	create(t, srv, "a", `{"id":"k1","pk":"a","from":"east"}`)
	w := expect(t, do(t, west, "POST", docs, `{"id":"k1","pk":"a","from":"west"}`, tentative...), 201)
	check(t, "token", w.Header.Get("x-ms-session-token"), "0:0#1#2=1")
	a := do(t, east, "GET", docs+"/k1", "", append(pk("a"), session(w.Header.Get("x-ms-session-token"))...)...)
	check(t, "the other region's session", a.sub(), "1002")
	expect(t, do(t, west, "POST", docs, `{"id":"k2","pk":"a"}`, tentative...), 201)
	expect(t, do(t, east, "POST", docs, `{"id":"k2","pk":"a"}`, tentative...), 201)
	expect(t, do(t, east, "DELETE", docs+"/k2", "", tentative...), 204)
	srv.ResumeReplication("East US")
	srv.ResumeReplication("West US")
	for _, url := range []string{east, west} {
		a := expect(t, do(t, url, "GET", docs+"/k1", "", append(pk("a"), session(w.Header.Get("x-ms-session-token"))...)...), 200)
		check(t, "later write", a.member(t, "from"), `"west"`)
		expect(t, do(t, url, "GET", docs+"/k2", "", pk("a")...), 404)
		feed := expect(t, do(t, url, "GET", docs, "", "A-IM", "Incremental Feed"), 200)
		check(t, "one version in the feed", feed.member(t, "_count"), "1")
	}
	own := expect(t, do(t, east, "GET", docs+"/k1", "", pk("a")...), 200).Header.Get("x-ms-session-token")
	check(t, "the write region's own writes count", own, "0:0#4#2=2")
	feeds := map[string]string{}
	for _, url := range []string{east, west} {
		feeds[url] = do(t, url, "GET", docs, "", "A-IM", "Incremental Feed").Header.Get("etag")
	}
	srv.SetMultiWrite(false)
	check(t, "single-write again", do(t, west, "POST", docs, `{"id":"k3","pk":"a"}`, tentative...).sub(), "3")
	create(t, srv, "a", `{"id":"k3","pk":"a"}`)
	expect(t, do(t, west, "GET", docs+"/k3", "", pk("a")...), 200)
	for _, url := range []string{east, west} {
		a := expect(t, do(t, url, "GET", docs, "", "A-IM", "Incremental Feed", "If-None-Match", feeds[url]), 200)
		check(t, "the feed goes on", a.member(t, "_count"), "1")
	}
}

// TestRegionChanges adds, stops and removes a region.
func TestRegionChanges(t *testing.T) {
	srv := shop(t, cosmostest.Options{})
	create(t, srv, "a", item1)
	if err := srv.AddRegion("West US"); err != nil {
		t.Fatal(err)
	}
	west := srv.RegionURL("West US")
	a := expect(t, do(t, west, "GET", docs+"/k1", "", append(pk("a"), session("0:-1#2")...)...), 200)
	check(t, "version of the token", strings.HasPrefix(a.Header.Get("x-ms-session-token"), "0:0#2"), true)
	create(t, srv, "a", `{"id":"k2","pk":"a"}`)
	expect(t, do(t, west, "GET", docs+"/k2", "", pk("a")...), 200)

	srv.TakeDown("West US")
	if resp, err := http.Get(west); err == nil {
		resp.Body.Close()
		t.Errorf("a region that is down: got %d want a refused connection", resp.StatusCode)
	}
	if err := srv.BringUp("West US"); err != nil {
		t.Fatal(err)
	}
	expect(t, do(t, west, "GET", docs+"/k2", "", pk("a")...), 200)

	srv.RemoveRegion("West US")
	gone := expect(t, do(t, west, "GET", docs+"/k2", "", pk("a")...), 403)
	check(t, "substatus", gone.sub(), "1008")
	check(t, "a token that names the removed region", do(t, srv.URL(), "GET", docs+"/k1", "", append(pk("a"), session("0:0#2#2=9")...)...).Status, 200)
}
