// Package tworegions runs OpenWhisk's persistence in two regions and checks
// what it promises while it goes on.
//
// Two regions hold the three collections. Whisks and subjects are written in
// the first and replicated to the second, activations are written in both and
// replicated both ways; replication is asynchronous, late, and may lose and
// repeat. On a Cosmos DB account with one write region, which replicates by
// itself, activations are written in the first region too. Nodes in each region
// create, update, delete, re-create, read and list OpenWhisk's own documents
// through the stack that a controller would use.
//
// Documents of whisks and identities are read through caches. Each region has an
// invalidation topic, to which nodes announce what they write and pumps publish
// what the region's change feeds show. What the caches serve is held to the truth.
package tworegions

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidwall/gjson"

	"github.com/whiskstore/whiskstore/cosmos"
	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/entity"
)

// Result is the account of one run.
type Result struct {
	Elapsed    time.Duration  `json:"elapsed"`
	Drained    time.Duration  `json:"drained"` // from the last write until both regions were equal
	Operations int64          `json:"operations"`
	Regions    []RegionStats  `json:"regions"`
	Nodes      []NodeStats    `json:"nodes"`
	Links      []LinkStats    `json:"links,omitempty"`
	Account    []AccountStats `json:"account,omitempty"`
	Coherence  Coherence      `json:"coherence"`
	Invariants []Checked      `json:"invariants"`
	Resumed    *Resumed       `json:"resumed,omitempty"`
	Violations []string       `json:"violations"` // the first of them
	Broken     int64          `json:"broken"`
}

// RegionStats is what one region holds at the end.
type RegionStats struct {
	Region     string `json:"region"`
	Whisks     int    `json:"whisks"`
	Subjects   int    `json:"subjects"`
	Activation int    `json:"activations"`
	Tombstones int    `json:"tombstones"`
	Requests   int64  `json:"requests"`
}

// drainTimeout bounds how long the regions may take to become equal after the
// last write.
const drainTimeout = 15 * time.Second

const (
	contendedID    = "shared/counter"
	contendedCount = "annotations.0.value"
)

type scenario struct {
	cfg     Config
	ledger  *ledger
	truth   *truth
	regions []*region
	nodes   []*node
	links   []*link
	journal *journal
	account *fakeAccount // nil with embedded stores
	resumed *Resumed
	counted int64 // the contended document's count at the start
	started time.Time
	worked  atomic.Bool // the work is over, perhaps early
}

// Run runs cfg. When ctx ends the nodes stop early and the run is judged all the
// same. The error says that the run could not be done; broken invariants are in
// the result.
func Run(ctx context.Context, cfg Config) (Result, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return Result{}, err
	}
	s := &scenario{cfg: cfg, ledger: newLedger(), truth: newTruth(cfg.remembered())}
	if err := s.setUp(context.WithoutCancel(ctx)); err != nil {
		return Result{}, errors.Join(fmt.Errorf("set-up: %w", err), s.close())
	}
	s.started = time.Now()

	// What works in the background lives until the regions have been compared, nodes
	// until ctx or the duration ends, the reporter as long as both.
	backCtx := context.WithoutCancel(ctx)
	stop, backErrs := s.background(backCtx)
	reportCtx, stopReport := context.WithCancel(backCtx)
	var reporting sync.WaitGroup
	reporting.Go(func() { s.report(reportCtx) })

	workErr := s.work(ctx)
	s.worked.Store(true)
	if workErr == nil && s.cfg.sabotage == noReplication {
		workErr = s.account.disrupt(backCtx, s.nodes[0])
	}
	drained, equal, drainErr := s.drain(backCtx, backErrs)
	if workErr == nil && drainErr == nil {
		drainErr = s.rest(backCtx, backErrs)
	}
	if workErr == nil && drainErr == nil {
		drainErr = s.judge(backCtx, equal)
	}
	stopReport()
	reporting.Wait()
	stop()

	res, err := s.result(context.WithoutCancel(ctx), drained)
	for _, e := range []error{workErr, drainErr, s.close()} {
		if err == nil {
			err = e
		}
	}
	return res, err
}

// background starts links, pumps and subscribers, and returns once the caches may
// be served from, or a subscriber failed. stop ends them and waits for them.
func (s *scenario) background(ctx context.Context) (stop func(), errs <-chan error) {
	ctx, cancel := context.WithCancel(ctx)
	var running, starting sync.WaitGroup
	failed := make(chan error, 1)
	run := func(work func(context.Context) error) {
		running.Go(func() {
			if err := work(ctx); err != nil {
				select {
				case failed <- err:
				default: // the first is enough
				}
			}
		})
	}
	for _, n := range s.nodes {
		starting.Add(1)
		run(func(ctx context.Context) error {
			ready := sync.OnceFunc(starting.Done)
			defer ready() // it may fail before
			return n.caches.run(ctx, n.region.bus, ready)
		})
	}
	starting.Wait()
	for _, l := range s.links {
		run(l.run)
	}
	for _, r := range s.regions {
		for _, p := range r.pumps {
			run(p.run)
		}
	}
	return func() { cancel(); running.Wait() }, failed
}

func (s *scenario) setUp(ctx context.Context) error {
	templates, err := loadTemplates()
	if err != nil {
		return err
	}
	byCollection := map[string][]template{}
	for _, t := range templates {
		byCollection[t.collection] = append(byCollection[t.collection], t)
	}
	if s.cfg.Backend == cosmosBackend {
		if s.account, err = newFakeAccount(s.cfg); err != nil {
			return err
		}
	}
	for i, name := range regionNames() {
		var r *region
		if s.account != nil {
			r, err = s.account.region(ctx, name, i == 0)
		} else {
			r, err = newRegion(name, i == 0, s.cfg.Dir)
		}
		s.regions = append(s.regions, r)
		if err != nil {
			return err
		}
	}
	eu, us := s.regions[0], s.regions[1]
	if s.account == nil {
		s.link(store.Whisks, eu, us)
		s.link(store.Subjects, eu, us)
		s.link(store.Activations, eu, us).skip = us.name
		s.link(store.Activations, us, eu).skip = eu.name
	}

	var secret entity.Secret
	for _, t := range byCollection[store.Subjects] {
		if t.id == templateNamespace {
			secret = entity.NewSecret(gjson.GetBytes(t.body, "namespaces.0.key").String())
		}
	}
	board := &board{}
	for _, r := range s.regions {
		for i := range s.cfg.Nodes {
			n := &node{
				name: fmt.Sprintf("%s-%d", r.name, i), region: r, cfg: s.cfg, ledger: s.ledger, board: board, templates: byCollection,
				rng:   rand.New(rand.NewPCG(s.cfg.Seed, uint64(len(s.nodes)))),
				truth: s.truth, secret: secret,
				stacks: map[string]store.ArtifactStore{}, docs: map[string]*expected{},
			}
			n.caches = newCaches(r, n.name, s.cfg)
			s.nodes = append(s.nodes, n)
			var clients cosmos.Accounts // of this node: it knows its own sessions only
			for _, c := range collections() {
				var stack store.ArtifactStore
				if s.account == nil {
					stack, err = r.stack(s.cfg, c, eu, n.caches)
				} else {
					if stack, err = s.account.connect(ctx, r, c, &clients); err == nil {
						stack, err = r.chain(s.cfg, c, stack, n.caches)
					}
				}
				if err != nil {
					return err
				}
				n.stacks[c] = stack
			}
			n.caches.complete(n.stacks[store.Subjects])
		}
	}
	if err := s.resume(ctx); err != nil {
		return err
	}
	_, err = s.nodes[0].stacks[store.Whisks].Put(ctx, store.Document{ID: contendedID, Body: []byte(
		`{"namespace":"shared","name":"counter","parameters":[],"limits":{},"version":"0.0.1","publish":false,` +
			`"annotations":[{"key":"count","value":0}],"updated":1700000000000,"entityType":"trigger"}`)}, nil)
	if err != nil && !errors.Is(err, store.ErrConflict) {
		return err
	}
	if err := s.learn(ctx); err != nil {
		return err
	}
	for _, n := range s.nodes {
		if err := n.subscribe(ctx); err != nil {
			return err
		}
	}
	if err := s.replicate(ctx); err != nil {
		return err
	}
	for _, r := range s.regions {
		if err := newPumps(ctx, r, s.cfg); err != nil {
			return err
		}
	}
	return nil
}

// learn writes down what was there before.
func (s *scenario) learn(ctx context.Context) error {
	for _, c := range cachedCollections() {
		states, err := dump(ctx, s.regions[0].stores[c].changes())
		if err != nil {
			return err
		}
		for id, change := range states {
			st := state{mark: markOf(c, *change.Doc), gone: change.Deleted}
			if id == contendedID {
				st.n = gjson.GetBytes(change.Doc.Body, contendedCount).Int() + 1
			}
			s.truth.committed(place{c, id}, st)
		}
	}
	return nil
}

// replicate brings what was written before the run to both regions.
func (s *scenario) replicate(ctx context.Context) error {
	eu, us := s.regions[0], s.regions[1]
	// A region serves once its replicas know what was written before; until the
	// links run, it is delivered by hand.
	if s.account != nil {
		took, equal, err := s.drain(ctx, nil)
		if err == nil && equal[store.Whisks]+equal[store.Subjects] != "" {
			err = fmt.Errorf("the account's regions are not equal after %v: %v", took, equal)
		}
		return err
	}
	for _, c := range []string{store.Whisks, store.Subjects} {
		states, err := dump(ctx, eu.stores[c].changes())
		if err != nil {
			return err
		}
		for chunk := range slices.Chunk(slices.Collect(maps.Values(states)), linkPageSize) {
			if err := applyAll(ctx, us.stores[c].(replica), chunk); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *scenario) link(collection string, from, to *region) *link {
	l := &link{
		name: collection + " " + from.name + " to " + to.name, feed: from.stores[collection].changes(), to: to.stores[collection].(replica),
		delay: s.cfg.Delay, loss: s.cfg.Loss, sabotage: s.cfg.sabotage, started: time.Now(),
		truth: s.truth, collection: collection, lagBudget: s.cfg.LagBudget,
		rng: rand.New(rand.NewPCG(s.cfg.Seed, 1000+uint64(len(s.links)))),
	}
	s.links = append(s.links, l)
	if collection != store.Activations {
		to.links[collection] = l
	}
	return l
}

// work lets all nodes work until the duration or ctx ends, or one fails.
func (s *scenario) work(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Duration)
	defer cancel()
	errs := make(chan error, 1)
	var working sync.WaitGroup
	run := func(work func(context.Context) error) {
		working.Go(func() {
			if err := work(ctx); err != nil {
				select {
				case errs <- err:
				default: // the first is enough
				}
				cancel()
			}
		})
	}
	for i, n := range s.nodes {
		run(n.work)
		for k := range readersPerNode {
			r := reader{n: n, nodes: s.nodes, rng: rand.New(rand.NewPCG(s.cfg.Seed, 3000+uint64(i*readersPerNode+k)))}
			run(r.work)
		}
	}
	working.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}

// drain waits until both regions are equal, or until time is up.
func (s *scenario) drain(ctx context.Context, failed <-chan error) (took time.Duration, equal map[string]string, err error) {
	start := time.Now()
	timeout := time.After(s.cfg.drainTimeout)
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		equal = map[string]string{}
		same := true
		for _, c := range collections() {
			diff, err := s.compare(ctx, c)
			if err != nil {
				return 0, nil, err
			}
			equal[c] = diff
			same = same && diff == ""
		}
		if same {
			return time.Since(start), equal, nil
		}
		select {
		case err := <-failed:
			return 0, nil, err
		case <-timeout:
			return time.Since(start), equal, nil
		case <-again.C:
		}
	}
}

// compare returns in what a collection differs between the regions, "" for
// nothing.
func (s *scenario) compare(ctx context.Context, collection string) (string, error) {
	var states [2]map[string]store.Change
	for i, r := range s.regions {
		var err error
		if states[i], err = dump(ctx, r.stores[collection].changes()); err != nil {
			return "", err
		}
		// A tombstone of an earlier run may end while the regions are compared.
		maps.DeleteFunc(states[i], func(_ string, c store.Change) bool {
			return c.Deleted && time.Until(c.Doc.Meta.Expires) < time.Minute/2
		})
	}
	for id, a := range states[0] {
		b, ok := states[1][id]
		if !ok {
			return fmt.Sprintf("%s is in %s only", id, s.regions[0].name), nil
		}
		if a.Version.Compare(b.Version) != store.Same || a.Deleted != b.Deleted || a.ClusterID != b.ClusterID ||
			string(a.Doc.Body) != string(b.Doc.Body) || !a.Doc.Meta.Expires.Equal(b.Doc.Meta.Expires) {
			return fmt.Sprintf("%s is at %s in %s and at %s in %s", id, a.Version.Rev, s.regions[0].name, b.Version.Rev, s.regions[1].name), nil
		}
	}
	for id := range states[1] {
		if _, ok := states[0][id]; !ok {
			return fmt.Sprintf("%s is in %s only", id, s.regions[1].name), nil
		}
	}
	return "", nil
}

// judge checks at rest what the nodes expect, in both regions.
func (s *scenario) judge(ctx context.Context, equal map[string]string) error {
	for _, c := range collections() {
		s.ledger.check(RegionsEqual, equal[c] == "", "%s: %s", c, equal[c])
	}
	for _, r := range s.regions {
		readers := map[string]store.ArtifactStore{}
		for _, c := range collections() {
			readers[c] = store.Chain{}.Over(&account{backend: r.stores[c], requests: &r.requests})
		}
		var contended, count int64
		for _, n := range s.nodes {
			contended += n.counts.contended.Load()
			if err := n.judge(ctx, r, readers); err != nil {
				return err
			}
		}
		doc, err := readers[store.Whisks].Get(ctx, contendedID, nil)
		if err == nil {
			count = gjson.GetBytes(doc.Body, contendedCount).Int()
		}
		s.ledger.check(NoLostUpdate, err == nil && count == s.counted+contended, "%s counts %d, %d updates succeeded after %d (%v)", r.name, count, contended, s.counted, err)
	}
	return nil
}

func (s *scenario) close() error {
	var errs []error
	for _, n := range s.nodes {
		for _, c := range slices.Sorted(maps.Keys(n.stacks)) {
			errs = append(errs, n.stacks[c].Close())
		}
		n.caches.close()
	}
	if s.account != nil {
		errs = append(errs, s.account.closeNodes())
		defer s.account.srv.Close()
	}
	for _, r := range s.regions {
		for _, c := range slices.Sorted(maps.Keys(r.stores)) {
			errs = append(errs, r.stores[c].Close())
		}
	}
	return errors.Join(append(errs, s.journal.close())...)
}

func (s *scenario) result(ctx context.Context, drained time.Duration) (Result, error) {
	res := Result{Elapsed: time.Since(s.started), Drained: drained, Resumed: s.resumed}
	res.Invariants, res.Violations, res.Broken = s.ledger.snapshot()
	for _, n := range s.nodes {
		stats := n.counts.snapshot(n.name, n.region.name)
		res.Nodes = append(res.Nodes, stats)
		res.Operations += stats.Operations()
	}
	for _, l := range s.links {
		res.Links = append(res.Links, l.snapshot())
	}
	if s.account != nil {
		res.Account = s.account.stats()
	}
	res.Coherence = s.coherence()
	for _, r := range s.regions {
		stats := RegionStats{Region: r.name, Requests: r.requests.Load()}
		for c, into := range map[string]*int{store.Whisks: &stats.Whisks, store.Subjects: &stats.Subjects, store.Activations: &stats.Activation} {
			states, err := dump(ctx, r.stores[c].changes())
			if err != nil {
				return res, err
			}
			for _, change := range states {
				if change.Deleted {
					stats.Tombstones++
				} else {
					*into++
				}
			}
		}
		res.Regions = append(res.Regions, stats)
	}
	return res, nil
}
