package cosmos

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"

	"github.com/whiskstore/whiskstore/store"
)

// Store is one collection in Cosmos DB. It is safe for concurrent use.
type Store struct {
	collection string
	cfg        Config
	ref        *reference[*account]
	account    *account
	state      *containerState
	reader     *azcosmos.ContainerClient // in the preferred regions
	primary    atomic.Pointer[target]    // in the hub
	where      atomic.Pointer[place]
	single     bool                       // writes go to the hub region only
	level      *azcosmos.ConsistencyLevel // of reads, nil where it is the account's own
	sessions   bool                       // reads carry session tokens
	log        *slog.Logger
	metrics    *storeMetrics

	closed    atomic.Bool
	stop      context.CancelFunc
	recording sync.WaitGroup
}

var _ store.ArtifactStore = (*Store)(nil)

// place is the container that is there now: dropping it and making it again
// makes another one.
type place struct {
	rid        string
	defaultTTL int32 // seconds; 0 and below: items live as long as their own says
	ttlOn      bool
	keyVersion int // of the hash that ranges are made of
	sessions   *sessions
	ranges     *rangeCache
}

// Open opens a collection (store.Whisks, store.Activations or store.Subjects),
// and creates its database and container where they are missing (storage.md
// 3.2). It never changes what exists: an indexing policy that differs is logged,
// a partition key or time to live that would lose documents is refused.
//
// Errors are a *store.Error with Op open: ErrInvalid for what Config.Validate
// and Open refuse, ErrUnauthorized for a wrong key or a missing permission,
// ErrNotFound for a missing database that must not be created, ErrUnavailable
// for an account that does not answer.
func Open(ctx context.Context, cfg Config, collection string, d Deps) (*Store, error) {
	s := &Store{collection: collection, cfg: cfg, log: d.Logger}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if err := cfg.Validate(collection); err != nil {
		return nil, s.fail(store.OpOpen, "", store.ErrInvalid, err)
	}
	var err error
	if s.metrics, err = newStoreMetrics(d.Meter, cfg.DB, collection); err != nil {
		return nil, s.fail(store.OpOpen, "", store.ErrInvalid, err)
	}
	am, err := newAccountMetrics(d.Meter)
	if err != nil {
		return nil, s.fail(store.OpOpen, "", store.ErrInvalid, err)
	}
	accounts := d.Accounts
	if accounts == nil {
		accounts = &Accounts{}
	}
	if s.ref, err = accounts.acquire(cfg, d, am); err != nil {
		return nil, s.fail(store.OpOpen, "", store.ErrInvalid, err)
	}
	s.account = s.ref.get()
	s.state = accounts.container(cfg, collection)
	if err := s.open(ctx); err != nil {
		s.ref.Close()
		return nil, err
	}
	life, stop := context.WithCancel(context.Background())
	s.stop = stop
	if cfg.RecordUsageFrequency > 0 {
		s.recording.Go(func() { repeat(life, cfg.RecordUsageFrequency, s.recordUsage) })
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	var err error
	if s.reader, err = s.account.client.NewContainer(s.cfg.DB, s.collection); err != nil {
		return s.fail(store.OpOpen, "", store.ErrInvalid, err)
	}
	props, err := s.ensure(ctx)
	if err != nil {
		return err
	}
	if err := s.accept(props); err != nil {
		return err
	}
	top := s.account.topology()
	if top == nil {
		return s.fail(store.OpOpen, "", store.ErrUnavailable, errors.New("the account document was not read"))
	}
	want := level(s.cfg.ConsistencyLevel)
	switch {
	case top.level.weaker(want):
		return s.fail(store.OpOpen, "", store.ErrInvalid,
			errors.New("consistency-level: "+s.cfg.ConsistencyLevel+" is stronger than the account's "+string(top.level)+"; set it to that or a weaker one"))
	case want.weaker(top.level):
		s.level = (*azcosmos.ConsistencyLevel)(&s.cfg.ConsistencyLevel)
	}
	s.sessions = want == session
	multi := s.cfg.ConnectionPolicy.UsingMultipleWriteLocations
	s.single = !multi || s.collection != store.Activations
	s.log.LogAttrs(ctx, slog.LevelInfo, "cosmos: opened", slog.String("collection", s.collection), slog.String("db", s.cfg.DB),
		slog.String("endpoint", s.cfg.Endpoint), slog.String("writeRegion", top.hub()), slog.Bool("multipleWriteRegions", top.multi),
		slog.Bool("writesInHubOnly", s.single), slog.Any("preferred", s.cfg.ConnectionPolicy.PreferredLocations),
		slog.String("consistency", s.cfg.ConsistencyLevel), slog.Duration("timeToLive", s.cfg.TimeToLive),
		slog.String("clusterID", s.cfg.ClusterID), slog.Duration("softDeleteTTL", s.cfg.SoftDeleteTTL),
		slog.Duration("usageFrequency", s.cfg.RecordUsageFrequency))
	if multi && s.single && top.multi {
		s.log.LogAttrs(ctx, slog.LevelWarn, "cosmos: using-multiple-write-locations does not hold for this collection: two regions that accept one revision lose updates",
			slog.String("collection", s.collection))
	}
	return nil
}

// here returns the container that is there now.
func (s *Store) here() *place { return s.where.Load() }

// settleAt makes a container that was just read the store's place.
func (s *Store) settleAt(props *azcosmos.ContainerProperties) *place {
	p := &place{rid: props.ResourceID, keyVersion: props.PartitionKeyDefinition.Version}
	if props.DefaultTimeToLive != nil {
		p.ttlOn = true
		p.defaultTTL = *props.DefaultTimeToLive
	}
	p.sessions, p.ranges = s.state.of(p.rid)
	s.where.Store(p)
	return p
}

// target is where a write goes.
type target struct {
	container *azcosmos.ContainerClient
	hub       *azcosmos.Client // its client, nil for the account's own
}

// writer returns where a write goes that begins now: to the hub where several
// regions accept writes and this collection is written in one.
func (s *Store) writer(ctx context.Context) (target, error) {
	h := &s.account.hub
	switch top := s.account.topology(); {
	case top.multi && s.single:
		if err := h.await(ctx); err != nil {
			return target{}, err
		}
	case top.multi || !h.strayed.Load():
		return target{container: s.reader}, nil
	}
	return s.inHub()
}

// freshHub is inHub by what is known of the account as for a write.
func (s *Store) freshHub(ctx context.Context) (target, error) {
	if s.account.topology().multi {
		if err := s.account.hub.fresh(ctx); err != nil {
			return target{}, err
		}
	}
	return s.inHub()
}

// inHub returns the container as the hub region has it.
func (s *Store) inHub() (target, error) {
	client, err := s.account.hub.client()
	if err != nil {
		return target{}, err
	}
	if t := s.primary.Load(); t != nil && t.hub == client {
		return *t, nil
	}
	c, err := client.NewContainer(s.cfg.DB, s.collection)
	if err != nil {
		return target{}, err
	}
	t := &target{c, client}
	s.primary.Store(t)
	return *t, nil
}

// Close ends the recording of usage and gives the account's client back; the
// last store that shares it closes it. Operations still in flight end by
// themselves.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return s.fail(store.OpClose, "", store.ErrClosed, nil)
	}
	s.stop()
	s.recording.Wait()
	s.ref.Close()
	return nil
}

// begin is what all operations check.
func (s *Store) begin(ctx context.Context, op store.Op, id string) error {
	if s.closed.Load() {
		return s.fail(op, id, store.ErrClosed, nil)
	}
	return ctx.Err()
}

// observe takes in what an answer or a failure says beside its content: session
// token, charge, region.
func (s *Store) observe(ctx context.Context, op store.Op, name string, began time.Time, resp azcosmos.Response, err error) *failure {
	f := failureOf(err)
	raw := resp.RawResponse
	status, sub, host := 0, 0, hostOf(raw)
	var units float64
	switch {
	case f != nil && f.header != nil:
		status, sub, host, units = f.status, f.sub, f.host, charge(f.header)
		s.here().sessions.note(f.header.Get(headerSession))
	case raw != nil:
		status, units = raw.StatusCode, charge(raw.Header)
		s.here().sessions.note(raw.Header.Get(headerSession))
	}
	s.metrics.exchanged(ctx, op, name, s.account.topology().region(host), status, sub, units, time.Since(began))
	return f
}
