package simulate_test

import (
	"context"
	"fmt"

	"github.com/whiskstore/whiskstore/cache"
	"github.com/whiskstore/whiskstore/integration/simulate"
)

func Example() {
	res, err := simulate.Run(context.Background(), simulate.Config{Writes: 1000, Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("all rules:", res.Violation == nil)

	res, err = simulate.Run(context.Background(), simulate.Config{Writes: 100_000, Seed: 1, Disabled: cache.RuleFence})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("without fences:", res.Violation == nil)
	// Output:
	// all rules: true
	// without fences: false
}
