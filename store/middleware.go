package store

// Middleware wraps a store. The result owns next and closes it.
//
// A middleware holds next in a named field, never embeds it, and forwards every
// method by hand, so that a method added to the contract does not pass it by
// unseen. To change an option it copies the struct and sets a field.
type Middleware func(next ArtifactStore) ArtifactStore

// Chain is the stack of decorators around one backend. This is the one place
// that knows their order; a call goes through them from top to bottom:
//
//	check       arguments, sizes, closed state, the shape of errors
//	observe     traces, metrics, logs: sees what callers see
//	cache       above softdelete, so that tombstones are never cached
//	softdelete  asks for tombstones; above stamp, so that they are stamped
//	stamp       the cluster id, on whatever reaches the backend
//	backend     or route.New(write, read, policy)
//
// A nil field is left out, but for Check: a chain without it installs
// Check(nil).
type Chain struct {
	Check      Middleware
	Observe    Middleware
	Cache      Middleware
	SoftDelete Middleware
	Stamp      Middleware
}

// Over builds the stack over backend, which it owns from then on.
func (c Chain) Over(backend ArtifactStore) ArtifactStore {
	check := c.Check
	if check == nil {
		check = Check(nil)
	}
	s := backend
	for _, m := range []Middleware{c.Stamp, c.SoftDelete, c.Cache, c.Observe, check} {
		if m != nil {
			s = m(s)
		}
	}
	return s
}
