package cosmos

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Headers of the service, in the form that http.Header keeps.
const (
	headerSubstatus    = "X-Ms-Substatus"
	headerCharge       = "X-Ms-Request-Charge"
	headerSession      = "X-Ms-Session-Token"
	headerItemLSN      = "X-Ms-Item-Lsn"
	headerRangeID      = "X-Ms-Documentdb-Partitionkeyrangeid"
	headerPartitionKey = "X-Ms-Documentdb-Partitionkey"
	headerRetry        = "X-Ms-Retry-After-Ms"
	headerUsage        = "X-Ms-Resource-Usage"
	headerQuota        = "X-Ms-Resource-Quota"
	headerIndexing     = "X-Ms-Documentdb-Collection-Index-Transformation-Progress"
	headerActivityID   = "X-Ms-Activity-Id"
)

// localAnswer asks the transport, through the context of a call, to answer its
// requests instead of sending them, and collects the ranges that they name. It
// is no option of an operation: azcosmos has no other way to hand something from
// a call to its transport.
type localAnswer struct {
	gone bool // the first request is answered by 410

	mu    sync.Mutex
	asked []string
}

type localKey struct{}

func (a *localAnswer) ids() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.asked
}

func (a *localAnswer) answer(req *http.Request) *http.Response {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.gone {
		a.gone = false
		resp := localResponse(req, http.StatusGone)
		resp.Header.Set(headerSubstatus, strconv.Itoa(subRangeGone))
		return resp
	}
	a.asked = append(a.asked, req.Header.Get(headerRangeID))
	return localResponse(req, http.StatusNotModified)
}

func localResponse(req *http.Request, status int) *http.Response {
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: http.NoBody, Request: req}
}

// accountRead asks the transport, like localAnswer, to send nothing of a call but
// the read of the account document that precedes it, and to end that with ctx:
// azcosmos lets nobody cancel it.
type accountRead struct{ ctx context.Context }

// transport carries the requests of all clients of one account. It keeps the
// account document, which azcosmos reads at its first request and every five
// minutes and does not show.
type transport struct {
	next    http.RoundTripper
	own     *http.Transport // nil when the caller brought one
	timeout time.Duration   // of an attempt
	top     atomic.Pointer[topology]
}

// attemptTimeout bounds one attempt of a request: a little more than the
// gateway's own limit of a minute, so that its answer comes first.
const attemptTimeout = 65 * time.Second

func newTransport(rt http.RoundTripper, maxConns int) *transport {
	t := &transport{next: rt, timeout: attemptTimeout}
	if rt == nil {
		t.own = &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			ForceAttemptHTTP2:     true,
			MaxIdleConns:          1000,
			MaxIdleConnsPerHost:   100,
			MaxConnsPerHost:       maxConns,
			IdleConnTimeout:       90 * time.Second,
			TLSHandshakeTimeout:   10 * time.Second,
			ExpectContinueTimeout: time.Second,
		}
		t.next = t.own
	}
	return t
}

// send sends a request without what an http.Client does for redirects and
// cookies, which the service has none of.
func (t *transport) send(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(req.Context(), t.timeout)
	resp, err := t.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, err
	}
	resp.Body = &timedBody{resp.Body, cancel}
	return resp, nil
}

// timedBody is a body whose time ends with it.
type timedBody struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (b *timedBody) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}

// Do sends one attempt of a request.
func (t *transport) Do(req *http.Request) (*http.Response, error) {
	document := req.Method == http.MethodGet && strings.Trim(req.URL.Path, "/") == ""
	switch a := req.Context().Value(localKey{}).(type) {
	case *localAnswer:
		if req.Header.Get(headerRangeID) != "" {
			return a.answer(req), nil
		}
	case *accountRead:
		if !document {
			return localResponse(req, http.StatusNotModified), nil
		}
		ctx, cancel := context.WithCancel(req.Context())
		defer cancel()
		defer context.AfterFunc(a.ctx, cancel)()
		req = req.WithContext(ctx)
	}
	began := time.Now()
	resp, err := t.send(req)
	if err == nil && document && resp.StatusCode == http.StatusOK {
		err = t.readAccount(resp, began)
	}
	if err != nil {
		return nil, err
	}
	if isItemWrite(req) && (resp.StatusCode == http.StatusServiceUnavailable ||
		resp.StatusCode == http.StatusForbidden && resp.Header.Get(headerSubstatus) == writeForbidden) {
		resp.Body.Close()
		return nil, &writeError{resp.StatusCode, resp.Header, req.URL.Host}
	}
	return resp, nil
}

// writeError is an answer to a write that azcosmos would repeat by itself: 503 on
// accounts with several write regions, where its caller would take the refusal of
// the second attempt for that of the first, and 403/3 in the same region for two
// minutes. As an error of the transport it comes back at once.
type writeError struct {
	status int
	header http.Header
	host   string
}

func (e *writeError) Error() string {
	return answerError{e.status, subStatus(e.header), "", e.header.Get(headerActivityID)}.Error()
}

// isItemWrite reports whether a request writes an item.
func isItemWrite(req *http.Request) bool {
	switch req.Method {
	case http.MethodPut, http.MethodPatch, http.MethodDelete:
		return strings.Contains(req.URL.Path, "/docs/")
	case http.MethodPost:
		return retryType(req) == "Create"
	}
	return false
}

// readAccount keeps what an account document says that was asked for at a time,
// unless a later one is known, and leaves the answer whole.
func (t *transport) readAccount(resp *http.Response, asked time.Time) error {
	const longest = 1 << 20
	body, err := io.ReadAll(io.LimitReader(resp.Body, longest))
	resp.Body.Close()
	if err != nil {
		return err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	top, ok := parseTopology(body)
	if !ok {
		return nil
	}
	top.asked = asked
	for {
		old := t.top.Load()
		if old != nil && old.asked.After(asked) {
			return nil
		}
		top.moved = time.Time{}
		if old != nil && top.multi {
			top.moved = old.moved
			if old.hub() != top.hub() {
				top.moved = time.Now()
			}
		}
		if t.top.CompareAndSwap(old, top) {
			return nil
		}
	}
}

func (t *transport) close() {
	if t.own != nil {
		t.own.CloseIdleConnections()
	}
}

// topology is what an account document says. It is immutable.
type topology struct {
	write, read []location
	multi       bool // more than one region accepts writes
	level       level
	asked       time.Time // when the document was asked for
	moved       time.Time // when another hub was seen in place of the one before; zero if never
}

type location struct {
	name string
	host string
}

func parseTopology(body []byte) (*topology, bool) {
	type place struct {
		Name     string `json:"name"`
		Endpoint string `json:"databaseAccountEndpoint"`
	}
	var doc struct {
		Write       []place `json:"writableLocations"`
		Read        []place `json:"readableLocations"`
		Multi       bool    `json:"enableMultipleWriteLocations"`
		Consistency struct {
			Level level `json:"defaultConsistencyLevel"`
		} `json:"userConsistencyPolicy"`
	}
	if json.Unmarshal(body, &doc) != nil {
		return nil, false
	}
	places := func(list []place) (out []location) {
		for _, p := range list {
			_, host, _ := strings.Cut(p.Endpoint, "://")
			host, _, _ = strings.Cut(host, "/")
			out = append(out, location{p.Name, host})
		}
		return out
	}
	return &topology{write: places(doc.Write), read: places(doc.Read), multi: doc.Multi, level: doc.Consistency.Level}, true
}

// hub is the region in which an account with several write regions settles
// conflicts: the first that it names.
func (t *topology) hub() string {
	if t == nil || len(t.write) == 0 {
		return ""
	}
	return t.write[0].name
}

// region returns the name of the region at a host, "" for the global endpoint.
func (t *topology) region(host string) string {
	if t == nil {
		return ""
	}
	for _, list := range [][]location{t.write, t.read} {
		for _, l := range list {
			if l.host == host || strings.TrimSuffix(l.host, ":443") == host {
				return l.name
			}
		}
	}
	return ""
}

// wait waits for d or the end of ctx.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
