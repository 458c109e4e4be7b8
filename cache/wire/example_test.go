package wire_test

import (
	"fmt"

	"github.com/whiskstore/whiskstore/cache/wire"
	"github.com/whiskstore/whiskstore/store"
)

func Example() {
	r := wire.Encode(wire.Message{
		InstanceID: "controller0",
		Key:        wire.Key{MainID: "guest/hello"},
		Kind:       wire.Write,
		Source:     "controller0",
		Epoch:      1,
		Seq:        1,
		Version:    store.Version{Rev: "2-abc", Order: 2, Lineage: "whisks"},
	})
	fmt.Printf("%s\n", r.Value)
	m, err := wire.Decode(r)
	fmt.Println(m.Kind, m.Key, m.Version.Rev, err)
	// Output:
	// {"instanceId":"controller0","key":{"mainId":"guest/hello"}}
	// write guest/hello 2-abc <nil>
}
