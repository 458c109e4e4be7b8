package fault_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/fault"
)

// cell is a backend with room for one document.
type cell struct {
	store.ArtifactStore
	doc store.Document
}

func (c *cell) Get(_ context.Context, id string, _ *store.GetOptions) (store.Document, error) {
	return c.doc, nil
}

func (c *cell) Put(_ context.Context, doc store.Document, _ *store.PutOptions) (store.Version, error) {
	doc.Version.Rev = "1-a"
	c.doc = doc
	return doc.Version, nil
}

func Example() {
	const seed = 42
	faults, err := fault.New(seed, nil,
		fault.Rule{Name: "lost reply", IDs: []string{"guest/hello"}, Times: 1, Fault: fault.LoseReply(nil)},
		fault.Rule{Name: "throttling", Ops: []store.Op{store.OpGet}, Nth: 2, Fault: fault.Fail(store.ErrThrottled)},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	whisks := store.Chain{}.Over(faults.Wrap(&cell{}))

	_, err = whisks.Put(ctx, store.Document{ID: "guest/hello", Body: []byte(`{}`)}, nil)
	fmt.Println(err, store.InDoubt(err))
	doc, err := whisks.Get(ctx, "guest/hello", nil)
	fmt.Println(doc.Version.Rev, err)
	_, err = whisks.Get(ctx, "guest/hello", nil)
	fmt.Println(errors.Is(err, store.ErrThrottled), faults.Counts("throttling"))
	// Output:
	// put "guest/hello": in doubt: may have happened or still happen: injected by lost reply true
	// 1-a <nil>
	// true {2 1 1}
}
