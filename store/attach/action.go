package attach

import (
	"context"
	"encoding/base64"
	"io"
	"strings"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/entity"
)

// The content types of code (storage.md 5.1).
const (
	TypeBinary = "application/octet-stream"
	TypeText   = "text/plain; charset=UTF-8"
)

// MaxCode is the largest code in bytes that GetAction assembles. Upstream's
// limit for an action is 48 MiB.
const MaxCode = 64 << 20

// PutAction stores an action. Code that is inline in the entity becomes an
// attachment, or an inline name when it is small; sequences, images without code
// and references that are there already are stored as they are. old is the
// reference of the version that is replaced, nil if there is none: its content
// is removed once the new version is stored, unless that one names it too.
//
// The stored entity is returned: a copy of action with the reference and the
// new revision.
func (a *Attacher) PutAction(ctx context.Context, action *entity.Action, old *entity.Attached, opts *store.PutOptions) (*entity.Action, error) {
	stored := *action
	if action.Exec.Code == nil || action.Exec.Code.Attached != nil {
		defer a.reads.forget(action.DocID())
		v, err := store.PutAs(ctx, a.docs, action, opts)
		if err != nil {
			return nil, err
		}
		if old != nil && (action.Exec.Code == nil || action.Exec.Code.Attached.AttachmentName != old.AttachmentName) {
			a.forget(ctx, action.DocID(), old)
		}
		stored.Revision = v
		return &stored, nil
	}
	content, contentType, binary := io.Reader(strings.NewReader(action.Exec.Code.Inline)), TypeText, entity.IsBinaryCode(action.Exec.Code.Inline)
	if binary {
		content, contentType = base64.NewDecoder(base64.StdEncoding, strings.NewReader(trim(action.Exec.Code.Inline))), TypeBinary
	}
	v, _, err := a.Put(ctx, action.DocID(), contentType, content, old, func(ref entity.Attached) (store.Document, error) {
		stored.Exec.Code = &entity.Code{Attached: &ref}
		stored.Exec.Binary = binary
		return stored.MarshalDocument()
	}, opts)
	if err != nil {
		return nil, err
	}
	stored.Revision = v
	return &stored, nil
}

// GetAction returns the action id with its code inline, binary code as base64
// (rows ATT-04, ATT-05; legacy inline code unchanged, rows AC-03 to AC-05). The
// entity belongs to the caller. ErrNotFound says by its Op whether there is no
// action (store.OpGet) or only its code is lost (store.OpRead). A tombstone that
// opts ask for is returned as the action that it was.
//
// Concurrent calls for one id without options share one read of the document, and
// all calls share one of the attachment. A call that begins after a write through
// this Attacher has ended sees that write; one that must see a write made elsewhere
// says so with opts.After.
func (a *Attacher) GetAction(ctx context.Context, id string, opts *store.GetOptions) (*entity.Action, error) {
	read := func(ctx context.Context) (*Assembled, error) { return a.Assemble(ctx, id, opts, nil) }
	var got *Assembled
	var err error
	if opts != nil && *opts != (store.GetOptions{}) {
		got, err = read(ctx)
	} else {
		got, err = a.reads.do(ctx, id, read)
	}
	if err != nil {
		return nil, err
	}
	return got.Action(), nil
}

// Assembled is an action as one read of its document and its code found it. It is
// never changed and may be shared.
type Assembled struct {
	action  *entity.Action
	source  source // of the code
	code    string
	version store.Version
	size    int
	deleted bool
}

// Action returns the action with its code inline: a copy that is the caller's.
func (a *Assembled) Action() *entity.Action { return a.action.Clone() }

// Version is the document's.
func (a *Assembled) Version() store.Version { return a.version }

// Deleted reports whether it is a tombstone, which only GetOptions.Tombstones
// returns: the action as it was.
func (a *Assembled) Deleted() bool { return a.deleted }

// Size is about how many bytes the document and the code take.
func (a *Assembled) Size() int { return a.size }

// Known returns what Assemble may take as held for an action that PutAction
// stored: its code need not be read to be known. Nil says that nothing was
// attached outside of the document.
func Known(stored *entity.Action, code string) *Assembled {
	c := stored.Exec.Code
	if c == nil || c.Attached == nil {
		return nil
	}
	from := sourceOf(c.Attached, stored.Exec.Binary)
	if from == (source{}) {
		return nil
	}
	if stored.Exec.Binary { // as it will be spelt when it is read
		content, err := base64.StdEncoding.DecodeString(trim(code))
		if err != nil {
			return nil
		}
		code = base64.StdEncoding.EncodeToString(content)
	}
	return &Assembled{source: from, code: code, size: len(code)}
}

// trim trims binary code as entity.IsBinaryCode does: control characters are white
// space, other Unicode is not.
func trim(code string) string {
	return strings.TrimFunc(code, func(r rune) bool { return r <= ' ' })
}

// maxReplaced is how often one read starts again because the action was replaced
// meanwhile.
const maxReplaced = 8

// Assemble is GetAction for callers that keep what it returns. held, when not nil,
// is what an earlier call returned for the id: the document is read in any case,
// by each call for itself, so that none gets a state from before it began; and if
// it is still in that state, held is returned. Code is not read again either while
// the document names the same attachment with the same digest; without a digest,
// while the name is one that is never used again.
func (a *Attacher) Assemble(ctx context.Context, id string, opts *store.GetOptions, held *Assembled) (*Assembled, error) {
	// A replacement removes the code that the document named a moment ago, so code
	// that is gone is looked for once more, unless the document still names it. A
	// cache would only name it again: from the second look on the document comes from
	// the backend.
	look := opts
	var missing error // why the code called name could not be read
	var name string
	for range maxReplaced {
		doc, err := a.docs.Get(ctx, id, look)
		if err != nil {
			return nil, err
		}
		if doc.Meta.Deleted && (opts == nil || !opts.Tombstones) {
			return nil, &store.Error{Op: store.OpGet, ID: id, Kind: store.ErrNotFound}
		}
		if held != nil && held.action != nil && held.version.Compare(doc.Version) == store.Same {
			return held, nil
		}
		got := &Assembled{action: new(entity.Action), version: doc.Version, size: len(doc.ID) + len(doc.Body), deleted: doc.Meta.Deleted}
		if err := got.action.UnmarshalDocument(doc); err != nil {
			return nil, err
		}
		exec := &got.action.Exec
		if exec.Code == nil || exec.Code.Attached == nil {
			return got, nil
		}
		ref := exec.Code.Attached
		if missing != nil && ref.AttachmentName == name {
			return nil, missing
		}
		got.source = sourceOf(ref, exec.Binary)
		if held != nil && held.source == got.source && got.source != (source{}) {
			got.code, err = held.code, nil
		} else {
			got.code, err = a.sharedCode(ctx, id, ref, exec.Binary)
		}
		if err == nil {
			got.size += len(got.code)
			exec.Code = &entity.Code{Inline: got.code}
			return got, nil
		}
		if store.KindOf(err) != store.ErrNotFound {
			return nil, err
		}
		missing, name, look = err, ref.AttachmentName, pastCaches(opts)
	}
	return nil, &store.Error{Op: store.OpRead, ID: id, Kind: store.ErrUnavailable, Err: errReplaced}
}

// pastCaches returns options of a read that asks for the same and that no cache
// answers, as it is one of tombstones.
func pastCaches(opts *store.GetOptions) *store.GetOptions {
	var past store.GetOptions
	if opts != nil {
		past = *opts
	}
	past.Tombstones = true
	return &past
}

// source is what code was read from and how: where it is the same, so is the code.
// It is zero for inline attachments, which cost no read, and where nothing can tell.
type source struct {
	name, digest string
	binary       bool
}

func sourceOf(ref *entity.Attached, binary bool) source {
	// Names without a scheme ("jarfile") are used again for other code, and only a
	// digest tells.
	if isInline(ref.AttachmentName) || ref.Digest == "" && !strings.Contains(ref.AttachmentName, ":") {
		return source{}
	}
	return source{ref.AttachmentName, ref.Digest, binary}
}

// codeKey is one source of a document.
type codeKey struct {
	id string
	source
}

// sharedCode is code, read once for all who ask at the same time. Unlike a read of
// the document it may be joined at any moment: what comes from one source never
// changes.
func (a *Attacher) sharedCode(ctx context.Context, id string, ref *entity.Attached, binary bool) (string, error) {
	from := sourceOf(ref, binary)
	if from == (source{}) {
		return a.code(ctx, id, ref, binary)
	}
	return a.codes.do(ctx, codeKey{id, from}, func(ctx context.Context) (string, error) {
		return a.code(ctx, id, ref, binary)
	})
}

// code reads an attachment as the text that stands in an action.
func (a *Attacher) code(ctx context.Context, id string, ref *entity.Attached, binary bool) (string, error) {
	r, err := a.Read(ctx, id, ref)
	if err != nil {
		return "", err
	}
	defer r.Close()
	var text strings.Builder
	if n := ref.Length; n != nil && *n > 0 && *n <= MaxCode {
		size := int(*n)
		if binary {
			size = base64.StdEncoding.EncodedLen(size)
		}
		text.Grow(size) // what is too large here would be held as long as the text
	}
	content := io.LimitReader(&contextReader{ctx, r}, MaxCode+1)
	var read int64
	if binary {
		enc := base64.NewEncoder(base64.StdEncoding, &text)
		if read, err = io.Copy(enc, content); err == nil {
			err = enc.Close()
		}
	} else {
		read, err = io.Copy(&text, content)
	}
	if err != nil {
		return "", fail(store.OpRead, id, err)
	}
	if read > MaxCode {
		return "", &store.Error{Op: store.OpRead, ID: id, Kind: store.ErrTooLarge, Err: errTooLarge}
	}
	return text.String(), nil
}

// DeleteAction deletes the action's document, then the attachment that it names
// (row ATT-07), and no other one: the action may have been created anew meanwhile.
// What earlier versions left behind is for a sweeper, as is the attachment of a
// document that could not be read at rev. That an attachment stays behind is logged,
// not an error: the action is gone.
func (a *Attacher) DeleteAction(ctx context.Context, id, rev string, opts *store.DeleteOptions) (store.Version, error) {
	defer a.reads.forget(id)
	ref, unread := a.reference(ctx, id, rev)
	v, err := a.docs.Delete(ctx, id, rev, opts)
	if err != nil {
		return v, err
	}
	if unread != nil {
		a.log.WarnContext(ctx, "attachment of a deleted document stays behind", "document", id, "error", unread)
	}
	if ref != nil {
		a.forget(ctx, id, ref)
	}
	return v, nil
}

// reference returns what the action at rev says of its attachment, nil if it has
// none or if no attachment could be removed anyway.
func (a *Attacher) reference(ctx context.Context, id, rev string) (*entity.Attached, error) {
	if a.attachments == nil {
		return nil, nil
	}
	action, err := store.GetAs[entity.Action](ctx, a.docs, id, &store.GetOptions{Rev: rev})
	if err != nil || action.Exec.Code == nil {
		return nil, err
	}
	return action.Exec.Code.Attached, nil
}
