package wire

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/whiskstore/whiskstore/store"
)

// format is the version of the headers. Fields may be added without raising it.
const format = 1

// Names of the headers.
const (
	headerFormat   = "whiskstore-format"
	headerSource   = "whiskstore-source"
	headerEpoch    = "whiskstore-epoch"
	headerSeq      = "whiskstore-seq"
	headerKind     = "whiskstore-kind"
	headerKey      = "whiskstore-key"
	headerVersion  = "whiskstore-version"
	headerDeleted  = "whiskstore-deleted"
	headerCluster  = "whiskstore-cluster"
	headerPosition = "whiskstore-position"
	headerRange    = "whiskstore-range"
	headerOf       = "whiskstore-of"
	headerVouched  = "whiskstore-vouched"
	headerHandover = "whiskstore-handover"
	headerPrefix   = "whiskstore-"
)

// Encode makes the record of m. Watermarks and verify messages have a value about
// a key that no entity can have, which Scala controllers look up in vain; the
// key of a verify message stands in a header.
func Encode(m Message) Record {
	key := m.Key
	hidden := m.Kind == Verify || m.Kind == Watermark
	if hidden {
		key = Key{MainID: impossibleID}
	}
	r := Record{Value: AppendValue(make([]byte, 0, 64+len(m.InstanceID)+len(key.MainID)), m.InstanceID, key)}
	if m.Kind == Plain {
		return r
	}
	e := encoder{headers: make([]Header, 0, 10), bytes: make([]byte, 0, 192)}
	e.number(headerFormat, format)
	e.text(headerKind, m.Kind.String())
	e.text(headerSource, m.Source)
	e.number(headerEpoch, uint64(m.Epoch))
	e.number(headerSeq, m.Seq)
	if m.Kind == Verify {
		e.text(headerKey, m.Key.MainID)
	}
	if m.Version.Rev != "" {
		e.bytes = append(strconv.AppendUint(e.bytes, m.Version.Order, 10), ':')
		e.pair(headerVersion, m.Version.Lineage, m.Version.Rev)
	}
	if m.Deleted {
		e.text(headerDeleted, "true")
	}
	if m.Cluster != "" {
		e.text(headerCluster, m.Cluster)
	}
	if m.Position != "" {
		e.text(headerPosition, string(m.Position))
	}
	if m.Range != nil {
		if m.Kind != Write {
			e.pair(headerRange, m.Range.Min, m.Range.Max)
		}
		e.text(headerOf, m.Range.Of)
	}
	if !m.Vouched.IsZero() {
		e.bytes = strconv.AppendInt(e.bytes, m.Vouched.UnixMilli(), 10)
		e.end(headerVouched)
	}
	if m.Handover != nil {
		e.bytes = m.Handover.append(e.bytes)
		e.end(headerHandover)
	}
	r.Headers = e.headers
	return r
}

// encoder appends headers whose values share one array.
type encoder struct {
	headers []Header
	bytes   []byte
	begun   int // of the value that is being appended
}

// end makes what was appended the value of a header.
func (e *encoder) end(key string) {
	e.headers = append(e.headers, Header{Key: key, Value: e.bytes[e.begun:len(e.bytes):len(e.bytes)]})
	e.begun = len(e.bytes)
}

func (e *encoder) text(key, value string) {
	e.bytes = append(e.bytes, value...)
	e.end(key)
}

func (e *encoder) number(key string, n uint64) {
	e.bytes = strconv.AppendUint(e.bytes, n, 10)
	e.end(key)
}

// pair appends two strings so that they can be told apart whatever they hold.
func (e *encoder) pair(key, a, b string) {
	e.bytes = append(strconv.AppendInt(e.bytes, int64(len(a)), 10), ':')
	e.bytes = append(append(e.bytes, a...), b...)
	e.end(key)
}

func parsePair(s string) (a, b string, ok bool) {
	length, rest, ok := strings.Cut(s, ":")
	n, err := strconv.ParseUint(length, 10, 16)
	if !ok || err != nil || n > uint64(len(rest)) {
		return "", "", false
	}
	return rest[:n], rest[n:], true
}

// append appends "<epoch>" followed by ";<partition>=<last sequence>" for each
// partition, in order.
func (h *Handover) append(b []byte) []byte {
	b = strconv.AppendUint(b, uint64(h.Epoch), 10)
	parts := make([]int32, 0, 16)
	for p := range h.Last {
		parts = append(parts, p)
	}
	slices.Sort(parts)
	for _, p := range parts {
		b = append(b, ';')
		b = strconv.AppendInt(b, int64(p), 10)
		b = append(b, '=')
		b = strconv.AppendUint(b, h.Last[p], 10)
	}
	return b
}

func parseHandover(s string) (*Handover, bool) {
	epoch, rest, more := strings.Cut(s, ";")
	e, err := strconv.ParseUint(epoch, 10, 64)
	if err != nil || strings.Count(rest, ";") >= MaxParts {
		return nil, false
	}
	h := &Handover{Epoch: Epoch(e), Last: map[int32]uint64{}}
	for more {
		var part string
		part, rest, more = strings.Cut(rest, ";")
		number, last, ok := strings.Cut(part, "=")
		p, err := strconv.ParseInt(number, 10, 32)
		if err != nil || !ok || p < 0 {
			return nil, false
		}
		if h.Last[int32(p)], err = strconv.ParseUint(last, 10, 64); err != nil {
			return nil, false
		}
	}
	return h, true
}

// Decode reads a record. On an error, which is one of ErrNull, ErrTooLarge,
// ErrMalformed and ErrTooNew, the message holds Source, Epoch, Seq and a bridge's
// Range as far as they could be read and nothing else: no sequence of an epoch and
// no half of a range that could not. It keeps no part of r.
func Decode(r Record) (Message, error) {
	if len(r.Headers) > MaxHeaders {
		return Message{}, fmt.Errorf("%w: %d headers", ErrTooLarge, len(r.Headers))
	}
	var m Message
	err := m.readHeaders(r.Headers)
	instance, key, valueErr := ParseValue(r.Value)
	switch {
	case valueErr != nil:
		return m.partial(), valueErr
	case err != nil:
		return m.partial(), err
	}
	m.InstanceID = instance
	switch m.Kind {
	case Verify: // the key is the header's
	case Watermark:
		m.Key = Key{}
	default:
		m.Key = key
	}
	return m, m.complete()
}

// limit is the largest value of a header.
func limit(name string) int {
	if name == headerHandover {
		return MaxHandover
	}
	return MaxHeader
}

// partial is what an unusable message still tells.
func (m *Message) partial() Message {
	if m.Kind == Write {
		m.Range = nil // or it would look like a bridge's
	}
	if m.Epoch == 0 {
		m.Seq = 0 // of which epoch nobody knows
	}
	return Message{Source: m.Source, Epoch: m.Epoch, Seq: m.Seq, Range: m.Range}
}

// complete checks that a message has what its kind needs, and an id that may be one.
func (m *Message) complete() error {
	if len(m.Key.MainID) > store.MaxIDLength {
		*m = m.partial()
		return fmt.Errorf("%w: an id", ErrTooLarge)
	}
	kind, missing := m.Kind, ""
	switch {
	case m.Kind == Plain:
	case m.Source == "":
		missing = headerSource
	case m.Epoch == 0:
		missing = headerEpoch
	case m.Seq == 0 && m.Kind != Watermark:
		missing = headerSeq
	case m.Kind == Verify && m.Key.MainID == "":
		missing = headerKey
	}
	if missing != "" {
		*m = m.partial()
		return fmt.Errorf("%w: %v message without %s", ErrMalformed, kind, missing)
	}
	return nil
}

// readHeaders reads every header it knows, also after one that is damaged, so
// that source and sequence are known if they can be.
func (m *Message) readHeaders(headers []Header) error {
	var failed error
	ours := false
	bounds, of, epoch := false, false, true // what means nothing by half: whether it could be read
	for i := range headers {
		h := &headers[i]
		if !strings.HasPrefix(h.Key, headerPrefix) {
			continue
		}
		ours = true
		var err error
		if len(h.Value) > limit(h.Key) {
			err = fmt.Errorf("%w: %s of %d bytes", ErrTooLarge, h.Key, len(h.Value))
		} else {
			err = m.readHeader(h.Key, h.Value)
		}
		if failed == nil {
			failed = err
		}
		switch h.Key {
		case headerRange:
			bounds = err == nil
		case headerOf:
			of = err == nil
		case headerEpoch:
			epoch = err == nil
		}
	}
	if m.Kind == Write {
		bounds = of // the collection is all that counts
	}
	if !bounds || !of {
		m.Range = nil
	}
	if !epoch {
		m.Epoch, m.Seq = 0, 0
	}
	if failed == nil && bounds != of {
		failed = fmt.Errorf("%w: half a range", ErrMalformed)
	}
	if failed == nil && ours && m.Kind == Plain {
		failed = fmt.Errorf("%w: headers without %s", ErrMalformed, headerKind)
	}
	return failed
}

func (m *Message) readHeader(name string, value []byte) error {
	var err error
	var n uint64
	ok := true
	switch name {
	case headerFormat:
		n, err = strconv.ParseUint(string(value), 10, 32)
		if err == nil && n > format {
			return fmt.Errorf("%w: format %d, known is %d", ErrTooNew, n, format)
		}
	case headerKind:
		k := slices.IndexFunc(kindNames[:], func(k string) bool { return k == string(value) })
		if ok = k > 0; ok {
			m.Kind = Kind(k)
		}
	case headerSource:
		m.Source = string(value)
	case headerEpoch:
		n, err = strconv.ParseUint(string(value), 10, 64)
		m.Epoch = Epoch(n)
	case headerSeq:
		if m.Seq, err = strconv.ParseUint(string(value), 10, 64); err != nil {
			m.Seq = 0 // not the largest number, which would make repeats of all that follow
		}
	case headerKey:
		m.Key = Key{MainID: string(value)}
	case headerVersion:
		m.Version, ok = parseVersion(string(value))
	case headerDeleted:
		m.Deleted, err = strconv.ParseBool(string(value))
	case headerCluster:
		m.Cluster = string(value)
	case headerPosition:
		m.Position = store.Session(value)
	case headerRange:
		r := m.ranged()
		r.Min, r.Max, ok = parsePair(string(value))
	case headerOf:
		m.ranged().Of = string(value)
	case headerVouched:
		var ms int64
		ms, err = strconv.ParseInt(string(value), 10, 64)
		m.Vouched = time.UnixMilli(ms)
	case headerHandover:
		m.Handover, ok = parseHandover(string(value))
	}
	if err != nil || !ok {
		return fmt.Errorf("%w: %s", ErrMalformed, name)
	}
	return nil
}

func (m *Message) ranged() *Range {
	if m.Range == nil {
		m.Range = &Range{}
	}
	return m.Range
}

func parseVersion(s string) (store.Version, bool) {
	order, rest, ok := strings.Cut(s, ":")
	n, err := strconv.ParseUint(order, 10, 64)
	if !ok || err != nil {
		return store.Version{}, false
	}
	lineage, rev, ok := parsePair(rest)
	return store.Version{Rev: rev, Order: n, Lineage: lineage}, ok && rev != ""
}
