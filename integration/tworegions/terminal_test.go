package tworegions

import (
	"bytes"
	"context"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestFit(t *testing.T) {
	const picture = "one\ntwo two\n\nthree\n"
	for _, tc := range []struct {
		columns, rows int
		want          string
	}{
		{0, 0, picture}, {80, 24, picture}, {8, 5, picture},
		{80, 4, "one\ntwo two\n\n"}, {80, 2, "one\n"}, {80, 1, "one\n"},
		{4, 24, "one\ntwo\n\nthr\n"}, {1, 1, "o\n"}, {-1, -1, picture},
	} {
		if got := fit(picture, tc.columns, tc.rows); got != tc.want {
			t.Errorf("%d x %d: got %q, want %q", tc.columns, tc.rows, got, tc.want)
		}
	}
}

// TestLivePictureOfAnInterruptedRun: the work is over when it is interrupted, not
// when it would have been.
func TestLivePictureOfAnInterruptedRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var progress bytes.Buffer
		cfg := short()
		cfg.Progress, cfg.Live, cfg.Duration = &progress, true, time.Minute
		if _, err := Run(ctx, cfg); err != nil {
			t.Fatal(err)
		}
		text := progress.String()
		if working, draining := strings.LastIndex(text, "s working\n"), strings.LastIndex(text, "s draining\n"); working < 0 || draining < working {
			t.Errorf("got\n%s\nwant working first, draining last", text)
		}
	})
}

type usual struct{}

func (usual) Size() (columns, rows int) { return 80, 24 }

// TestLiveAccountFitsTheTerminal draws on the usual 80 x 24, which the whole
// account does not fit on: what is drawn over has to fit, the last picture is
// whole.
func TestLiveAccountFitsTheTerminal(t *testing.T) {
	var progress bytes.Buffer
	cfg := short()
	cfg.Progress, cfg.Live = &progress, true
	cfg.Terminal = usual{}
	if _, err := Run(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	pictures := regexp.MustCompile(`\x1b\[\d+A\x1b\[J`).Split(progress.String(), -1)
	if len(pictures) < 3 {
		t.Fatalf("got %d pictures, want several", len(pictures))
	}
	last := pictures[len(pictures)-1]
	for _, p := range pictures[:len(pictures)-1] {
		lines := strings.Split(strings.TrimSuffix(p, "\n"), "\n")
		if len(lines) >= 24 {
			t.Errorf("got a picture of %d lines, want fewer than 24", len(lines))
		}
		for _, line := range lines {
			if len(line) >= 80 {
				t.Errorf("got a line of %d characters, want fewer than 80: %s", len(line), line)
			}
		}
	}
	if !strings.Contains(last, string(RegionsEqual)) || !strings.Contains(last, "shared updates\n") {
		t.Errorf("last picture: got a part, want the whole:\n%s", last)
	}
}
