package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestRun(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	svg := filepath.Join(dir, "violation.svg")
	for _, tt := range []struct {
		name   string
		args   []string
		status int
		stdout string
		stderr string
	}{
		{"all rules", []string{"-writes", "500", "-seed", "2"}, 0, "no violation", ""},
		{"all rules, time line asked for", []string{"-writes", "500", "-svg", filepath.Join(dir, "none.svg")}, 0, "no violation", ""},
		{"a rule off", []string{"-writes", "100000", "-disable", "R3", "-svg", svg}, 1, "VIOLATION", ""},
		{"a time line not asked for", []string{"-writes", "100000", "-disable", "R3|R12"}, 1, "time line: " + dir, ""},
		{"a group of rules off", []string{"-writes", "100000", "-disable", "R7"}, 1, "rules off: R7-void|R7-blind|R7-suspect|R7-epoch|R7-start", ""},
		{"no place for the time line", []string{"-svg", filepath.Join(dir, "nowhere", "violation.svg")}, 2, "", "no such file"},
		{"help", []string{"-help"}, 0, "", "Exit status"},
		{"unknown rule", []string{"-disable", "R99"}, 2, "", `no rule "R99"`},
		{"unknown flag", []string{"-write", "1"}, 2, "", "not defined"},
		{"argument", []string{"seven"}, 2, "", "unexpected argument"},
		{"negative", []string{"-writes", "-1"}, 2, "", "must be positive"},
		{"no writes", []string{"-writes", "0"}, 2, "", "must be positive"},
		{"negative seed", []string{"-seed", "-1"}, 2, "", "invalid value"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if got := run(tt.args, &stdout, &stderr); got != tt.status {
				t.Errorf("status: got %d, want %d; %s", got, tt.status, stderr.String())
			}
			if !strings.Contains(stdout.String(), tt.stdout) || !strings.Contains(stderr.String(), tt.stderr) {
				t.Errorf("got stdout %q and stderr %q, want %q and %q in them", stdout.String(), stderr.String(), tt.stdout, tt.stderr)
			}
		})
	}
	picture, err := os.ReadFile(svg)
	if err != nil || !bytes.HasPrefix(picture, []byte("<svg ")) {
		t.Errorf("picture: got %.40q, %v", picture, err)
	}
	if made, _ := filepath.Glob(filepath.Join(dir, "*")); len(made) != 3 {
		t.Errorf("got the files %q, want the three time lines of violations", made)
	}
}

// TestInterrupted sends the signal of Ctrl-C as soon as the run has told of itself.
func TestInterrupted(t *testing.T) {
	out, in := io.Pipe()
	status := make(chan int)
	go func() {
		s := run([]string{"-writes", "1000000000"}, in, io.Discard)
		in.Close()
		status <- s
	}()
	lines := bufio.NewScanner(out)
	var text strings.Builder
	for n := 0; lines.Scan(); n++ {
		if n == 0 {
			syscall.Kill(os.Getpid(), syscall.SIGINT)
		}
		text.WriteString(lines.Text() + "\n")
	}
	if got := <-status; got != 0 {
		t.Errorf("status: got %d, want 0", got)
	}
	for _, want := range []string{"hits", "p99.99", "interrupted; no violation so far"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("got %q, want %q in it", text.String(), want)
		}
	}
}

func TestJSON(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var stdout, stderr bytes.Buffer
	if got := run([]string{"-json", "-writes", "20000", "-disable", "R3", "-seed", "5"}, &stdout, &stderr); got != 1 {
		t.Fatalf("status: got %d, want 1; %s", got, stderr.String())
	}
	var res struct {
		Seed      uint64 `json:"seed"`
		Violation *struct{ Text string }
		Minimal   *struct{ History []struct{ What string } }
	}
	if err := json.Unmarshal(stdout.Bytes(), &res); err != nil {
		t.Fatal(err)
	}
	if res.Seed != 5 || res.Violation == nil || res.Minimal == nil || len(res.Minimal.History) == 0 {
		t.Errorf("got %s, want seed 5 with a violation and its history", stdout.String())
	}
}
