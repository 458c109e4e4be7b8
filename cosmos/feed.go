package cosmos

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"

	"github.com/whiskstore/whiskstore/store"
)

// FeedOptions are the options of Store.Feed; nil is the zero value.
type FeedOptions struct {
	// Region is where the feed is read, and nowhere else: the region whose
	// replicas the readers of the changes read. Empty is the store's own first
	// region, with azcosmos's fall-back to others while it does not answer.
	Region string

	// PollInterval is the longest pause between two looks at a range that Next
	// waits for; 1 s by default. The first pauses are shorter. Each look costs a
	// request unit.
	PollInterval time.Duration
}

const (
	defaultPoll  = time.Second
	shortestPoll = 20 * time.Millisecond

	// defaultFeedPage and maxFeedPage bound the changes of a page.
	defaultFeedPage = 1000
	maxFeedPage     = 10000

	// feedPatience is how long a read is repeated while its range moves or another
	// region answers.
	feedPatience = 5 * time.Second
)

// Feed is the change feed of a collection. Its tokens are validated: azcosmos
// begins again from the start where its own are damaged. It is safe for
// concurrent use.
//
// A change has its item's LSN as Order, but on accounts with several write
// regions, where every region counts for itself; tokens then belong to one
// region. Items that are none of OpenWhisk's are changes without Doc. All
// changes of one transactional batch come in one page, whatever its Limit.
type Feed struct {
	s         *Store
	ref       *reference[*account]
	client    *azcosmos.Client // nil where the store's own is used
	container *azcosmos.ContainerClient
	region    string
	asked     bool // the region is the caller's choice
	poll      time.Duration
	patience  time.Duration // feedPatience

	life  context.Context // ends with Close
	end   context.CancelFunc
	calls sync.WaitGroup

	mu     sync.Mutex
	closed bool
	seen   map[string]sighting
}

// sighting is the largest LSN that a range showed, and when.
type sighting struct {
	lsn uint64
	at  time.Time
}

var _ store.ChangeFeed = (*Feed)(nil)

// Feed opens a change feed of the collection, beside any others. Close it before
// the store. An unknown region is ErrInvalid.
func (s *Store) Feed(opts *FeedOptions) (*Feed, error) {
	if s.closed.Load() {
		return nil, s.fail(store.OpOpen, "", store.ErrClosed, nil)
	}
	var o FeedOptions
	if opts != nil {
		o = *opts
	}
	f := &Feed{s: s, container: s.reader, asked: o.Region != "", poll: o.PollInterval,
		patience: feedPatience, seen: map[string]sighting{}}
	switch {
	case f.poll < 0:
		return nil, s.fail(store.OpOpen, "", store.ErrInvalid, fmt.Errorf("poll interval %v is negative", f.poll))
	case f.poll == 0:
		f.poll = defaultPoll
	}
	var err error
	if f.region, err = s.account.topology().nearest(o.Region, s.cfg.ConnectionPolicy.PreferredLocations); err != nil {
		return nil, s.fail(store.OpOpen, "", store.ErrInvalid, err)
	}
	if f.ref, err = s.ref.of.reference(); err != nil {
		return nil, s.fail(store.OpOpen, "", store.ErrClosed, err)
	}
	if f.asked {
		if err := f.connect(); err != nil {
			f.ref.Close()
			return nil, s.fail(store.OpOpen, "", store.ErrInvalid, err)
		}
	}
	f.life, f.end = context.WithCancel(context.Background())
	return f, nil
}

// connect makes the feed read in its region.
func (f *Feed) connect() (err error) {
	if f.client, err = f.s.account.connect([]string{f.region}); err != nil {
		return err
	}
	if f.container, err = f.client.NewContainer(f.s.cfg.DB, f.s.collection); err != nil {
		f.client.Close()
	}
	return err
}

// nearest returns the account's name of the region asked for, or else of the
// first preferred one that it has, or else of its first.
func (t *topology) nearest(asked string, preferred []string) (string, error) {
	if asked != "" {
		preferred = []string{asked}
	}
	var names []string
	for _, l := range t.read {
		names = append(names, l.name)
	}
	for _, p := range preferred {
		for _, name := range names {
			if sameRegion(name, p) {
				return name, nil
			}
		}
	}
	if asked != "" || len(names) == 0 {
		return "", fmt.Errorf("region %q: the account has %q", asked, names)
	}
	return names[0], nil
}

// sameRegion compares names as azcosmos does.
func sameRegion(a, b string) bool {
	return strings.EqualFold(strings.ReplaceAll(a, " ", ""), strings.ReplaceAll(b, " ", ""))
}

// pinned reports whether an answer of another region is of no use.
func (f *Feed) pinned() bool { return f.asked || f.s.account.topology().multi }

// enter begins a call. The context that it returns ends with the feed, too.
func (f *Feed) enter(ctx context.Context, op store.Op, r store.Range) (inner context.Context, leave func(), err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || f.s.closed.Load() {
		return nil, nil, f.s.fail(op, r.ID, store.ErrClosed, nil)
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	f.calls.Add(1)
	inner, cancel := context.WithCancel(ctx)
	unhook := context.AfterFunc(f.life, cancel)
	return inner, func() { unhook(); cancel(); f.calls.Done() }, nil
}

// outcome is the error of a call that failed with err.
func (f *Feed) outcome(ctx context.Context, op store.Op, r store.Range, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case f.life.Err() != nil:
		return f.s.fail(op, r.ID, store.ErrClosed, nil)
	}
	return err
}

// Ranges implements store.ChangeFeed. It costs no request but the first time
// and after a split.
func (f *Feed) Ranges(ctx context.Context) ([]store.Range, error) {
	inner, leave, err := f.enter(ctx, store.OpRanges, store.Range{})
	if err != nil {
		return nil, err
	}
	defer leave()
	list, err := f.s.here().ranges.get(inner, f.s.reader)
	if err != nil {
		return nil, f.outcome(ctx, store.OpRanges, store.Range{}, f.s.translate(inner, store.OpRanges, "", err))
	}
	return feedRanges(list), nil
}

func feedRanges(list []keyRange) []store.Range {
	out := make([]store.Range, len(list))
	for i, k := range list {
		out[i] = store.Range(k)
	}
	return out
}

// Start implements store.ChangeFeed. From now costs one request, the others
// none. Now is what the region shows, and at least what this process wrote.
func (f *Feed) Start(ctx context.Context, r store.Range, from store.From) (store.Token, error) {
	inner, leave, err := f.enter(ctx, store.OpStart, r)
	if err != nil {
		return "", err
	}
	defer leave()
	token, err := f.start(inner, r, from)
	return token, f.outcome(ctx, store.OpStart, r, err)
}

func (f *Feed) start(ctx context.Context, r store.Range, from store.From) (store.Token, error) {
	k, err := f.locate(ctx, store.OpStart, r)
	if err != nil {
		return "", err
	}
	pos := f.at(k)
	if t, ok := from.Time(); ok {
		pos.since = max(0, t.Unix())
	}
	if from.IsNow() {
		if pos.etag, err = f.now(ctx, r, k); err != nil {
			return "", err
		}
	}
	return pos.token(), nil
}

// at is the position before everything in a range.
func (f *Feed) at(k keyRange) feedPosition {
	pos := feedPosition{rid: f.s.here().rid, min: k.Min, max: k.Max}
	if f.s.account.topology().multi {
		pos.region = f.region
	}
	return pos
}

// Resume returns the token that continues after a continuation token of another
// change feed processor's lease: the service's etag with its quotes, for example
// `"43"`; empty is the beginning. Nothing is requested; Next finds out whether
// the position was ever reached.
func (f *Feed) Resume(ctx context.Context, r store.Range, etag string) (store.Token, error) {
	inner, leave, err := f.enter(ctx, store.OpStart, r)
	if err != nil {
		return "", err
	}
	defer leave()
	if _, ok := parseETag(etag); !ok && etag != "" {
		return "", f.s.fail(store.OpStart, r.ID, store.ErrInvalid, fmt.Errorf("continuation token %.40q is no number in quotes", etag))
	}
	k, err := f.locate(inner, store.OpStart, r)
	if err != nil {
		return "", f.outcome(ctx, store.OpStart, r, err)
	}
	pos := f.at(k)
	pos.etag = etag
	return pos.token(), nil
}

// Next implements store.ChangeFeed: one request, and one for each look while it
// waits.
func (f *Feed) Next(ctx context.Context, r store.Range, token store.Token, opts *store.NextOptions) (store.Page, error) {
	inner, leave, err := f.enter(ctx, store.OpNext, r)
	if err != nil {
		return store.Page{}, err
	}
	defer leave()
	var o store.NextOptions
	if opts != nil {
		o = *opts
	}
	if o.Limit < 0 || o.Wait < 0 {
		return store.Page{}, f.s.fail(store.OpNext, r.ID, store.ErrInvalid, fmt.Errorf("limit %d, wait %v", o.Limit, o.Wait))
	}
	if o.Limit = min(o.Limit, maxFeedPage); o.Limit == 0 {
		o.Limit = defaultFeedPage
	}
	page, err := f.next(inner, r, token, o)
	if err != nil {
		return store.Page{}, f.outcome(ctx, store.OpNext, r, err)
	}
	return page, nil
}

func (f *Feed) next(ctx context.Context, r store.Range, token store.Token, o store.NextOptions) (store.Page, error) {
	pos, err := parsePosition(token)
	if err != nil {
		return store.Page{}, f.s.fail(store.OpNext, r.ID, store.ErrInvalid, err)
	}
	if err := f.belongs(ctx, r, pos); err != nil {
		return store.Page{}, err
	}
	k, err := f.locate(ctx, store.OpNext, r)
	if err != nil {
		return store.Page{}, err
	}
	if !pos.covers(k) {
		return store.Page{}, f.s.fail(store.OpNext, r.ID, store.ErrInvalid,
			fmt.Errorf("token is of the keys from %q to %q, the range is from %q to %q; after a merge a range is started anew", pos.min, pos.max, k.Min, k.Max))
	}
	end := time.Now().Add(o.Wait)
	for step := min(shortestPoll, f.poll); ; step = min(2*step, f.poll) {
		page, err := f.page(ctx, r, k, &pos, o.Limit)
		if err != nil || len(page.Changes) > 0 {
			return page, err
		}
		left := time.Until(end)
		if left <= 0 {
			return page, nil
		}
		if err := wait(ctx, min(step, left)); err != nil {
			return store.Page{}, err
		}
		if f.s.closed.Load() {
			return store.Page{}, f.s.fail(store.OpNext, r.ID, store.ErrClosed, nil)
		}
	}
}

// belongs holds that a position is one of this container and, where regions
// count for themselves, of this region.
func (f *Feed) belongs(ctx context.Context, r store.Range, pos feedPosition) error {
	if pos.rid != f.s.here().rid {
		// The token may be of the container that replaced the one that was opened.
		if err := f.s.relocate(ctx); err != nil {
			return err
		}
	}
	if rid := f.s.here().rid; pos.rid != rid {
		return f.s.fail(store.OpNext, r.ID, store.ErrInvalid, fmt.Errorf("token is of container %s, this is %s: another one, or one made again "+
			"under the same name; read the ranges and start anew", pos.rid, rid))
	}
	if pos.region != "" && !sameRegion(pos.region, f.region) {
		return f.s.fail(store.OpNext, r.ID, store.ErrInvalid,
			fmt.Errorf("token is of region %q, this feed is read in %q, and each write region counts for itself", pos.region, f.region))
	}
	return nil
}

// locate returns the container's range that r names. One that is gone is a
// *store.RangeGone.
func (f *Feed) locate(ctx context.Context, op store.Op, r store.Range) (keyRange, error) {
	ranges := f.s.here().ranges
	list, err := ranges.get(ctx, f.s.reader)
	if err == nil && !contains(list, r.ID) {
		list, err = ranges.refresh(ctx, f.s.reader, list)
	}
	if err != nil {
		return keyRange{}, f.s.translate(ctx, op, r.ID, err)
	}
	for _, k := range list {
		if k.ID != r.ID {
			continue
		}
		if bare := r == (store.Range{ID: r.ID}); !bare && r != store.Range(k) {
			return keyRange{}, f.s.fail(op, r.ID, store.ErrInvalid, fmt.Errorf("the range is from %q to %q, not from %q to %q", k.Min, k.Max, r.Min, r.Max))
		}
		return k, nil
	}
	heirs := within(list, keyRange(r))
	if r.Min >= r.Max || len(heirs) == 0 {
		return keyRange{}, f.s.fail(op, r.ID, store.ErrInvalid, errors.New("the container has no such range"))
	}
	return keyRange{}, &store.RangeGone{Range: r, Children: feedRanges(heirs)}
}

// Close ends waiting calls with ErrClosed. The store stays open.
func (f *Feed) Close() error {
	f.mu.Lock()
	closed := f.closed
	f.closed = true
	f.mu.Unlock()
	if closed {
		return f.s.fail(store.OpClose, "", store.ErrClosed, nil)
	}
	f.end()
	f.calls.Wait()
	if f.client != nil {
		f.client.Close()
	}
	f.ref.Close()
	return nil
}
