package storetest

import (
	"encoding/base64"
	"errors"
	"io"
	"strings"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/attach"
	entities "github.com/whiskstore/whiskstore/store/entity"
)

// The sizes of upstream's suite, in bytes of code.
const (
	inlinedSize    = attach.DefaultMaxInlineSize - 1
	nonInlinedSize = 2 * attach.DefaultMaxInlineSize
	largeSize      = 5 << 20
)

// actions is collection whisks with its attachments, as a controller uses them.
type actions struct {
	*attach.Attacher
	e      *env
	whisks *collection
	beside *attachments
}

func (e *env) actions() *actions {
	e.Helper()
	e.need(e.Attachments != nil, "Harness.Attachments")
	c, beside := e.whisks(), e.attachments()
	return &actions{Attacher: attach.New(c.s, beside.s, nil), e: e, whisks: c, beside: beside}
}

// put stores upstream's Java action with that code and returns it as it was
// written and as it is stored. old is the version that it replaces, or nil.
func (a *actions) put(name string, code []byte, old *entities.Action) (written, stored *entities.Action) {
	a.e.Helper()
	written = new(entities.Action)
	if err := written.UnmarshalDocument(entity(action(a.e.ns, name, 1000))); err != nil {
		a.e.Fatalf("action %q: %v", name, err)
	}
	main := "hello"
	written.Exec = entities.Exec{Kind: "java:8", Main: &main, Code: &entities.Code{Inline: base64.StdEncoding.EncodeToString(code)}}
	var ref *entities.Attached
	if old != nil {
		written.Revision, ref = old.Revision, old.Exec.Code.Attached
	}
	a.whisks.ids = append(a.whisks.ids, written.DocID())
	a.beside.docs = append(a.beside.docs, written.DocID())
	stored, err := a.PutAction(a.e.ctx, written, ref, nil)
	if err != nil {
		a.e.Fatalf("PutAction %q: got %v, want nil", name, err)
	}
	return written, stored
}

// reference returns what the stored document says of its attachment.
func (a *actions) reference(id string) *entities.Attached {
	a.e.Helper()
	var action entities.Action
	if err := action.UnmarshalDocument(a.whisks.get(id)); err != nil {
		a.e.Fatalf("action %q: %v", id, err)
	}
	if action.Exec.Code == nil || action.Exec.Code.Attached == nil {
		a.e.Fatalf("action %q: got code in the document, want a reference", id)
	}
	return action.Exec.Code.Attached
}

func (a *actions) content(id string, ref *entities.Attached) ([]byte, error) {
	r, err := a.Read(a.e.ctx, id, ref)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(r)
	return b, errors.Join(err, r.Close())
}

func (a *actions) wantContent(id string, ref *entities.Attached, want []byte) {
	a.e.Helper()
	if got, err := a.content(id, ref); err != nil || string(got) != string(want) {
		a.e.Errorf("Read of %.12q: got %d bytes and %v, want the %d bytes that were put", ref.AttachmentName, len(got), err, len(want))
	}
}

// wantEntity holds that the action reads as it was written, code included.
func (a *actions) wantEntity(written, stored *entities.Action) {
	a.e.Helper()
	got, err := a.GetAction(a.e.ctx, written.DocID(), &store.GetOptions{Rev: stored.Revision.Rev})
	if err != nil {
		a.e.Fatalf("GetAction: got %v, want the action", err)
	}
	if got.Exec.Kind != written.Exec.Kind || *got.Exec.Main != *written.Exec.Main || got.Exec.Code.Inline != written.Exec.Code.Inline {
		a.e.Errorf("GetAction: got kind %q and %d characters of code, want %q and the %d that were put",
			got.Exec.Kind, len(got.Exec.Code.Inline), written.Exec.Kind, len(written.Exec.Code.Inline))
	}
}

func (a *actions) wantReference(ref *entities.Attached, scheme string, content []byte) {
	a.e.Helper()
	if !strings.HasPrefix(ref.AttachmentName, scheme+":") || ref.AttachmentType != octets ||
		ref.Length == nil || *ref.Length != int64(len(content)) || ref.Digest != digest(content) {
		a.e.Errorf("reference: got %.20q, %q, %v, %q, want scheme %q, %q, %d, %q",
			ref.AttachmentName, ref.AttachmentType, ref.Length, ref.Digest, scheme, octets, len(content), digest(content))
	}
}

var attachedCases = []suiteCase{
	{"ATT-01_unique_names", func(e *env) {
		a := e.actions()
		code := content(1, nonInlinedSize)
		_, first := a.put("attachment_unique", code, nil)
		one := a.reference(first.DocID())
		_, second := a.put("attachment_unique", code, first)
		two := a.reference(second.DocID())
		if one.AttachmentName == two.AttachmentName {
			e.Errorf("names of the same content twice: got %q and %q, want different ones", one.AttachmentName, two.AttachmentName)
		}
		for _, ref := range []*entities.Attached{one, two} {
			a.wantReference(ref, a.beside.s.Scheme(), code)
		}
	}},
	{"ATT-02_update_removes_the_old", func(e *env) {
		a := e.actions()
		_, first := a.put("attachment_update_2", content(1, nonInlinedSize), nil)
		code := content(2, nonInlinedSize)
		_, second := a.put("attachment_update_2", code, first)
		a.wantContent(second.DocID(), a.reference(second.DocID()), code)
		if !e.Features.LazyDelete {
			_, err := a.content(first.DocID(), first.Exec.Code.Attached)
			e.wantKind("Read of the replaced attachment", err, store.ErrNotFound)
		}
	}},
	{"ATT-03_old_inline_stays_readable", func(e *env) {
		a := e.actions()
		small, large := content(1, inlinedSize), content(2, nonInlinedSize)
		_, first := a.put("attachment_inline_2", small, nil)
		a.wantReference(a.reference(first.DocID()), attach.InlineScheme, small)
		_, second := a.put("attachment_inline_2", large, first)
		a.wantContent(second.DocID(), a.reference(second.DocID()), large)
		a.wantContent(first.DocID(), first.Exec.Code.Attached, small)
	}},
	{"ATT-04_large", func(e *env) {
		a := e.actions()
		code := content(1, largeSize)
		written, stored := a.put("attachment_large", code, nil)
		a.wantReference(a.reference(stored.DocID()), a.beside.s.Scheme(), code)
		a.wantEntity(written, stored)
	}},
	{"ATT-05_inline", func(e *env) {
		a := e.actions()
		code := content(1, inlinedSize-1)
		written, stored := a.put("attachment_inline", code, nil)
		a.wantReference(a.reference(stored.DocID()), attach.InlineScheme, code)
		a.wantEntity(written, stored)
	}},
	{"ATT-06_missing", func(e *env) {
		a := e.actions()
		_, err := a.content(e.ns+"/non-existing-doc", &entities.Attached{AttachmentName: a.beside.s.Scheme() + ":foo", AttachmentType: octets})
		e.wantKind("Read of an attachment of nothing", err, store.ErrNotFound)
	}},
	{"ATT-07_deleted_with_the_action", func(e *env) {
		a := e.actions()
		_, stored := a.put("attachment_delete", content(1, nonInlinedSize), nil)
		ref := a.reference(stored.DocID())
		if _, err := a.DeleteAction(e.ctx, stored.DocID(), stored.Revision.Rev, nil); err != nil {
			e.Fatalf("DeleteAction: got %v, want nil", err)
		}
		a.whisks.gone(stored.DocID())
		_, name, _ := strings.Cut(ref.AttachmentName, ":")
		a.beside.wantGone(stored.DocID(), name)
	}},
}
