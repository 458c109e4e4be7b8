package route

import (
	"fmt"
	"time"

	"github.com/whiskstore/whiskstore/store"
)

// The defaults of Policy.
const (
	DefaultRecent = 16384
	DefaultMaxLag = time.Minute
	DefaultWait   = 250 * time.Millisecond
)

// Policy says how a store reads its own writes; nil is the zero value.
type Policy struct {
	// Recent is how many written ids are remembered, at about 300 bytes each; 0 is
	// DefaultRecent.
	Recent int

	// MaxLag is how far the replica may lag behind the primary where no version
	// proves how far it does: for versions whose order is unknown, after a physical
	// delete, for ids that no longer fit into the table, and for
	// QueriesAfterWrites. 0 is DefaultMaxLag.
	MaxLag time.Duration

	// Wait is how long the read store may take over a Get with GetOptions.After
	// before the primary is asked; 0 is DefaultWait.
	Wait time.Duration

	// Queries says where queries and counts run.
	Queries Queries
}

// Queries says where queries and counts run. Whichever it is, all rows of one
// loop come from one store.
type Queries uint8

const (
	// QueriesRead: from the read store. Lists may lag behind own writes, as long as
	// replication takes.
	QueriesRead Queries = iota

	// QueriesWrite: from the write store, which shows every write.
	QueriesWrite

	// QueriesAfterWrites: from the write store if anything was written through this
	// store within Policy.MaxLag before the loop begins, else from the read store.
	// Lists show own writes, and cost nothing where nobody writes.
	QueriesAfterWrites
)

func (p *Policy) complete() (Policy, error) {
	var c Policy
	if p != nil {
		c = *p
	}
	var err error
	switch {
	case c.Recent < 0:
		err = fmt.Errorf("route: Recent is %d", c.Recent)
	case c.MaxLag < 0:
		err = fmt.Errorf("route: MaxLag is %v", c.MaxLag)
	case c.Wait < 0:
		err = fmt.Errorf("route: Wait is %v", c.Wait)
	case c.Queries > QueriesAfterWrites:
		err = fmt.Errorf("route: Queries is %d", c.Queries)
	}
	if err != nil {
		return c, &store.Error{Op: store.OpOpen, Kind: store.ErrInvalid, Err: err}
	}
	if c.Recent == 0 {
		c.Recent = DefaultRecent
	}
	if c.MaxLag == 0 {
		c.MaxLag = DefaultMaxLag
	}
	if c.Wait == 0 {
		c.Wait = DefaultWait
	}
	return c, nil
}
