package memory

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/whiskstore/whiskstore/store/view"
)

var (
	recordsBucket = []byte("records")
	progressKey   = []byte("progress")
)

// openDir takes over what the directory holds and starts the committer.
func (s *Store) openDir(opts *Options) error {
	d, err := openDisk(opts.Dir, s.collection, contents{
		holds: s.collection,
		setup: func(tx *bolt.Tx) error {
			if _, err := tx.CreateBucket(recordsBucket); err != nil {
				return err
			}
			return putProgress(tx, &progress{})
		},
		load: func(d *disk, tx *bolt.Tx) error {
			s.lineage = d.lineage
			return s.load(tx, opts.Logger)
		},
	})
	if err != nil {
		return err
	}
	d.beforeSync = opts.beforeSync
	s.committer = newCommitter(s, d)
	return nil
}

// loadNotice is how often loading a large store says how far it is.
const loadNotice = 5 * time.Second

// load reads all records into the indexes.
func (s *Store) load(tx *bolt.Tx, log *slog.Logger) error {
	records := tx.Bucket(recordsBucket)
	if records == nil {
		return errors.New("no records")
	}
	var p progress
	if err := json.Unmarshal(tx.Bucket(metaBucket).Get(progressKey), &p); err != nil {
		return fmt.Errorf("progress: %w", err)
	}
	var found inventory
	start := time.Now()
	notice := start.Add(loadNotice)
	err := records.ForEach(func(key, value []byte) error {
		r, err := s.decode(key, value)
		if err != nil {
			return err
		}
		if s.state.docs[r.id] != nil || r.seq > p.Seq {
			return fmt.Errorf("record %d of %q does not belong here", r.seq, r.id)
		}
		found.add(r.seq, r.sum)
		if !r.deleted {
			r.entries, _ = view.Entries(s.collection, r.id, r.body)
		}
		s.state.replace(nil, r)
		if log != nil && found.Records%1024 == 0 && time.Now().After(notice) {
			notice = time.Now().Add(loadNotice)
			log.Info("loading", "collection", s.collection, "documents", found.Records, "of", p.Records)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := p.inventory.differs(found); err != nil {
		return err
	}
	s.state.at = position{seq: p.Seq, committed: p.Committed, floor: p.Floor}
	s.state.replica = p.Replica
	s.state.inventory = found
	if log != nil {
		log.Info("loaded", "collection", s.collection, "documents", found.Records, "took", time.Since(start))
	}
	return nil
}

// replacement is one document's change in a batch.
type replacement struct{ old, next *record }

// persist writes replacements and the position after them.
func (s *Store) persist(d *disk, changed []replacement, p *progress) error {
	return d.update(func(tx *bolt.Tx) error {
		records := tx.Bucket(recordsBucket)
		records.FillPercent = 0.9 // keys only grow
		for _, c := range changed {
			if c.old != nil {
				p.remove(c.old.seq, c.old.sum)
				if c.next == nil || c.next.seq != c.old.seq {
					if err := records.Delete(recordKey(c.old.seq)); err != nil {
						return err
					}
				}
			}
			if c.next != nil {
				key, value, err := s.encode(c.next)
				if err != nil {
					return err
				}
				if err := records.Put(key, value); err != nil {
					return err
				}
				p.add(c.next.seq, c.next.sum)
			}
		}
		return putProgress(tx, p)
	})
}

func putProgress(tx *bolt.Tx, p *progress) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return tx.Bucket(metaBucket).Put(progressKey, text)
}
