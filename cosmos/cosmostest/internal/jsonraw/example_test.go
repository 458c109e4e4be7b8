package jsonraw_test

import (
	"fmt"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest/internal/jsonraw"
)

// A text is normalised once and then read in place.
func Example() {
	text, err := jsonraw.Normalize([]byte(` { "id" : "caf\u00e9", "n": 1.0, "tags": [ "a" ] } `))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(text)
	tags, ok := jsonraw.Lookup(text, "tags")
	fmt.Println(tags, ok)
	// Output:
	// {"id":"café","n":1,"tags":["a"]}
	// ["a"] true
}
