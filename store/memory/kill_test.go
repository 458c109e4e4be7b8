package memory_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
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
	s, err := memory.New(memory.Options{Collection: store.Whisks, Dir: dir})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	fmt.Println("open 0")
	ctx := context.Background()
	var out sync.Mutex
	var wg sync.WaitGroup
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
	t.Logf("%d acknowledged writes in 50 lives", total)
	if total < 500 {
		t.Errorf("acknowledged writes: got %d, want enough to show something", total)
	}
}

func refusedWhileHeld(t *testing.T, dir string, pid int) {
	t.Helper()
	_, err := memory.New(memory.Options{Collection: store.Whisks, Dir: dir})
	wantKind(t, "New while another process holds the directory", err, store.ErrUnavailable)
	if want := fmt.Sprintf("process %d on host", pid); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("New while another process holds the directory: got %v, want %q in it", err, want)
	}
}

func checkAfterKill(t *testing.T, dir string, acked map[string]int, when string) {
	t.Helper()
	s := open(t, memory.Options{Dir: dir})
	for id, n := range acked {
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
