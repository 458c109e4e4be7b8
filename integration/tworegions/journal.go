package tworegions

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/whiskstore/whiskstore/store"
)

// journalFile is the file in Config.Dir that says what was acknowledged. A line
// is written after each write that a store has acknowledged, before the node
// goes on. The file is not synced: what the program wrote survives its end, and
// that of the machine is the stores' business.
const journalFile = "acknowledged.jsonl"

// entry is a line of the journal: the start of a run, an update of the contended
// document, or the state that a write left.
type entry struct {
	Run   int   `json:"run,omitempty"`   // a start: its number
	Nodes int   `json:"nodes,omitempty"` // a start: how many there are in both regions
	Count int64 `json:"count,omitempty"` // a start: the contended document's count

	Contended bool `json:"contended,omitempty"`

	Node       string       `json:"node,omitempty"`
	Collection string       `json:"collection,omitempty"`
	ID         string       `json:"id,omitempty"`
	Rev        string       `json:"rev,omitempty"`
	Order      uint64       `json:"order,omitempty"`
	Lineage    string       `json:"lineage,omitempty"`
	Body       string       `json:"body,omitempty"` // digest of what a live document holds
	Made       int          `json:"made,omitempty"`
	Writes     int          `json:"writes,omitempty"`
	Old        string       `json:"old,omitempty"`
	Deleted    bool         `json:"deleted,omitempty"`
	Expires    [2]time.Time `json:"expires,omitzero"`
}

func (e entry) version() store.Version {
	return store.Version{Rev: e.Rev, Order: e.Order, Lineage: e.Lineage}
}

// entryOf describes what node n knows of a document.
func entryOf(n *node, e *expected) entry {
	v := e.doc.Version
	return entry{
		Node: n.name, Collection: e.collection, ID: e.doc.ID, Rev: v.Rev, Order: v.Order, Lineage: v.Lineage,
		Body: digest(e.doc.Body), Made: n.made, Writes: e.writes, Old: e.old, Deleted: e.deleted, Expires: e.expires,
	}
}

func digest(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:8])
}

// journal is safe for concurrent use; nil writes nothing.
type journal struct {
	mu sync.Mutex
	f  *os.File
}

// acknowledged writes down that e was.
func (j *journal) acknowledged(n *node, e *expected) error {
	if j == nil {
		return nil
	}
	return j.write(entryOf(n, e))
}

func (j *journal) write(e entry) error {
	if j == nil {
		return nil
	}
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	_, err = j.f.Write(append(line, '\n'))
	return err
}

func (j *journal) close() error {
	if j == nil {
		return nil
	}
	return j.f.Close()
}

// newJournal replaces the directory's journal by one with these entries.
func newJournal(dir string, entries []entry) (*journal, error) {
	path := filepath.Join(dir, journalFile)
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	w := bufio.NewWriter(f)
	enc := json.NewEncoder(w)
	for _, e := range entries {
		err = errors.Join(err, enc.Encode(e))
	}
	if err := errors.Join(err, w.Flush(), os.Rename(path+".new", path)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &journal{f: f}, nil
}

// readJournal returns the entries of the directory's journal, nil if there is
// none. A last line without its end was being written when the run ended.
func readJournal(dir string) ([]entry, error) {
	text, err := os.ReadFile(filepath.Join(dir, journalFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var entries []entry
	for line := range bytes.Lines(text) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break
		}
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", journalFile, len(entries)+1, err)
		}
		entries = append(entries, e)
	}
	if len(entries) == 0 || entries[0].Run == 0 {
		return nil, fmt.Errorf("%s does not begin with a run", journalFile)
	}
	return entries, nil
}
