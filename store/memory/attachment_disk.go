package memory

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/whiskstore/whiskstore/store"
)

// On disk an attachment is an info, whose key is the number of its content, and
// chunks, whose keys are that number and theirs. Every value begins with a
// checksum of key and rest. Chunks are written before the info, in transactions
// of bounded size; those without an info are left over from an Attach that did
// not end, and go when the directory is opened.

var (
	infosBucket  = []byte("infos")
	chunksBucket = []byte("chunks")
)

// chunksPerCommit bounds the memory of an Attach and one transaction.
const chunksPerCommit = 32

// attachmentDisk is the directory of an attachment store.
type attachmentDisk struct {
	d    *disk
	next atomic.Uint64 // the last content number given out
	inventory
}

// storedInfo is an info as JSON.
type storedInfo struct {
	DocID       string    `json:"docId"`
	Name        string    `json:"name"`
	ContentType string    `json:"contentType"`
	Digest      string    `json:"digest"`
	Length      int64     `json:"length"`
	Modified    time.Time `json:"modified"`
	Chunks      int       `json:"chunks"`
}

// OpenAttachments opens the attachments that a directory holds, or makes it.
// The directory is of this store alone; errors are those of New.
func OpenAttachments(dir string, opts AttachmentOptions) (*Attachments, error) {
	a := NewAttachments(opts)
	k := &attachmentDisk{}
	var orphans [][]byte
	d, err := openDisk(dir, opts.Collection, contents{
		holds: "attachments",
		setup: func(tx *bolt.Tx) error {
			_, err1 := tx.CreateBucket(infosBucket)
			_, err2 := tx.CreateBucket(chunksBucket)
			return errors.Join(err1, err2, k.putInventory(tx))
		},
		load: func(_ *disk, tx *bolt.Tx) (err error) {
			orphans, err = a.load(k, tx)
			return err
		},
	})
	if err != nil {
		return nil, err
	}
	k.d = d
	if len(orphans) > 0 {
		if err := d.update(func(tx *bolt.Tx) error { return deleteKeys(tx.Bucket(chunksBucket), orphans) }); err != nil {
			return nil, errors.Join(d.shape(err), d.close())
		}
	}
	a.disk = k
	return a, nil
}

// load reads all infos, holds that each has its chunks, and returns the keys of
// chunks without an info.
func (a *Attachments) load(k *attachmentDisk, tx *bolt.Tx) (orphans [][]byte, err error) {
	infos, chunks := tx.Bucket(infosBucket), tx.Bucket(chunksBucket)
	var written inventory
	if err := json.Unmarshal(tx.Bucket(metaBucket).Get(progressKey), &written); err != nil || infos == nil || chunks == nil {
		return nil, fmt.Errorf("no attachments: %w", err)
	}
	byID := map[uint64]*attachment{}
	err = infos.ForEach(func(key, value []byte) error {
		text, sum, err := unseal(key, value)
		if err != nil {
			return err
		}
		var i storedInfo
		if err := json.Unmarshal(text, &i); err != nil {
			return fmt.Errorf("info: %w", err)
		}
		att := &attachment{id: binary.BigEndian.Uint64(key), count: i.Chunks, sum: sum, info: store.AttachmentInfo{
			DocID: i.DocID, Name: i.Name, ContentType: i.ContentType, Digest: i.Digest, Length: i.Length, Modified: i.Modified,
		}}
		if a.docs[i.DocID] == nil {
			a.docs[i.DocID] = map[string]*attachment{}
		}
		if a.docs[i.DocID][i.Name] != nil {
			return fmt.Errorf("two attachments %q of %q", i.Name, i.DocID)
		}
		a.docs[i.DocID][i.Name] = att
		byID[att.id] = att
		k.add(att.id, sum)
		k.next.Store(max(k.next.Load(), att.id))
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := written.differs(k.inventory); err != nil {
		return nil, err
	}
	lengths := map[uint64]int64{}
	err = chunks.ForEach(func(key, value []byte) error {
		if len(key) != 12 || len(value) < 4 {
			return errors.New("a chunk is too short")
		}
		id := binary.BigEndian.Uint64(key)
		if byID[id] == nil {
			orphans = append(orphans, bytes.Clone(key))
		}
		lengths[id] += int64(len(value) - 4)
		k.next.Store(max(k.next.Load(), id))
		return nil
	})
	if err != nil {
		return nil, err
	}
	for id, att := range byID {
		if lengths[id] != att.info.Length {
			return nil, fmt.Errorf("attachment %q of %q has %d bytes, not %d", att.info.Name, att.info.DocID, lengths[id], att.info.Length)
		}
	}
	return orphans, nil
}

// spill writes the chunks of an attachment that is still being read.
func (k *attachmentDisk) spill(att *attachment) error {
	err := k.d.update(func(tx *bolt.Tx) error { return putChunks(tx, att) })
	att.count += len(att.chunks)
	att.chunks = nil
	return err
}

// commit writes the rest of an attachment and its info, and removes that of old
// unless it is nil.
func (k *attachmentDisk) commit(att, old *attachment) error {
	written := k.inventory
	err := k.d.update(func(tx *bolt.Tx) error {
		if err := putChunks(tx, att); err != nil {
			return err
		}
		text, err := json.Marshal(storedInfo{
			DocID: att.info.DocID, Name: att.info.Name, ContentType: att.info.ContentType, Digest: att.info.Digest,
			Length: att.info.Length, Modified: att.info.Modified, Chunks: att.count + len(att.chunks),
		})
		if err != nil {
			return err
		}
		key := recordKey(att.id)
		value, sum := seal(key, text)
		att.sum = sum
		k.add(att.id, sum)
		if err := tx.Bucket(infosBucket).Put(key, value); err != nil {
			return err
		}
		if old != nil {
			return k.forget(tx, []*attachment{old})
		}
		return k.putInventory(tx)
	})
	if err != nil {
		k.inventory = written
		return err
	}
	att.count += len(att.chunks)
	att.chunks = nil
	return nil
}

// remove removes infos.
func (k *attachmentDisk) remove(gone []*attachment) error {
	written := k.inventory
	err := k.d.update(func(tx *bolt.Tx) error { return k.forget(tx, gone) })
	if err != nil {
		k.inventory = written
	}
	return err
}

func (k *attachmentDisk) forget(tx *bolt.Tx, gone []*attachment) error {
	for _, att := range gone {
		k.inventory.remove(att.id, att.sum)
		if err := tx.Bucket(infosBucket).Delete(recordKey(att.id)); err != nil {
			return err
		}
	}
	return k.putInventory(tx)
}

// drop removes the contents of attachments without an info.
func (k *attachmentDisk) drop(atts ...*attachment) error {
	return k.d.update(func(tx *bolt.Tx) error {
		for _, att := range atts {
			if err := deleteKeys(tx.Bucket(chunksBucket), chunkKeys(att)); err != nil {
				return err
			}
		}
		return nil
	})
}

// chunk returns a copy of a chunk.
func (k *attachmentDisk) chunk(att *attachment, n int) (chunk []byte, err error) {
	err = k.d.db.View(func(tx *bolt.Tx) error {
		key := chunkKey(att.id, n)
		value := tx.Bucket(chunksBucket).Get(key)
		if value == nil {
			return fmt.Errorf("%w: chunk %d is missing", store.ErrUnreadable, n)
		}
		text, _, err := unseal(key, value)
		chunk = bytes.Clone(text)
		return err
	})
	return chunk, err
}

func (k *attachmentDisk) putInventory(tx *bolt.Tx) error {
	text, err := json.Marshal(k.inventory)
	if err != nil {
		return err
	}
	return tx.Bucket(metaBucket).Put(progressKey, text)
}

func putChunks(tx *bolt.Tx, att *attachment) error {
	chunks := tx.Bucket(chunksBucket)
	for i, c := range att.chunks {
		key := chunkKey(att.id, att.count+i)
		value, _ := seal(key, c)
		if err := chunks.Put(key, value); err != nil {
			return err
		}
	}
	return nil
}

func chunkKey(id uint64, n int) []byte {
	return binary.BigEndian.AppendUint32(recordKey(id), uint32(n))
}

func chunkKeys(att *attachment) [][]byte {
	keys := make([][]byte, att.count)
	for i := range keys {
		keys[i] = chunkKey(att.id, i)
	}
	return keys
}

func deleteKeys(b *bolt.Bucket, keys [][]byte) error {
	for _, key := range keys {
		if err := b.Delete(key); err != nil {
			return err
		}
	}
	return nil
}

func seal(key, text []byte) ([]byte, uint32) {
	value := append(make([]byte, 4, 4+len(text)), text...)
	sum := recordSum(key, value)
	binary.BigEndian.PutUint32(value, sum)
	return value, sum
}

func unseal(key, value []byte) ([]byte, uint32, error) {
	if len(key) < 8 || len(value) < 4 || binary.BigEndian.Uint32(value) != recordSum(key, value) {
		return nil, 0, fmt.Errorf("%w: wrong checksum at key %x", store.ErrUnreadable, key)
	}
	return value[4:], binary.BigEndian.Uint32(value), nil
}

// diskReader reads a content chunk by chunk.
type diskReader struct {
	a    *Attachments
	att  *attachment
	next int
	rest []byte
}

func (r *diskReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		if r.next == r.att.count {
			return 0, io.EOF
		}
		chunk, err := r.a.disk.chunk(r.att, r.next)
		if errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
			err = store.ErrClosed
		}
		if err != nil {
			return 0, err
		}
		r.rest = chunk
		r.next++
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// Close removes the content if it was replaced or deleted meanwhile and nobody
// else reads it.
func (r *diskReader) Close() error {
	r.a.mu.Lock()
	r.att.readers--
	drop := r.att.dropped && r.att.readers == 0 && !r.a.closed
	r.a.mu.Unlock()
	if drop {
		_ = r.a.disk.drop(r.att) // or when the directory is opened again
	}
	return nil
}
