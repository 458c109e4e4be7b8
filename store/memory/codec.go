package memory

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/whiskstore/whiskstore/store"
)

// On disk a record is the checksum of all else (4 bytes), the length of the
// header as a varint, the header as JSON, and the body as it is. Its key is its
// position in the feed, so that writes go to the end of the database. The
// checksum covers the key.

// header is a record but for its body. A missing lineage is the store's own.
type header struct {
	ID        string            `json:"id"`
	Rev       string            `json:"rev"`
	Order     uint64            `json:"order"`
	Lineage   string            `json:"lineage,omitempty"`
	ClusterID string            `json:"clusterId,omitempty"`
	Deleted   bool              `json:"deleted,omitempty"`
	Expires   int64             `json:"expires,omitempty"`
	Committed int64             `json:"committed"`
	Seen      map[string]uint64 `json:"seen,omitempty"`
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// differs reports that the records which were found are not those which were
// written.
func (i inventory) differs(found inventory) error {
	if found == i {
		return nil
	}
	return fmt.Errorf("%d records with digest %x where %d with digest %x were written", found.Records, found.Digest, i.Records, i.Digest)
}

func recordKey(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }

// encode returns the record as it stands on disk and notes its checksum.
func (s *Store) encode(r *record) (key, value []byte, err error) {
	h := header{
		ID: r.id, Rev: r.version.Rev, Order: r.version.Order, Lineage: r.version.Lineage, ClusterID: r.clusterID,
		Deleted: r.deleted, Expires: r.expires, Committed: r.committed, Seen: r.seen,
	}
	if h.Lineage == s.lineage {
		h.Lineage = ""
	}
	text, err := json.Marshal(h)
	if err != nil {
		return nil, nil, err
	}
	key = recordKey(r.seq)
	value = make([]byte, 4, 4+binary.MaxVarintLen32+len(text)+len(r.body))
	value = binary.AppendUvarint(value, uint64(len(text)))
	value = append(value, text...)
	value = append(value, r.body...)
	r.sum = recordSum(key, value)
	binary.BigEndian.PutUint32(value, r.sum)
	return key, value, nil
}

// decode reads a record from disk; it keeps nothing of value.
func (s *Store) decode(key, value []byte) (*record, error) {
	if len(key) != 8 || len(value) < 5 {
		return nil, errors.New("a record is too short")
	}
	seq := binary.BigEndian.Uint64(key)
	sum := binary.BigEndian.Uint32(value)
	if sum != recordSum(key, value) {
		return nil, fmt.Errorf("record %d has a wrong checksum", seq)
	}
	n, width := binary.Uvarint(value[4:])
	if width <= 0 || n > uint64(len(value)-4-width) {
		return nil, fmt.Errorf("record %d has no header", seq)
	}
	text := value[4+width:]
	var h header
	if err := json.Unmarshal(text[:n], &h); err != nil {
		return nil, fmt.Errorf("record %d: %w", seq, err)
	}
	if h.Lineage == "" {
		h.Lineage = s.lineage
	}
	return &record{
		id:        h.ID,
		body:      append([]byte{}, text[n:]...),
		version:   store.Version{Rev: h.Rev, Order: h.Order, Lineage: h.Lineage},
		clusterID: h.ClusterID,
		deleted:   h.Deleted,
		expires:   h.Expires,
		committed: h.Committed,
		seq:       seq,
		seen:      h.Seen,
		sum:       sum,
	}, nil
}

func recordSum(key, value []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value[4:])
}

// inventory is what the records on disk add up to. bbolt has no checksums of
// its own pages: this tells when one was lost as a whole.
type inventory struct {
	Records int    `json:"records"`
	Digest  uint64 `json:"digest"`
}

func (i *inventory) add(seq uint64, sum uint32) {
	i.Records++
	i.Digest += spread(seq, sum)
}

func (i *inventory) remove(seq uint64, sum uint32) {
	i.Records--
	i.Digest -= spread(seq, sum)
}

// spread makes 64 well-mixed bits of a record's checksum and position.
func spread(seq uint64, sum uint32) uint64 {
	x := uint64(sum)<<32 ^ seq*0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// progress is what is stored beside the records with each commit.
type progress struct {
	Seq       uint64 `json:"seq"`
	Committed int64  `json:"committed"`
	Floor     uint64 `json:"floor"`
	Replica   bool   `json:"replica,omitempty"`
	inventory
}
