package cosmostest

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// topology is the account's regions at one moment. It is replaced, never modified.
type topology struct {
	regions []*region // the write region first
	multi   bool
	version int64 // of session tokens: -1 with one region
}

// region is one region of the account.
type region struct {
	name     string
	id       int // kept for life, as in session tokens
	endpoint *endpoint
	primary  *site
	second   *site // nil without Options.SecondaryLag
	delay    atomic.Int64
	paused   atomic.Bool
	changed  string // when its state last changed, as in a header
}

// site is one copy of the data.
type site struct {
	server    *Server
	region    *region
	secondary bool
}

func (t *topology) hub() *region { return t.regions[0] }

// regionID is a region's number in vectors: 0 is the write region.
func (t *topology) regionID(r *region) int {
	if r == t.hub() {
		return 0
	}
	return r.id
}

// foldRegion is a region's name as clients compare it: without blanks and case. It is also the name in a host's.
func foldRegion(name string) string { return strings.ToLower(strings.ReplaceAll(name, " ", "")) }

func (t *topology) find(name string) *region {
	for _, r := range t.regions {
		if foldRegion(r.name) == foldRegion(name) {
			return r
		}
	}
	return nil
}

func (t *topology) sites() []*site {
	var out []*site
	for _, r := range t.regions {
		out = append(out, r.primary)
		if r.second != nil {
			out = append(out, r.second)
		}
	}
	return out
}

// lag returns how long transactions take to the site and whether they are held back.
func (st *site) lag() (time.Duration, bool) {
	if strings.EqualFold(st.server.opts.Consistency, "Strong") {
		return 0, false
	}
	d := time.Duration(0)
	if st.secondary {
		d = st.server.opts.SecondaryLag
	}
	if top := st.server.top.Load(); st.region == top.hub() && !top.multi {
		return d, false
	}
	return d + time.Duration(st.region.delay.Load()), st.region.paused.Load()
}

func (s *Server) newRegion(name string) (*region, error) {
	s.nextID++
	host := s.global.addr[:strings.LastIndexByte(s.global.addr, ':')]
	r := &region{name: name, id: s.nextID, endpoint: s.newEndpoint(host + ":0"), changed: s.now().UTC().Format("Mon, 02 Jan 2006 15:04:05.000 GMT")}
	r.delay.Store(int64(s.opts.ReplicationDelay))
	r.primary = &site{server: s, region: r}
	if s.opts.SecondaryLag > 0 {
		r.second = &site{server: s, region: r, secondary: true}
	}
	return r, s.listen(r.endpoint, r)
}

func (s *Server) region(name string) *region {
	r := s.top.Load().find(name)
	if r == nil {
		panic(fmt.Sprintf("cosmostest: the account has no region %q", name))
	}
	return r
}

// Regions are the names of the account's regions, the write region first.
func (s *Server) Regions() []string {
	var out []string
	for _, r := range s.top.Load().regions {
		out = append(out, r.name)
	}
	return out
}

// RegionURL is the endpoint of a region. The methods that take a region's name panic when the account has none of that
// name; blanks and case do not count in names.
func (s *Server) RegionURL(name string) string { return "http://" + s.region(name).endpoint.addr + "/" }

// SetReplicationDelay sets how long writes take to a region.
func (s *Server) SetReplicationDelay(name string, d time.Duration) {
	s.region(name).delay.Store(int64(d))
}

// PauseReplication holds writes to other regions back from a region until [Server.ResumeReplication]. The account keeps
// a million transactions per physical partition for it; more make it catch up.
func (s *Server) PauseReplication(name string) { s.region(name).paused.Store(true) }

// ResumeReplication ends a pause.
func (s *Server) ResumeReplication(name string) { s.region(name).paused.Store(false) }

// TakeDown makes a region refuse connections until [Server.BringUp]; the account document goes on naming it.
func (s *Server) TakeDown(name string) { s.region(name).endpoint.close() }

// BringUp ends what TakeDown did, at the same address.
func (s *Server) BringUp(name string) error {
	r := s.region(name)
	return s.listen(r.endpoint, r)
}

// SetMultiWrite changes whether every region takes writes. Replication is completed first.
func (s *Server) SetMultiWrite(on bool) {
	s.changeTopology(true, func(t *topology) { t.multi = on }, nil)
}

// Failover makes a region the write region of a single-write account. With lose, what had not reached it is lost, in
// every region; without, replication is completed first.
func (s *Server) Failover(name string, lose bool) {
	r := s.region(name)
	if s.top.Load().multi {
		panic("cosmostest: a multi-write account has no write region to move")
	}
	s.changeTopology(!lose, func(t *topology) {
		i := slices.Index(t.regions, r)
		t.regions = slices.Insert(slices.Delete(slices.Clone(t.regions), i, i+1), 0, r)
	}, func(c *container) {
		if lose {
			c.restart(r.primary)
		}
	})
}

// AddRegion adds a region, which has everything at once.
func (s *Server) AddRegion(name string) error {
	s.mu.Lock()
	if foldRegion(name) == "" || s.top.Load().find(name) != nil {
		s.mu.Unlock()
		return fmt.Errorf("cosmostest: the account has a region %q already", name)
	}
	r, err := s.newRegion(name)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	s.changeTopology(false, func(t *topology) {
		t.regions = append(slices.Clone(t.regions), r)
		t.version++
	}, nil)
	return nil
}

// RemoveRegion takes a region other than the first out of the account. Its endpoint goes on answering: 403/1008.
func (s *Server) RemoveRegion(name string) {
	r := s.region(name)
	if r == s.top.Load().hub() {
		panic("cosmostest: the first region is removed after another has taken its place")
	}
	s.changeTopology(true, func(t *topology) {
		t.regions = slices.DeleteFunc(slices.Clone(t.regions), func(x *region) bool { return x == r })
		t.version++
	}, nil)
}

// changeTopology installs a changed topology and gives every container a replica per site, then does what follows from
// it, which may be nil. No request is served in between.
func (s *Server) changeTopology(drain bool, edit func(*topology), follow func(*container)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.containers() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if drain {
			c.drain()
		}
	}
	next := *s.top.Load()
	edit(&next)
	if len(next.regions) == 0 {
		panic("cosmostest: an account keeps at least one region")
	}
	s.top.Store(&next)
	for _, c := range s.containers() {
		c.fitSites(&next)
		if follow != nil {
			follow(c)
		}
	}
}

// containers lists all containers; the caller holds s.mu.
func (s *Server) containers() []*container {
	var out []*container
	for _, db := range s.order {
		out = append(out, db.order...)
	}
	return out
}

// drain completes replication to every site.
func (c *container) drain() {
	for _, p := range c.parts {
		for st := range p.replicas {
			c.catchUp(p, st, true)
		}
		p.trim()
	}
}

// fitSites makes replicas for new sites and forgets those of removed ones.
func (c *container) fitSites(top *topology) {
	sites := top.sites()
	for _, p := range c.parts {
		var source *replica
		for _, st := range sites {
			if r := p.replicas[st]; r != nil && source == nil {
				source = r
			}
		}
		for _, st := range sites {
			if p.replicas[st] == nil {
				p.replicas[st] = source.clone(c, func(*item) bool { return true })
			}
		}
		for st := range p.replicas {
			if !slices.Contains(sites, st) {
				delete(p.replicas, st)
			}
		}
		if !top.multi {
			// With one write region an LSN is the same everywhere, from above what any region has given.
			for _, r := range p.replicas {
				for last := p.seq.Load(); last < r.lsn && !p.seq.CompareAndSwap(last, r.lsn); last = p.seq.Load() {
				}
			}
		}
		p.trim()
	}
}

// restart makes one site's state the state of all.
func (c *container) restart(at *site) {
	for _, p := range c.parts {
		r := p.replicas[at]
		p.log, p.logBase = nil, p.logBase+int64(len(p.log))
		r.applied = p.logBase
		for st := range p.replicas {
			if st != at {
				p.replicas[st] = r.clone(c, func(*item) bool { return true })
			}
		}
		if p.seq != c.shared {
			p.seq.Store(r.lsn)
		}
	}
}
