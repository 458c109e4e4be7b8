package stamp_test

import (
	"context"
	"fmt"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/stamp"
)

// backend shows what reaches it.
type backend struct{ store.ArtifactStore }

func (backend) Put(_ context.Context, doc store.Document, opts *store.PutOptions) (store.Version, error) {
	fmt.Printf("put %s, written by %s\n", doc.ID, opts.ClusterID)
	return store.Version{Rev: "1-abc"}, nil
}

func (backend) Delete(_ context.Context, id, rev string, opts *store.DeleteOptions) (store.Version, error) {
	fmt.Printf("delete %s at %s, written by %s\n", id, rev, opts.ClusterID)
	return store.Version{Rev: "2-def"}, nil
}

func Example() {
	ctx := context.Background()
	whisks := store.Chain{Stamp: stamp.New("cluster-a")}.Over(backend{})

	version, err := whisks.Put(ctx, store.Document{ID: "guest/hello", Body: []byte(`{"name":"hello"}`)}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := whisks.Delete(ctx, "guest/hello", version.Rev, nil); err != nil {
		fmt.Println(err)
	}
	// Output:
	// put guest/hello, written by cluster-a
	// delete guest/hello at 1-abc, written by cluster-a
}
