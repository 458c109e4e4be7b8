package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whiskstore/whiskstore/integration/tworegions"
	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/memory"
)

// TestExitStatus runs the command as a user does: 0 for a run in which all
// promises held, 1 for one that broke, 2 for what could not be done.
func TestExitStatus(t *testing.T) {
	dir := t.TempDir()
	work := []string{"-dir", dir, "-duration", "300 ms", "-delay", "5 ms", "-json"}
	first := runJSON(t, work, 0)
	if first.Operations == 0 || first.Broken != 0 || len(first.Coherence.Regions) != 2 {
		t.Errorf("first run: got %+v", first)
	}
	for _, region := range []string{"eu", "us"} {
		forget(t, filepath.Join(dir, region, store.Whisks))
	}
	if second := runJSON(t, work, 1); second.Broken == 0 || len(second.Violations) == 0 {
		t.Errorf("second run: got %d broken and %q, want some", second.Broken, second.Violations)
	}
	for _, tt := range []struct {
		args   []string
		status int
		stderr string
	}{
		{[]string{"-help"}, 0, "Exit status"},
		{[]string{"-print-config"}, 0, ""},
		{[]string{"-loss", "1"}, 2, "loss 1"},
		{[]string{"-backend", "couchdb"}, 2, "set it to memory"},
		{[]string{"-nodse", "2"}, 2, "not defined"},
		{[]string{"two"}, 2, `unexpected argument "two"`},
	} {
		var stdout, stderr bytes.Buffer
		if got := run(tt.args, &stdout, &stderr); got != tt.status || !strings.Contains(stderr.String(), tt.stderr) {
			t.Errorf("%q: got status %d and %q, want %d and %q", tt.args, got, &stderr, tt.status, tt.stderr)
		}
	}
}

func runJSON(t *testing.T, args []string, status int) (res tworegions.Result) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if got := run(args, &stdout, &stderr); got != status {
		t.Fatalf("%q: got status %d, want %d: %s", args, got, status, &stderr)
	}
	if err := json.Unmarshal(stdout.Bytes(), &res); err != nil {
		t.Fatal(err)
	}
	return res
}

// forget takes documents away that were acknowledged.
func forget(t *testing.T, dir string) {
	t.Helper()
	whisks, err := memory.New(memory.Options{Collection: store.Whisks, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer whisks.Close()
	feed := whisks.Feed()
	defer feed.Close()
	ranges, err := feed.Ranges(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	token, err := feed.Start(t.Context(), ranges[0], store.FromBeginning())
	if err != nil {
		t.Fatal(err)
	}
	page, err := feed.Next(t.Context(), ranges[0], token, nil)
	if err != nil {
		t.Fatal(err)
	}
	deleted := 0
	for _, c := range page.Changes {
		if strings.HasPrefix(c.ID, "eu-0/") && !c.Deleted {
			if _, err := whisks.Delete(t.Context(), c.ID, c.Version.Rev, nil); err != nil {
				t.Fatal(err)
			}
			deleted++
		}
	}
	if deleted == 0 {
		t.Fatal("the run left nothing to take away")
	}
}
