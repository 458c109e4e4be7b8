package store

import (
	"context"
	"errors"
	"strconv"
	"strings"
)

// Kind says what an error means to a caller. Each kind is its own sentinel:
// errors.Is(err, store.ErrNotFound) is all that a caller asks.
type Kind uint8

// The kinds of errors. What upstream calls them is in parentheses.
const (
	// ErrNotFound: the document, or attachment, does not exist or is a tombstone
	// (NoDocumentException).
	ErrNotFound Kind = iota + 1

	// ErrConflict: the document exists already, or is not at the revision that a
	// write named (DocumentConflictException).
	ErrConflict

	// ErrRevisionMismatch: a read named a revision and the document is at another
	// one (DocumentRevisionMismatchException).
	ErrRevisionMismatch

	// ErrTypeMismatch: the document is of another entity type than asked for
	// (DocumentTypeMismatchException).
	ErrTypeMismatch

	// ErrUnreadable: the document cannot be decoded or shaped into a row
	// (DocumentUnreadable).
	ErrUnreadable

	// ErrInvalid: an argument can never work, whatever the store holds
	// (IllegalArgumentException). Raised before any I/O.
	ErrInvalid

	// ErrTooLarge: a document or request is over the backend's limit.
	ErrTooLarge

	// ErrThrottled: the service kept refusing for load until attempts or time ran
	// out. Nothing was written.
	ErrThrottled

	// ErrUnavailable: the service cannot be reached or failed. A write that ends
	// so was definitely not applied.
	ErrUnavailable

	// ErrInDoubt: a write may have happened, or may still happen.
	ErrInDoubt

	// ErrUnauthorized: credentials are missing, wrong or lack a permission.
	ErrUnauthorized

	// ErrUnsupported: this backend cannot do what was asked; the text says what.
	// Unknown tables and key shapes are of this kind (UnsupportedView,
	// UnsupportedQueryKeys).
	ErrUnsupported

	// ErrClosed: the store was closed.
	ErrClosed
)

var kindTexts = [...]string{
	ErrNotFound:         "not found",
	ErrConflict:         "conflict",
	ErrRevisionMismatch: "revision mismatch",
	ErrTypeMismatch:     "type mismatch",
	ErrUnreadable:       "unreadable",
	ErrInvalid:          "invalid argument",
	ErrTooLarge:         "too large",
	ErrThrottled:        "throttled",
	ErrUnavailable:      "unavailable",
	ErrInDoubt:          "in doubt: may have happened or still happen",
	ErrUnauthorized:     "unauthorized",
	ErrUnsupported:      "unsupported",
	ErrClosed:           "store is closed",
}

// Error returns the kind's text, for example "not found".
func (k Kind) Error() string {
	if k > 0 && int(k) < len(kindTexts) {
		return kindTexts[k]
	}
	return "unknown kind of error " + strconv.Itoa(int(k))
}

// Op names the operation in an Error.
type Op string

// The operations of the contract.
const (
	OpPut       Op = "put"
	OpGet       Op = "get"
	OpDelete    Op = "delete"
	OpQuery     Op = "query"
	OpCount     Op = "count"
	OpClose     Op = "close"
	OpAttach    Op = "attach"
	OpRead      Op = "readAttachment"
	OpDetach    Op = "deleteAttachment"
	OpDetachAll Op = "deleteAttachments"
	OpList      Op = "listAttachments"
	OpRanges    Op = "feedRanges"
	OpStart     Op = "feedStart"
	OpNext      Op = "feedNext"
	OpOpen      Op = "open"
)

// Error is the one error type of the contract. Backends make it once, at their
// edge; decorators pass it on as it is. Errors of a context are never wrapped
// in one: they come back as context.Canceled or context.DeadlineExceeded, and
// after a write they mean in doubt (see InDoubt).
type Error struct {
	Op         Op     // what was attempted
	Collection string // where, empty when the store has no name
	ID         string // on what, a document id, a table or a range; may be empty
	Kind       Kind   // what it means
	Err        error  // the cause, or nil; may say more than Kind, see Unwrap
}

// Error returns "<op> <collection> <id>: <kind>: <cause>" without what is empty.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(string(e.Op))
	if e.Collection != "" {
		b.WriteByte(' ')
		b.WriteString(e.Collection)
	}
	if e.ID != "" {
		b.WriteByte(' ')
		b.WriteString(strconv.Quote(e.ID))
	}
	b.WriteString(": ")
	b.WriteString(e.Kind.Error())
	if e.Err != nil {
		b.WriteString(": ")
		b.WriteString(e.Err.Error())
	}
	return b.String()
}

// Unwrap returns the cause, in which errors.Is and errors.As find all but another
// Kind: a write that is in doubt because nothing was found is not ErrNotFound.
func (e *Error) Unwrap() error {
	if KindOf(e.Err) == 0 {
		return e.Err
	}
	return cause{e.Err}
}

// cause is a cause that has a kind of its own, which is nobody's business.
type cause struct{ error }

func (c cause) Is(target error) bool {
	_, kind := target.(Kind)
	return !kind && errors.Is(c.error, target)
}

func (c cause) As(target any) bool {
	switch target.(type) {
	case **Error, *Kind:
		return false
	}
	return errors.As(c.error, target)
}

// Is reports whether target is the error's Kind.
func (e *Error) Is(target error) bool {
	k, ok := target.(Kind)
	return ok && k == e.Kind
}

// KindOf returns the kind of err, or zero when err holds none (nil and context
// errors among them). The outermost *Error decides: its cause may carry a kind
// of its own, which KindOf and callers that switch on it do not see.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	var k Kind
	if errors.As(err, &k) {
		return k
	}
	return 0
}

// InDoubt reports whether a write that returned err may have been applied, or
// may be applied later: kind ErrInDoubt, or a context that ended. Like KindOf it
// goes by the outermost *Error.
func InDoubt(err error) bool {
	return KindOf(err) == ErrInDoubt || IsContext(err)
}

// IsContext reports whether err is the end of a context. An *Error is not,
// whatever its cause: a time-out of the backend's own is ErrUnavailable.
func IsContext(err error) bool {
	return KindOf(err) == 0 && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded))
}
