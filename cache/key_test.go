package cache_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestKeys: a key of a type that is none is refused by the compiler, the only
// error of a program that has one and is right otherwise.
func TestKeys(t *testing.T) {
	t.Run("CACHE-D18_unsupported_key", func(t *testing.T) {
		out, err := exec.Command("go", "build", "-o", t.TempDir(), "./testdata/unsupportedkey").CombinedOutput()
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		if err == nil || len(lines) != 2 || !strings.Contains(lines[1], "main.go:16:") || !strings.Contains(lines[1], "cannot use 42") {
			t.Errorf("got %q, %v; want one error, about the key", lines, err)
		}
	})
}
