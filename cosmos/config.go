package cosmos

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/whiskstore/whiskstore/store"
)

// Config is one block below `whisk.cosmosdb`, as it holds for one collection.
// Decoding the override block `collections.<Class>` over a copy of the common
// block is upstream's deep merge: keys that it lacks keep their values.
type Config struct {
	Endpoint string `yaml:"endpoint"` // URL of the account, for example https://acct.documents.azure.com:443/
	Key      string `yaml:"key"`      // account key in Base64; empty uses Deps.Credential
	DB       string `yaml:"db"`       // name of the database

	// Throughput, in RU/s, is for containers that Open creates; existing ones keep
	// theirs. Zero creates them without (serverless accounts, shared throughput).
	Throughput int `yaml:"throughput"`

	// ConsistencyLevel of reads: Strong, BoundedStaleness, Session,
	// ConsistentPrefix or Eventual. It may be weaker than the account's own level,
	// not stronger.
	ConsistencyLevel string `yaml:"consistency-level"`

	// TimeToLive is how long documents live by default, in whole seconds; zero is
	// forever. Activations only (row COS-11).
	TimeToLive time.Duration `yaml:"time-to-live"`

	// ClusterID names this cluster, and SoftDeleteTTL is how long tombstones live;
	// zero deletes physically. The store does nothing of the kind itself: they are
	// for the decorators stamp and softdelete. Open refuses containers in which
	// tombstones would never expire.
	ClusterID     string        `yaml:"cluster-id"`
	SoftDeleteTTL time.Duration `yaml:"soft-delete-ttl"`

	// RecordUsageFrequency is how often the size of the container is recorded; zero
	// is never.
	RecordUsageFrequency time.Duration `yaml:"record-usage-frequency"`

	// RetryStatsEnabled counts repetitions after throttling.
	RetryStatsEnabled bool `yaml:"retry-stats-enabled"`

	ConnectionPolicy ConnectionPolicy `yaml:"connection-policy"`
}

// ConnectionPolicy is the block `connection-policy`.
type ConnectionPolicy struct {
	// MaxPoolSize is the largest number of connections to one region; 0 is
	// unlimited.
	MaxPoolSize int `yaml:"max-pool-size"`

	// UsingMultipleWriteLocations lets activations be written in the nearest
	// region of an account with several write regions. Whisks and subjects are
	// written in its hub region whatever this says, because two regions that
	// accept one revision lose an update.
	UsingMultipleWriteLocations bool `yaml:"using-multiple-write-locations"`

	// ConnectionMode is Gateway or Direct. It changes nothing here: the Go client
	// has the gateway only.
	ConnectionMode string `yaml:"connection-mode"`

	// PreferredLocations are the regions to read from, the best first; empty is
	// the account's own order.
	PreferredLocations []string `yaml:"preferred-locations"`

	RetryOptions RetryOptions `yaml:"retry-options"`
}

// RetryOptions is the block `retry-options`: how long one call of an operation
// may be repeated while the service refuses it for load (429).
type RetryOptions struct {
	MaxRetryAttemptsOnThrottledRequests int           `yaml:"max-retry-attempts-on-throttled-requests"`
	MaxRetryWaitTime                    time.Duration `yaml:"max-retry-wait-time"`
}

// DefaultConfig returns upstream's defaults (storage.md 7.2). Endpoint and DB
// have none.
func DefaultConfig() Config {
	return Config{
		Throughput:           1000,
		ConsistencyLevel:     string(session),
		RecordUsageFrequency: 10 * time.Minute,
		RetryStatsEnabled:    true,
		ConnectionPolicy: ConnectionPolicy{
			MaxPoolSize:    1000,
			ConnectionMode: "Gateway",
			RetryOptions:   RetryOptions{MaxRetryAttemptsOnThrottledRequests: 9, MaxRetryWaitTime: 30 * time.Second},
		},
	}
}

// Validate reports what can never work for a collection, naming the key and what
// to change. Open calls it.
func (c Config) Validate(collection string) error {
	switch collection {
	case store.Whisks, store.Activations, store.Subjects:
	default:
		return fmt.Errorf("collection %q: it is %s, %s or %s", collection, store.Whisks, store.Activations, store.Subjects)
	}
	u, err := url.Parse(c.Endpoint)
	switch {
	case c.Endpoint == "":
		return errors.New("endpoint: is missing; set it to the URL of the account")
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return errors.New("endpoint: is no http or https URL with a host")
	case u.User != nil:
		return errors.New("endpoint: holds credentials; set key instead")
	}
	if _, err := base64.StdEncoding.DecodeString(c.Key); err != nil {
		return errors.New("key: is not Base64")
	}
	switch {
	case c.DB == "":
		return errors.New("db: is missing; set it to the name of the database")
	case strings.ContainsAny(c.DB, `/\?#"`):
		return fmt.Errorf("db: %q holds a character that Cosmos DB refuses in names", c.DB)
	case c.Throughput < 0 || c.Throughput > math.MaxInt32:
		return fmt.Errorf("throughput: %d RU/s is no throughput; 0 creates containers without", c.Throughput)
	}
	if !slices.ContainsFunc(levels, func(l level) bool { return string(l) == c.ConsistencyLevel }) {
		return fmt.Errorf("consistency-level: %q is none of %v", c.ConsistencyLevel, levels)
	}
	if err := checkSeconds("time-to-live", c.TimeToLive); err != nil {
		return err
	}
	if c.TimeToLive > 0 && collection != store.Activations {
		return fmt.Errorf("time-to-live: documents of %s would be lost after %v; set it below collections.WhiskActivation only", collection, c.TimeToLive)
	}
	if err := checkSeconds("soft-delete-ttl", c.SoftDeleteTTL); err != nil {
		return err
	}
	if c.RecordUsageFrequency < 0 {
		return fmt.Errorf("record-usage-frequency: %v is negative; 0 is never", c.RecordUsageFrequency)
	}
	r := c.ConnectionPolicy.RetryOptions
	switch {
	case c.ConnectionPolicy.MaxPoolSize < 0:
		return fmt.Errorf("connection-policy.max-pool-size: %d is negative", c.ConnectionPolicy.MaxPoolSize)
	case r.MaxRetryAttemptsOnThrottledRequests < 0:
		return fmt.Errorf("connection-policy.retry-options.max-retry-attempts-on-throttled-requests: %d is negative", r.MaxRetryAttemptsOnThrottledRequests)
	case r.MaxRetryWaitTime < 0:
		return fmt.Errorf("connection-policy.retry-options.max-retry-wait-time: %v is negative", r.MaxRetryWaitTime)
	}
	return nil
}

// checkSeconds holds that a time to live fits into the service's whole seconds.
func checkSeconds(key string, d time.Duration) error {
	switch {
	case d < 0:
		return fmt.Errorf("%s: %v is negative", key, d)
	case d%time.Second != 0:
		return fmt.Errorf("%s: %v is not in whole seconds", key, d)
	case d > store.MaxTTL:
		return fmt.Errorf("%s: %v, the limit is %v", key, d, store.MaxTTL)
	}
	return nil
}

// level is a consistency level.
type level string

const session level = "Session"

// levels from the weakest to the strongest.
var levels = []level{"Eventual", "ConsistentPrefix", session, "BoundedStaleness", "Strong"}

// weaker reports whether l promises less than m. An account's level that nobody
// knows is stronger than all.
func (l level) weaker(m level) bool {
	j := slices.Index(levels, m)
	return j < 0 || slices.Index(levels, l) < j
}
