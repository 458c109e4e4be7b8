package cosmos

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
	"github.com/whiskstore/whiskstore/store"
)

// oneRange returns the only range of a feed and where it starts.
func oneRange(t testing.TB, f *Feed, from store.From) (store.Range, store.Token) {
	t.Helper()
	list, err := f.Ranges(t.Context())
	if err != nil || len(list) != 1 {
		t.Fatalf("Ranges: got %v and %v, want one", list, err)
	}
	token, err := f.Start(t.Context(), list[0], from)
	if err != nil {
		t.Fatal(err)
	}
	return list[0], token
}

// A feed shows what its region shows, and is read there only.
func TestFeedRegion(t *testing.T) {
	srv := startFake(t, cosmostest.Options{Regions: regions(3)})
	s := openFake(t, srv, store.Subjects, Deps{}, nil)
	near := openFeed(t, s, &FeedOptions{Region: "japaneast"})
	hub := openFeed(t, s, nil)
	r, token := oneRange(t, near, store.FromNow())
	srv.PauseReplication("Japan East")
	putSubject(t, s, "doc", nil)
	srv.ResetCounters()

	page, err := near.Next(t.Context(), r, token, nil)
	if err != nil || len(page.Changes) != 0 || !page.Drained {
		t.Errorf("Next in a region that lags: got %+v and %v, want nothing yet", page, err)
	}
	ahead, err := hub.Next(t.Context(), r, token, nil)
	if err != nil || len(ahead.Changes) != 1 {
		t.Fatalf("Next in the hub: got %+v and %v, want one change", ahead, err)
	}
	// A position that the other region reached is not of the future here.
	page, err = near.Next(t.Context(), r, ahead.Token, nil)
	if err != nil || len(page.Changes) != 0 {
		t.Errorf("Next with the position of a region that is ahead: got %+v and %v, want nothing yet", page, err)
	}
	later, err := ContinuationToken(page.Token)
	if want, _ := ContinuationToken(ahead.Token); err != nil || later != want {
		t.Errorf("position after it: got %s and %v, want %s as it was", later, err, want)
	}
	srv.ResumeReplication("Japan East")
	page, err = near.Next(t.Context(), r, token, &store.NextOptions{Wait: 10 * time.Second})
	if err != nil || len(page.Changes) != 1 {
		t.Errorf("Next once replication goes on: got %+v and %v, want the change", page, err)
	}
	counts := srv.Counters()
	if n := counts.Total(cosmostest.CounterKey{Operation: cosmostest.ReadChangeFeed, Region: "West Europe"}).Requests; n != 0 {
		t.Errorf("reads in a region that nobody asked for: got %d, want 0", n)
	}
	if n := counts.Total(cosmostest.CounterKey{Operation: cosmostest.ReadChangeFeed, Region: "Japan East"}).Requests; n < 3 {
		t.Errorf("reads in the region asked for: got %d, want 3 at least", n)
	}
	if _, err := s.Feed(&FeedOptions{Region: "Mars"}); !errors.Is(err, store.ErrInvalid) || !strings.Contains(err.Error(), "West Europe") {
		t.Errorf("Feed in an unknown region: got %v, want ErrInvalid with the account's regions", err)
	}
}

// Another region's answer is no substitute for that of the region asked for.
func TestFeedRefusesOtherRegions(t *testing.T) {
	srv := startFake(t, cosmostest.Options{Regions: regions(2)})
	s := openFake(t, srv, store.Subjects, Deps{}, nil)
	f := openFeed(t, s, &FeedOptions{Region: "West Europe"})
	f.patience = 200 * time.Millisecond
	r, token := oneRange(t, f, store.FromNow())
	putSubject(t, s, "doc", nil)
	// azcosmos goes to the write region after this answer.
	fault := srv.Inject(cosmostest.Fault{Status: http.StatusNotFound, Substatus: subSessionUnavailable, Match: func(q *cosmostest.Request) bool {
		return q.Operation == cosmostest.ReadChangeFeed && q.Region == "West Europe"
	}})
	srv.ResetCounters()
	if page, err := f.Next(t.Context(), r, token, nil); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Next while another region answers: got %+v and %v, want ErrUnavailable", page, err)
	}
	if _, err := f.Start(t.Context(), r, store.FromNow()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Start while another region answers: got %v, want ErrUnavailable", err)
	}
	if n := srv.Counters().Total(cosmostest.CounterKey{Operation: cosmostest.ReadChangeFeed, Region: "East US"}).Requests; n == 0 {
		t.Error("the other region was not asked, so nothing was refused")
	}
	fault.Remove()
	if page, err := f.Next(t.Context(), r, token, nil); err != nil || len(page.Changes) != 1 {
		t.Errorf("Next once the region answers: got %+v and %v, want the change", page, err)
	}
}

// A replica that is behind does not take a token back.
func TestFeedTokenNeverGoesBack(t *testing.T) {
	srv := startFake(t, cosmostest.Options{})
	lag := &laggingReplica{next: http.DefaultTransport}
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	s := openFake(t, srv, store.Subjects, Deps{Transport: lag}, nil)
	f := openFeed(t, s, nil)
	for i := range 5 {
		putSubject(t, s, fmt.Sprint(i), nil)
	}
	r, token := oneRange(t, f, store.FromNow())
	lag.on.Store(true)
	page, err := f.Next(t.Context(), r, token, nil)
	if err != nil || page.Token != token || !page.Drained || page.Pending != 0 {
		t.Errorf("Next at a replica that is behind: got %+v and %v, want nothing, and token %q as it was", page, err, token)
	}
	if want := sessionOf(s.here().rid, "0:-1#"+fmt.Sprint(f.position(t, token))); page.Session != want {
		t.Errorf("session of that page: got %q, want %q, which covers the pages before", page.Session, want)
	}
}

func (f *Feed) position(t testing.TB, token store.Token) uint64 {
	t.Helper()
	pos, err := parsePosition(token)
	if err != nil {
		t.Fatal(err)
	}
	return pos.lsn()
}

// laggingReplica makes answers of the feed those of a replica at LSN 1.
type laggingReplica struct {
	next http.RoundTripper
	on   atomic.Bool
}

func (l *laggingReplica) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := l.next.RoundTrip(req)
	if err == nil && l.on.Load() && req.Header.Get(headerIfNoneMatch) != "" && req.Header.Get(headerRangeID) != "" {
		resp.Header.Set("ETag", `"1"`)
		resp.Header.Set(headerLSN, "1")
		resp.Header.Set(headerSession, "0:-1#1")
	}
	return resp, err
}

// On an account with several write regions each region counts for itself.
func TestFeedMultiWriteTokens(t *testing.T) {
	srv := startFake(t, cosmostest.Options{Regions: regions(2), MultiWrite: true})
	s := openFake(t, srv, store.Subjects, Deps{}, nil)
	here := openFeed(t, s, &FeedOptions{Region: "East US"})
	there := openFeed(t, s, &FeedOptions{Region: "West Europe"})
	r, token := oneRange(t, here, store.FromNow())
	if _, err := there.Next(t.Context(), r, token, nil); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("Next with the token of another write region: got %v, want ErrInvalid", err)
	}
	putSubject(t, s, "doc", nil)
	page, err := here.Next(t.Context(), r, token, nil)
	if err != nil || len(page.Changes) != 1 || page.Changes[0].Version.Order != 0 {
		t.Errorf("Next: got %+v and %v, want one change without an order", page, err)
	}
}

// A fail-over that loses writes takes positions back; what is written then must
// not be passed over.
func TestFeedAfterLossyFailover(t *testing.T) {
	srv := startFake(t, cosmostest.Options{Regions: regions(2)})
	s := openFake(t, srv, store.Subjects, Deps{}, nil)
	srv.PauseReplication("West Europe")
	for i := range 5 {
		putSubject(t, s, fmt.Sprint(i), nil)
	}
	f := openFeed(t, s, nil)
	r, token := oneRange(t, f, store.FromNow())
	srv.Failover("West Europe", true)
	other := openFake(t, srv, store.Subjects, Deps{}, nil)
	g := openFeed(t, other, &FeedOptions{Region: "West Europe"})
	if page, err := g.Next(t.Context(), r, token, nil); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("Next with a position that was lost: got %+v and %v, want ErrInvalid", page, err)
	}
}

// A container that was made again under the same name refuses the positions of
// the old one, whichever of the two has more changes.
func TestFeedOfRecreatedContainer(t *testing.T) {
	for name, writes := range map[string]int{"fewer_changes": 1, "more_changes": 30} {
		t.Run(name, func(t *testing.T) {
			srv := startFake(t, cosmostest.Options{})
			s := openFake(t, srv, store.Subjects, Deps{}, nil)
			f := openFeed(t, s, nil)
			for i := range 10 {
				putSubject(t, s, fmt.Sprint("old-", i), nil)
			}
			r, token := oneRange(t, f, store.FromNow())
			dropContainer(t, srv, store.Subjects)
			if _, err := f.Next(t.Context(), r, token, nil); !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("Next without a container: got %v, want ErrUnavailable", err)
			}
			again := openFake(t, srv, store.Subjects, Deps{}, nil)
			for i := range writes {
				putSubject(t, again, fmt.Sprint("new-", i), nil)
			}
			page, err := f.Next(t.Context(), r, token, nil)
			if !errors.Is(err, store.ErrInvalid) || !strings.Contains(err.Error(), "same name") {
				t.Fatalf("Next in another container: got %+v and %v, want ErrInvalid that says so", page, err)
			}
			n := 0
			follow(t, f, store.FromBeginning(), func(store.Change) { n++ }).drain()
			if n != writes {
				t.Errorf("feed started anew: got %d changes, want %d", n, writes)
			}
		})
	}
}

func dropContainer(t testing.TB, srv *cosmostest.Server, collection string) {
	t.Helper()
	client, err := srv.Client(&azcosmos.ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	c, err := client.NewContainer("whisk", collection)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Delete(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
}

// A continuation token of another processor's lease goes on where that one was.
func TestFeedResume(t *testing.T) {
	srv := startFake(t, cosmostest.Options{})
	s := openFake(t, srv, store.Subjects, Deps{}, nil)
	f := openFeed(t, s, nil)
	putSubject(t, s, "a", nil)
	r, token := oneRange(t, f, store.FromNow())
	etag, err := ContinuationToken(token)
	if err != nil {
		t.Fatal(err)
	}
	putSubject(t, s, "b", nil)
	for _, c := range []struct {
		etag string
		want int
	}{{etag, 1}, {"", 2}} {
		token, err := f.Resume(t.Context(), store.Range{ID: r.ID}, c.etag)
		if err != nil {
			t.Fatal(err)
		}
		if page, err := f.Next(t.Context(), r, token, nil); err != nil || len(page.Changes) != c.want {
			t.Errorf("Next after %s: got %+v and %v, want %d changes", c.etag, page, err, c.want)
		}
	}
	for _, bad := range []string{"43", "*", `"x"`, `"`} {
		if _, err := f.Resume(t.Context(), r, bad); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("Resume after %s: got %v, want ErrInvalid", bad, err)
		}
	}
}

// Several feeds of one collection are independent of each other and of the
// store's sessions.
func TestFeedsAreIndependent(t *testing.T) {
	srv := startFake(t, cosmostest.Options{Ranges: 2})
	s := openFake(t, srv, store.Subjects, Deps{}, nil)
	a, b := openFeed(t, s, nil), openFeed(t, s, nil)
	na, nb := 0, 0
	wa := follow(t, a, store.FromNow(), func(store.Change) { na++ })
	putSubject(t, s, "one", nil)
	wb := follow(t, b, store.FromNow(), func(store.Change) { nb++ })
	putSubject(t, s, "two", nil)
	wa.drain()
	if err := a.Close(); err != nil {
		t.Errorf("Close: got %v, want nil", err)
	}
	wb.drain()
	if na != 2 || nb != 1 {
		t.Errorf("changes: got %d and %d, want 2 and 1", na, nb)
	}
}
