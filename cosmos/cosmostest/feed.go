package cosmostest

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/btree"
)

// feedStart is where a change feed request begins.
type feedStart struct {
	lsn   int64 // changes after it
	since int64 // and not before this second
	now   bool
	etag  string // as sent
}

func (x *exchange) feedStart() (feedStart, *reply) {
	var f feedStart
	f.etag = x.Header.Get("If-None-Match")
	switch {
	case f.etag == "*":
		f.now = true
	case f.etag != "":
		n, err := strconv.ParseInt(strings.Trim(f.etag, `"`), 10, 64)
		if err != nil || n < 0 {
			return f, x.badRequest("Invalid Continuation Token")
		}
		f.lsn = n
	case x.Header.Get("If-Modified-Since") != "":
		text := x.Header.Get("If-Modified-Since")
		when, err := time.Parse(time.RFC1123, text)
		if err != nil {
			return f, x.badRequest("The value '" + text + "' specified for the header 'If-Modified-Since' is invalid.")
		}
		f.since = when.Unix()
		if x.s.opts.Switches.FeedSinceExclusive {
			f.since++
		}
	}
	return f, nil
}

// feedPartition finds the partition that a feed request addresses, and the logical partition when it names one.
func (x *exchange) feedPartition(c *container) (find func() (*partition, *reply), pk string, bad *reply) {
	if x.PartitionKey != "" {
		components, bad := x.keyHeader(c)
		if bad != nil {
			return nil, "", bad
		}
		pk = keyText(components)
		if x.RangeID == "" {
			return func() (*partition, *reply) { return c.route(components), nil }, pk, nil
		}
	}
	if x.RangeID != "" {
		return func() (*partition, *reply) { return x.byRange(c) }, pk, nil
	}
	return func() (*partition, *reply) {
		if len(c.parts) > 1 {
			return nil, x.badRequest("The change feed of a collection with several partition key ranges is read range by range. Please specify x-ms-documentdb-partitionkeyrangeid.")
		}
		return c.parts[0], nil
	}, pk, nil
}

// readChangeFeed serves the latest versions of items in the order of their last changes.
func (x *exchange) readChangeFeed(c *container) *reply {
	if !strings.EqualFold(x.Header.Get("A-IM"), "Incremental Feed") {
		return x.badRequest("Change Feed 'All Versions and Deletes' mode must be enabled on the account and the collection must have a retention.")
	}
	start, bad := x.feedStart()
	if bad != nil {
		return bad
	}
	limit, bad := x.pageSize()
	if bad != nil {
		return bad
	}
	c.mu.Lock()
	find, pk, bad := x.feedPartition(c)
	if bad != nil {
		c.mu.Unlock()
		return bad
	}
	p, at, bad := x.readSite(c, find)
	if bad == nil {
		bad = x.throttle(c, p)
	}
	if bad != nil {
		c.mu.Unlock()
		return bad
	}
	r := x.at(&reply{status: http.StatusOK, backend: true, charge: 1}, c, p, at)
	c.spend(p, r.charge)
	// The copy is taken at the LSN that the answer names.
	tree := p.replicas[at].byLSN.Copy()
	r.set("x-ms-resource-quota", quotaText)
	r.set("x-ms-resource-usage", usageOf(at, []*partition{p}))
	c.mu.Unlock()
	x.fillFeed(r, c, tree, start, pk, limit)
	return r
}

func (x *exchange) fillFeed(r *reply, c *container, tree *btree.BTreeG[*item], start feedStart, pk string, limit int) {
	sw := x.s.opts.Switches
	now := x.s.now().Unix()
	body := []byte(`{"_rid":"` + ridText(c.rid) + `","Documents":[`)
	count, shown, reached := 0, int64(0), max(start.lsn, r.lsn)
	if !start.now {
		tree.Ascend(&item{lsn: start.lsn + 1}, func(it *item) bool {
			// All items of one transaction come in one page.
			if count > 0 && it.lsn != shown && (limit >= 0 && count >= limit || len(body) > x.s.opts.PageBytes) {
				reached = shown
				return false
			}
			if pk != "" && it.pk != pk || it.ts < start.since || !it.visible(now, sw.TTLEdgeInclusive) {
				return true
			}
			if count > 0 {
				body = append(body, ',')
			}
			body = append(body, it.raw[:len(it.raw)-1]...)
			body = append(c.appendSystem(body, it), `,"_lsn":`...)
			body = append(strconv.AppendInt(body, it.lsn, 10), '}')
			count++
			shown = it.lsn
			return true
		})
	}
	etag := strconv.Quote(itoa(reached))
	r.set("x-ms-item-count", itoa(int64(count)))
	switch {
	case count > 0:
		if sw.FeedETagLastItem {
			etag = strconv.Quote(itoa(shown))
		}
	case start.now && sw.FeedFromNowEmptyPage:
	default:
		r.status = http.StatusNotModified
		if sw.FeedNotModifiedSameETag && start.etag != "" && !start.now {
			etag = start.etag
		}
	}
	r.set("etag", etag)
	if r.status == http.StatusOK {
		r.body = append(body, `],"_count":`+itoa(int64(count))+`}`...)
	}
}
