package cosmos

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"
)

// Accounts are the clients of a process: stores that are opened with one
// Accounts and equal connection settings share a client (row COS-D7), and all
// stores of one container, through whichever client, share its session tokens
// and ranges. The zero value is ready; it is safe for concurrent use.
type Accounts struct {
	mu         sync.Mutex
	accounts   map[accountKey]*shared[*account]
	containers map[containerKey]*containerState
}

// accountKey is what distinguishes clients.
type accountKey struct {
	endpoint, key string
	credential    any
	transport     any
	preferred     string
	maxPoolSize   int
	retry         RetryOptions
	retryStats    bool
}

// containerKey names a container of an account.
type containerKey struct{ host, db, collection string }

// containerState is what a process knows of a container.
type containerState struct {
	mu       sync.Mutex
	rid      string
	sessions *sessions
	ranges   *rangeCache
}

// of returns the sessions and ranges of the container with this `_rid`. A
// container that was dropped and made again starts afresh: its positions count
// from the beginning.
func (c *containerState) of(rid string) (*sessions, *rangeCache) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sessions == nil || c.rid != rid {
		c.rid = rid
		c.sessions = newSessions()
		c.ranges = &rangeCache{sessions: c.sessions}
	}
	return c.sessions, c.ranges
}

// account is one account as one client configuration sees it.
type account struct {
	transport *transport
	client    *azcosmos.Client
	connect   func(preferred []string) (*azcosmos.Client, error)

	hub hub
}

// acquire returns a reference to the account that cfg describes.
func (a *Accounts) acquire(cfg Config, d Deps, m *accountMetrics) (*reference[*account], error) {
	if cfg.Key == "" && d.Credential == nil {
		return nil, errors.New("key: is missing, and there is no credential; set one of them")
	}
	if cfg.Key == "" && !strings.HasPrefix(cfg.Endpoint, "https:") {
		return nil, errors.New("endpoint: is not https, and a credential's tokens would be sent for all to read; use https or a key")
	}
	key := accountKey{endpoint: cfg.Endpoint, key: cfg.Key, preferred: strings.Join(cfg.ConnectionPolicy.PreferredLocations, "\n"),
		maxPoolSize: cfg.ConnectionPolicy.MaxPoolSize, retry: cfg.ConnectionPolicy.RetryOptions, retryStats: cfg.RetryStatsEnabled}
	for _, v := range []any{d.Credential, d.Transport} {
		if v != nil && !reflect.TypeOf(v).Comparable() {
			return nil, fmt.Errorf("%T cannot be compared, so clients cannot be shared; pass a pointer", v)
		}
	}
	if cfg.Key == "" {
		key.credential = d.Credential
	}
	if d.Transport != nil {
		key.transport = d.Transport
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if s := a.accounts[key]; s != nil {
		if r, err := s.reference(); err == nil {
			return r, nil
		}
	}
	acct, err := newAccount(cfg, d, m)
	if err != nil {
		return nil, err
	}
	if a.accounts == nil {
		a.accounts = map[accountKey]*shared[*account]{}
	}
	for k, s := range a.accounts {
		if s.isClosed() {
			delete(a.accounts, k)
		}
	}
	s := &shared[*account]{value: acct, close: (*account).close}
	a.accounts[key] = s
	return s.reference()
}

// container returns what is known of a container.
func (a *Accounts) container(cfg Config, collection string) *containerState {
	u, err := url.Parse(cfg.Endpoint)
	if err != nil {
		u = &url.URL{Host: cfg.Endpoint}
	}
	key := containerKey{strings.ToLower(strings.TrimSuffix(u.Host, ":443")), cfg.DB, collection}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.containers == nil {
		a.containers = map[containerKey]*containerState{}
	}
	c := a.containers[key]
	if c == nil {
		c = &containerState{}
		a.containers[key] = c
	}
	return c
}

func newAccount(cfg Config, d Deps, m *accountMetrics) (*account, error) {
	a := &account{transport: newTransport(d.Transport, cfg.ConnectionPolicy.MaxPoolSize)}
	a.hub = hub{a: a, knownFor: hubKnownFor, reading: make(chan struct{}, 1)}
	retry := &throttle{limit: cfg.ConnectionPolicy.RetryOptions}
	if cfg.RetryStatsEnabled {
		retry.metrics = m
	}
	a.connect = func(preferred []string) (*azcosmos.Client, error) {
		o := &azcosmos.ClientOptions{PreferredRegions: preferred}
		o.Transport = a.transport
		o.Retry.MaxRetries = -1 // throttle and settle repeat, each what it knows to be safe
		o.PerCallPolicies = []policy.Policy{retry}
		if cfg.Key == "" {
			return azcosmos.NewClient(cfg.Endpoint, credential{d.Credential}, o)
		}
		cred, err := azcosmos.NewKeyCredential(cfg.Key)
		if err != nil {
			return nil, errors.New("key: is not Base64")
		}
		return azcosmos.NewClientWithKey(cfg.Endpoint, cred, o)
	}
	var err error
	if a.client, err = a.connect(cfg.ConnectionPolicy.PreferredLocations); err != nil {
		return nil, err
	}
	return a, nil
}

// topology returns what the account document said last, nil before the first
// request.
func (a *account) topology() *topology { return a.transport.top.Load() }

func (a *account) close() {
	a.hub.close()
	a.client.Close()
	a.transport.close()
}

// Deps are what a store needs besides its configuration; the zero value is
// usable.
type Deps struct {
	// Accounts is shared by the stores of a process; nil gives the store its own.
	Accounts *Accounts

	// Credential authenticates where Config.Key is empty, for example one of
	// azidentity.
	Credential azcore.TokenCredential

	// Transport replaces the network. The caller closes its connections.
	Transport http.RoundTripper

	// Logger is silent when nil.
	Logger *slog.Logger

	// Meter records nothing when nil.
	Meter MeterProvider
}
