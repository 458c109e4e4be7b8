package observe

import (
	"context"
	"errors"

	"github.com/whiskstore/whiskstore/store"
)

// outcome is how an operation ended: zero for success, a store.Kind, or one of
// those below.
type outcome uint8

const (
	ok       outcome = 0
	canceled         = outcome(store.ErrClosed) + iota
	deadline
	other
	outcomes // how many there are
)

var outcomeNames = [outcomes]string{
	ok:                                 "ok",
	outcome(store.ErrNotFound):         "not_found",
	outcome(store.ErrConflict):         "conflict",
	outcome(store.ErrRevisionMismatch): "revision_mismatch",
	outcome(store.ErrTypeMismatch):     "type_mismatch",
	outcome(store.ErrUnreadable):       "unreadable",
	outcome(store.ErrInvalid):          "invalid",
	outcome(store.ErrTooLarge):         "too_large",
	outcome(store.ErrThrottled):        "throttled",
	outcome(store.ErrUnavailable):      "unavailable",
	outcome(store.ErrInDoubt):          "in_doubt",
	outcome(store.ErrUnauthorized):     "unauthorized",
	outcome(store.ErrUnsupported):      "unsupported",
	outcome(store.ErrClosed):           "closed",
	canceled:                           "canceled",
	deadline:                           "deadline_exceeded",
	other:                              "_OTHER", // the conventions' fallback
}

// expected reports whether callers reckon with o, so that it is no failure.
func (o outcome) expected() bool {
	switch o {
	case ok, canceled, outcome(store.ErrNotFound), outcome(store.ErrConflict), outcome(store.ErrRevisionMismatch):
		return true
	}
	return false
}

func outcomeOf(err error) outcome {
	if err == nil {
		return ok
	}
	if k := store.KindOf(err); k != 0 {
		if k > store.ErrClosed {
			return other
		}
		return outcome(k)
	}
	switch {
	case errors.Is(err, context.Canceled):
		return canceled
	case errors.Is(err, context.DeadlineExceeded):
		return deadline
	}
	return other
}
