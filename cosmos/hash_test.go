package cosmos

import (
	"fmt"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
	"github.com/whiskstore/whiskstore/store"
)

// Every item is looked for in the range that holds it, in containers of both
// versions of the hash.
func TestHashKey(t *testing.T) {
	for _, version := range []int{0, 2} {
		t.Run(fmt.Sprint("version ", version), func(t *testing.T) {
			srv := startFake(t, cosmostest.Options{Ranges: 7})
			client, err := srv.Client(&azcosmos.ClientOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := client.CreateDatabase(t.Context(), azcosmos.DatabaseProperties{ID: "whisk"}, nil); err != nil {
				t.Fatal(err)
			}
			db, err := client.NewDatabase("whisk")
			if err != nil {
				t.Fatal(err)
			}
			ttl := int32(-1)
			props := azcosmos.ContainerProperties{ID: store.Whisks, DefaultTimeToLive: &ttl,
				PartitionKeyDefinition: azcosmos.PartitionKeyDefinition{Paths: []string{"/id"}, Version: version}}
			if _, err := db.CreateContainer(t.Context(), props, nil); err != nil {
				t.Fatal(err)
			}
			s := openFake(t, srv, store.Whisks, Deps{}, nil)
			list, err := s.here().ranges.get(t.Context(), s.reader)
			if err != nil {
				t.Fatal(err)
			}
			for i, key := range []string{"a", "ab", "abc", "guest|hello", "ü|😀", strings.Repeat("x", 99), strings.Repeat("y", 100),
				strings.Repeat("z", 101), strings.Repeat("é", 99), strings.Repeat("ü", 120), strings.Repeat("long", 200)} {
				for n := range 5 {
					id := fmt.Sprintf("%s-%d-%d", key, i, n)
					resp, err := s.reader.CreateItem(keyed(t.Context(), id), azcosmos.NewPartitionKeyString(id), append(appendString([]byte(`{"id":`), id), '}'), nil)
					if err != nil {
						t.Fatal(err)
					}
					if got, want := rangeOf(list, hashKey(id, version)).ID, resp.RawResponse.Header.Get(headerRangeID); got != want {
						t.Errorf("range of %.20q (%d bytes): got %s, want %s", id, len(id), got, want)
					}
				}
			}
		})
	}
}
