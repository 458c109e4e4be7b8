package cosmostest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
)

// offer is the throughput of a database or container. It is guarded by the server's mutex.
type offer struct {
	id, rid    string
	self       string // of the resource
	resourceID string
	etag       string
	ts         int64
	content    throughput
	perSecond  atomic.Int64 // of content, for readers without the server's mutex
}

// throughput is manual, or with a maximum automatic.
type throughput struct {
	Manual  int64
	AutoMax int64
}

func (t throughput) perSecond() int64 { return max(t.Manual, t.AutoMax) }

// maxThroughput is what the service sells without asking.
const maxThroughput = 1_000_000

// problem says what is wrong with an amount.
func (t throughput) problem() string {
	switch {
	case t.AutoMax != 0 && (t.AutoMax < 1000 || t.AutoMax > maxThroughput || t.AutoMax%1000 != 0):
		return "The autoscale maximum throughput should be between 1000 and 1000000 inclusive in increments of 1000."
	case t.AutoMax == 0 && (t.Manual < 400 || t.Manual > maxThroughput || t.Manual%100 != 0):
		return "The offer should have valid throughput values between 400 and 1000000 inclusive in increments of 100."
	}
	return ""
}

// throughputHeaders reads the throughput that a create asks for; nil is none.
func (x *exchange) throughputHeaders() (*throughput, *reply) {
	manual, auto := x.Header.Get("X-Ms-Offer-Throughput"), x.Header.Get("X-Ms-Cosmos-Offer-Autopilot-Settings")
	if manual == "" && auto == "" {
		return nil, nil
	}
	t := &throughput{}
	if manual != "" {
		n, err := strconv.ParseInt(manual, 10, 64)
		if err != nil {
			n = -1
		}
		t.Manual = n
	}
	if auto != "" {
		in := autoscale{Max: -1}
		if json.Unmarshal([]byte(auto), &in) != nil {
			in.Max = -1
		}
		t.AutoMax = in.Max
	}
	if problem := t.problem(); problem != "" {
		return nil, x.badMaster(problem)
	}
	return t, nil
}

type autoscale struct {
	Max int64 `json:"maxThroughput"`
}

// newOffer adds an offer; the caller holds s.mu.
func (s *Server) newOffer(self, resourceID string, t *throughput) *offer {
	s.nextRID++
	id := fmt.Sprintf("%c%c%c%c", letter(s.nextRID/17576), letter(s.nextRID/676), letter(s.nextRID/26), letter(s.nextRID))
	o := &offer{id: id, rid: id, self: self, resourceID: resourceID, ts: s.now().Unix(), content: *t}
	o.etag = etagText(s.nextETag(0), o.ts)
	o.perSecond.Store(t.perSecond())
	s.offers = append(s.offers, o)
	return o
}

func letter(n uint32) rune { return rune('a' + n%26) }

func (s *Server) dropOffer(o *offer) {
	s.offers = slices.DeleteFunc(s.offers, func(p *offer) bool { return p == o })
}

func (o *offer) json() []byte {
	content := map[string]any{"offerThroughput": o.content.perSecond(), "offerIsRUPerMinuteThroughputEnabled": false,
		"offerMinimumThroughputParameters": map[string]int64{"maxThroughputEverProvisioned": o.content.perSecond(), "maxConsumedStorageEverInKB": 0}}
	if o.content.AutoMax > 0 {
		content["offerThroughput"] = o.content.AutoMax / 10
		content["offerAutopilotSettings"] = map[string]any{"maxThroughput": o.content.AutoMax}
	}
	out, err := json.Marshal(map[string]any{"resource": o.self, "offerType": "Invalid", "offerResourceId": o.resourceID, "offerVersion": "V2",
		"content": content, "id": o.id, "_rid": o.rid, "_self": "offers/" + o.rid + "/", "_etag": o.etag, "_ts": o.ts})
	if err != nil {
		return []byte("{}")
	}
	return out
}

func (x *exchange) listOffers() *reply {
	x.s.mu.RLock()
	var docs []string
	for _, o := range x.s.offers {
		docs = append(docs, string(o.json()))
	}
	x.s.mu.RUnlock()
	return x.feedOf("", "Offers", docs)
}

// findOffer finds an offer by id; the caller holds s.mu.
func (x *exchange) findOffer() *offer {
	i := slices.IndexFunc(x.s.offers, func(o *offer) bool { return o.id == x.path[1] })
	if i < 0 {
		return nil
	}
	return x.s.offers[i]
}

func (x *exchange) readOffer() *reply {
	x.s.mu.RLock()
	defer x.s.mu.RUnlock()
	o := x.findOffer()
	if o == nil {
		return x.ownerNotFound()
	}
	return x.offerReply(o, 1)
}

func (x *exchange) offerReply(o *offer, charge float64) *reply {
	r := x.master(&reply{status: http.StatusOK, body: o.json(), charge: charge})
	r.set("etag", o.etag)
	r.set("x-ms-cosmos-min-throughput", "400")
	if x.Operation == ReplaceOffer && x.s.opts.Switches.OfferReplacePending {
		r.set("x-ms-offer-replace-pending", "true")
	}
	return r
}

func (x *exchange) replaceOffer() *reply {
	var in struct {
		Content struct {
			Throughput int64      `json:"offerThroughput"`
			Auto       *autoscale `json:"offerAutopilotSettings"`
		} `json:"content"`
	}
	if json.Unmarshal(x.Body, &in) != nil {
		return x.badMaster(textPayload)
	}
	s := x.s
	s.mu.Lock()
	defer s.mu.Unlock()
	o := x.findOffer()
	if o == nil {
		return x.ownerNotFound()
	}
	if !x.preconditionHolds(o.etag) {
		return x.master(x.failure(http.StatusPreconditionFailed, 0, formReplica, textPrecondition, 1.24))
	}
	next := throughput{Manual: in.Content.Throughput}
	if in.Content.Auto != nil {
		next = throughput{AutoMax: in.Content.Auto.Max}
	}
	if problem := next.problem(); problem != "" {
		return x.badMaster(problem)
	}
	o.content = next
	o.perSecond.Store(next.perSecond())
	o.ts = s.now().Unix()
	o.etag = etagText(s.nextETag(0), o.ts)
	s.master.Add(1)
	r := x.offerReply(o, 9.9)
	r.kinds |= isWrite
	return r
}
