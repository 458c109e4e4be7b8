package observe_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/internal/forwardtest"
	"github.com/whiskstore/whiskstore/store/observe"
)

// shelf is an attachment store that keeps its last arguments and answers what it
// is told to.
type shelf struct {
	content io.Reader
	info    store.AttachmentInfo
	err     error

	got     []any
	closes  int
	readers int // closed
}

func (s *shelf) Scheme() string { return "mems" }

func (s *shelf) Attach(_ context.Context, docID, name string, r io.Reader, opts *store.AttachOptions) (store.AttachmentInfo, error) {
	s.got = []any{docID, name, r, opts}
	return s.info, s.err
}

func (s *shelf) Read(_ context.Context, docID, name string, opts *store.ReadOptions) (io.ReadCloser, error) {
	s.got = []any{docID, name, opts}
	if s.err != nil {
		return nil, s.err
	}
	return &book{s.content, s}, nil
}

func (s *shelf) Delete(_ context.Context, docID, name string) error {
	s.got = []any{docID, name}
	return s.err
}

func (s *shelf) DeleteAll(_ context.Context, docID string) error {
	s.got = []any{docID}
	return s.err
}

func (s *shelf) List(context.Context) iter.Seq2[store.AttachmentInfo, error] {
	return func(yield func(store.AttachmentInfo, error) bool) {
		if yield(s.info, nil) && s.err != nil {
			yield(store.AttachmentInfo{}, s.err)
		}
	}
}

func (s *shelf) Close() error {
	s.closes++
	return s.err
}

type book struct {
	io.Reader
	of *shelf
}

func (b *book) Close() error {
	b.of.readers++
	return nil
}

func (l *lab) overAttachments(t *testing.T, next store.AttachmentStore) store.AttachmentStore {
	t.Helper()
	wrap, err := observe.NewAttachments(l.opts)
	if err != nil {
		t.Fatal(err)
	}
	return wrap(next)
}

func TestAttachmentsForward(t *testing.T) {
	for _, err := range []error{nil, &store.Error{Kind: store.ErrUnavailable}, context.Canceled} {
		sh := &shelf{err: err, content: strings.NewReader("code")}
		forwardtest.Fill(&sh.info)
		s := newLab(observe.S3).overAttachments(t, sh)
		attach, read, r := &store.AttachOptions{}, &store.ReadOptions{}, strings.NewReader("code")
		forwardtest.Fill(attach)
		forwardtest.Fill(read)
		wants := func(got error, args ...any) {
			t.Helper()
			if got != err {
				t.Errorf("got error %v, want %v unchanged", got, err)
			}
			for i := range args {
				if sh.got[i] != args[i] {
					t.Errorf("argument %d: got %v, want %v", i, sh.got[i], args[i])
				}
			}
		}
		info, got := s.Attach(t.Context(), "guest/a", "codefile", r, attach)
		if wants(got, "guest/a", "codefile", r, attach); info != sh.info {
			t.Errorf("got %+v, want %+v", info, sh.info)
		}
		content, got := s.Read(t.Context(), "guest/a", "codefile", read)
		if wants(got, "guest/a", "codefile", read); (content == nil) != (err != nil) {
			t.Errorf("got a reader: %t beside error %v", content != nil, err)
		}
		wants(s.Delete(t.Context(), "guest/a", "codefile"), "guest/a", "codefile")
		wants(s.DeleteAll(t.Context(), "guest/a"), "guest/a")
		var last error
		for info, err := range s.List(t.Context()) {
			if last = err; err == nil && info != sh.info {
				t.Errorf("got %+v, want %+v", info, sh.info)
			}
		}
		wants(last)
		if s.Scheme() != "mems" {
			t.Errorf("got scheme %q, want mems", s.Scheme())
		}
		if wants(s.Close()); sh.closes != 1 {
			t.Errorf("got %d calls of Close, want 1", sh.closes)
		}
	}
}

func TestAttachmentsStartAtZeroAndCountBytes(t *testing.T) {
	l := newLab(observe.S3)
	sh := &shelf{info: store.AttachmentInfo{Length: 5}}
	s := l.overAttachments(t, sh)
	const written, read = "whiskstore.attachment.io{whiskstore.direction=write}", "whiskstore.attachment.io{whiskstore.direction=read}"
	counts, _ := l.collect(t)
	for _, series := range []string{written, read, counter("attach", "ok"), counter("readAttachment", "unreadable"),
		counter("deleteAttachment", "ok"), counter("deleteAttachments", "ok"), counter("listAttachments", "ok")} {
		if n, ok := counts[series]; !ok || n != 0 {
			t.Errorf("%s: got %d, there: %t, want 0", series, n, ok)
		}
	}
	if _, err := s.Attach(t.Context(), "guest/a", "codefile", strings.NewReader("12345"), nil); err != nil {
		t.Fatal(err)
	}
	sh.err = errors.New("lost")
	if _, err := s.Attach(t.Context(), "guest/a", "codefile", strings.NewReader("12345"), nil); err == nil {
		t.Fatal("got no error, want one")
	}
	if counts, _ = l.collect(t); counts[written] != 5 || counts[read] != 0 {
		t.Errorf("got %d bytes written and %d read, want 5 and 0", counts[written], counts[read])
	}
}

// A read ends when its reader is closed.
func TestReadEndsAtClose(t *testing.T) {
	broken := &store.Error{Op: store.OpRead, Kind: store.ErrUnreadable}
	for _, c := range []struct {
		name      string
		content   io.Reader
		read      int64 // 0 is to the end
		want      int64
		errorType string
	}{
		{"to the end", strings.NewReader("12345678"), 0, 8, ""},
		{"closed early", strings.NewReader("12345678"), 3, 3, ""},
		{"a digest that differs", io.MultiReader(strings.NewReader("12345"), iotest.ErrReader(broken)), 0, 5, "unreadable"},
		{"a connection that is cut", io.MultiReader(strings.NewReader("12345"), iotest.ErrReader(io.ErrUnexpectedEOF)), 0, 5, "_OTHER"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(observe.S3)
				sh := &shelf{content: c.content}
				r, err := l.overAttachments(t, sh).Read(t.Context(), "guest/a", "codefile", nil)
				if err != nil {
					t.Fatal(err)
				}
				from := io.Reader(r)
				if c.read > 0 {
					from = io.LimitReader(r, c.read)
				}
				if _, err := io.Copy(io.Discard, from); (err != nil) != (c.errorType != "") {
					t.Errorf("got error %v, want one: %t", err, c.errorType != "")
				}
				time.Sleep(7 * time.Second)
				if n := len(l.spans.Ended()); n != 0 {
					t.Errorf("got %d spans ended before Close, want none", n)
				}
				for range 2 {
					if err := r.Close(); err != nil {
						t.Error(err)
					}
				}
				counts, sums := l.collect(t)
				series := duration("readAttachment", c.errorType)
				if counts[series] != 1 || sums[series] != 7 {
					t.Errorf("%s: got %d measurements of %v s, want one of 7", series, counts[series], sums[series])
				}
				if got := counts["whiskstore.attachment.io{whiskstore.direction=read}"]; got != c.want {
					t.Errorf("got %d bytes, want %d", got, c.want)
				}
				if len(l.spans.Ended()) != 1 || sh.readers != 2 {
					t.Errorf("got %d spans and %d closed readers, want 1 span and each Close passed on", len(l.spans.Ended()), sh.readers)
				}
			})
		})
	}
}
