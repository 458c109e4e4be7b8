package cosmostest

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Operation names what a request does, for counters, faults and observers.
type Operation string

// The operations.
const (
	ReadAccount      Operation = "ReadAccount"
	CreateDatabase   Operation = "CreateDatabase"
	ReadDatabase     Operation = "ReadDatabase"
	ListDatabases    Operation = "ListDatabases"
	QueryDatabases   Operation = "QueryDatabases"
	DeleteDatabase   Operation = "DeleteDatabase"
	CreateContainer  Operation = "CreateContainer"
	ReadContainer    Operation = "ReadContainer"
	ReplaceContainer Operation = "ReplaceContainer"
	ListContainers   Operation = "ListContainers"
	QueryContainers  Operation = "QueryContainers"
	DeleteContainer  Operation = "DeleteContainer"
	ReadRanges       Operation = "ReadRanges"
	ReadOffer        Operation = "ReadOffer"
	ReplaceOffer     Operation = "ReplaceOffer"
	ListOffers       Operation = "ListOffers"
	QueryOffers      Operation = "QueryOffers"
	CreateItem       Operation = "CreateItem"
	UpsertItem       Operation = "UpsertItem"
	ReadItem         Operation = "ReadItem"
	ReplaceItem      Operation = "ReplaceItem"
	DeleteItem       Operation = "DeleteItem"
	PatchItem        Operation = "PatchItem"
	Batch            Operation = "Batch"
	QueryItems       Operation = "QueryItems"
	QueryPlan        Operation = "QueryPlan"
	ListItems        Operation = "ListItems"
	ReadChangeFeed   Operation = "ReadChangeFeed"
	UnknownOperation Operation = "Unknown"
)

// IsWrite reports whether the operation changes data or resources.
func (o Operation) IsWrite() bool {
	switch o {
	case CreateDatabase, DeleteDatabase, CreateContainer, ReplaceContainer, DeleteContainer, ReplaceOffer,
		CreateItem, UpsertItem, ReplaceItem, DeleteItem, PatchItem, Batch:
		return true
	}
	return false
}

// Request is what a fault's predicate and an observer see of a request. Header must not be modified.
type Request struct {
	Operation Operation
	// Region is the region that was addressed; the global endpoint is the write region.
	Region string
	// Database, Container and ID are the names in the path, as far as it has them.
	Database, Container, ID string
	// PartitionKey is the partition key header, RangeID the range id header.
	PartitionKey, RangeID string
	Method                string
	Header                http.Header
	// Body is the request's body; it must not be modified.
	Body []byte
}

// Exchange is a request with its answer.
type Exchange struct {
	Request
	Status, Substatus int
	Charge            float64
	// BytesIn and BytesOut are the lengths of the bodies.
	BytesIn, BytesOut int
	Duration          time.Duration
}

// exchange is a request while it is served.
type exchange struct {
	Request
	s          *Server
	req        *http.Request
	region     *region
	global     bool // received at the global endpoint
	known      bool // the path is one of the service's
	path       []string
	start      time.Time
	activityID string
}

// newExchange takes a request that a region's endpoint has received, or the global one when r is nil.
func newExchange(s *Server, req *http.Request, r *region, body []byte) *exchange {
	x := &exchange{s: s, req: req, region: r, global: r == nil, start: time.Now()}
	if r == nil {
		x.region = s.top.Load().hub()
	}
	x.Region, x.Method, x.Header, x.Body = x.region.name, req.Method, req.Header, body
	x.known = x.parsePath()
	x.Operation = x.classify()
	x.PartitionKey = req.Header.Get("X-Ms-Documentdb-Partitionkey")
	x.RangeID = req.Header.Get("X-Ms-Documentdb-Partitionkeyrangeid")
	return x
}

// serve returns the answer and the fault that changed it. No answer is a connection that breaks before the request is
// carried out.
func (x *exchange) serve() (*reply, *Fault) {
	s := x.s
	hit := s.faults.match(&x.Request)
	if !s.pause(time.Duration(s.latency.Load()) + hit.delay()) {
		return nil, nil
	}
	var out *reply
	switch {
	case hit != nil && hit.DropRequest:
		s.counters.add(x, nil)
		return nil, hit
	case hit != nil && hit.Status != 0 && !hit.Apply:
		out = x.faultReply(hit)
	default:
		out = x.answer()
		if hit != nil && hit.Status != 0 {
			out = x.faultReply(hit)
		}
	}
	s.counters.add(x, out)
	s.observe(x, out)
	return out, hit
}

// pause waits; false means that the server closes.
func (s *Server) pause(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.closing:
	}
	return false
}

func (s *Server) observe(x *exchange, out *reply) {
	if ctx := x.req.Context(); s.opts.Logger.Enabled(ctx, slog.LevelDebug) {
		s.opts.Logger.DebugContext(ctx, "cosmostest request", "operation", string(x.Operation), "region", x.Region, "status", out.status, "substatus", out.sub)
	}
	if s.opts.Observe != nil {
		s.opts.Observe(Exchange{Request: x.Request, Status: out.status, Substatus: out.sub, Charge: max(out.charge, 0), BytesIn: len(x.Body),
			BytesOut: len(out.body), Duration: time.Since(x.start)})
	}
}

// pathNames splits a path into its unescaped names.
func pathNames(u *url.URL) (names []string, ok bool) {
	trimmed := strings.Trim(u.EscapedPath(), "/")
	if trimmed == "" {
		return nil, true
	}
	for seg := range strings.SplitSeq(trimmed, "/") {
		name, err := url.PathUnescape(seg)
		if err != nil {
			return nil, false
		}
		names = append(names, name)
	}
	return names, true
}

// parsePath splits the path into names; false is a path that no resource has.
func (x *exchange) parsePath() bool {
	p, ok := pathNames(x.req.URL)
	if x.path = p; !ok || len(p) == 0 {
		return ok
	}
	if p[0] == "offers" {
		return len(p) <= 2
	}
	if p[0] != "dbs" || len(p) > 6 || len(p) > 2 && p[2] != "colls" {
		return false
	}
	if len(p) > 1 {
		x.Database = p[1]
	}
	if len(p) > 3 {
		x.Container = p[3]
	}
	if len(p) > 4 {
		switch p[4] {
		case "docs", "pkranges":
		default:
			return false
		}
	}
	if len(p) > 5 {
		x.ID = p[5]
	}
	return true
}

func (x *exchange) isQuery() bool {
	ct, _, _ := strings.Cut(x.Header.Get("Content-Type"), ";")
	return strings.EqualFold(ct, "application/query+json") || strings.EqualFold(ct, "application/sql")
}

func isTrue(v string) bool { return strings.EqualFold(v, "true") }

// classify names the operation by method, path and headers.
func (x *exchange) classify() Operation {
	last := ""
	if n := len(x.path); n > 0 {
		last = x.path[n-1]
		if n%2 == 0 {
			last = x.path[n-2] + "/"
		}
	}
	post := func(query, create Operation) Operation {
		if x.isQuery() {
			return query
		}
		return create
	}
	switch x.Method + " " + last {
	case "GET ":
		return ReadAccount
	case "GET dbs":
		return ListDatabases
	case "POST dbs":
		return post(QueryDatabases, CreateDatabase)
	case "GET dbs/":
		return ReadDatabase
	case "DELETE dbs/":
		return DeleteDatabase
	case "GET colls":
		return ListContainers
	case "POST colls":
		return post(QueryContainers, CreateContainer)
	case "GET colls/":
		return ReadContainer
	case "PUT colls/":
		return ReplaceContainer
	case "DELETE colls/":
		return DeleteContainer
	case "GET pkranges":
		return ReadRanges
	case "GET offers":
		return ListOffers
	case "POST offers":
		return QueryOffers
	case "GET offers/":
		return ReadOffer
	case "PUT offers/":
		return ReplaceOffer
	case "GET docs":
		if x.Header.Get("A-IM") != "" {
			return ReadChangeFeed
		}
		return ListItems
	case "POST docs":
		return x.classifyPost()
	case "GET docs/":
		return ReadItem
	case "PUT docs/":
		return ReplaceItem
	case "DELETE docs/":
		return DeleteItem
	case "PATCH docs/":
		return PatchItem
	}
	return UnknownOperation
}

func (x *exchange) classifyPost() Operation {
	switch {
	case isTrue(x.Header.Get("X-Ms-Cosmos-Is-Query-Plan-Request")):
		return QueryPlan
	case x.isQuery():
		return QueryItems
	case isTrue(x.Header.Get("X-Ms-Cosmos-Is-Batch-Request")):
		return Batch
	case isTrue(x.Header.Get("X-Ms-Documentdb-Is-Upsert")):
		return UpsertItem
	}
	return CreateItem
}
