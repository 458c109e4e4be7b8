package tworegions

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// Config is one run. The zero value of each field means its default.
type Config struct {
	// Duration is how long the nodes work, default 4 s. Draining and the final
	// comparison come after it.
	Duration time.Duration

	// Nodes is the number of control-plane nodes in each region, default 2.
	Nodes int

	// Delay is how long a change travels between the regions, default 40 ms. It is
	// below LagBudget.
	Delay time.Duration

	// Loss is the share of deliveries between embedded stores that get lost and are
	// sent again after another Delay, default 0, at most MaxLoss. Above 0, invalidation messages get
	// lost as well and are not sent again: those of a pump's 50 ms, once in 4 lag
	// budgets at most.
	Loss float64

	// LagBudget is the lag budget of the caches: no replica may be further behind.
	// The default is 10 times Delay, at least 500 ms. The caches' other times follow
	// from it.
	LagBudget time.Duration

	// TombstoneTTL is how long a deleted document stays as a tombstone, default
	// 1 h; at least a minute longer than Duration.
	TombstoneTTL time.Duration

	// Rate is the most operations a node does in a second, default 400.
	Rate int

	// Backend is "cosmosdb" for one fake Cosmos DB account with two regions, which
	// replicates by itself; by default both regions have embedded stores.
	Backend string

	// Dir, when set, is where the stores live. A run continues what an earlier one
	// left there, however it ended, and checks that nothing is lost that was
	// acknowledged. One run at a time uses a directory.
	Dir string

	// Seed makes the workload repeatable as far as scheduling allows, default 1.
	Seed uint64

	// Progress receives an account of the run while it goes on; nil is silent.
	// Live redraws it in place, for a terminal.
	Progress io.Writer
	Live     bool

	// Terminal, when set, is where Progress goes to: a live account is cut to it.
	Terminal Terminal

	// sabotage breaks one thing on purpose; only tests set it, and the shorter
	// drain that goes with it.
	sabotage     sabotage
	drainTimeout time.Duration
}

// sabotage names a defect that tests plant, so that an invariant breaks.
type sabotage string

const (
	loseTombstones sabotage = "replication loses tombstones"
	loseUpdates    sabotage = "replication loses every tenth change"
	noStamp        sabotage = "writes carry no cluster id"
	noSoftDelete   sabotage = "deletes leave no tombstone"
	noReplication  sabotage = "the account stops replicating"
	noReadRouting  sabotage = "reads go to the replica whatever was written"
	silentPump     sabotage = "a pump drops messages and leaves no gap"
	falseHandover  sabotage = "a pump begins from now and says that it took over"
	deafCaches     sabotage = "caches ignore what changed"
	lossIgnored    sabotage = "caches serve what they held when messages were lost"
)

// maxSilence is below the lag budget by more than clocks may differ, so that a
// cache which hears nothing is not coherent any more once that is over.
func (c Config) maxSilence() time.Duration { return c.LagBudget * 3 / 4 }

func (c Config) maxStaleness() time.Duration { return c.LagBudget / 2 }

func (c Config) maxAge() time.Duration { return 4 * c.LagBudget }

// remembered is longer than anything may be stale.
func (c Config) remembered() time.Duration { return max(10*time.Second, 2*c.LagBudget) }

// MaxNodes, MaxRate and MaxLoss bound the fields of Config.
const (
	MaxNodes = 64
	MaxRate  = 100_000
	MaxLoss  = 0.9 // with more, a delivery is late for long
)

func (c Config) withDefaults() (Config, error) {
	if c.Duration == 0 {
		c.Duration = 4 * time.Second
	}
	if c.Nodes == 0 {
		c.Nodes = 2
	}
	if c.Delay == 0 {
		c.Delay = 40 * time.Millisecond
	}
	if c.LagBudget == 0 {
		c.LagBudget = max(500*time.Millisecond, 10*c.Delay)
	}
	if c.TombstoneTTL == 0 {
		c.TombstoneTTL = time.Hour
	}
	if c.Rate == 0 {
		c.Rate = 400
	}
	if c.Seed == 0 {
		c.Seed = 1
	}
	if c.drainTimeout == 0 {
		c.drainTimeout = drainTimeout
	}
	var errs []error
	for _, bad := range []struct {
		wrong bool
		text  string
	}{
		{c.Duration < 0, fmt.Sprintf("duration %v is negative", c.Duration)},
		{c.Nodes < 1 || c.Nodes > MaxNodes, fmt.Sprintf("nodes %d is not between 1 and %d", c.Nodes, MaxNodes)},
		{c.Delay < 0, fmt.Sprintf("delay %v is negative", c.Delay)},
		{c.Delay >= c.LagBudget, fmt.Sprintf("delay %v is not below the lag budget %v", c.Delay, c.LagBudget)},
		{!(c.Loss >= 0 && c.Loss <= MaxLoss), fmt.Sprintf("loss %v is not between 0 and %v", c.Loss, MaxLoss)},
		{c.LagBudget-c.maxSilence() <= 2*clockSkew, fmt.Sprintf("lag budget %v is not above %v", c.LagBudget, 8*clockSkew)},
		{c.LagBudget > time.Minute, fmt.Sprintf("lag budget %v is over a minute", c.LagBudget)},
		{c.TombstoneTTL-time.Minute < c.Duration, fmt.Sprintf("tombstone TTL %v is not a minute longer than the duration %v: tombstones would expire during the run", c.TombstoneTTL, c.Duration)},
		{c.Backend != "" && c.Backend != cosmosBackend, fmt.Sprintf("backend %q is not %s", c.Backend, cosmosBackend)},
		{c.Backend == cosmosBackend && c.Dir != "", "a directory is for embedded stores; a fake account keeps nothing"},
		{c.Rate < 1 || c.Rate > MaxRate, fmt.Sprintf("rate %d is not between 1 and %d", c.Rate, MaxRate)},
	} {
		if bad.wrong {
			errs = append(errs, errors.New(bad.text))
		}
	}
	return c, errors.Join(errs...)
}
