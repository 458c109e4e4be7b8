package integration_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReadmeProgram runs the program that the README shows.
func TestReadmeProgram(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?s)```go\n(.*?)```").FindSubmatch(readme)
	if m == nil {
		t.Fatal("the README shows no Go program")
	}
	// Inside the module, so that its requirements hold, but where go build ./...
	// does not look.
	dir, err := os.MkdirTemp("testdata", "_readme")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.WriteFile(filepath.Join(dir, "main.go"), m[1], 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "go", "run", "./"+dir).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "guest/onTick" {
		t.Errorf("go run: got %v and %q, want guest/onTick", err, out)
	}
}

// TestReadmeLinks looks for the files that the README links to.
func TestReadmeLinks(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	links := regexp.MustCompile(`\]\(([a-z][^):#]*)\)`).FindAllSubmatch(readme, -1)
	if len(links) == 0 {
		t.Fatal("the README links to nothing")
	}
	for _, link := range links {
		if _, err := os.Stat(filepath.Join("..", string(link[1]))); err != nil {
			t.Errorf("the README links to %s: %v", link[1], err)
		}
	}
}
