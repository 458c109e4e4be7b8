package memory_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/memory"
)

func TestDirectoryHasOneOwner(t *testing.T) {
	dir := t.TempDir()
	s := open(t, memory.Options{Dir: dir})
	_, err := memory.New(memory.Options{Collection: store.Whisks, Dir: dir})
	wantKind(t, "second New", err, store.ErrUnavailable)
	host, _ := os.Hostname()
	for _, want := range []string{fmt.Sprintf("process %d ", os.Getpid()), fmt.Sprintf("host %q", host)} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("second New: got %v, want %s in it", err, want)
		}
	}
	closeStore(t, s)
	closeStore(t, open(t, memory.Options{Dir: dir}))
}

func TestDirectoryOfSomethingElse(t *testing.T) {
	for _, tc := range []struct {
		name string
		make func(t *testing.T, dir string)
		kind store.Kind
		text string
	}{
		{"other_files", func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "notes.txt"), []byte("mine"))
		}, store.ErrInvalid, "notes.txt"},
		{"database_of_another_program", func(t *testing.T, dir string) {
			edit(t, dir, func(tx *bolt.Tx) error { return nil })
		}, store.ErrInvalid, "another program"},
		{"other_collection", func(t *testing.T, dir string) {
			s := open(t, memory.Options{Collection: store.Subjects, Dir: dir})
			closeStore(t, s)
		}, store.ErrInvalid, "holds subjects, not whisks"},
		{"newer_format", func(t *testing.T, dir string) {
			seed(t, dir, 1)
			edit(t, dir, func(tx *bolt.Tx) error {
				return tx.Bucket([]byte("meta")).Put([]byte("format"), []byte("whiskstore/memory 2"))
			})
		}, store.ErrUnsupported, `"whiskstore/memory 2"`},
		{"a_file", func(t *testing.T, dir string) {
			if err := os.Remove(dir); err != nil {
				t.Fatal(err)
			}
			write(t, dir, nil)
		}, store.ErrUnavailable, "not a directory"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			tc.make(t, dir)
			before := listing(t, dir)
			_, err := memory.New(memory.Options{Collection: store.Whisks, Dir: dir})
			wantKind(t, "New", err, tc.kind)
			if err == nil || !strings.Contains(err.Error(), tc.text) {
				t.Errorf("New: got %v, want %q in it", err, tc.text)
			}
			if after := listing(t, dir); after != before {
				t.Errorf("files afterwards: got %s, want %s", after, before)
			}
		})
	}
}

// What is damaged is an error, never an empty store and never another content:
// every byte that is read at all is checked.
func TestDamagedDirectory(t *testing.T) {
	origin := t.TempDir()
	seed(t, origin, 150)
	earlier, err := os.ReadFile(filepath.Join(origin, "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, memory.Options{Dir: origin})
	for i := range 150 {
		put(t, s, trigger("guest", fmt.Sprintf("u%04d", i), 1000+i), nil)
	}
	closeStore(t, s)
	whole, err := os.ReadFile(filepath.Join(origin, "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	s = open(t, memory.Options{Dir: origin})
	want := ids(t, s, triggers("guest"))
	closeStore(t, s)

	rnd := rand.New(rand.NewPCG(1, 2))
	damages := map[string]func() []byte{
		"emptied": func() []byte { return nil },
		"zeroed":  func() []byte { return make([]byte, len(whole)) },
		"text":    func() []byte { return []byte("not a database") },
	}
	for _, n := range []int{1, 4096, 3 * 4096, len(whole) / 2, len(whole) - 1} {
		damages[fmt.Sprintf("cut_to_%d", n)] = func() []byte { return whole[:n] }
	}
	for i := range 150 {
		damages[fmt.Sprintf("page_%d", i)] = func() []byte { // a page that was never written, or written elsewhere
			b := bytes.Clone(whole)
			page := rnd.IntN(len(b) / 4096)
			from := rnd.IntN(len(b) / 4096)
			copy(b[page*4096:(page+1)*4096], whole[from*4096:])
			return b
		}
		damages[fmt.Sprintf("stale_%d", i)] = func() []byte { // pages that never reached the device
			b := bytes.Clone(whole)
			for range 1 + rnd.IntN(3) {
				page := rnd.IntN(min(len(earlier), len(b)) / 4096)
				copy(b[page*4096:(page+1)*4096], earlier[page*4096:])
			}
			return b
		}
		damages[fmt.Sprintf("bits_%d", i)] = func() []byte {
			b := bytes.Clone(whole)
			for range 1 + rnd.IntN(4) {
				b[rnd.IntN(len(b))] ^= 1 << rnd.IntN(8)
			}
			return b
		}
	}
	refused, unharmed := 0, 0
	for name, damage := range damages {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "store.db"), damage())
		s, err := memory.New(memory.Options{Collection: store.Whisks, Dir: dir})
		if err != nil {
			refused++
			if k := store.KindOf(err); k != store.ErrUnreadable && k != store.ErrInvalid && k != store.ErrUnsupported {
				t.Errorf("%s: got %v, want an error that says damaged", name, err)
			}
			continue
		}
		unharmed++
		if got := ids(t, s, triggers("guest")); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: got %d rows without an error, want %d", name, len(got), len(want))
		}
		closeStore(t, s)
	}
	t.Logf("refused %d, unharmed %d", refused, unharmed)
	if refused < 50 {
		t.Errorf("refused: got %d of %d, want most", refused, len(damages))
	}
}

func write(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// edit changes the database of a directory, which it makes if need be.
func edit(t testing.TB, dir string, f func(*bolt.Tx) error) {
	t.Helper()
	db, err := bolt.Open(filepath.Join(dir, "store.db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(f), db.Close()); err != nil {
		t.Fatal(err)
	}
}

func listing(t testing.TB, dir string) string {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil && !strings.Contains(err.Error(), "not a directory") {
		t.Fatal(err)
	}
	names := []string{}
	for _, f := range files {
		names = append(names, f.Name())
	}
	text, _ := json.Marshal(names)
	return string(text)
}
