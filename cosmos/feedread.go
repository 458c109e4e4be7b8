package cosmos

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"

	"github.com/whiskstore/whiskstore/store"
)

const (
	headerLSN           = "lsn"
	headerConsistency   = "x-ms-consistency-level"
	headerIfNoneMatch   = "If-None-Match"
	headerModifiedSince = "If-Modified-Since"
)

// futurePatience is how long a position that no answer has reached is given
// before it counts as one of the future: replicas of a region lag by less.
const futurePatience = time.Second

// ask is one read of the feed. What azcosmos has no option for, or an option
// that does harm, are headers: its continuation tokens restart silently and run
// into the ranges that a split left, and its time ends in UTC instead of GMT.
type ask struct {
	op        store.Op
	of        store.Range
	in        keyRange
	container *azcosmos.ContainerClient
	header    http.Header
	limit     int
	region    string // that must answer, "" for any
	rather    bool   // another one will do when this one keeps not answering
}

// answer is what the service says to an ask.
type answer struct {
	items   [][]byte
	rid     string // of the container; "" in an answer without items
	etag    string
	lsn     uint64 // of the range; 0 when it does not say
	session string
	region  string
}

// ask reads until the range answers, within limits.
func (f *Feed) ask(ctx context.Context, q ask) (answer, error) {
	pause := newPauses(f.patience)
	end := time.Now().Add(f.patience) // azcosmos takes its time before it tries another region
	q.header.Set(headerRangeID, q.in.ID)
	for {
		began := time.Now()
		resp, err := q.container.ReadChangeFeed(policy.WithHTTPHeader(ctx, q.header), &azcosmos.ChangeFeedOptions{
			MaxItemCount: int32(q.limit), FeedRange: &azcosmos.FeedRange{MinInclusive: q.in.Min, MaxExclusive: q.in.Max}})
		a, fail := f.answered(ctx, q.op, began, resp, err)
		var why error
		switch {
		case fail == nil && (q.region == "" || a.region == q.region):
			return a, nil
		case fail == nil:
			why = fmt.Errorf("region %q answered in place of %q", a.region, q.region)
		case fail.rangeGone():
			if err := f.gone(ctx, q); err != nil {
				return answer{}, err
			}
			why = fail.cause
		case fail.sessionUnavailable():
			why = fail.cause
		case fail.kind() == store.ErrNotFound:
			f.forget()
			return answer{}, f.s.fail(q.op, q.of.ID, store.ErrUnavailable, fmt.Errorf("the container is not there: %w", fail.cause))
		default:
			return answer{}, f.s.translate(ctx, q.op, q.of.ID, err)
		}
		if time.Now().Before(end) && pause.next(ctx) {
			continue
		}
		if ctx.Err() == nil && fail == nil && q.rather {
			return a, nil
		}
		if ctx.Err() != nil {
			return answer{}, ctx.Err()
		}
		return answer{}, f.s.fail(q.op, q.of.ID, store.ErrUnavailable, why)
	}
}

// answered takes an answer apart and records it. Its session token is not the
// store's: reads need not wait for what only the feed has seen.
func (f *Feed) answered(ctx context.Context, op store.Op, began time.Time, resp azcosmos.ChangeFeedResponse, err error) (answer, *failure) {
	fail := failureOf(err)
	status, sub, host := 0, 0, hostOf(resp.RawResponse)
	header := http.Header{}
	switch {
	case fail != nil && fail.header != nil:
		status, sub, header, host = fail.status, fail.sub, fail.header, fail.host
	case resp.RawResponse != nil:
		status, header = resp.RawResponse.StatusCode, resp.RawResponse.Header
	}
	top := f.s.account.topology()
	a := answer{region: top.region(host)}
	if a.region == "" && len(top.read) == 1 {
		a.region = top.read[0].name // the global endpoint, of all that there is
	}
	a.items, a.rid = resp.Items, resp.ResourceID
	a.etag, a.session = header.Get("ETag"), header.Get(headerSession)
	a.lsn, _ = strconv.ParseUint(header.Get(headerLSN), 10, 64)
	f.s.metrics.exchanged(ctx, op, "query_change_feed", a.region, status, sub, charge(header), time.Since(began))
	return a, fail
}

// gone returns the *store.RangeGone of a range that the service no longer knows,
// and nothing for one that only moves.
func (f *Feed) gone(ctx context.Context, q ask) error {
	ranges := f.s.here().ranges
	list, err := ranges.get(ctx, f.s.reader)
	if err == nil && contains(list, q.in.ID) {
		list, err = ranges.refresh(ctx, f.s.reader, list)
	}
	if err != nil {
		return f.s.translate(ctx, q.op, q.of.ID, err)
	}
	if contains(list, q.in.ID) {
		return nil
	}
	f.mu.Lock()
	delete(f.seen, q.in.ID)
	f.mu.Unlock()
	return &store.RangeGone{Range: q.of, Children: feedRanges(within(list, q.in))}
}

// now returns the etag after everything that the range shows.
func (f *Feed) now(ctx context.Context, r store.Range, k keyRange) (string, error) {
	header := http.Header{}
	header.Set(headerIfNoneMatch, "*")
	level, session := f.s.freshness(nil, false)
	if level != nil {
		header.Set(headerConsistency, string(*level))
	}
	if session != nil {
		header.Set(headerSession, *session)
	}
	a, err := f.ask(ctx, ask{op: store.OpStart, of: r, in: k, container: f.container, header: header, limit: 1, region: f.region, rather: !f.pinned()})
	if err != nil {
		return "", err
	}
	if a.rid != "" && a.rid != f.s.here().rid {
		return "", f.replaced(ctx, store.OpStart, r)
	}
	f.saw(k.ID, a.lsn)
	if _, ok := parseETag(a.etag); ok {
		return a.etag, nil
	}
	if a.lsn > 0 {
		return quoteLSN(a.lsn), nil
	}
	return "", f.s.fail(store.OpStart, r.ID, store.ErrUnavailable, fmt.Errorf("answer with etag %.40q names no position", a.etag))
}

// page reads the changes after pos, and moves it behind them.
func (f *Feed) page(ctx context.Context, r store.Range, k keyRange, pos *feedPosition, limit int) (store.Page, error) {
	for {
		page, on, err := f.read(ctx, r, k, pos, limit)
		if err != nil || !on {
			return page, err
		}
	}
}

// read is one read of page. on says that it had nothing, but moved without
// having reached the end.
func (f *Feed) read(ctx context.Context, r store.Range, k keyRange, pos *feedPosition, limit int) (page store.Page, on bool, err error) {
	q := ask{op: store.OpNext, of: r, in: k, container: f.container, header: http.Header{}, limit: limit}
	if f.pinned() {
		q.region = f.region
	}
	switch {
	case pos.etag != "":
		q.header.Set(headerIfNoneMatch, pos.etag)
	case pos.since > 0:
		// Whether the service includes the second itself is not known.
		q.header.Set(headerModifiedSince, time.Unix(pos.since-1, 0).UTC().Format(http.TimeFormat))
	}
	a, err := f.ask(ctx, q)
	if err != nil {
		return page, false, err
	}
	if a.rid != "" && a.rid != pos.rid {
		return page, false, f.replaced(ctx, store.OpNext, r)
	}
	before := pos.lsn()
	if a.lsn > 0 && a.lsn < before {
		if err := f.reached(ctx, r, k, before); err != nil {
			return page, false, err
		}
	}
	f.saw(k.ID, a.lsn)
	end, ok := parseETag(a.etag)
	switch {
	case !ok && len(a.items) > 0:
		return page, false, f.s.fail(store.OpNext, r.ID, store.ErrUnavailable, fmt.Errorf("page with etag %.40q names no position", a.etag))
	case ok && (end > before || pos.etag == ""):
		pos.etag = a.etag
	default:
		end = before // a replica that lags, or one that says nothing
	}
	page.Changes = f.changes(ctx, a.items, pos.since)
	if len(page.Changes) > 0 {
		pos.since = 0
	} else if len(a.items) > 0 || a.lsn > end && end > before {
		return store.Page{}, true, nil
	}
	page.Token = pos.token()
	page.Session = f.session(pos.rid, a.session, end)
	page.Drained = len(page.Changes) == 0 || a.lsn > 0 && end >= a.lsn
	switch {
	case page.Drained:
	case a.lsn == 0:
		page.Pending = -1
	default:
		page.Pending = int64(a.lsn - end)
	}
	return page, false, nil
}

// reached holds that a range has ever been where a token says, though the answer
// shows less: another replica, or another region, may be behind. What accepts
// the writes knows.
func (f *Feed) reached(ctx context.Context, r store.Range, k keyRange, lsn uint64) error {
	f.mu.Lock()
	s := f.seen[k.ID]
	f.mu.Unlock()
	if s.lsn >= lsn && time.Since(s.at) < futurePatience {
		return nil
	}
	top := f.s.account.topology()
	q := ask{op: store.OpNext, of: r, in: k, container: f.container, header: http.Header{}, limit: 1, region: f.region}
	if !top.multi && len(top.read) > 1 {
		hub, err := f.s.inHub()
		if err != nil {
			return f.s.fail(store.OpNext, r.ID, store.ErrUnavailable, err)
		}
		q.region, q.container = top.hub(), hub.container
	}
	q.header.Set(headerIfNoneMatch, "*")
	pause := newPauses(futurePatience)
	var shown uint64
	for {
		a, err := f.ask(ctx, q)
		if err != nil {
			return err
		}
		if f.saw(k.ID, a.lsn); a.lsn >= lsn {
			return nil
		}
		if shown = a.lsn; !pause.next(ctx) {
			break
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	rid := f.s.here().rid
	if err := f.s.relocate(ctx); err != nil {
		return err
	}
	if f.s.here().rid != rid {
		return f.replaced(ctx, store.OpNext, r)
	}
	return f.s.fail(store.OpNext, r.ID, store.ErrInvalid,
		fmt.Errorf("token is of position %d, the range is at %d: it is from the future, or a fail-over lost writes; start anew", lsn, shown))
}

// saw notes the LSN that a range showed.
func (f *Feed) saw(id string, lsn uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s := f.seen[id]; lsn >= s.lsn && lsn > 0 {
		f.seen[id] = sighting{lsn, time.Now()}
	}
}

// forget drops what was seen: it may have been of another container.
func (f *Feed) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.seen)
}

// replaced is the error of a container that is no longer the one that the
// position is of. The next call begins with the new one.
func (f *Feed) replaced(ctx context.Context, op store.Op, r store.Range) error {
	if err := f.s.relocate(ctx); err != nil {
		return err
	}
	f.forget()
	return f.s.fail(op, r.ID, store.ErrInvalid, errReplaced)
}

var errReplaced = errors.New("the container was dropped and made again under the same name: positions in the old one mean nothing here; " +
	"read the ranges and start anew")

// session is the session of a page that ends at an LSN. The replica that
// answered may be behind the page before.
func (f *Feed) session(rid, token string, end uint64) store.Session {
	if f.s.account.topology().multi {
		return sessionOf(rid, token)
	}
	v, err := parseVector(token)
	if err != nil || len(v) != 1 {
		return ""
	}
	for id, p := range v {
		p.global = max(p.global, int64(end))
		v[id] = p
	}
	return sessionOf(rid, v.String())
}
