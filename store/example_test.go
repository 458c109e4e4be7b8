package store_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/memory"
	"github.com/whiskstore/whiskstore/store/softdelete"
	"github.com/whiskstore/whiskstore/store/stamp"
)

// A stack is a backend behind a chain of decorators. This one is the embedded
// store for one node of a cluster, with tombstones that live for a day.
func Example() {
	backend, err := memory.New(memory.Options{Collection: store.Whisks})
	if err != nil {
		fmt.Println(err)
		return
	}
	soft, err := softdelete.New(24 * time.Hour)
	if err != nil {
		fmt.Println(err)
		return
	}
	whisks := store.Chain{
		Check:      store.Check(&store.CheckOptions{Collection: store.Whisks}),
		SoftDelete: soft,
		Stamp:      stamp.New("cluster-a"),
	}.Over(backend)
	defer whisks.Close()
	ctx := context.Background()

	// An empty revision asks for a creation, any other for an update of it.
	body := `{"namespace":"guest","name":"hello","entityType":"package","version":"0.0.1","publish":false,` +
		`"binding":{},"parameters":[],"annotations":[],"updated":1700000000000}`
	version, err := whisks.Put(ctx, store.Document{ID: "guest/hello", Body: []byte(body)}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = whisks.Put(ctx, store.Document{ID: "guest/hello", Body: []byte(body)}, nil)
	fmt.Println("created twice:", errors.Is(err, store.ErrConflict))

	doc, err := whisks.Get(ctx, "guest/hello", nil)
	fmt.Println(doc.ID, "written by", doc.Meta.ClusterID, err)

	packages := store.Query{
		Table:    "whisks.v2.1.0/packages",
		StartKey: store.Key{"guest"},
		EndKey:   store.Key{"guest", store.Top},
		Limit:    30,
	}
	for row, err := range whisks.Query(ctx, &packages) {
		fmt.Println("listed:", row.ID, err)
	}

	if _, err := whisks.Delete(ctx, "guest/hello", version.Rev, nil); err != nil {
		fmt.Println(err)
	}
	_, err = whisks.Get(ctx, "guest/hello", nil)
	fmt.Println(err)
	_, err = whisks.Get(ctx, " ", nil)
	fmt.Println(err)
	// Output:
	// created twice: true
	// guest/hello written by cluster-a <nil>
	// listed: guest/hello <nil>
	// get whisks "guest/hello": not found
	// get whisks " ": invalid argument: id is blank
}

// Every caller asks for the smallest interface that it needs, and for typed
// documents by functions.
func ExampleGetAs() {
	read := func(ctx context.Context, s store.Getter, id string) (string, error) {
		action, err := store.GetAs[named](ctx, s, id, nil)
		return action.Name, err
	}

	backend, err := memory.New(memory.Options{Collection: store.Whisks})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer backend.Close()
	ctx := context.Background()
	if _, err := store.PutAs(ctx, backend, &named{id: "guest/hello", Name: "hello"}, nil); err != nil {
		fmt.Println(err)
	}
	fmt.Println(read(ctx, backend, "guest/hello"))
	// Output: hello <nil>
}
