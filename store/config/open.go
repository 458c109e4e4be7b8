package config

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/attach"
	"github.com/whiskstore/whiskstore/store/entity"
	"github.com/whiskstore/whiskstore/store/observe"
	"github.com/whiskstore/whiskstore/store/softdelete"
	"github.com/whiskstore/whiskstore/store/stamp"
)

// Deps are what a stack is given by the program that opens it. The zero value
// is usable.
type Deps struct {
	// Logger logs; nil is silent.
	Logger *slog.Logger

	// TracerProvider and MeterProvider record; nil records nothing.
	TracerProvider trace.TracerProvider
	MeterProvider  metric.MeterProvider

	// Now is the clock of the embedded store; nil is time.Now.
	Now func() time.Time
}

// Stack is everything that a configuration opens. Its parts are safe for
// concurrent use, and are closed with it: use none of them after Close, and do
// not close them.
type Stack struct {
	// The collections, each under its whole chain of decorators.
	Whisks      store.ArtifactStore
	Activations store.ArtifactStore
	Subjects    store.ArtifactStore

	// Attachments keeps the attachments of whisks; nil when there is no attachment
	// store.
	Attachments store.AttachmentStore

	// Actions puts and reads actions with their code, over Whisks and
	// Attachments.
	Actions *attach.Attacher

	// Parameters locks and unlocks the parameters of actions and packages.
	Parameters *entity.ParameterEncryption

	// Feeds are the histories of the collections, opened on the backend.
	Feeds Feeds

	plan   *plan
	db     database
	closed atomic.Bool
}

// Feeds are the change feeds of a Stack. One that the backend does not have is
// nil.
type Feeds struct {
	Whisks      store.ChangeFeed
	Activations store.ChangeFeed
	Subjects    store.ChangeFeed
}

// openers open the backends; tests have others.
type openers struct {
	database    func(context.Context, *plan, Deps) (database, error)
	attachments func(context.Context, *plan, Deps) (store.AttachmentStore, error)
}

// Open opens what cfg describes. Keys that contradict each other are
// store.ErrInvalid and backends that this build lacks store.ErrUnsupported, each
// in an error that names the key and says what to change, before anything is
// opened. When opening fails half way, what was open is closed.
func Open(ctx context.Context, cfg *Config, deps Deps) (*Stack, error) {
	p, err := cfg.plan()
	if err != nil {
		return nil, err
	}
	if err := p.built(); err != nil {
		return nil, err
	}
	params, err := cfg.ParameterStorage.Encryption()
	if err != nil {
		return nil, err
	}
	s, err := p.open(ctx, deps, openers{openDatabase, openAttachments})
	if err != nil {
		return nil, err
	}
	s.Parameters = params
	return s, nil
}

func (p *plan) open(ctx context.Context, deps Deps, o openers) (_ *Stack, err error) {
	s := &Stack{plan: p}
	defer func() {
		if err != nil {
			if closeErr := s.Close(); closeErr != nil {
				err = errors.Join(err, closeErr)
			}
		}
	}()
	if s.db, err = o.database(ctx, p, deps); err != nil {
		return nil, err
	}
	for i := range p.collections {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := s.openCollection(ctx, &p.collections[i], deps); err != nil {
			return nil, err
		}
	}
	if s.Attachments, err = o.attachments(ctx, p, deps); err != nil {
		return nil, err
	}
	if s.Attachments != nil && p.system != "" {
		observed, err := observe.NewAttachments(deps.observe(attachmentSystem(p.attachments), &collectionPlan{collection: store.Whisks}))
		if err != nil {
			return nil, err
		}
		s.Attachments = observed(s.Attachments)
	}
	inline := p.maxInline
	if inline == 0 {
		inline = -1 // attach's way to say that nothing is inlined
	}
	s.Actions = attach.New(s.Whisks, s.Attachments, &attach.Options{MaxInlineSize: inline, Logger: deps.Logger})
	return s, nil
}

// openCollection opens a collection and puts its decorators over it.
func (s *Stack) openCollection(ctx context.Context, c *collectionPlan, deps Deps) error {
	var chain store.Chain
	var err error
	if s.plan.system != "" {
		if chain.Observe, err = observe.New(deps.observe(s.plan.system, c)); err != nil {
			return err
		}
	}
	if ttl := c.writes.SoftDeleteTTL; ttl != 0 {
		if chain.SoftDelete, err = softdelete.New(time.Duration(ttl)); err != nil {
			return err
		}
	}
	if id := c.writes.ClusterID; id != "" {
		chain.Stamp = stamp.New(id)
	}
	part, err := s.db.open(ctx, c)
	if err != nil {
		return err
	}
	part.check.Collection = c.collection
	chain.Check = store.Check(&part.check)
	st, feed := s.slot(c.collection)
	*st, *feed = chain.Over(part.store), part.feed
	return nil
}

// slot returns where a collection's store and feed are kept.
func (s *Stack) slot(collection string) (*store.ArtifactStore, *store.ChangeFeed) {
	switch collection {
	case store.Whisks:
		return &s.Whisks, &s.Feeds.Whisks
	case store.Activations:
		return &s.Activations, &s.Feeds.Activations
	}
	return &s.Subjects, &s.Feeds.Subjects
}

func (d Deps) observe(system string, c *collectionPlan) observe.Options {
	return observe.Options{
		System: system, Collection: c.collection, Namespace: c.namespace,
		TracerProvider: d.TracerProvider, MeterProvider: d.MeterProvider, Logger: d.Logger,
	}
}

// attachmentSystem is observe's name of an attachment store.
func attachmentSystem(name string) string {
	if name == onS3 {
		return observe.S3
	}
	return observe.Memory
}

// String describes the stack: a line for each collection with its decorators
// and backend, outermost first, and one for attachments. It holds no secret.
func (s *Stack) String() string { return s.plan.String() }

// Close closes every part once, what uses another part before that one: feeds,
// the attachment store, the collections in the reverse order of opening (each
// from its outermost decorator to the backend), and last what they share. All
// parts are closed whatever fails, and the errors joined. A second Close is
// store.ErrClosed (row CRUD-I3 is different here: the stack, not a store, closes
// the attachment store).
func (s *Stack) Close() error {
	if s.closed.Swap(true) {
		return &store.Error{Op: store.OpClose, Kind: store.ErrClosed}
	}
	var errs []error
	reversed := []string{store.Subjects, store.Activations, store.Whisks}
	for _, c := range reversed {
		if _, feed := s.slot(c); *feed != nil {
			errs = append(errs, (*feed).Close())
		}
	}
	if s.Attachments != nil {
		errs = append(errs, s.Attachments.Close())
	}
	for _, c := range reversed {
		if st, _ := s.slot(c); *st != nil {
			errs = append(errs, (*st).Close())
		}
	}
	if s.db != nil {
		errs = append(errs, s.db.close())
	}
	return errors.Join(errs...)
}
