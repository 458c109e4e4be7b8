package route_test

import (
	"context"
	"fmt"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/route"
)

// site is a database that holds one document.
type site struct {
	store.ArtifactStore
	name string
	doc  store.Document
}

func (s *site) Get(context.Context, string, *store.GetOptions) (store.Document, error) {
	fmt.Printf("%s shows %s\n", s.name, s.doc.Version.Rev)
	return s.doc, nil
}

func (s *site) Put(_ context.Context, doc store.Document, _ *store.PutOptions) (store.Version, error) {
	doc.Version = store.Version{Rev: "2-b", Order: 2, Lineage: "whisks"}
	s.doc = doc
	return doc.Version, nil
}

func Example() {
	old := store.Document{ID: "guest/hello", Version: store.Version{Rev: "1-a", Order: 1, Lineage: "whisks"}, Body: []byte(`{}`)}
	primary := &site{name: "primary", doc: old}
	replica := &site{name: "replica", doc: old}

	whisks, err := route.New(primary, replica, &route.Policy{Queries: route.QueriesAfterWrites})
	if err != nil {
		fmt.Println(err)
		return
	}
	read := func() {
		doc, err := whisks.Get(context.Background(), "guest/hello", nil)
		fmt.Println("caller reads", doc.Version.Rev, err)
	}

	read()
	if _, err := whisks.Put(context.Background(), old, nil); err != nil {
		fmt.Println(err)
	}
	read()
	replica.doc = primary.doc // replication
	read()
	// Output:
	// replica shows 1-a
	// caller reads 1-a <nil>
	// replica shows 1-a
	// primary shows 2-b
	// caller reads 2-b <nil>
	// replica shows 2-b
	// caller reads 2-b <nil>
}
