package cosmos

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"
)

// hubKnownFor is how old what a process knows of the account may be when a write
// in the hub of several write regions begins. azcosmos reads the account document
// every five minutes.
const hubKnownFor = 10 * time.Second

// hub is the region where collections are written that are written in one: the
// write region of an account, or the first of several. It is safe for concurrent
// use.
//
// When the one write region moves, the service refuses writes in the one before,
// which is when the account document is read again. When the first of several
// moves, all go on accepting writes, and nothing tells but the document. So no
// write begins with a document older than knownFor; and for twice that time after
// a process saw the hub move it writes nothing: by then all others know, too, and
// what they wrote in the old hub is in the new one. A process that was started in
// that time is not held back.
type hub struct {
	a        *account
	knownFor time.Duration
	reading  chan struct{} // holds a token while the account document is read

	// strayed says that the service refused a write of the account's own client,
	// which finds the new write region in up to five minutes.
	strayed atomic.Bool

	mu   sync.Mutex
	name string
	now  *azcosmos.Client
}

var errHubMoved = errors.New("the region for writes has just moved; writes go on when every process knows")

// await returns when a write in the hub may begin. It costs a request when the
// account document is older than knownFor.
func (h *hub) await(ctx context.Context) error {
	if err := h.fresh(ctx); err != nil {
		return err
	}
	if moved := h.a.topology().moved; !moved.IsZero() && time.Since(moved) < 2*h.knownFor {
		return errHubMoved
	}
	return nil
}

// fresh makes what is known of the account no older than knownFor.
func (h *hub) fresh(ctx context.Context) error {
	return h.refresh(ctx, time.Now().Add(-h.knownFor))
}

// refresh reads the account document unless it was asked for after since. Callers
// at the same time share one read.
func (h *hub) refresh(ctx context.Context, since time.Time) error {
	known := func() bool { return h.a.topology().asked.After(since) }
	if known() {
		return nil
	}
	select {
	case h.reading <- struct{}{}:
		defer func() { <-h.reading }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if known() {
		return nil
	}
	// azcosmos reads the document at the first request of a client, which the
	// transport answers itself.
	c, err := h.a.connect(nil)
	if err != nil {
		return err
	}
	defer c.Close()
	container, err := c.NewContainer("-", "-")
	if err != nil {
		return err
	}
	_, err = container.ReadItem(context.WithValue(ctx, localKey{}, &accountRead{ctx}), azcosmos.NewPartitionKeyString("-"), "-", nil)
	if err == nil && !known() {
		err = errors.New("the endpoint does not answer like Cosmos DB")
	}
	if err != nil {
		return fmt.Errorf("the account document was not read, so that the region for writes is not known: %w", failureOf(err).cause)
	}
	return nil
}

// client returns a client that reads and writes in the hub only. azcosmos has no
// other switch for it: on an account with several write regions it writes in the
// nearest, and goes to the next when that one does not answer.
func (h *hub) client() (*azcosmos.Client, error) {
	name := h.a.topology().hub()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.now != nil && (h.name == name || name == "") {
		return h.now, nil
	}
	c, err := h.a.connect([]string{name})
	if err != nil {
		return nil, err
	}
	h.retire()
	h.now, h.name = c, name
	return c, nil
}

// retire puts the present client out of use. Calls that run on it go on: Close
// gives back its share of caches, which they keep. The caller holds the lock.
func (h *hub) retire() {
	if h.now != nil {
		h.now.Close()
		h.now = nil
	}
}

// misplaced takes notice that a write was refused for its region: the client that
// sent it, nil for the account's own, is out of date.
func (h *hub) misplaced(ctx context.Context, sent time.Time, c *azcosmos.Client) error {
	if c == nil {
		h.strayed.Store(true)
	}
	h.mu.Lock()
	if c != nil && c == h.now {
		h.retire()
	}
	h.mu.Unlock()
	return h.refresh(ctx, sent)
}

func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.retire()
}
