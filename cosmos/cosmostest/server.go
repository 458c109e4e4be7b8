package cosmostest

import (
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"
)

// Server is a running account. All methods are safe for concurrent use.
type Server struct {
	opts   Options
	macs   sync.Pool // of hash.Hash under the account key
	global *endpoint
	top    atomic.Pointer[topology]

	mu        sync.RWMutex // databases, offers and changes of the topology
	databases map[string]*database
	order     []*database // in order of creation
	offers    []*offer
	nextRID   uint32
	nextID    int         // of a region
	endpoints []*endpoint // those of removed regions included

	master   atomic.Int64 // LSN of the master partition
	etags    atomic.Uint32
	activity atomic.Uint64
	stamp    atomic.Int64
	clock    atomic.Int64 // what Advance has added
	latency  atomic.Int64

	counters counters
	faults   faults
	closing  chan struct{}
	serving  sync.WaitGroup // listeners and connections
	closed   sync.Once
}

// Start makes an account and serves it until [Server.Close].
func Start(opts Options) (*Server, error) {
	opts = opts.withDefaults()
	if problem := opts.problem(); problem != "" {
		return nil, errors.New("cosmostest: " + problem)
	}
	key, err := base64.StdEncoding.DecodeString(opts.Key)
	if err != nil {
		return nil, fmt.Errorf("cosmostest: the key is not Base64: %w", err)
	}
	s := &Server{opts: opts, databases: map[string]*database{}, closing: make(chan struct{})}
	s.macs.New = func() any { return newMAC(key) }
	s.latency.Store(int64(opts.Latency))
	s.etags.Store(0xa1b2)
	s.counters.init()
	s.global = s.newEndpoint(opts.Listen)
	if err := s.listen(s.global, nil); err != nil {
		return nil, err
	}
	top := &topology{multi: opts.MultiWrite, version: int64(len(opts.Regions)) - 2}
	for _, name := range opts.Regions {
		r, err := s.newRegion(name)
		if err != nil {
			s.Close()
			return nil, err
		}
		top.regions = append(top.regions, r)
	}
	s.top.Store(top)
	return s, nil
}

// NewServer is [Start] for tests: it panics where Start fails.
func NewServer(opts Options) *Server {
	s, err := Start(opts)
	if err != nil {
		panic(err)
	}
	return s
}

// Close stops every endpoint and waits for the requests in flight.
func (s *Server) Close() {
	s.closed.Do(func() {
		close(s.closing) // from here on no endpoint opens
		s.mu.RLock()
		all := s.endpoints
		s.mu.RUnlock()
		for _, e := range all {
			e.close()
		}
		s.serving.Wait()
	})
}

// URL is the account's global endpoint.
func (s *Server) URL() string { return "http://" + s.global.addr + "/" }

// Key is the account key.
func (s *Server) Key() string { return s.opts.Key }

// Client returns an azcosmos client of the account. A nil options is usable. Its idle connections live until the
// process ends unless options has an own transport; [Server.Close] cuts them.
func (s *Server) Client(options *azcosmos.ClientOptions) (*azcosmos.Client, error) {
	cred, err := azcosmos.NewKeyCredential(s.Key())
	if err != nil {
		return nil, err
	}
	if options == nil {
		options = &azcosmos.ClientOptions{}
	}
	return azcosmos.NewClientWithKey(s.URL(), cred, options)
}

// Advance moves the account's clock forward: items expire, replication arrives, throughput refills.
func (s *Server) Advance(d time.Duration) { s.clock.Add(int64(d)) }

// SetLatency changes the latency of every answer.
func (s *Server) SetLatency(d time.Duration) { s.latency.Store(int64(d)) }

func (s *Server) now() time.Time { return s.opts.Now().Add(time.Duration(s.clock.Load())) }

// nextStamp returns a time that is later than every one before, for conflict resolution.
func (s *Server) nextStamp(now time.Time) int64 {
	for {
		last := s.stamp.Load()
		next := max(now.UnixNano(), last+1)
		if s.stamp.CompareAndSwap(last, next) {
			return next
		}
	}
}

func (s *Server) nextETag(region int) uint64 { return uint64(region)<<56 | uint64(s.etags.Add(1)) }
