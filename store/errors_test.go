package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/whiskstore/whiskstore/store"
)

// errTimeout is a time-out of an HTTP client's own, which is a deadline for
// errors.Is and yet the end of no context of the caller's.
var errTimeout = fmt.Errorf("client: %w", context.DeadlineExceeded)

func TestErrorText(t *testing.T) {
	cause := errors.New("503 from the gateway")
	for _, c := range []struct {
		err  store.Error
		want string
	}{
		{store.Error{Op: store.OpGet, Collection: "whisks", ID: "guest/hello", Kind: store.ErrNotFound}, `get whisks "guest/hello": not found`},
		{store.Error{Op: store.OpPut, ID: "a\"b", Kind: store.ErrUnavailable, Err: cause}, `put "a\"b": unavailable: 503 from the gateway`},
		{store.Error{Op: store.OpClose, Kind: store.ErrClosed}, `close: store is closed`},
		{store.Error{Op: store.OpDelete, Collection: "subjects", Kind: 99}, `delete subjects: unknown kind of error 99`},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

func TestEveryKindHasItsOwnText(t *testing.T) {
	seen := map[string]store.Kind{}
	for k := store.ErrNotFound; k <= store.ErrClosed; k++ {
		text := k.Error()
		if text == "" || strings.Contains(text, "unknown") {
			t.Errorf("kind %d: got text %q, want one of its own", k, text)
		}
		if other, ok := seen[text]; ok {
			t.Errorf("kinds %d and %d: got the same text %q, want two", other, k, text)
		}
		seen[text] = k
	}
}

func TestIsAndKindOf(t *testing.T) {
	notFound := &store.Error{Op: store.OpGet, Kind: store.ErrNotFound, Err: io.ErrUnexpectedEOF}
	nested := &store.Error{Op: store.OpAttach, Kind: store.ErrUnavailable, Err: notFound}
	for _, c := range []struct {
		name string
		err  error
		want store.Kind
	}{
		{"nil", nil, 0},
		{"an error", notFound, store.ErrNotFound},
		{"a wrapped error", fmt.Errorf("outer: %w", notFound), store.ErrNotFound},
		{"the outermost of two", nested, store.ErrUnavailable},
		{"a bare kind", store.ErrConflict, store.ErrConflict},
		{"a wrapped kind", fmt.Errorf("outer: %w", store.ErrThrottled), store.ErrThrottled},
		{"another error", io.EOF, 0},
		{"a context's end", context.Canceled, 0},
		{"a split range", &store.RangeGone{}, 0},
	} {
		if got := store.KindOf(c.err); got != c.want {
			t.Errorf("KindOf of %s: got %v, want %v", c.name, got, c.want)
		}
	}
	for k := store.ErrNotFound; k <= store.ErrClosed; k++ {
		if got, want := errors.Is(notFound, k), k == store.ErrNotFound; got != want {
			t.Errorf("errors.Is(%v, %v): got %t, want %t", notFound, k, got, want)
		}
	}
	for _, err := range []error{notFound, nested} {
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%v: got the cause hidden, want it found by errors.Is", err)
		}
	}
	deep := &store.Error{Kind: store.ErrInDoubt, Err: fmt.Errorf("408; later: %w", errors.Join(&fs.PathError{Op: "open", Err: fs.ErrExist}, nested))}
	for k := store.ErrNotFound; k <= store.ErrClosed; k++ {
		if got, want := errors.Is(deep, k), k == store.ErrInDoubt; got != want {
			t.Errorf("errors.Is(%v, %v): got %t, want %t: the outermost error decides", deep, k, got, want)
		}
	}
	var path *fs.PathError
	var e *store.Error
	if !errors.As(deep, &path) || !errors.Is(deep, fs.ErrExist) || !errors.As(deep, &e) || e != deep {
		t.Error("got the cause hidden, want all of it found but kinds")
	}
	gone := &store.RangeGone{Range: store.Range{ID: "0"}, Children: []store.Range{{ID: "1"}, {ID: "2"}}}
	if !errors.Is(gone, store.ErrNotFound) || errors.Is(gone, store.ErrConflict) {
		t.Error("got a RangeGone of another kind, want ErrNotFound")
	}
	if got, want := gone.Error(), `feedNext: range "0" is gone, continued by ["1" "2"]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestInDoubtAndIsContext(t *testing.T) {
	for _, c := range []struct {
		name             string
		err              error
		inDoubt, context bool
	}{
		{"nil", nil, false, false},
		{"in doubt", &store.Error{Kind: store.ErrInDoubt}, true, false},
		{"canceled", context.Canceled, true, true},
		{"deadline", context.DeadlineExceeded, true, true},
		{"a wrapped end", fmt.Errorf("outer: %w", context.Canceled), true, true},
		{"a client's own time-out", &store.Error{Kind: store.ErrUnavailable, Err: errTimeout}, false, false},
		{"a settled conflict", &store.Error{Kind: store.ErrConflict, Err: &store.Error{Kind: store.ErrInDoubt}}, false, false},
		{"conflict", &store.Error{Kind: store.ErrConflict}, false, false},
		{"another error", io.EOF, false, false},
	} {
		if got := store.InDoubt(c.err); got != c.inDoubt {
			t.Errorf("InDoubt of %s: got %t, want %t", c.name, got, c.inDoubt)
		}
		if got := store.IsContext(c.err); got != c.context {
			t.Errorf("IsContext of %s: got %t, want %t", c.name, got, c.context)
		}
	}
}
