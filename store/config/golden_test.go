package config

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whiskstore/whiskstore/store"
)

var update = flag.Bool("update", false, "write the golden files and the README's table anew")

// TestGolden expands each short configuration of testdata: what is in effect,
// the stack that it means or why it means none, and what was reported.
func TestGolden(t *testing.T) {
	inputs, err := filepath.Glob("testdata/*.*")
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, in := range inputs {
		base := strings.TrimSuffix(in, filepath.Ext(in))
		if filepath.Ext(in) != ".yaml" && filepath.Ext(in) != ".env" {
			continue
		}
		ran++
		t.Run(filepath.Base(in), func(t *testing.T) {
			got := expand1(t, in)
			golden := base + strings.Replace(filepath.Ext(in), ".", "-", 1) + ".want"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got:\n%s\nwant (write it with -update):\n%s", got, want)
			}
			for _, secret := range []string{"passw0rd", "c2Vj", "letmein", "AAEC", "MIIB"} {
				if strings.Contains(got, secret) {
					t.Errorf("the secret %q is shown in:\n%s", secret, got)
				}
			}
		})
	}
	if ran == 0 {
		t.Error("no configurations in testdata")
	}
}

func expand1(t *testing.T, in string) string {
	t.Helper()
	var b strings.Builder
	var notes bytes.Buffer
	opts := &LoadOptions{Logger: slog.New(slog.NewTextHandler(&notes, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == slog.MessageKey {
			return slog.Attr{}
		}
		return a
	}}))}
	if filepath.Ext(in) == ".env" {
		opts.Environ = environOf(t, in)
	} else {
		opts.File = in
	}
	cfg, err := Load(opts)
	if err == nil {
		fmt.Fprintf(&b, "%v", cfg)
		var p *plan
		if p, err = cfg.plan(); err == nil {
			fmt.Fprintf(&b, "---\n%v", p)
		}
	}
	if err != nil {
		if k := store.KindOf(err); k != store.ErrInvalid && k != store.ErrUnsupported {
			t.Errorf("got an error of kind %v, want invalid or unsupported", k)
		}
		fmt.Fprintf(&b, "--- error\n%v\n", err)
	}
	if notes.Len() > 0 {
		fmt.Fprintf(&b, "--- reported\n%s", &notes)
	}
	return b.String()
}

// environOf reads a file of variables, a line for each.
func environOf(t *testing.T, name string) (environ []string) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			environ = append(environ, line)
		}
	}
	return environ
}
