package memory

import "github.com/whiskstore/whiskstore/store"

// FutureToken returns a token of a commit that s has not made.
func FutureToken(s *Store) store.Token {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.token(s.state.at.seq + 1000)
}

// WithSyncs returns o with a function that is called for each wait for the
// device.
func WithSyncs(o Options, beforeSync func() error) Options {
	o.beforeSync = beforeSync
	return o
}
