package cosmos

import (
	"fmt"
	"testing"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
	"github.com/whiskstore/whiskstore/store"
)

// TestPlace: a document's place is within the range whose feed shows it.
func TestPlace(t *testing.T) {
	s, _ := openWhisks(t, cosmostest.Options{Ranges: 4})
	for i := range 40 {
		if _, err := s.Put(t.Context(), store.Document{ID: fmt.Sprintf("guest/pkg/action-%d", i), Body: []byte(`{}`)}, nil); err != nil {
			t.Fatal(err)
		}
	}
	feed, err := s.Feed(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer feed.Close()
	ranges, err := feed.Ranges(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, r := range ranges {
		token, err := feed.Start(t.Context(), r, store.FromBeginning())
		if err != nil {
			t.Fatal(err)
		}
		for drained := false; !drained; {
			page, err := feed.Next(t.Context(), r, token, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range page.Changes {
				seen++
				if place := s.Place(c.ID); place < r.Min || place >= r.Max {
					t.Errorf("%q has its place at %s, but is shown by the range from %q to %q", c.ID, place, r.Min, r.Max)
				}
			}
			token, drained = page.Token, page.Drained
		}
	}
	if seen != 40 || len(ranges) != 4 {
		t.Errorf("saw %d documents in %d ranges, want 40 in 4", seen, len(ranges))
	}
	if got := s.Place("a|b"); got != "" {
		t.Errorf("got %q for an id that is refused, want none", got)
	}
}
