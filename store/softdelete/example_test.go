package softdelete_test

import (
	"context"
	"fmt"
	"time"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/softdelete"
)

// backend shows what reaches it.
type backend struct{ store.ArtifactStore }

func (backend) Delete(_ context.Context, id, rev string, opts *store.DeleteOptions) (store.Version, error) {
	fmt.Printf("delete %s at %s, leave a tombstone for %v\n", id, rev, opts.Tombstone)
	return store.Version{Rev: "2-def"}, nil
}

func Example() {
	soft, err := softdelete.New(24 * time.Hour)
	if err != nil {
		fmt.Println(err)
		return
	}
	whisks := store.Chain{SoftDelete: soft}.Over(backend{})
	if _, err := whisks.Delete(context.Background(), "guest/hello", "1-abc", nil); err != nil {
		fmt.Println(err)
	}
	// Output: delete guest/hello at 1-abc, leave a tombstone for 24h0m0s
}
