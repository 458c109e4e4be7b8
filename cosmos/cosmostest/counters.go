package cosmostest

import "sync"

// CounterKey is what requests are counted by.
type CounterKey struct {
	Region    string
	Operation Operation
	Database  string
	Container string
}

// Count adds up the requests of one key.
type Count struct {
	Requests int64
	// Charge is in request units, refused requests included.
	Charge float64
	// BytesIn and BytesOut are the lengths of the bodies.
	BytesIn, BytesOut int64
	// Status counts the answers by status; dropped requests have none.
	Status map[int]int64
}

// Counts is a copy of a server's counters.
type Counts map[CounterKey]Count

// Total adds up the counts whose key agrees with every field of match that is not empty.
func (c Counts) Total(match CounterKey) Count {
	total := Count{Status: map[int]int64{}}
	for k, v := range c {
		if match.Region != "" && match.Region != k.Region || match.Operation != "" && match.Operation != k.Operation ||
			match.Database != "" && match.Database != k.Database || match.Container != "" && match.Container != k.Container {
			continue
		}
		total.Requests += v.Requests
		total.Charge += v.Charge
		total.BytesIn += v.BytesIn
		total.BytesOut += v.BytesOut
		for status, n := range v.Status {
			total.Status[status] += n
		}
	}
	return total
}

type counters struct {
	mu   sync.Mutex
	seen map[CounterKey]*Count
}

func (c *counters) init() { c.seen = map[CounterKey]*Count{} }

// maxCounters bounds the keys: names come from clients and need not exist. Requests beyond it are counted without names.
const maxCounters = 4096

// add counts a request and its answer; nil is a request that was dropped.
func (c *counters) add(x *exchange, out *reply) {
	key := CounterKey{x.Region, x.Operation, x.Database, x.Container}
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.seen[key]
	if n == nil && len(c.seen) >= maxCounters {
		key.Database, key.Container = "", ""
		n = c.seen[key]
	}
	if n == nil {
		n = &Count{Status: map[int]int64{}}
		c.seen[key] = n
	}
	n.Requests++
	n.BytesIn += int64(len(x.Body))
	if out != nil {
		n.Charge += max(out.charge, 0)
		n.BytesOut += int64(len(out.body))
		n.Status[out.status]++
	}
}

// Counters returns what has been counted since the start or the last [Server.ResetCounters]. Metadata requests, which
// azcosmos makes on its own, have their own operations.
func (s *Server) Counters() Counts {
	s.counters.mu.Lock()
	defer s.counters.mu.Unlock()
	out := Counts{}
	for k, v := range s.counters.seen {
		n := *v
		n.Status = map[int]int64{}
		for status, m := range v.Status {
			n.Status[status] = m
		}
		out[k] = n
	}
	return out
}

// ResetCounters sets all counters to zero.
func (s *Server) ResetCounters() {
	s.counters.mu.Lock()
	defer s.counters.mu.Unlock()
	s.counters.init()
}
