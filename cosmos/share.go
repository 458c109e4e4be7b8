package cosmos

import (
	"errors"
	"sync"
)

// shared is a value that is closed with its last reference (rows COS-26 to
// COS-29).
type shared[T any] struct {
	value T
	close func(T)

	mu     sync.Mutex
	count  int
	closed bool
}

var errSharedClosed = errors.New("cosmos: reference to what is closed already")

// reference returns a further reference, or an error once the last one was
// closed.
func (s *shared[T]) reference() (*reference[T], error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errSharedClosed
	}
	s.count++
	return &reference[T]{of: s}, nil
}

func (s *shared[T]) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// reference keeps a shared value open until it is closed.
type reference[T any] struct {
	of   *shared[T]
	once sync.Once
}

func (r *reference[T]) get() T { return r.of.value }

// Close gives the reference back. Only the first call counts.
func (r *reference[T]) Close() {
	r.once.Do(func() {
		r.of.mu.Lock()
		defer r.of.mu.Unlock()
		if r.of.count--; r.of.count == 0 {
			r.of.closed = true
			r.of.close(r.of.value)
		}
	})
}
