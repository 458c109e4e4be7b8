package cosmos

import (
	"slices"
	"testing"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
	"github.com/whiskstore/whiskstore/store"
)

func rangeIDs(list []keyRange) (ids []string) {
	for _, r := range list {
		ids = append(ids, r.ID)
	}
	return ids
}

func fakeIDs(srv *cosmostest.Server, collection string) (ids []string) {
	for _, r := range srv.Ranges("whisk", collection) {
		ids = append(ids, r.ID)
	}
	return ids
}

// The ids and bounds of ranges are those of the service, before and after a
// split, and cost no request beside azcosmos's own.
func TestRanges(t *testing.T) {
	s, srv := openWhisks(t, cosmostest.Options{Ranges: 4})
	list, err := s.here().ranges.get(t.Context(), s.reader)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := rangeIDs(list), fakeIDs(srv, store.Whisks); !slices.Equal(got, want) {
		t.Errorf("ranges: got %q, want %q", got, want)
	}
	if n := srv.Counters().Total(cosmostest.CounterKey{Operation: cosmostest.ReadChangeFeed}).Requests; n != 0 {
		t.Errorf("naming the ranges took %d reads of the change feed, want 0", n)
	}
	s.here().sessions.note(list[1].ID + ":-1#7")
	srv.Split("whisk", store.Whisks, list[1].ID)
	now, err := s.here().ranges.refresh(t.Context(), s.reader, list)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := rangeIDs(now), fakeIDs(srv, store.Whisks); !slices.Equal(got, want) {
		t.Errorf("ranges after a split: got %q, want %q", got, want)
	}
	children := within(now, list[1])
	if len(children) != 2 {
		t.Fatalf("children of %v: got %v, want two", list[1], children)
	}
	want := vector{children[0].ID: {version: -1, global: 7}, children[1].ID: {version: -1, global: 7}}
	v := s.here().sessions.seen
	for id, p := range want {
		if !v[id].covers(p) {
			t.Errorf("session of %s after the split: got %v, want %v", id, v[id], p)
		}
	}
	if _, ok := v[list[1].ID]; ok {
		t.Errorf("session of the gone range %s is still kept", list[1].ID)
	}
}
