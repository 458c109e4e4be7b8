package cosmostest

import (
	"log/slog"
	"strconv"
	"time"
)

// DefaultKey is the account key of a server whose options name none. It protects nothing.
const DefaultKey = "d2hpc2tzdG9yZS1jb3Ntb3MtdGVzdC1rZXktbm90LWEtc2VjcmV0LTAxMjM0NTY3ODkwMTIzNDU2Nzg5MA=="

// Options configure a [Server]. The zero value is an account with one region, Session consistency and one physical
// partition per 10,000 RU/s of a container, on free ports of the loopback interface.
type Options struct {
	// Listen is the address of the global endpoint; the default is a free port of 127.0.0.1. Regional endpoints take
	// free ports of the same host; where that is every address, the account document names the host that was asked.
	Listen string
	// Account is the name of the account, "acct" by default.
	Account string
	// Key is the account key in Base64, [DefaultKey] by default.
	Key string
	// Tokens are bearer tokens that count as a valid data plane identity.
	Tokens []string
	// Regions are the names of the account's regions in failover order, the write region first; {"East US"} by default.
	Regions []string
	// MultiWrite makes every region writable.
	MultiWrite bool
	// Consistency is the account's level: "Session" by default.
	Consistency string
	// Ranges is the number of physical partitions of a new container, 1,000 at most; zero derives it from the throughput.
	Ranges int
	// ReplicationDelay is how long a write takes to another region; zero is at once.
	ReplicationDelay time.Duration
	// SecondaryLag lets reads that carry no session token be served, in the region of the write too, by a replica that
	// is so far behind. Zero serves them from the newest state.
	SecondaryLag time.Duration
	// SessionWait is how long a read waits for the version that its session token asks for; 50 ms by default, and none
	// when negative.
	SessionWait time.Duration
	// Latency is added to every answer; zero is none.
	Latency time.Duration
	// EnforceThroughput answers 429 when a container uses more request units than its part of what is provisioned: for
	// itself, spread over its physical partitions, or for its database, whose containers share it.
	EnforceThroughput bool
	// Burst is the number of seconds of unused throughput that a physical partition may save up; 300 by default, which
	// is what the service documents.
	Burst float64
	// Now is the clock for _ts, TTL, replication and throughput; time.Now by default. [Server.Advance] moves it.
	Now func() time.Time
	// PageBytes bounds the body of a page; 4 MiB by default.
	PageBytes int
	// ScanItems bounds the items that one page of a query looks at in order of creation; 100,000 by default. A page that
	// reaches it ends with a continuation, possibly empty.
	ScanItems int
	// PurgeAfter is how long an expired item stays in documentsCount before a later write removes it; a minute by default.
	PurgeAfter time.Duration
	// Switches choose among the answers that nobody recorded.
	Switches Switches
	// Observe, when set, is called with each answer before it is sent; a dropped request has none. It runs on the
	// request's goroutine and must be quick.
	Observe func(Exchange)
	// Logger receives one debug record per request; nil is silent. No record holds a key or a body.
	Logger *slog.Logger
}

// maxRanges bounds Options.Ranges.
const maxRanges = 1000

// problem says what account cannot be.
func (o Options) problem() string {
	if strength(o.Consistency) < 0 {
		return "there is no consistency level " + strconv.Quote(o.Consistency)
	}
	if o.Ranges < 0 || o.Ranges > maxRanges {
		return "a container has 1 to " + strconv.Itoa(maxRanges) + " physical partitions"
	}
	if min(o.ReplicationDelay, o.SecondaryLag, o.Latency, o.PurgeAfter) < 0 || min(o.PageBytes, o.ScanItems) < 0 || o.Burst < 0 {
		return "a delay or a bound is negative"
	}
	seen := map[string]bool{}
	for _, name := range o.Regions {
		if folded := foldRegion(name); folded == "" || seen[folded] {
			return "a region has no name of its own: " + strconv.Quote(name)
		}
		seen[foldRegion(name)] = true
	}
	return ""
}

func (o Options) withDefaults() Options {
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	if o.Account == "" {
		o.Account = "acct"
	}
	if o.Key == "" {
		o.Key = DefaultKey
	}
	if len(o.Regions) == 0 {
		o.Regions = []string{"East US"}
	}
	if o.Consistency == "" {
		o.Consistency = "Session"
	}
	if o.SessionWait == 0 {
		o.SessionWait = 50 * time.Millisecond
	}
	if o.Burst == 0 {
		o.Burst = 300
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.PageBytes == 0 {
		o.PageBytes = 4 << 20
	}
	if o.ScanItems == 0 {
		o.ScanItems = 100_000
	}
	if o.PurgeAfter == 0 {
		o.PurgeAfter = time.Minute
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}
