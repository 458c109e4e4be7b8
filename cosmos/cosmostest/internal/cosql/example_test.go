package cosql_test

import (
	"fmt"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest/internal/cosql"
)

// A statement is parsed once, bound to its parameters, and asked for the rows of one document at a time.
func Example() {
	q, err := cosql.Parse("SELECT c.name, c.n + @more FROM c WHERE c.n > 1 ORDER BY c.n")
	if err != nil {
		fmt.Println(err)
		return
	}
	b, err := q.Bind(map[string]cosql.Value{"@more": cosql.NumberValue(10)})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, d := range []doc{`{"name":"a","n":1}`, `{"name":"b","n":2}`} {
		err := b.Rows(d, func(r cosql.Row) bool {
			fmt.Println(r.Out.Str)
			return true
		})
		if err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(q.NeedsMerge())
	// Output:
	// {"name":"b","$1":12}
	// true
}
