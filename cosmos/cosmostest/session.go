package cosmostest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// sessionToken is one part of a session token: what a reader has seen of one range.
type sessionToken struct {
	rangeID string // "" when the client sent none
	global  int64
	locals  map[int]int64 // by region id; negative is nothing
}

// parseSession reads a composite token; false is a text that is none.
func parseSession(text string) ([]sessionToken, bool) {
	var out []sessionToken
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		t := sessionToken{locals: map[int]int64{}}
		vector := part
		if id, rest, ok := strings.Cut(part, ":"); ok {
			t.rangeID, vector = id, rest
		}
		fields := strings.Split(vector, "#")
		if len(fields) == 1 {
			fields = []string{"-1", fields[0]}
		}
		_, err1 := strconv.ParseInt(fields[0], 10, 64)
		global, err2 := strconv.ParseInt(fields[1], 10, 64)
		if err1 != nil || err2 != nil {
			return nil, false
		}
		t.global = global
		for _, f := range fields[2:] {
			region, lsn, ok := strings.Cut(f, "=")
			id, err1 := strconv.Atoi(region)
			n, err2 := strconv.ParseInt(lsn, 10, 64)
			if !ok || err1 != nil || err2 != nil {
				return nil, false
			}
			t.locals[id] = n
		}
		out = append(out, t)
	}
	return out, len(out) > 0
}

// required returns the part of the request's token that binds a read of a partition, or nil.
func (x *exchange) required(c *container, p *partition) (*sessionToken, *reply) {
	text := x.Header.Get("X-Ms-Session-Token")
	level := x.Header.Get("X-Ms-Consistency-Level")
	if level == "" {
		level = x.s.opts.Consistency
	}
	if text == "" || strength(level) < strength("Session") {
		return nil, nil
	}
	parts, ok := parseSession(text)
	if !ok {
		return nil, x.failure(http.StatusBadRequest, 0, formGateway, "The session token provided '"+text+"' is invalid.", -1)
	}
	ids := []string{p.id, ""}
	if !x.s.opts.Switches.TokenIgnoredAfterSplit {
		ids = append(ids, c.ancestors(p)...)
	}
	var best *sessionToken
	for _, t := range parts {
		if slices.Contains(ids, t.rangeID) && (best == nil || t.global > best.global) {
			best = &t
		}
	}
	return best, nil
}

// ancestors are the ids of the ranges that a partition was split from.
func (c *container) ancestors(p *partition) []string {
	out := slices.Clone(p.parents)
	for i := 0; i < len(out); i++ {
		if _, gone := c.live(out[i]); gone != nil {
			out = append(out, gone.parents...)
		}
	}
	return out
}

// satisfies reports whether a site has what a token asks for.
func (p *partition) satisfies(top *topology, at *site, t *sessionToken) bool {
	r := p.replicas[at]
	if t == nil {
		return true
	}
	p.currentLSN(at, top.multi)
	if r.vector[0] < t.global && r.lsn < t.global || top.multi && r.vector[0] < t.global {
		return false
	}
	for id, want := range t.locals {
		reg := top.byID(id)
		// A token that names a region which is gone is accepted.
		if reg != nil && reg != top.hub() && want > 0 && r.vector[id] < want {
			return false
		}
	}
	return true
}

func (t *topology) byID(id int) *region {
	for _, r := range t.regions {
		if r.id == id {
			return r
		}
	}
	return nil
}

// readSite finds a site of the addressed region that may serve a read of a partition, waiting a little for the
// session. It is called and returns with c.mu held; the partition may have been split while it waited, so the caller
// passes how to find it.
func (x *exchange) readSite(c *container, find func() (*partition, *reply)) (*partition, *site, *reply) {
	deadline := time.Now().Add(x.s.opts.SessionWait)
	for {
		p, bad := find()
		if bad != nil {
			return nil, nil, bad
		}
		if p.replicas[x.region.primary] == nil {
			return nil, nil, x.checkRegion() // the region was removed while the request waited
		}
		want, bad := x.required(c, p)
		if bad != nil {
			return nil, nil, bad
		}
		top := x.s.top.Load()
		sites := []*site{x.region.primary}
		if x.region.second != nil && !strings.EqualFold(x.s.opts.Consistency, "Strong") {
			sites = []*site{x.region.second, x.region.primary}
		}
		for _, at := range sites {
			c.catchUp(p, at, false)
			p.trim()
			if p.satisfies(top, at, want) {
				return p, at, nil
			}
		}
		if x.s.opts.Switches.NoSessionWait || !time.Now().Before(deadline) {
			r := x.failure(http.StatusNotFound, 1002, formErrors, "The read session is not available for the input session token.", 1)
			r.lsn, r.token, r.rangeID = p.currentLSN(x.region.primary, top.multi), p.token(top, x.region.primary), p.id
			return nil, nil, r
		}
		c.mu.Unlock()
		alive := x.s.pause(time.Millisecond)
		c.mu.Lock()
		if !alive {
			deadline = time.Time{}
		}
	}
}
