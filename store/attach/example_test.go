package attach_test

import (
	"context"
	"fmt"
	"log"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/attach"
	"github.com/whiskstore/whiskstore/store/entity"
	"github.com/whiskstore/whiskstore/store/memory"
)

func Example() {
	ctx := context.Background()
	whisks, err := memory.New(memory.Options{Collection: store.Whisks})
	if err != nil {
		log.Fatal(err)
	}
	actions := attach.New(store.Chain{}.Over(whisks), memory.NewAttachments(memory.AttachmentOptions{}), nil)
	hello := &entity.Action{
		Namespace: "guest", Name: "hello", Version: entity.SemVer{Patch: 1},
		Exec:   entity.Exec{Kind: "nodejs:20", Code: &entity.Code{Inline: "main = () => 1"}},
		Limits: entity.ActionLimits{Timeout: 60000, Memory: 256},
	}
	stored, err := actions.PutAction(ctx, hello, nil, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(stored.Exec.Code.Attached.AttachmentName)
	read, err := actions.GetAction(ctx, "guest/hello", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(read.Exec.Code.Inline)
	// Output:
	// mem:bWFpbiA9ICgpID0-IDE=
	// main = () => 1
}
