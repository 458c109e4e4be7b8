package cosmos

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"

	"github.com/whiskstore/whiskstore/store"
)

// exchange is one request that writes an item. azcosmos hands back errors of
// writes at once, but for those that prove that nothing was sent.
type exchange func(ctx context.Context, to *azcosmos.ContainerClient) (azcosmos.ItemResponse, error)

// write is one write of an operation.
type write struct {
	s           *Store
	op          store.Op
	id, escaped string

	// doubt says that an attempt may have been carried out although its answer
	// says nothing of it. It stays: a refusal later does not prove the opposite.
	doubt bool
	cause error // of the first such attempt

	// once forbids to repeat an exchange that may have been carried out.
	once bool
}

// send repeats an exchange, whose precondition makes that safe, until the service
// answers it, or time is up. Definite answers are returned as they come, but for
// that of a region which does not accept writes: they go where the account
// document says then.
func (w *write) send(ctx context.Context, name string, do exchange) (azcosmos.ItemResponse, *failure) {
	var pause *pauses
	for {
		resp, f, final := w.attempt(ctx, name, do)
		if final {
			return resp, f
		}
		if pause == nil {
			pause = newPauses(w.s.patience())
		}
		if ctx.Err() != nil || !pause.next(ctx) {
			return resp, f
		}
	}
}

// attempt is one attempt of send. final says that another one would be of no use
// or do harm.
func (w *write) attempt(ctx context.Context, name string, do exchange) (resp azcosmos.ItemResponse, f *failure, final bool) {
	to, err := w.s.writer(ctx)
	if err != nil {
		return resp, &failure{notSent: true, cause: err}, false
	}
	began := time.Now()
	resp, err = do(keyed(ctx, w.escaped), to.container)
	f = w.s.observe(ctx, w.op, name, began, resp.Response, err)
	switch {
	case f == nil:
		return resp, nil, true
	case f.misplaced():
		if err := w.s.account.hub.misplaced(ctx, began, to.hub); err != nil {
			w.s.log.LogAttrs(ctx, slog.LevelWarn, "cosmos: a write was refused for its region", slog.String("collection", w.s.collection), slog.Any("error", err))
		}
		return resp, f, false
	case !f.ambiguous():
		return resp, f, true
	}
	if !w.doubt {
		w.doubt, w.cause = true, f.cause
	}
	return resp, f, w.once
}

// leavesTraces reports whether a document that was created and deleted again can
// be told from one that was never created. Where deletions leave nothing, a
// creation that is repeated after its answer was lost could undo somebody's
// deletion. Activations are never made twice nor deleted by anybody but time.
func (s *Store) leavesTraces() bool {
	return s.cfg.SoftDeleteTTL > 0 || s.collection == store.Activations
}

// refused is the error for a failure that no precondition explains.
func (w *write) refused(ctx context.Context, f *failure) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case w.doubt:
		return w.inDoubt(f.cause)
	}
	kind := f.kind()
	if kind == store.ErrNotFound || kind == store.ErrConflict {
		kind = store.ErrUnavailable // the container, not the item
	}
	return w.s.fail(w.op, w.id, kind, f.cause)
}

// inDoubt is the error for a write that may have happened.
func (w *write) inDoubt(last error) error {
	if last == nil || errors.Is(last, w.cause) {
		return w.s.fail(w.op, w.id, store.ErrInDoubt, w.cause)
	}
	return w.s.fail(w.op, w.id, store.ErrInDoubt, fmt.Errorf("%w; later: %w", w.cause, last))
}

// unread is the error for a write that was refused, and settled by a read that
// failed too.
func (w *write) unread(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if w.doubt {
		return w.inDoubt(err)
	}
	return w.s.fail(w.op, w.id, store.ErrUnavailable, err)
}

// conflict is ErrConflict.
func (w *write) conflict(cause error) error { return w.s.fail(w.op, w.id, store.ErrConflict, cause) }

// current reads the item as it is now.
func (w *write) current(ctx context.Context) (found, error) {
	return w.s.current(ctx, w.op, w.id, w.escaped)
}

// version is that of the state that an exchange wrote. Its order is not proven:
// the answer has the partition's LSN, not the item's.
func (w *write) version(etag string) store.Version {
	return store.Version{Rev: etag, Lineage: w.s.here().rid}
}

// options are those of a write with a precondition; rev may be empty.
func options(rev string) *azcosmos.ItemOptions {
	o := &azcosmos.ItemOptions{}
	if rev != "" {
		o.IfMatchEtag = (*azcore.ETag)(&rev)
	}
	return o
}

func preconditionFailed(f *failure) bool {
	return f.status == http.StatusPreconditionFailed || f.status == http.StatusConflict
}
