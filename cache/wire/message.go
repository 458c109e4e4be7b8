package wire

import (
	"errors"
	"time"

	"github.com/whiskstore/whiskstore/store"
)

// Limits on what Decode looks at. Ids have at most store.MaxIDLength bytes, of
// which JSON may make six each.
const (
	MaxValue   = 16 << 10 // bytes of a value
	MaxHeader  = 8 << 10  // bytes of one header's value
	MaxHeaders = 32       // headers of one record, foreign ones included
	MaxParts   = 4096     // partitions in a hand-over

	// MaxHandover is that of the header with a hand-over, instead of MaxHeader.
	MaxHandover = 20 + MaxParts*len(";4095=18446744073709551615")
)

// Topic is the topic's name after the configured prefix (row BUS-D7).
const Topic = "cacheInvalidation"

// BridgeInstance is the instance id in every bridge's messages, as upstream has it.
const BridgeInstance = "cache-invalidator"

// BridgeRecordKey is the record key of every bridge's messages, as upstream has
// it; controllers send none.
const BridgeRecordKey = "messages"

// The errors of Decode. Each unusable record is one of them; errors.Is tells which.
var (
	// ErrNull: the record has no value (row BUS-D6).
	ErrNull = errors.New("wire: record without a value")

	// ErrTooLarge: a value, a header or their number is over its limit.
	ErrTooLarge = errors.New("wire: record over the size limit")

	// ErrMalformed: the value is not upstream's JSON, or a header is damaged.
	ErrMalformed = errors.New("wire: malformed record")

	// ErrTooNew: the headers are of a later format.
	ErrTooNew = errors.New("wire: record of a later format")
)

// Key names what is to be invalidated. Its text form shows the main id only:
// the secondary id of upstream's identity keys is a secret (row CACHE-D17).
type Key struct {
	MainID      string
	SecondaryID string // empty is none
}

// String returns the main id.
func (k Key) String() string { return k.MainID }

// GoString returns the main id, so that no format shows a secondary id.
func (k Key) GoString() string { return k.MainID }

// Kind says what a message is. The zero value is a message without our headers,
// from a Scala controller or invalidator.
type Kind uint8

// The kinds of messages.
const (
	Plain     Kind = iota // upstream's: a key and nothing else
	Write                 // a node wrote the document
	Change                // the feed shows a change of another cluster
	Verify                // the feed shows a change of this cluster
	Watermark             // the source is alive and has sent everything up to Seq
)

var kindNames = [...]string{"plain", "write", "change", "verify", "watermark"}

// String returns the kind as it stands in the header.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown"
}

// Epoch is one life of a source, above zero. A bridge's epochs are ordered, they
// are the lease's counter; a writer's are random.
type Epoch uint64

// Range is the part of a key space that a bridge's source covers.
type Range struct {
	Min, Max string // as store.Range: inclusive, exclusive
	Of       string // the collection
}

// Handover tells a new epoch's reader what the epoch before had published when
// its checkpoint was written, of which the new one begins.
type Handover struct {
	Epoch Epoch
	Last  map[int32]uint64 // partition -> last sequence
}

// Message is one invalidation message or watermark.
type Message struct {
	// InstanceID is upstream's sender: "controller" and the instance for a
	// controller, BridgeInstance for a bridge.
	InstanceID string

	// Key is what is invalidated: for our messages a document id without secondary
	// id. Zero on a watermark.
	Key Key

	Kind   Kind
	Source string // stable name; empty on a Plain message
	Epoch  Epoch
	Seq    uint64 // contiguous from 1 within source, epoch and partition; a watermark repeats the last one

	Version  store.Version // zero: the message has none
	Deleted  bool
	Cluster  string        // who wrote the change; a metric, never a reason to ignore it
	Position store.Session // a read at this position shows the change
	Range    *Range        // what a bridge covers; of a Write, only Of counts
	Vouched  time.Time     // watermarks: everything committed before was published; millisecond precision
	Handover *Handover
}

// Header is one header of a record.
type Header struct {
	Key   string
	Value []byte
}

// Record is a message as bytes.
type Record struct {
	Value   []byte
	Headers []Header
}
