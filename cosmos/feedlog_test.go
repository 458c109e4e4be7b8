package cosmos

import (
	"context"
	"log/slog"
	"strings"
	"sync"
)

// recorder keeps the messages that a store logs.
type recorder struct {
	mu       sync.Mutex
	messages []string
}

func (r *recorder) logger() *slog.Logger { return slog.New(recording{r}) }

func (r *recorder) count(part string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.messages {
		if strings.Contains(m, part) {
			n++
		}
	}
	return n
}

type recording struct{ to *recorder }

func (h recording) Enabled(context.Context, slog.Level) bool { return true }

func (h recording) Handle(_ context.Context, rec slog.Record) error {
	h.to.mu.Lock()
	defer h.to.mu.Unlock()
	h.to.messages = append(h.to.messages, rec.Message)
	return nil
}

func (h recording) WithAttrs([]slog.Attr) slog.Handler { return h }

func (h recording) WithGroup(string) slog.Handler { return h }
