package cosmos

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"

	"github.com/whiskstore/whiskstore/store"
)

// pageRequest asks for one page of a statement.
type pageRequest struct {
	op           store.Op
	table        string
	stmt         statement
	rangeID      string // "" leaves the fan-out to the gateway
	continuation string
	size         int // a hint, 0 for the service's own
}

// page is one page of a statement.
type page struct {
	rows         [][]byte
	continuation string
	gone         bool // the range is no longer there
	err          error
}

// page reads one page. A range that is gone is no error but page.gone.
func (s *Store) page(ctx context.Context, r pageRequest) page {
	header := http.Header{}
	if r.rangeID != "" {
		header.Set(headerRangeID, r.rangeID)
	}
	var pause *pauses
	for {
		o := &azcosmos.QueryOptions{PageSizeHint: int32(r.size), QueryParameters: r.stmt.params}
		if r.continuation != "" {
			o.ContinuationToken = &r.continuation
		}
		o.ConsistencyLevel, o.SessionToken = s.freshness(nil, false)
		began := time.Now()
		resp, err := s.reader.NewQueryItemsPager(r.stmt.text, azcosmos.NewPartitionKey(), o).
			NextPage(policy.WithHTTPHeader(ctx, header))
		f := s.observe(ctx, r.op, "query_items", began, resp.Response, err)
		switch {
		case f == nil:
			p := page{rows: resp.Items}
			if resp.ContinuationToken != nil {
				p.continuation = *resp.ContinuationToken
			}
			s.metrics.returned.Record(ctx, int64(len(p.rows)), s.metrics.collected)
			s.logMetrics(ctx, r, resp)
			return p
		case f.rangeGone():
			return page{gone: true, err: s.translate(ctx, r.op, r.table, err)}
		case !f.sessionUnavailable():
			return page{err: s.unanswered(ctx, r, f)}
		}
		if pause == nil {
			pause = newPauses(s.patience())
			if err := s.relocate(ctx); err != nil {
				return page{err: err}
			}
		}
		if !pause.next(ctx) {
			return page{err: s.unanswered(ctx, r, f)}
		}
	}
}

// unanswered is the error for a page that was not read.
func (s *Store) unanswered(ctx context.Context, r pageRequest, f *failure) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	kind := f.kind()
	if kind == store.ErrNotFound {
		kind = store.ErrUnavailable // the container: queries find nothing without one
	}
	return s.fail(r.op, r.table, kind, f.cause)
}

// logMetrics logs what the service says about the execution of a query, for
// loggers at level debug (row COS-04).
func (s *Store) logMetrics(ctx context.Context, r pageRequest, resp azcosmos.QueryItemsResponse) {
	if !s.log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	h := resp.RawResponse.Header
	s.log.LogAttrs(ctx, slog.LevelDebug, "[QueryMetricsEnabled]", slog.String("collection", s.collection), slog.String("table", r.table),
		slog.String("range", h.Get(headerRangeID)), slog.Int("rows", len(resp.Items)), slog.String("charge", h.Get(headerCharge)),
		slog.String("metrics", h.Get("x-ms-documentdb-query-metrics")))
}

// entry is one row of a list statement.
type entry struct {
	id, etag string
	orderRaw json.RawMessage
	order    float64
	doc      []byte
	err      error // the row cannot be read
}

func parseEntry(raw []byte) (e entry) {
	e.err = members(raw, func(name, value, _ []byte) {
		if len(name) != 1 {
			return
		}
		switch name[0] {
		case 'i':
			e.id, _ = stringValue(value)
		case 'e':
			e.etag, _ = stringValue(value)
		case 'o':
			e.orderRaw = value
			e.order, _ = strconv.ParseFloat(string(value), 64)
		case 'd':
			e.doc = value
		}
	})
	if e.err == nil {
		e.id, e.err = unescapeID(e.id)
	}
	return e
}
