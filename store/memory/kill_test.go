package memory_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/memory"
)

// childEnv makes the test binary a process that writes to the directory it
// names until it is killed.
const childEnv = "WHISKSTORE_MEMORY_TEST_CHILD"

const (
	childWriters = 8
	childDocs    = 5 // of each writer
)

// child writes states with growing numbers and prints "<id> <number>" for each
// that was acknowledged, a negative number for a deletion.
func child(dir string) {
	s, err := memory.New(memory.Options{Collection: store.Whisks, Dir: filepath.Join(dir, "whisks")})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	a, err := memory.OpenAttachments(filepath.Join(dir, "attachments"), memory.AttachmentOptions{})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	fmt.Println("open 0")
	ctx := context.Background()
	var out sync.Mutex
	var wg sync.WaitGroup
	wg.Go(func() { // one attachment, replaced over and over
		for n := 1 + attachedNumber(ctx, a); ; n++ {
			if _, err := a.Attach(ctx, attachedTo, "code", bytes.NewReader(childContent(n)), nil); err != nil {
				fmt.Println("error", err)
				os.Exit(1)
			}
			out.Lock()
			fmt.Println(attachedTo, n)
			out.Unlock()
		}
	})
	for w := range childWriters {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), uint64(w)))
			for {
				id := fmt.Sprintf("w%d/d%d", w, rnd.IntN(childDocs))
				old, err := s.Get(ctx, id, &store.GetOptions{Tombstones: true})
				n := 1
				if err == nil {
					n = number(old.Body) + 1
				}
				switch {
				case err == nil && !old.Meta.Deleted && rnd.IntN(4) == 0:
					n = -number(old.Body)
					_, err = s.Delete(ctx, id, old.Version.Rev, &store.DeleteOptions{Tombstone: time.Hour})
				case err == nil && old.Meta.Deleted:
					_, err = s.Put(ctx, childDoc(id, n, store.Version{}), nil)
				default:
					_, err = s.Put(ctx, childDoc(id, n, old.Version), nil)
				}
				if err != nil {
					fmt.Println("error", err)
					os.Exit(1)
				}
				out.Lock()
				fmt.Println(id, n)
				out.Unlock()
			}
		})
	}
	wg.Wait()
}

const attachedTo = "attached"

// childContent is a content that begins with its number; some take several
// commits.
func childContent(n int) []byte {
	size := n * 7919 % 100_000
	if n%8 == 0 {
		size = 2500_000
	}
	return append(binary.BigEndian.AppendUint32(nil, uint32(n)), bytes.Repeat([]byte{byte(n)}, size)...)
}

// attachedNumber returns the number of the attached content if it is a whole
// one, 0 when there is none, and -1 for half of one.
func attachedNumber(ctx context.Context, a store.AttachmentStore) int {
	r, err := a.Read(ctx, attachedTo, "code", nil)
	if errors.Is(err, store.ErrNotFound) {
		return 0
	}
	if err != nil {
		return -1
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil || len(b) < 4 || !bytes.Equal(b, childContent(int(binary.BigEndian.Uint32(b)))) {
		return -1
	}
	return int(binary.BigEndian.Uint32(b))
}

// childDoc is a document whose parts all say the same number.
func childDoc(id string, n int, v store.Version) store.Document {
	ns, name, _ := strings.Cut(id, "/")
	body, _ := json.Marshal(map[string]any{
		"entityType": "trigger", "namespace": ns, "name": name, "updated": n,
		"parameters": strings.Repeat(fmt.Sprintf("%d,", n), 50+n*37%3000), "version": fmt.Sprint(n),
	})
	return store.Document{ID: id, Body: body, Version: v}
}

func number(body []byte) int {
	var b struct{ Updated int }
	_ = json.Unmarshal(body, &b)
	return b.Updated
}

// A process that is killed at any moment loses no write that it acknowledged
// and leaves no half of one.
func TestKilledProcess(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	seed := uint64(time.Now().UnixNano())
	rnd := rand.New(rand.NewPCG(seed, 0))
	acked := map[string]int{} // the newest number of each document, negative when deleted
	total := 0
	for round := range 50 {
		cmd := exec.CommandContext(t.Context(), exe)
		cmd.Env = append(os.Environ(), childEnv+"="+dir)
		cmd.Stderr = os.Stderr
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(stdout)
		var kill *time.Timer
		for lines.Scan() {
			id, text, _ := strings.Cut(lines.Text(), " ")
			n, err := strconv.Atoi(text)
			switch {
			case err != nil:
				t.Errorf("seed %d, round %d: the process said %q", seed, round, lines.Text())
			case id == "open":
				if round%10 == 0 {
					refusedWhileHeld(t, dir, cmd.Process.Pid)
				}
				kill = time.AfterFunc(time.Duration(rnd.IntN(40_000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
			default:
				acked[id] = n
				total++
			}
		}
		if kill != nil {
			kill.Stop()
		}
		_ = cmd.Wait() // killed
		if t.Failed() {
			return
		}
		checkAfterKill(t, dir, acked, fmt.Sprintf("seed %d, round %d", seed, round))
	}
	t.Logf("%d acknowledged writes in 50 lives, %d of the attachment", total, acked[attachedTo])
	if total < 500 {
		t.Errorf("acknowledged writes: got %d, want enough to show something", total)
	}
}

func refusedWhileHeld(t *testing.T, dir string, pid int) {
	t.Helper()
	_, err := memory.New(memory.Options{Collection: store.Whisks, Dir: filepath.Join(dir, "whisks")})
	wantKind(t, "New while another process holds the directory", err, store.ErrUnavailable)
	if want := fmt.Sprintf("process %d on host", pid); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("New while another process holds the directory: got %v, want %q in it", err, want)
	}
}

func checkAfterKill(t *testing.T, dir string, acked map[string]int, when string) {
	t.Helper()
	a := openAttachments(t, filepath.Join(dir, "attachments"))
	if n := attachedNumber(t.Context(), a); n < acked[attachedTo] {
		t.Errorf("%s: attachment: got number %d, want %d or more", when, n, acked[attachedTo])
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	s := open(t, memory.Options{Dir: filepath.Join(dir, "whisks")})
	for id, n := range acked {
		if id == attachedTo {
			continue
		}
		got, err := s.Get(t.Context(), id, &store.GetOptions{Tombstones: true})
		if err != nil {
			t.Errorf("%s: Get %s: got %v, want number %d", when, id, err, n)
			continue
		}
		has := number(got.Body)
		if want := childDoc(id, has, store.Version{}); string(got.Body) != string(want.Body) {
			t.Errorf("%s: %s: got half of a write: %.200s", when, id, got.Body)
		}
		switch { // one write more than what was acknowledged may have been committed
		case n > 0 && has < n, n < 0 && has < -n:
			t.Errorf("%s: %s: got number %d, want %d or more", when, id, has, n)
		case n < 0 && has == -n && !got.Meta.Deleted:
			t.Errorf("%s: %s: got it alive, want it deleted", when, id)
		}
	}
	rows, live := 0, 0
	for w := range childWriters {
		rows += len(ids(t, s, triggers(fmt.Sprintf("w%d", w))))
		for d := range childDocs {
			if _, err := s.Get(t.Context(), fmt.Sprintf("w%d/d%d", w, d), nil); err == nil {
				live++
			}
		}
	}
	if rows != live {
		t.Errorf("%s: got %d rows, want %d as there are documents", when, rows, live)
	}
	closeStore(t, s)
}
