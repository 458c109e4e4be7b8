package cosmos

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/integration/bench"
)

// serve runs the fake in another process until the test ends.
func serve(t *testing.T, args ...string) Account {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "cosmosfake")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "../../cmd/cosmosfake").CombinedOutput(); err != nil {
		t.Fatalf("build of the server: %v\n%s", err, out)
	}
	cmd := exec.Command(bin, append([]string{"-listen", "127.0.0.1:0"}, args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	var a Account
	for lines := bufio.NewScanner(out); lines.Scan() && (a.Endpoint == "" || a.Key == ""); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		switch name {
		case "endpoint":
			a.Endpoint = value
		case "key":
			a.Key = value
		}
	}
	if a.Endpoint == "" || a.Key == "" {
		t.Fatal("the server did not say where it is")
	}
	return a
}

// TestFigures measures a little, and with WHISKSTORE_BENCH=1 long enough to hold
// the figures to their bounds.
func TestFigures(t *testing.T) {
	strict := os.Getenv("WHISKSTORE_BENCH") != ""
	o, docs := &bench.Options{Rounds: 7, Sample: 10 * time.Millisecond}, 300
	if strict {
		o, docs = &bench.Options{Rounds: 61, Sample: 100 * time.Millisecond}, 3000
	}
	hold := func(ok bool, r bench.Result) {
		t.Helper()
		t.Logf("%+v", r)
		if strict && !ok {
			t.Errorf("%s: out of its bounds", r.Name)
		}
	}
	t.Run("get", func(t *testing.T) {
		r, err := Get(t.Context(), serve(t), "figures", o)
		if err != nil {
			t.Fatal(err)
		}
		// The rate ratio is the inverse of the times' ratio.
		hold(r.DiffNanos.Median <= 15000 && r.AllocsB-r.AllocsA <= 12 && 1/r.Ratio.Low >= 0.95, r)
	})
	t.Run("newest_30_with_latency", func(t *testing.T) {
		r, err := List(t.Context(), serve(t, "-ranges", "1", "-latency", "10ms"), serve(t, "-ranges", "16", "-latency", "10ms"), "figures", min(docs, 300), 30, o)
		if err != nil {
			t.Fatal(err)
		}
		hold(r.Ratio.Median <= 1.6, r)
	})
	t.Run("all_rows", func(t *testing.T) {
		r, err := List(t.Context(), serve(t, "-ranges", "1"), serve(t, "-ranges", "16"), "figures", docs, 0, o)
		if err != nil {
			t.Fatal(err)
		}
		hold(r.Ratio.Median <= 1.3, r)
	})
}
