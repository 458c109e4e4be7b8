package memory

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/whiskstore/whiskstore/store"
)

// Options are the options of New.
type Options struct {
	// Collection is what the store holds, which decides its views: store.Whisks,
	// store.Activations or store.Subjects. It is required.
	Collection string

	// DefaultTTL is how long documents live that are put without a time to live,
	// in whole seconds (fractions are rounded up) and up to store.MaxTTL; 0 is for
	// ever.
	DefaultTTL time.Duration

	// Now is the clock of commit times and expiry; nil is time.Now.
	Now func() time.Time

	// Dir, when set, makes the store durable in that directory, which it makes
	// when it is missing. One process at a time holds a directory, and each
	// collection has its own. Opening one takes about 10 s per million documents.
	Dir string

	// Logger takes the progress of opening a large directory; nil is silent.
	Logger *slog.Logger

	beforeSync func() error // see disk
}

// Store is one collection: an ArtifactStore, with a ChangeFeed by Feed. It is
// safe for concurrent use.
type Store struct {
	collection  string
	defaultTTL  time.Duration
	now         func() time.Time
	lineage     string
	incarnation string // the part of a revision that no other life of the store uses

	committer *committer // nil without a directory

	mu      sync.RWMutex // guards what follows
	state   state
	closed  bool
	commits broadcast // one notice per commit, and one for Close
}

var _ store.ArtifactStore = (*Store)(nil)

// New returns an empty store, or with Options.Dir the one that the directory
// holds. Errors: ErrInvalid for options and for a directory of something else,
// ErrUnavailable for one that another process holds (the text says which),
// ErrUnreadable for a damaged one, ErrUnsupported for one of another version.
func New(opts Options) (*Store, error) {
	invalid := func(format string, args ...any) error {
		return &store.Error{Op: store.OpOpen, Collection: opts.Collection, Kind: store.ErrInvalid, Err: fmt.Errorf(format, args...)}
	}
	switch opts.Collection {
	case store.Whisks, store.Activations, store.Subjects:
	default:
		return nil, invalid("collection %q is not whisks, activations or subjects", opts.Collection)
	}
	if opts.DefaultTTL < 0 || opts.DefaultTTL > store.MaxTTL {
		return nil, invalid("default time to live %v is not in [0, %v]", opts.DefaultTTL, store.MaxTTL)
	}
	s := &Store{
		collection:  opts.Collection,
		defaultTTL:  opts.DefaultTTL,
		now:         opts.Now,
		lineage:     randomHex(16),
		incarnation: randomHex(8),
		state:       newState(),
	}
	if s.now == nil {
		s.now = time.Now
	}
	if opts.Dir != "" {
		if err := s.openDir(&opts); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Get returns the document. It takes no lock longer than a map lookup.
//
// opts.After.Version is satisfied by the store's own history (a state that was
// committed here, whatever became of it since), or once the named state of
// another replica, or a newer one, was applied. Until then Get waits; when the
// deadline of ctx passes first it fails with ErrUnavailable. opts.After.Session
// takes what Page.Session of this store's feed gives out.
func (s *Store) Get(ctx context.Context, id string, opts *store.GetOptions) (store.Document, error) {
	var o store.GetOptions
	if opts != nil {
		o = *opts
	}
	if err := ctx.Err(); err != nil {
		return store.Document{}, err
	}
	for {
		s.mu.RLock()
		if s.closed {
			s.mu.RUnlock()
			return store.Document{}, s.fail(store.OpGet, id, store.ErrClosed, nil)
		}
		r := s.state.docs[id]
		fresh, err := s.satisfies(r, o.After)
		var next <-chan struct{}
		if !fresh {
			next = s.commits.wait()
		}
		s.mu.RUnlock()
		if err != nil {
			return store.Document{}, s.fail(store.OpGet, id, store.ErrInvalid, err)
		}
		if fresh {
			return s.answer(id, r, &o)
		}
		select {
		case <-next:
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return store.Document{}, s.fail(store.OpGet, id, store.ErrUnavailable,
					fmt.Errorf("revision %s was not applied in time", o.After.Version.Rev))
			}
			return store.Document{}, ctx.Err()
		}
	}
}

func (s *Store) answer(id string, r *record, o *store.GetOptions) (store.Document, error) {
	if r == nil || s.isGone(r) || r.deleted && !o.Tombstones {
		return store.Document{}, s.fail(store.OpGet, id, store.ErrNotFound, nil)
	}
	if o.Rev != "" && o.Rev != r.version.Rev {
		return store.Document{}, s.fail(store.OpGet, id, store.ErrRevisionMismatch,
			fmt.Errorf("asked for %s, the document is at %s", o.Rev, r.version.Rev))
	}
	return r.document(), nil
}

// Put creates or updates a document.
func (s *Store) Put(ctx context.Context, doc store.Document, opts *store.PutOptions) (store.Version, error) {
	w := write{op: store.OpPut, id: doc.ID, rev: doc.Version.Rev, ttl: s.defaultTTL}
	if opts != nil {
		w.clusterID = opts.ClusterID
		if opts.TTL > 0 {
			w.ttl = opts.TTL
		}
	}
	if err := ctx.Err(); err != nil {
		return store.Version{}, err
	}
	w.setBody(s.collection, doc.Body)
	return s.write(ctx, &w)
}

// Delete removes a document, or replaces it by a tombstone, which keeps the
// body as Cosmos DB's does. A physical delete leaves no change in the feed.
func (s *Store) Delete(ctx context.Context, id, rev string, opts *store.DeleteOptions) (store.Version, error) {
	w := write{op: store.OpDelete, id: id, rev: rev}
	if opts != nil {
		w.clusterID = opts.ClusterID
		w.ttl = opts.Tombstone
	}
	if err := ctx.Err(); err != nil {
		return store.Version{}, err
	}
	if rev == "" {
		return store.Version{}, s.fail(store.OpDelete, id, store.ErrInvalid, errors.New("no revision"))
	}
	return s.write(ctx, &w)
}

// isGone is record.expired, and looks at the clock only for what can expire.
func (s *Store) isGone(r *record) bool { return r.expires != 0 && r.expired(s.now()) }

// satisfies reports whether reading r (nil when there is no such document) now
// is as fresh as f asks. The error says that it never can be.
func (s *Store) satisfies(r *record, f store.Freshness) (bool, error) {
	if f.Session != "" {
		if _, err := s.parseToken(store.Token(f.Session)); err != nil {
			return false, err
		}
	}
	v := f.Version
	switch {
	case v.IsZero():
		return true, nil
	case v.Lineage == s.lineage:
		return v.Order <= s.state.at.seq, nil
	case v.Lineage == "" && !s.state.replica:
		return true, nil // nothing is newer than what the primary has
	}
	return r != nil && r.shows(v), nil
}

// Close ends waiting reads and feeds with ErrClosed, commits the writes that
// wait, and lets go of documents and directory. A second Close is ErrClosed.
func (s *Store) Close() error {
	s.mu.Lock()
	closed := s.closed
	s.closed = true
	s.mu.Unlock()
	if closed {
		return s.fail(store.OpClose, "", store.ErrClosed, nil)
	}
	s.commits.notify()
	var err error
	if s.committer != nil {
		if err = s.committer.close(); err != nil {
			err = s.fail(store.OpClose, "", store.ErrUnavailable, err)
		}
	}
	s.mu.Lock()
	s.state = newState()
	s.mu.Unlock()
	return err
}

// Stats are the sizes of a store.
type Stats struct {
	Documents int    // live documents and tombstones, expired ones not yet swept included
	Commits   uint64 // the commit sequence
}

// Stats returns the sizes of the store at this moment.
func (s *Store) Stats() Stats {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return Stats{Documents: len(s.state.docs), Commits: s.state.at.seq}
}

// write commits w and tells who waits.
func (s *Store) write(ctx context.Context, w *write) (store.Version, error) {
	if s.committer != nil {
		return s.committer.submit(ctx, w)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return store.Version{}, s.fail(w.op, w.id, store.ErrClosed, nil)
	}
	now := s.now()
	for _, r := range s.state.due(now, sweepPerWrite) {
		s.state.at.bury(r)
		s.state.replace(r, nil)
	}
	old := s.state.docs[w.id]
	o := s.decide(&s.state.at, old, w, now)
	if o.err != nil || o.unchanged {
		return o.version, o.err
	}
	s.state.replace(old, o.next)
	s.state.replica = s.state.replica || w.change != nil
	s.commits.notify()
	return o.version, nil
}

// sweepPerWrite is how many expired documents a write removes. More than one,
// so that a store that is written to never holds on to more than it had.
const sweepPerWrite = 16

func (s *Store) fail(op store.Op, id string, kind store.Kind, cause error) error {
	return &store.Error{Op: op, Collection: s.collection, ID: id, Kind: kind, Err: cause}
}

// broadcast wakes all who wait for the next notice.
type broadcast struct {
	mu sync.Mutex
	ch chan struct{} // nil while nobody waits
}

// wait returns a channel that the next notify closes.
func (b *broadcast) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

func (b *broadcast) notify() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}

func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// revision returns a revision that no state of any store has or had: the
// generation, by which upstream's scheduler orders revisions (storage.md 1.4),
// and a number that this life of the store gives out once.
func (s *Store) revision(generation, seq uint64) string {
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], seq)
	b := make([]byte, 0, 56)
	b = fmt.Appendf(b, "%d-%s", generation, s.incarnation)
	return string(hex.AppendEncode(b, n[:]))
}
