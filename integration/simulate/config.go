package simulate

import (
	"fmt"
	"io"
	"time"

	"github.com/whiskstore/whiskstore/cache"
)

// Config says what to simulate. The zero value of a field is its default.
type Config struct {
	Writes   int        // commits to simulate; 1,000,000
	Seed     uint64     // the run with the same seed, writes and rules is the same run
	Disabled cache.Rule // rules switched off
	Whole    bool       // a violation is reported as it is, not minimised
	Progress io.Writer  // is told how far the run is; nil is silent
	Live     bool       // Progress is a terminal: one line that is written anew
}

// DefaultWrites is the default of Config.Writes.
const DefaultWrites = 1_000_000

func (c Config) withDefaults() (Config, error) {
	if c.Writes == 0 {
		c.Writes = DefaultWrites
	}
	if c.Writes < 0 {
		return c, fmt.Errorf("simulate: %d writes: the number must be positive", c.Writes)
	}
	if c.Progress == nil {
		c.Progress = io.Discard
	}
	return c, nil
}

// What the nodes are configured with. Real deployments have longer times; only
// the relations between them matter.
const (
	lagBudget    = 1200 * time.Millisecond
	maxSilence   = 800 * time.Millisecond
	maxStaleness = 1500 * time.Millisecond
	maxAge       = 10 * time.Second
	skew         = 40 * time.Millisecond
)

// What really happens. The protocol's assumptions hold: reads lag by less than
// the budget, clocks of two machines differ by less than the skew, operations end.
const (
	realLag    = 500 * time.Millisecond
	poll       = 40 * time.Millisecond
	watermarks = 80 * time.Millisecond
	ticks      = 80 * time.Millisecond
	delivery   = 50 * time.Millisecond // a message in order
	straggling = 350 * time.Millisecond
	longest    = 3 * lagBudget // an operation, from its start to its end
	rest       = 5 * time.Second
	pageSize   = 200

	documents    = 1200
	partitions   = 2
	restEvery    = 4000 // commits
	pace         = 2 * time.Millisecond
	episodeEvery = 300 * time.Millisecond
	collection   = "whisks"
)

// The bounds that hits are judged by. While coherent, nothing that was committed
// before now minus the lag budget may be missing. That needs a max-silence which
// is below the budget by more than the clocks differ. While degraded, a value is
// as old as it may become and was read from a replica that lagged.
const (
	coherentBound = lagBudget
	degradedBound = maxStaleness + realLag + 2*skew
)
