package config_test

import (
	"context"
	"fmt"
	"log"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/config"
)

func Example() {
	ctx := context.Background()
	cfg, err := config.Load(&config.LoadOptions{
		File: "whisk.yaml", // its text is read from the file when Text is nil
		Text: []byte(`
whisk:
  spi:
    ArtifactStoreProvider: memory
  db:
    cluster-id: eu
    collections:
      WhiskEntity:
        soft-delete-ttl: 1 h
`),
		Environ: []string{"CONFIG_whisk_db_maxInlineSize=32 k"}, // os.Environ() in a program
	})
	if err != nil {
		log.Fatal(err)
	}
	stack, err := config.Open(ctx, cfg, config.Deps{})
	if err != nil {
		log.Fatal(err)
	}
	defer stack.Close()
	fmt.Println(stack)

	_, err = stack.Whisks.Put(ctx, store.Document{ID: "guest/tick", Body: []byte(`{"entityType":"trigger"}`)}, nil)
	if err != nil {
		log.Fatal(err)
	}
	doc, err := stack.Whisks.Get(ctx, "guest/tick", nil)
	fmt.Println(doc.Meta.ClusterID, err)
	// Output:
	// whisks      = check -> observe(whiskstore.memory) -> softdelete(1 h) -> stamp("eu") -> memory(no directory)
	// activations = check -> observe(whiskstore.memory) -> stamp("eu") -> memory(no directory)
	// subjects    = check -> observe(whiskstore.memory) -> stamp("eu") -> memory(no directory)
	// attachments = memory(no directory), inline below 32 k
	//
	// eu <nil>
}
