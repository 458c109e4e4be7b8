package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
)

// writerFunc is an io.Writer that tells of each write.
type writerFunc func([]byte)

func (f writerFunc) Write(p []byte) (int, error) { f(p); return len(p), nil }

func TestServe(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var out bytes.Buffer
	err := run(ctx, []string{"-listen", "127.0.0.1:0", "-regions", "A, B", "-switches", "ShortErrors"}, writerFunc(func(p []byte) {
		out.Write(p)
		if strings.Contains(out.String(), `region "B"`) {
			cancel()
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"endpoint http://127.0.0.1:", "key " + cosmostest.DefaultKey, `region "A" http://`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got %q want %q in it", out.String(), want)
		}
	}
}

func TestArguments(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-switches", "list"}, &out); err != nil || strings.Count(out.String(), "(row ") != len(cosmostest.AllSwitches()) {
		t.Errorf("list: got %v and %q", err, out.String())
	}
	if err := run(t.Context(), []string{"-switches", "NoSuchSwitch"}, &out); err == nil || !strings.Contains(err.Error(), "NoSuchSwitch") {
		t.Errorf("unknown switch: got %v want an error that names it", err)
	}
}

// TestUsage shows what the command says about itself and about arguments that it does not know.
func TestUsage(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-help"}, &out); err != nil || !strings.Contains(out.String(), "-replication-delay") {
		t.Errorf("-help: got %v and %q want the flags", err, out.String())
	}
	for _, args := range [][]string{{"serve"}, {"-ranges", "x"}, {"-nonsense"}, {"-listen", "127.0.0.1:99999"}, {"-consistency", "Sometimes"}, {"-regions", "A,,B"}, {"-key", "?"}} {
		if err := run(t.Context(), args, io.Discard); err == nil {
			t.Errorf("%q: got no error", args)
		}
	}
}

// TestMain lets the test's own binary be the server that -bench starts.
func TestMain(m *testing.M) {
	if slices.Contains(os.Args, "-listen") {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestBench(t *testing.T) {
	t.Setenv("WHISKSTORE_VERCEL_COSMOS_ENDPOINT", "")
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-bench", "-rounds", "3", "-sample", "1ms", "-items", "200"}, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"point reads", "writes", "ratio", "200 items of 1024 bytes", "second list of the newest 30", "VmRSS"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got %q want %q in it", out.String(), want)
		}
	}
}
