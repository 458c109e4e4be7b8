package cosmos

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"

	"github.com/whiskstore/whiskstore/store"
)

// Get implements store.Getter: one point read.
func (s *Store) Get(ctx context.Context, id string, opts *store.GetOptions) (store.Document, error) {
	if err := s.begin(ctx, store.OpGet, id); err != nil {
		return store.Document{}, err
	}
	var o store.GetOptions
	if opts != nil {
		o = *opts
	}
	escaped, err := escapeID(id)
	if err != nil {
		return store.Document{}, s.fail(store.OpGet, id, store.ErrInvalid, err)
	}
	doc, err := s.fresh(ctx, id, escaped, o.After)
	switch {
	case err != nil:
		return store.Document{}, err
	case doc.Meta.Deleted && !o.Tombstones:
		return store.Document{}, s.fail(store.OpGet, id, store.ErrNotFound, nil)
	case o.Rev != "" && o.Rev != doc.Version.Rev:
		return store.Document{}, s.fail(store.OpGet, id, store.ErrRevisionMismatch, nil)
	}
	return doc, nil
}

// fresh reads a document that reflects at least what after names.
func (s *Store) fresh(ctx context.Context, id, escaped string, after store.Freshness) (store.Document, error) {
	r := read{op: store.OpGet, id: id, escaped: escaped, container: s.reader}
	if after.Session != "" {
		v, err := parseSession(s.here().rid, after.Session)
		if errors.Is(err, errOtherContainer) {
			// It may be of the container that replaced the one that was opened.
			if err := s.relocate(ctx); err != nil {
				return store.Document{}, err
			}
			v, err = parseSession(s.here().rid, after.Session)
		}
		if err != nil {
			return store.Document{}, s.fail(store.OpGet, id, store.ErrInvalid, err)
		}
		if !s.sessions && s.account.topology().level.weaker(session) {
			return store.Document{}, s.fail(store.OpGet, id, store.ErrUnsupported, errNoSessions)
		}
		r.after = v
	}
	doc, err := s.read(ctx, r)
	if after.Version.IsZero() || err != nil && store.KindOf(err) != store.ErrNotFound {
		return doc, err
	}
	if err == nil {
		if c := doc.Version.Compare(after.Version); c == store.Same || c == store.Newer {
			return doc, nil
		}
	}
	// The region that answered may lag. The one that accepts writes does not: what
	// it shows is this state or a newer one, unless its order proves the opposite.
	hub, err := s.freshHub(ctx)
	if err != nil {
		return store.Document{}, s.fail(store.OpGet, id, store.ErrUnavailable, err)
	}
	r.container = hub.container
	pause := newPauses(s.patience())
	for {
		doc, err = s.read(ctx, r)
		if err != nil || doc.Version.Compare(after.Version) != store.Older {
			return doc, err
		}
		if !pause.next(ctx) {
			if ctx.Err() != nil {
				return store.Document{}, ctx.Err()
			}
			return store.Document{}, s.fail(store.OpGet, id, store.ErrUnavailable, errStillOlder)
		}
	}
}

// read is a point read.
type read struct {
	op        store.Op
	id        string // for errors
	escaped   string
	container *azcosmos.ContainerClient
	after     vector // freshness beyond what the process has seen
	strict    bool   // see every write that was acknowledged to this process
}

// read reads an item as a document, tombstones included. Absence is ErrNotFound.
// Where no replica in reach has what the session asks for it waits, within
// limits.
func (s *Store) read(ctx context.Context, r read) (store.Document, error) {
	f, err := s.readItem(ctx, r)
	if err != nil {
		return store.Document{}, err
	}
	return f.document(s.here(), f.order), nil
}

// found is an item with its text as it was read.
type found struct {
	item
	raw   []byte
	order uint64
}

func (s *Store) readItem(ctx context.Context, r read) (found, error) {
	pk := azcosmos.NewPartitionKeyString(r.escaped)
	var pause *pauses
	for {
		var o azcosmos.ItemOptions
		o.ConsistencyLevel, o.SessionToken = s.freshness(r.after, r.strict)
		began := time.Now()
		resp, err := r.container.ReadItem(keyed(ctx, r.escaped), pk, r.escaped, &o)
		f := s.observe(ctx, r.op, "read_item", began, resp.Response, err)
		if f == nil {
			it, err := decodeNamed(resp.Value, r.escaped, r.id, string(resp.ETag))
			if err != nil {
				return found{}, s.fail(r.op, r.id, store.ErrUnreadable, err)
			}
			var order uint64
			if top := s.account.topology(); top == nil || !top.multi {
				order, _ = strconv.ParseUint(resp.RawResponse.Header.Get(headerItemLSN), 10, 64)
			}
			return found{it, resp.Value, order}, nil
		}
		if !f.sessionUnavailable() {
			return found{}, s.translate(ctx, r.op, r.id, err)
		}
		if pause == nil {
			pause = newPauses(s.patience())
			// The tokens of a container that was dropped and made again are never reached.
			if err := s.relocate(ctx); err != nil {
				return found{}, err
			}
		}
		if !pause.next(ctx) {
			return found{}, s.translate(ctx, r.op, r.id, err)
		}
	}
}

// freshness returns the consistency level and the session token for a read:
// tokens where reads are to show what this process wrote, or where the caller
// asks for more.
func (s *Store) freshness(after vector, strict bool) (*azcosmos.ConsistencyLevel, *string) {
	if !s.sessions && after == nil && !strict {
		return s.level, nil
	}
	l := s.level
	if !s.sessions {
		if s.account.topology().level.weaker(session) {
			return s.level, nil
		}
		l = azcosmos.ConsistencyLevelSession.ToPtr()
	}
	if after != nil {
		return l, s.here().sessions.with(after)
	}
	return l, s.here().sessions.token()
}

// relocate looks whether the container is still the one that was opened.
func (s *Store) relocate(ctx context.Context) error {
	resp, err := s.reader.Read(ctx, nil)
	if err != nil {
		return s.translate(ctx, store.OpOpen, "", err)
	}
	if p := resp.ContainerProperties; p != nil && p.ResourceID != s.here().rid {
		s.log.Warn("cosmos: the container was replaced by another one of the same name", slog.String("collection", s.collection))
		return s.accept(p)
	}
	return nil
}

// current reads an item for the settlement of a write: where the write went, and
// not older than the refusal that came from there.
func (s *Store) current(ctx context.Context, op store.Op, id, escaped string) (found, error) {
	container := s.reader
	if top := s.account.topology(); s.single && top != nil && len(top.read) > 1 {
		hub, err := s.inHub()
		if err != nil {
			return found{}, s.fail(op, id, store.ErrUnavailable, err)
		}
		container = hub.container
	}
	return s.readItem(ctx, read{op: op, id: id, escaped: escaped, container: container, strict: true})
}

var (
	errNoSessions = errors.New("a session: the account's consistency is weaker")
	errStillOlder = errors.New("the region that accepts writes shows an older state")
)
