package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/whiskstore/whiskstore/store/internal/rawjson"
)

// Limits that hold for every backend.
const (
	// MaxIDLength is the longest id in bytes, Cosmos's limit.
	MaxIDLength = 1023

	// DefaultMaxBody is the largest body in bytes that Check lets pass by
	// default, Cosmos's limit for an item. CouchDB's own default is 8,000,000.
	DefaultMaxBody = 2 << 20

	// MaxTTL is the longest time to live, what Cosmos's `ttl` holds in seconds.
	MaxTTL = time.Duration(math.MaxInt32) * time.Second
)

// CheckOptions are the options of Check; nil is the zero value.
type CheckOptions struct {
	// Collection is written into errors: "whisks", "activations", "subjects".
	Collection string

	// MaxBody is the largest body in bytes; 0 is DefaultMaxBody, negative is
	// unlimited.
	MaxBody int

	// ID, when set, is a further condition on ids, for example CheckCosmosID.
	ID func(id string) error
}

// Check returns the outermost decorator of every stack. It makes true what
// backends may assume, and for callers:
//
//   - arguments that can never work are ErrInvalid, bodies over the limit
//     ErrTooLarge, both before any I/O;
//   - a context that is done ends the call before any I/O;
//   - after Close every operation is ErrClosed, and a second Close too;
//   - every error is a context's error or an *Error that names operation,
//     collection and id. One that a backend let slip through becomes
//     ErrUnavailable, for writes ErrInDoubt.
func Check(opts *CheckOptions) Middleware {
	var o CheckOptions
	if opts != nil {
		o = *opts
	}
	switch {
	case o.MaxBody == 0:
		o.MaxBody = DefaultMaxBody
	case o.MaxBody < 0:
		o.MaxBody = math.MaxInt
	}
	return func(next ArtifactStore) ArtifactStore { return &checked{next: next, opts: o} }
}

type checked struct {
	next   ArtifactStore
	opts   CheckOptions
	closed atomic.Bool
}

var _ ArtifactStore = (*checked)(nil)

func (c *checked) Get(ctx context.Context, id string, opts *GetOptions) (Document, error) {
	if err := c.begin(ctx, OpGet, id); err != nil {
		return Document{}, err
	}
	doc, err := c.next.Get(ctx, id, opts)
	return doc, c.shape(OpGet, id, err, ErrUnavailable)
}

func (c *checked) Put(ctx context.Context, doc Document, opts *PutOptions) (Version, error) {
	if err := c.begin(ctx, OpPut, doc.ID); err != nil {
		return Version{}, err
	}
	if len(doc.Body) > c.opts.MaxBody {
		return Version{}, c.err(OpPut, doc.ID, ErrTooLarge,
			fmt.Errorf("body of %d bytes, the limit is %d", len(doc.Body), c.opts.MaxBody))
	}
	if err := CheckBody(doc.Body); err != nil {
		return Version{}, c.err(OpPut, doc.ID, ErrInvalid, err)
	}
	if opts != nil {
		if err := checkTTL("TTL", opts.TTL); err != nil {
			return Version{}, c.err(OpPut, doc.ID, ErrInvalid, err)
		}
	}
	v, err := c.next.Put(ctx, doc, opts)
	return v, c.shape(OpPut, doc.ID, err, ErrInDoubt)
}

func (c *checked) Delete(ctx context.Context, id, rev string, opts *DeleteOptions) (Version, error) {
	if err := c.begin(ctx, OpDelete, id); err != nil {
		return Version{}, err
	}
	if rev == "" {
		return Version{}, c.err(OpDelete, id, ErrInvalid, errors.New("no revision"))
	}
	if opts != nil {
		if err := checkTTL("Tombstone", opts.Tombstone); err != nil {
			return Version{}, c.err(OpDelete, id, ErrInvalid, err)
		}
	}
	v, err := c.next.Delete(ctx, id, rev, opts)
	return v, c.shape(OpDelete, id, err, ErrInDoubt)
}

func (c *checked) Query(ctx context.Context, q *Query) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		table, err := c.beginQuery(ctx, OpQuery, q)
		if err != nil {
			yield(Row{}, err)
			return
		}
		for row, err := range c.next.Query(ctx, q) {
			if err != nil {
				yield(Row{}, c.shape(OpQuery, table, err, ErrUnavailable))
				return
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}

func (c *checked) Count(ctx context.Context, q *Query) (int64, error) {
	table, err := c.beginQuery(ctx, OpCount, q)
	if err != nil {
		return 0, err
	}
	n, err := c.next.Count(ctx, q)
	return n, c.shape(OpCount, table, err, ErrUnavailable)
}

func (c *checked) Close() error {
	if c.closed.Swap(true) {
		return c.err(OpClose, "", ErrClosed, nil)
	}
	return c.shape(OpClose, "", c.next.Close(), ErrUnavailable)
}

// begin is what all operations on one document check.
func (c *checked) begin(ctx context.Context, op Op, id string) error {
	if c.closed.Load() {
		return c.err(op, id, ErrClosed, nil)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := CheckID(id); err != nil {
		return c.err(op, id, ErrInvalid, err)
	}
	if c.opts.ID != nil {
		if err := c.opts.ID(id); err != nil {
			return c.err(op, id, ErrInvalid, err)
		}
	}
	return nil
}

func (c *checked) beginQuery(ctx context.Context, op Op, q *Query) (table string, err error) {
	if q == nil {
		return "", c.err(op, "", ErrInvalid, errors.New("no query"))
	}
	if c.closed.Load() {
		return "", c.err(op, q.Table, ErrClosed, nil)
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if err := CheckQuery(q); err != nil {
		return "", c.err(op, q.Table, ErrInvalid, err)
	}
	return q.Table, nil
}

func (c *checked) err(op Op, id string, kind Kind, cause error) error {
	return &Error{Op: op, Collection: c.opts.Collection, ID: id, Kind: kind, Err: cause}
}

// shape gives err the contract's form, with kind for what has none.
func (c *checked) shape(op Op, id string, err error, kind Kind) error {
	if err == nil {
		return nil
	}
	if IsContext(err) {
		if errors.Is(err, context.DeadlineExceeded) {
			return context.DeadlineExceeded
		}
		return context.Canceled
	}
	e, ok := err.(*Error)
	if !ok {
		if k := KindOf(err); k != 0 {
			kind = k
		}
		return c.err(op, id, kind, err)
	}
	if e.Op != "" && e.ID != "" && (e.Collection != "" || c.opts.Collection == "") {
		return err
	}
	named := *e
	if named.Op == "" {
		named.Op = op
	}
	if named.ID == "" {
		named.ID = id
	}
	if named.Collection == "" {
		named.Collection = c.opts.Collection
	}
	return &named
}

// CheckID reports why id can be no document's id on any backend: it is blank,
// has surrounding white space (which CouchDB's callers trim), is longer than
// MaxIDLength, or holds control characters or text that is not UTF-8.
func CheckID(id string) error {
	switch {
	case id == "":
		return errors.New("id is empty")
	case len(id) > MaxIDLength:
		return fmt.Errorf("id of %d bytes, the limit is %d", len(id), MaxIDLength)
	}
	ascii := true
	for i := range len(id) {
		if id[i] < 0x20 || id[i] == 0x7f {
			return fmt.Errorf("id holds the control character %#02x at byte %d", id[i], i)
		}
		ascii = ascii && id[i] < utf8.RuneSelf
	}
	if !ascii && !utf8.ValidString(id) {
		return errors.New("id is not UTF-8")
	}
	if first, last := id[0], id[len(id)-1]; first > ' ' && last > ' ' && first < utf8.RuneSelf && last < utf8.RuneSelf {
		return nil
	}
	switch trimmed := strings.TrimSpace(id); {
	case trimmed == "":
		return errors.New("id is blank")
	case len(trimmed) != len(id):
		return errors.New("id has surrounding white space")
	}
	return nil
}

// CheckCosmosID reports why id, already good for CheckID, cannot be stored on
// Cosmos DB, where `/` is stored as `|` (row COS-20) and the service refuses
// `\`, `?` and `#`.
func CheckCosmosID(id string) error {
	if i := strings.IndexAny(id, `|\?#`); i >= 0 {
		return fmt.Errorf("id holds %q at byte %d, which Cosmos DB cannot store", id[i], i)
	}
	return nil
}

var errBodyNotObject = errors.New("body is not a JSON object")

// CheckBody reports why body cannot be a document's body: it is not one JSON
// object in UTF-8, or holds a member that belongs to backends (`id`, `ttl`, and
// every name that starts with an underscore).
func CheckBody(body []byte) error {
	err := rawjson.Object(body, func(name, _ []byte) error {
		name = rawjson.Name(name)
		if len(name) > 0 && name[0] == '_' || bytes.Equal(name, memberID) || bytes.Equal(name, memberTTL) {
			return fmt.Errorf("body holds the reserved member %q", name)
		}
		return nil
	})
	if err == rawjson.ErrNotObject {
		return errBodyNotObject
	}
	return err
}

var (
	memberID  = []byte("id")
	memberTTL = []byte("ttl")
)

// CheckQuery reports why q can run nowhere: a table that is not
// "<design document>/<view>", a negative skip or limit, reduce with documents, or
// key elements that are not strings, finite numbers or bools.
func CheckQuery(q *Query) error {
	if ddoc, view, ok := strings.Cut(q.Table, "/"); !ok || ddoc == "" || view == "" || strings.Contains(view, "/") {
		return fmt.Errorf("table %q is not <design document>/<view>", q.Table)
	}
	switch {
	case q.Skip < 0:
		return fmt.Errorf("skip %d is negative", q.Skip)
	case q.Limit < 0:
		return fmt.Errorf("limit %d is negative", q.Limit)
	case q.Reduce && q.IncludeDocs:
		return errors.New("reduce and includeDocs exclude each other")
	case q.Stale > StaleUpdateAfter:
		return fmt.Errorf("stale is %d", q.Stale)
	}
	if err := checkKey("startKey", q.StartKey); err != nil {
		return err
	}
	return checkKey("endKey", q.EndKey)
}

func checkKey(name string, key Key) error {
	for i, e := range key {
		switch e := e.(type) {
		case string:
			if !utf8.ValidString(e) {
				return fmt.Errorf("%s[%d] is not UTF-8", name, i)
			}
		case bool, int, int64:
		case float64:
			if math.IsNaN(e) || math.IsInf(e, 0) {
				return fmt.Errorf("%s[%d] is %v", name, i, e)
			}
		default:
			return fmt.Errorf("%s[%d] is a %T, not a string, number or bool", name, i, e)
		}
	}
	return nil
}

func checkTTL(name string, ttl time.Duration) error {
	if ttl < 0 {
		return fmt.Errorf("%s %v is negative", name, ttl)
	}
	if ttl > MaxTTL {
		return fmt.Errorf("%s %v, the limit is %v", name, ttl, MaxTTL)
	}
	return nil
}

// WholeSeconds returns a time to live as backends store it, in seconds rounded
// up.
func WholeSeconds(ttl time.Duration) int64 {
	return int64((ttl + time.Second - 1) / time.Second)
}
