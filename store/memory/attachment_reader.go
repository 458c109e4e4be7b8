package memory

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"

	"github.com/whiskstore/whiskstore/store"
)

func digestText(h hash.Hash) string { return "sha256-" + hex.EncodeToString(h.Sum(nil)) }

// chunkReader reads chunks, which it does not change.
type chunkReader struct {
	chunks [][]byte
	at     int // in the first chunk
}

func (r *chunkReader) Read(p []byte) (int, error) {
	if len(r.chunks) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.chunks[0][r.at:])
	if r.at += n; r.at == len(r.chunks[0]) {
		r.chunks, r.at = r.chunks[1:], 0
	}
	return n, nil
}

func (r *chunkReader) Close() error { return nil }

// reader verifies a digest while it reads, and ends with its context.
type reader struct {
	ctx    context.Context
	from   io.ReadCloser
	want   string
	digest hash.Hash // nil: nothing to verify
	fail   func(store.Kind, error) error
	end    error
	closed bool
}

func newReader(ctx context.Context, from io.ReadCloser, opts *store.ReadOptions, fail func(store.Kind, error) error) *reader {
	r := &reader{ctx: ctx, from: from, fail: fail}
	if opts != nil && opts.Digest != "" {
		r.want, r.digest = opts.Digest, sha256.New()
	}
	return r
}

func (r *reader) Read(p []byte) (int, error) {
	if r.end != nil {
		return 0, r.end
	}
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.from.Read(p)
	if r.digest != nil {
		r.digest.Write(p[:n])
	}
	switch {
	case err == io.EOF:
		if r.digest != nil && digestText(r.digest) != r.want {
			err = r.fail(store.ErrUnreadable, fmt.Errorf("digest is %s, want %s", digestText(r.digest), r.want))
		}
	case err != nil:
		kind := store.KindOf(err)
		if kind == 0 {
			kind = store.ErrUnavailable
		}
		err = r.fail(kind, err)
	}
	r.end = err
	return n, err
}

// Close ends the reader. A second Close is nil.
func (r *reader) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	r.end = r.fail(store.ErrClosed, nil)
	return r.from.Close()
}
