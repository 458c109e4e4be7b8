package memory

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/whiskstore/whiskstore/store"
)

// The files of a directory. The new one exists only while a store is made, so
// that a database that is there is always a whole one.
const (
	databaseFile = "store.db"
	newFile      = "store.db.new"
	ownerFile    = "owner.json"
)

// formatVersion is what this package writes and reads.
const formatVersion = "whiskstore/memory 1"

// lockPatience is how long opening waits for a directory that another process
// holds: long enough for one that was killed to be gone.
const lockPatience = 300 * time.Millisecond

var (
	metaBucket = []byte("meta")

	formatKey  = []byte("format")
	holdsKey   = []byte("holds")
	lineageKey = []byte("lineage")
)

// disk is a directory that this process holds.
type disk struct {
	db         *bolt.DB
	dir        string
	lineage    string
	collection string // for errors

	// beforeSync is called before a commit, once for each time that it will wait
	// for the device, and may fail it; nil is nothing. bbolt has no hook of its own.
	beforeSync func() error

	mu     sync.Mutex
	failed error // of the commit that broke it
}

// contents is what a directory is opened for.
type contents struct {
	holds string                      // what it says of itself; a directory of something else is refused
	setup func(*bolt.Tx) error        // prepares a new database
	load  func(*disk, *bolt.Tx) error // reads all that is there; an error says that it is damaged
}

// openDisk opens the directory, or makes it when it is missing or empty.
//
// It reads everything before it writes anything: on a database that is damaged
// bbolt can fail in ways that nobody can catch once it may write.
func openDisk(dir, collection string, c contents) (*disk, error) {
	d := &disk{dir: dir, collection: collection}
	if err := d.prepare(c); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, databaseFile)
	read, err := d.read(path, c)
	if err != nil {
		return nil, err
	}
	if err := d.open(false); err != nil {
		return nil, err
	}
	now, err := newestTransaction(path)
	if err == nil && now != read {
		err = errors.New("another process wrote to the directory while this one opened it")
	}
	if err == nil {
		err = writeOwner(dir)
	}
	if err != nil {
		return nil, errors.Join(d.shape(err), d.db.Close())
	}
	return d, nil
}

// read loads all that the database holds and returns its newest transaction.
func (d *disk) read(path string, c contents) (tx uint64, err error) {
	if err := d.open(true); err != nil {
		return 0, err
	}
	err = guard(func() error {
		return d.db.View(func(t *bolt.Tx) error {
			if err := d.checkFormat(t, c.holds); err != nil {
				return err
			}
			if tx, err = checkPages(path); err != nil {
				return err
			}
			return c.load(d, t)
		})
	})
	if e := (*store.Error)(nil); err != nil && !errors.As(err, &e) {
		err = d.damaged(err)
	}
	return tx, errors.Join(err, d.db.Close())
}

// open opens the database. The list of free pages is not kept on disk: one that
// is damaged would only show once it has done harm.
func (d *disk) open(readOnly bool) error {
	err := guard(func() (err error) {
		d.db, err = bolt.Open(filepath.Join(d.dir, databaseFile), 0o600, &bolt.Options{
			Timeout: lockPatience, PageSize: databasePage, ReadOnly: readOnly,
			NoFreelistSync: true, FreelistType: bolt.FreelistMapType,
		})
		return err
	})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return d.fail(store.ErrUnavailable, fmt.Errorf("the directory is in use by %s", readOwner(d.dir)))
	case errors.Is(err, os.ErrPermission):
		return d.fail(store.ErrUnauthorized, err)
	case err != nil:
		return d.damaged(err)
	}
	return nil
}

// prepare makes sure that there is a database, without ever making one beside
// files that it does not know.
func (d *disk) prepare(c contents) error {
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return d.shape(err)
	}
	files, err := os.ReadDir(d.dir)
	if err != nil {
		return d.shape(err)
	}
	foreign := ""
	for _, f := range files {
		switch f.Name() {
		case databaseFile:
			info, err := f.Info()
			if err != nil {
				return d.shape(err)
			}
			if info.Size() == 0 || !info.Mode().IsRegular() {
				return d.damaged(fmt.Errorf("%s is empty or no file", databaseFile))
			}
			return nil
		case newFile, ownerFile, "lost+found":
		default:
			foreign = f.Name()
		}
	}
	if foreign != "" {
		return d.fail(store.ErrInvalid, fmt.Errorf("the directory holds %q and no %s; give an empty directory or a store's", foreign, databaseFile))
	}
	return d.create(c)
}

// create makes a database under another name and renames it when it is whole.
func (d *disk) create(c contents) error {
	path := filepath.Join(d.dir, newFile)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return d.shape(err)
	}
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: lockPatience, PageSize: databasePage, NoFreelistSync: true})
	if err != nil {
		return d.shape(err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		meta, err := tx.CreateBucket(metaBucket)
		if err != nil {
			return err
		}
		return errors.Join(
			meta.Put(formatKey, []byte(formatVersion)),
			meta.Put(holdsKey, []byte(c.holds)),
			meta.Put(lineageKey, []byte(randomHex(16))),
			c.setup(tx),
		)
	})
	if err := errors.Join(err, db.Close()); err != nil {
		return d.shape(err)
	}
	if err := os.Rename(path, filepath.Join(d.dir, databaseFile)); err != nil {
		return d.shape(err)
	}
	return d.shape(syncDir(d.dir))
}

// checkFormat refuses what this package did not write, or not for this.
func (d *disk) checkFormat(tx *bolt.Tx, holds string) error {
	meta := tx.Bucket(metaBucket)
	if meta == nil || meta.Get(formatKey) == nil {
		return d.fail(store.ErrInvalid, fmt.Errorf("%s is a database of another program", databaseFile))
	}
	if got := string(meta.Get(formatKey)); got != formatVersion {
		return d.fail(store.ErrUnsupported, fmt.Errorf("the directory has format %q, this program reads %q", got, formatVersion))
	}
	if got := string(meta.Get(holdsKey)); got != holds {
		return d.fail(store.ErrInvalid, fmt.Errorf("the directory holds %s, not %s", got, holds))
	}
	d.lineage = string(meta.Get(lineageKey))
	if d.lineage == "" {
		return d.damaged(errors.New("no lineage"))
	}
	return nil
}

// errBroken is why nothing is written after a commit that failed: nobody knows
// what of it the device has.
var errBroken = errors.New("an earlier commit failed, the directory must be opened again")

// update commits a transaction. It returns when the device has it.
func (d *disk) update(f func(*bolt.Tx) error) error {
	if err := d.broken(); err != nil {
		return err
	}
	err := d.db.Update(func(tx *bolt.Tx) error {
		if err := f(tx); err != nil {
			return err
		}
		if d.beforeSync == nil {
			return nil
		}
		for range syncsPerCommit {
			if err := d.beforeSync(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
		d.mu.Lock()
		d.failed = err
		d.mu.Unlock()
	}
	return err
}

// broken returns an errBroken once a commit has failed.
func (d *disk) broken() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failed != nil {
		return fmt.Errorf("%w: %w", errBroken, d.failed)
	}
	return nil
}

// syncsPerCommit is how often bbolt waits for the device in a transaction: once
// for the pages and once for the meta page that makes them valid.
const syncsPerCommit = 2

// close lets go of the directory.
func (d *disk) close() error {
	return errors.Join(os.Remove(filepath.Join(d.dir, ownerFile)), d.db.Close())
}

func (d *disk) damaged(cause error) error {
	return d.fail(store.ErrUnreadable, fmt.Errorf("the directory is damaged: %w", cause))
}

func (d *disk) fail(kind store.Kind, cause error) error {
	return &store.Error{Op: store.OpOpen, Collection: d.collection, ID: d.dir, Kind: kind, Err: cause}
}

// shape translates an error of the operating system.
func (d *disk) shape(err error) error {
	var e *store.Error
	switch {
	case err == nil || errors.As(err, &e):
		return err
	case errors.Is(err, os.ErrPermission):
		return d.fail(store.ErrUnauthorized, err)
	}
	return d.fail(store.ErrUnavailable, err)
}

// guard turns what bbolt does on a damaged file, panics and reads beyond its
// end, into an error.
func guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	return f()
}

// owner is who holds a directory.
type owner struct {
	PID   int       `json:"pid"`
	Host  string    `json:"host"`
	Since time.Time `json:"since"`
}

func writeOwner(dir string) error {
	o := owner{PID: os.Getpid(), Since: time.Now().UTC().Truncate(time.Second)}
	o.Host, _ = os.Hostname() // empty when the system does not know
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, ownerFile), append(text, '\n'), 0o600)
}

// readOwner returns who holds the directory, for error texts.
func readOwner(dir string) string {
	var o owner
	text, err := os.ReadFile(filepath.Join(dir, ownerFile))
	if err != nil || json.Unmarshal(text, &o) != nil {
		return "another process, which is just opening it"
	}
	return fmt.Sprintf("process %d on host %q since %s", o.PID, o.Host, o.Since.Format(time.RFC3339))
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = f.Sync()
	return errors.Join(err, f.Close())
}
