package tworegions

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/memory"
)

// childDir names the directory in which this test's executable runs as a child
// that is to be killed.
const childDir = "WHISKSTORE_TEST_TWOREGIONS_DIR"

// runChild works until it is killed, and prints a line each second.
func runChild(dir string) {
	cfg := short()
	cfg.Duration, cfg.Dir, cfg.Progress = time.Hour/2, dir, os.Stdout
	_, err := Run(context.Background(), cfg)
	fmt.Println("child:", err)
	os.Exit(1)
}

// TestKilledAndRestarted kills a run with SIGKILL, again and again, and lets the
// last one judge what is left.
func TestKilledAndRestarted(t *testing.T) {
	dir := t.TempDir()
	const kills = 3
	for range kills {
		killOne(t, dir)
	}
	cfg := short()
	cfg.Dir = dir
	res, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range res.Violations {
		t.Error(v)
	}
	if res.Resumed == nil || res.Resumed.Run != kills+1 || res.Resumed.Documents < 50 {
		t.Errorf("got %+v, want run %d over the documents of those before", res.Resumed, kills+1)
	}
	if last := res.Invariants[len(res.Invariants)-1]; last.Invariant != Acknowledged || int(last.Checks) < res.Resumed.Documents || last.Broken != 0 {
		t.Errorf("got %+v, want a check of each acknowledged document", last)
	}
	var out strings.Builder
	res.WriteSummary(&out, false)
	if want := fmt.Sprintf("run %d on this directory", kills+1); !strings.Contains(out.String(), want) {
		t.Errorf("got\n%s\nwant %q", &out, want)
	}
}

// killOne starts a run and kills it in the middle of its work.
func killOne(t *testing.T, dir string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	if !lines.Scan() || !strings.Contains(lines.Text(), " operations, 0 broken invariants") {
		t.Errorf("child: %s", lines.Text())
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	var ended *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &ended) || ended.Exited() {
		t.Errorf("child: got %v, want one that was killed", err)
	}
}

// TestLossIsNoticed undoes what a run had acknowledged: the next has to notice.
func TestLossIsNoticed(t *testing.T) {
	dir := t.TempDir()
	cfg := short()
	cfg.Dir, cfg.Duration, cfg.drainTimeout = dir, 300*time.Millisecond, time.Second
	if res, err := Run(t.Context(), cfg); err != nil || res.Broken != 0 || res.Resumed != nil {
		t.Fatalf("got %v and %+v, want a first run without a fault", err, res)
	}
	entries, err := readJournal(dir)
	if err != nil {
		t.Fatal(err)
	}
	var lost, changed entry
	for _, e := range recall(entries).last {
		if e.Collection == store.Whisks && !e.Deleted {
			lost, changed = changed, e
		}
	}
	whisks, err := memory.New(memory.Options{Collection: store.Whisks, Dir: filepath.Join(dir, "eu", store.Whisks)})
	if err != nil {
		t.Fatal(err)
	}
	_, err1 := whisks.Delete(t.Context(), lost.ID, lost.Rev, nil)
	_, err2 := whisks.Put(t.Context(), store.Document{ID: "eu-0/intruder", Body: []byte(`{}`)}, nil)
	_, err3 := whisks.Put(t.Context(), store.Document{ID: "eu-0/another", Body: []byte(`{}`)}, nil)
	if err := errors.Join(err1, err2, err3, whisks.Close()); err != nil {
		t.Fatal(err)
	}
	res, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(res.Violations, "\n")
	for _, want := range []string{lost.ID + " was acknowledged", "2 writes of node eu-0"} {
		if !strings.Contains(all, want) {
			t.Errorf("got %s, want %q", all, want)
		}
	}
}

func TestJournal(t *testing.T) {
	dir := t.TempDir()
	if got, err := readJournal(dir); got != nil || err != nil {
		t.Errorf("got %v, %v, want none", got, err)
	}
	for _, tc := range []struct {
		text, want string
		entries    int
	}{
		{`{"run":1}` + "\n" + `{"contended":true}` + "\n", "", 2},
		{`{"run":1}` + "\n" + `{"contended":tr`, "", 1},
		{`{"contended":true}` + "\n", "begin with a run", 0},
		{"", "begin with a run", 0},
		{`{"run":1}` + "\n" + "garbage\n", "line 2", 0},
	} {
		if err := os.WriteFile(filepath.Join(dir, journalFile), []byte(tc.text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := readJournal(dir)
		if len(got) != tc.entries || tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%q: got %v, %v, want %d entries and an error with %q", tc.text, got, err, tc.entries, tc.want)
		}
	}
}
