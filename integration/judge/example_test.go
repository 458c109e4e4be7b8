package judge_test

import (
	"fmt"
	"maps"
	"slices"

	"github.com/whiskstore/whiskstore/integration/judge"
)

func ExampleDesignDocuments() {
	for _, d := range judge.DesignDocuments("whisks") {
		fmt.Println(d.ID, slices.Sorted(maps.Keys(d.Views)))
	}
	for _, d := range judge.DesignDocuments("subjects") {
		fmt.Println(d.ID, slices.Sorted(maps.Keys(d.Views)))
	}
	// Output:
	// _design/whisks.v2.1.0 [actions packages packages-public rules triggers]
	// _design/namespaceThrottlings [blockedNamespaces]
	// _design/subjects.v2.0.0 [identities]
}
