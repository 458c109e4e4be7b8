package cosmostest

import (
	"net/http"
	"slices"
	"sync"
	"time"
)

// Fault changes the answer of requests that it matches. Exactly one of Status, DropRequest, DropReply and CutBody is
// meant to be set; Delay goes with any of them and may stand alone.
type Fault struct {
	// Match selects requests; nil is every request. It runs under a lock and must not call the server.
	Match func(*Request) bool
	// Skip is how many matching requests pass before the first hit, Times how many are hit then; zero is all.
	Skip, Times int
	// Status and Substatus replace the answer, as 408, 410/1002, 429, 449, 500 or 503.
	Status, Substatus int
	// RetryAfter is sent with a 429.
	RetryAfter time.Duration
	// Apply carries the request out before Status replaces its answer; otherwise nothing is applied.
	Apply bool
	// DropRequest cuts the connection without carrying the request out.
	DropRequest bool
	// DropReply carries the request out and cuts the connection before a byte of the answer.
	DropReply bool
	// CutBody carries the request out and cuts the connection after so many bytes of the answer's body.
	CutBody int
	// Delay is waited before anything else. A client that gives up meanwhile does not stop the request.
	Delay time.Duration

	seen, hits int
}

func (f *Fault) delay() time.Duration {
	if f == nil {
		return 0
	}
	return f.Delay
}

type faults struct {
	mu   sync.Mutex
	list []*Fault
}

// Injected is a fault in force.
type Injected struct {
	s *Server
	f *Fault
}

// Inject puts a fault in force. The first fault in order of injection that matches a request decides.
func (s *Server) Inject(f Fault) *Injected {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.list = append(s.faults.list, &f)
	return &Injected{s, &f}
}

// Hits is the number of requests that the fault has changed.
func (i *Injected) Hits() int {
	i.s.faults.mu.Lock()
	defer i.s.faults.mu.Unlock()
	return i.f.hits
}

// Remove ends the fault.
func (i *Injected) Remove() {
	i.s.faults.mu.Lock()
	defer i.s.faults.mu.Unlock()
	i.s.faults.list = slices.DeleteFunc(i.s.faults.list, func(f *Fault) bool { return f == i.f })
}

// match returns the fault that decides about a request, or nil.
func (f *faults) match(r *Request) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range f.list {
		if one.Match != nil && !one.Match(r) {
			continue
		}
		one.seen++
		if one.seen <= one.Skip || one.Times > 0 && one.hits >= one.Times {
			continue
		}
		one.hits++
		return one
	}
	return nil
}

// ForOperation matches requests of some operations.
func ForOperation(ops ...Operation) func(*Request) bool {
	return func(r *Request) bool { return slices.Contains(ops, r.Operation) }
}

// faultReply is the answer that a fault puts in place.
func (x *exchange) faultReply(f *Fault) *reply {
	texts := map[int]string{
		http.StatusRequestTimeout:      "Request timed out.",
		http.StatusGone:                "The requested resource is no longer available at the server.",
		449:                            "Retry the request.",
		http.StatusInternalServerError: "Unknown server error occurred when processing this request.",
		http.StatusServiceUnavailable:  "Service is currently unavailable, please retry after a while. If this problem persists please contact support.",
	}
	if f.Status == http.StatusTooManyRequests {
		r := x.tooMany(nil, f.RetryAfter.Milliseconds())
		r.kinds |= noLSN
		if f.Substatus != 0 {
			r.sub = f.Substatus
		}
		return r
	}
	text := texts[f.Status]
	if text == "" {
		text = http.StatusText(f.Status)
	}
	return x.failure(f.Status, f.Substatus, formErrors, text, -1)
}
