package cosmos

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/whiskstore/whiskstore/store"
)

// progress is what a session token says of one partition key range:
// <version>#<global LSN>[#<region>=<local LSN>...].
type progress struct {
	version int64
	global  int64
	locals  map[int]int64 // by region id
}

// parseProgress reads the part of a token after the range's id. The short form
// "57" counts as "-1#57".
func parseProgress(text string) (progress, bool) {
	fields := strings.Split(text, "#")
	if len(fields) == 1 {
		fields = []string{"-1", fields[0]}
	}
	version, err1 := strconv.ParseInt(fields[0], 10, 64)
	global, err2 := strconv.ParseInt(fields[1], 10, 64)
	if err1 != nil || err2 != nil {
		return progress{}, false
	}
	p := progress{version: version, global: global}
	for _, f := range fields[2:] {
		region, lsn, ok := strings.Cut(f, "=")
		id, err1 := strconv.Atoi(region)
		n, err2 := strconv.ParseInt(lsn, 10, 64)
		if !ok || err1 != nil || err2 != nil {
			return progress{}, false
		}
		if p.locals == nil {
			p.locals = map[int]int64{}
		}
		p.locals[id] = n
	}
	return p, true
}

func (p progress) append(b []byte) []byte {
	b = strconv.AppendInt(b, p.version, 10)
	b = append(b, '#')
	b = strconv.AppendInt(b, p.global, 10)
	for _, region := range slices.Sorted(maps.Keys(p.locals)) {
		b = append(b, '#')
		b = strconv.AppendInt(b, int64(region), 10)
		b = append(b, '=')
		b = strconv.AppendInt(b, p.locals[region], 10)
	}
	return b
}

// covers reports whether everything that q asks for is in p.
func (p progress) covers(q progress) bool {
	if p.version < q.version || p.global < q.global {
		return false
	}
	if p.version > q.version {
		return true // the regions of the older version no longer count
	}
	for region, lsn := range q.locals {
		if p.locals[region] < lsn {
			return false
		}
	}
	return true
}

// merge returns what covers both. The newer version decides which regions there
// are.
func (p progress) merge(q progress) progress {
	if q.version > p.version {
		p, q = q, p
	}
	out := progress{version: p.version, global: max(p.global, q.global)}
	if len(p.locals) > 0 {
		out.locals = maps.Clone(p.locals)
	}
	for region, lsn := range q.locals {
		if own, ok := out.locals[region]; ok {
			out.locals[region] = max(own, lsn)
		} else if p.version == q.version {
			if out.locals == nil {
				out.locals = map[int]int64{}
			}
			out.locals[region] = lsn
		}
	}
	return out
}

// vector is a session token over several ranges, by the range's id.
type vector map[string]progress

// parseVector reads a token of one range or, joined by commas, of several.
func parseVector(text string) (vector, error) {
	v := vector{}
	for part := range strings.SplitSeq(text, ",") {
		id, rest, ok := strings.Cut(part, ":")
		p, good := parseProgress(rest)
		if !ok || id == "" || !good {
			return nil, errors.New("session token is damaged")
		}
		if old, ok := v[id]; ok {
			p = p.merge(old)
		}
		v[id] = p
	}
	return v, nil
}

func (v vector) String() string {
	var b []byte
	for i, id := range slices.Sorted(maps.Keys(v)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, id...), ':')
		b = v[id].append(b)
	}
	return string(b)
}

// sessions are the newest session tokens that a process has seen of one
// container, from whichever client. It is safe for concurrent use.
type sessions struct {
	mu   sync.Mutex
	seen vector
	text atomic.Pointer[string] // of seen
}

func newSessions() *sessions {
	s := &sessions{seen: vector{}}
	s.text.Store(new(string))
	return s
}

// token returns a token that asks for everything seen, "" for nothing. It names
// all ranges: the service takes the part of the range that serves a request.
func (s *sessions) token() *string {
	if t := s.text.Load(); *t != "" {
		return t
	}
	return nil
}

// note takes in the token of an answer. One that cannot be read is passed over:
// it would only be sent back.
func (s *sessions) note(token string) {
	if token == "" || s.has(token) {
		return
	}
	v, err := parseVector(token)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := false
	for id, p := range v {
		old, ok := s.seen[id]
		if ok && old.covers(p) {
			continue
		}
		if ok {
			p = p.merge(old)
		}
		s.seen[id] = p
		changed = true
	}
	if changed {
		s.store()
	}
}

// has reports whether token is, word for word, all that was seen: the ordinary
// case of a container with one range and nobody else writing.
func (s *sessions) has(token string) bool { return *s.text.Load() == token }

// with returns a token that asks for everything seen and for v. Parts of v that
// name ranges unknown here stay: they may be parents or children of those known.
func (s *sessions) with(v vector) *string {
	s.mu.Lock()
	all := maps.Clone(s.seen)
	s.mu.Unlock()
	for id, p := range v {
		if old, ok := all[id]; ok {
			p = p.merge(old)
		}
		all[id] = p
	}
	text := all.String()
	return &text
}

// inherit gives the ranges that took over from a gone one what was seen of it,
// and forgets the latter.
func (s *sessions) inherit(gone keyRange, heirs []keyRange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.seen[gone.ID]
	if !ok {
		return
	}
	delete(s.seen, gone.ID)
	for _, h := range heirs {
		if own, ok := s.seen[h.ID]; ok {
			s.seen[h.ID] = own.merge(p)
		} else {
			s.seen[h.ID] = p
		}
	}
	s.store()
}

// store publishes seen. The caller holds the lock.
func (s *sessions) store() {
	text := s.seen.String()
	s.text.Store(&text)
}

// sessionOf wraps a token of the container rid for callers: positions of another
// container mean nothing here.
func sessionOf(rid, token string) store.Session {
	if token == "" {
		return ""
	}
	return store.Session(rid + "/" + token)
}

// parseSession unwraps what sessionOf made.
func parseSession(rid string, s store.Session) (vector, error) {
	of, token, ok := strings.Cut(string(s), "/")
	if !ok {
		return nil, errors.New("session is none of Cosmos DB")
	}
	if of != rid {
		return nil, errOtherContainer
	}
	return parseVector(token)
}

var errOtherContainer = errors.New("session is of another container")
