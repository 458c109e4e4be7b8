package memory

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/whiskstore/whiskstore/store"
)

// Feed returns a change feed of the store. It has one range; every commit that
// leaves a document or a tombstone is a change, and a page shows each document
// once, in its newest state. Expiry and physical deletes leave no change, as on
// Cosmos DB. Close it independently of the store.
func (s *Store) Feed() store.ChangeFeed {
	return &feed{s: s, done: make(chan struct{})}
}

// feedRange is the only range.
var feedRange = store.Range{ID: "0"}

const (
	// defaultPage and maxPage bound the changes of a page.
	defaultPage = 256
	maxPage     = 4096
)

type feed struct {
	s    *Store
	once sync.Once
	done chan struct{} // closed by Close
}

var _ store.ChangeFeed = (*feed)(nil)

func (f *feed) Ranges(ctx context.Context) ([]store.Range, error) {
	if err := f.begin(ctx, store.OpRanges, feedRange); err != nil {
		return nil, err
	}
	return []store.Range{feedRange}, nil
}

func (f *feed) Start(ctx context.Context, r store.Range, from store.From) (store.Token, error) {
	if err := f.begin(ctx, store.OpStart, r); err != nil {
		return "", err
	}
	s := f.s
	if from.IsBeginning() {
		return s.token(0), nil
	}
	t, timed := from.Time()
	s.mu.Lock()
	now := s.state.at.seq
	changes := s.state.bySeq
	if timed {
		changes = changes.IsoCopy()
	}
	s.mu.Unlock()
	if !timed {
		return s.token(now), nil
	}
	// Applied changes keep the time of their own commit, so times do not grow
	// along the feed: start before the first that is late enough.
	seq := now
	changes.Scan(func(c *record) bool {
		if fromNanos(c.committed).Before(t) {
			return true
		}
		seq = c.seq - 1
		return false
	})
	return s.token(seq), nil
}

func (f *feed) Next(ctx context.Context, r store.Range, token store.Token, opts *store.NextOptions) (store.Page, error) {
	if err := f.begin(ctx, store.OpNext, r); err != nil {
		return store.Page{}, err
	}
	var o store.NextOptions
	if opts != nil {
		o = *opts
	}
	if o.Limit < 0 || o.Wait < 0 {
		return store.Page{}, f.s.fail(store.OpNext, r.ID, store.ErrInvalid, fmt.Errorf("limit %d, wait %v", o.Limit, o.Wait))
	}
	limit := min(o.Limit, maxPage)
	if limit == 0 {
		limit = defaultPage
	}
	var timeout <-chan time.Time
	if o.Wait > 0 {
		t := time.NewTimer(o.Wait)
		defer t.Stop()
		timeout = t.C
	}
	for {
		changes, at, next, err := f.read(token, limit)
		if err != nil {
			return store.Page{}, err
		}
		if len(changes) > 0 || timeout == nil {
			return f.page(changes, at, limit), nil
		}
		select {
		case <-next:
		case <-timeout:
			timeout = nil // and look once more
		case <-f.done:
			return store.Page{}, f.s.fail(store.OpNext, r.ID, store.ErrClosed, nil)
		case <-ctx.Done():
			return store.Page{}, ctx.Err()
		}
	}
}

// read returns up to limit+1 changes after token, the store's position, and
// what tells of the next commit.
func (f *feed) read(token store.Token, limit int) (changes []*record, at uint64, next <-chan struct{}, err error) {
	s := f.s
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, 0, nil, s.fail(store.OpNext, feedRange.ID, store.ErrClosed, nil)
	}
	after, err := s.parseToken(token)
	if err != nil {
		return nil, 0, nil, s.fail(store.OpNext, feedRange.ID, store.ErrInvalid, err)
	}
	now := s.now()
	s.state.bySeq.Ascend(&record{seq: after + 1}, func(c *record) bool {
		if !c.expired(now) {
			changes = append(changes, c)
		}
		return len(changes) <= limit
	})
	return changes, s.state.at.seq, s.commits.wait(), nil
}

// page makes a page of what read returned.
func (f *feed) page(changes []*record, at uint64, limit int) store.Page {
	p := store.Page{Drained: len(changes) <= limit}
	if !p.Drained {
		changes = changes[:limit]
		end := changes[limit-1].seq
		p.Pending = int64(at - end)
		at = end
	}
	p.Token = f.s.token(at)
	p.Session = store.Session(p.Token)
	p.Changes = make([]store.Change, len(changes))
	for i, c := range changes {
		doc := c.document()
		p.Changes[i] = store.Change{
			ID:        c.id,
			Version:   c.version,
			ClusterID: c.clusterID,
			Deleted:   c.deleted,
			Doc:       &doc,
			Committed: fromNanos(c.committed),
		}
	}
	return p
}

// Close ends waiting calls. The store stays open.
func (f *feed) Close() error {
	err := f.s.fail(store.OpClose, "", store.ErrClosed, nil)
	f.once.Do(func() {
		close(f.done)
		err = nil
	})
	return err
}

// begin is what all calls check.
func (f *feed) begin(ctx context.Context, op store.Op, r store.Range) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-f.done:
		return f.s.fail(op, r.ID, store.ErrClosed, nil)
	default:
	}
	f.s.mu.RLock()
	closed := f.s.closed
	f.s.mu.RUnlock()
	if closed {
		return f.s.fail(op, r.ID, store.ErrClosed, nil)
	}
	if r.ID != feedRange.ID {
		return f.s.fail(op, r.ID, store.ErrInvalid, errors.New("no such range"))
	}
	return nil
}

// token is a position as text: the store's identity, the commit sequence and a
// checksum of both.
func (s *Store) token(seq uint64) store.Token {
	text := s.lineage + "." + strconv.FormatUint(seq, 10)
	return store.Token(text + "." + checksum(text))
}

// parseToken returns the position of a token. The caller holds the lock.
func (s *Store) parseToken(t store.Token) (uint64, error) {
	i := strings.LastIndexByte(string(t), '.')
	if i < 0 || checksum(string(t[:i])) != string(t[i+1:]) {
		return 0, fmt.Errorf("token %.80q is damaged", t)
	}
	lineage, n, _ := strings.Cut(string(t[:i]), ".")
	seq, err := strconv.ParseUint(n, 10, 64)
	switch {
	case err != nil:
		return 0, fmt.Errorf("token %.80q is damaged", t)
	case lineage != s.lineage:
		return 0, fmt.Errorf("token of the store %s, this is %s", lineage, s.lineage)
	case seq > s.state.at.seq:
		return 0, fmt.Errorf("token of commit %d, the last one is %d", seq, s.state.at.seq)
	}
	return seq, nil
}

func checksum(text string) string {
	sum := crc32.ChecksumIEEE([]byte(text))
	return hex.EncodeToString([]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)})
}
