package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	svg := filepath.Join(t.TempDir(), "violation.svg")
	for _, tt := range []struct {
		name   string
		args   []string
		status int
		stdout string
		stderr string
	}{
		{"all rules", []string{"-writes", "500", "-seed", "2"}, 0, "no violation", ""},
		{"a rule off", []string{"-writes", "100000", "-disable", "R3", "-svg", svg}, 1, "VIOLATION", ""},
		{"help", []string{"-help"}, 0, "", "Exit status"},
		{"unknown rule", []string{"-disable", "R99"}, 2, "", `no rule "R99"`},
		{"unknown flag", []string{"-write", "1"}, 2, "", "not defined"},
		{"argument", []string{"seven"}, 2, "", "unexpected argument"},
		{"negative", []string{"-writes", "-1"}, 2, "", "must be positive"},
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
}

func TestJSON(t *testing.T) {
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
