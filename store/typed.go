package store

import "context"

// DocumentUnmarshaler is a type that reads itself from a document. It returns
// an error of kind ErrTypeMismatch when the document is of another entity type
// and ErrUnreadable when it is not well-formed (row CRUD-D1), and must not keep
// doc.Body.
type DocumentUnmarshaler interface {
	UnmarshalDocument(doc Document) error
}

// DocumentMarshaler is a type that writes itself as a document, with the
// revision it was read at.
type DocumentMarshaler interface {
	MarshalDocument() (Document, error)
}

// GetAs reads the document id as a T, which by its pointer reads itself from a
// document:
//
//	action, err := store.GetAs[entity.Action](ctx, whisks, "guest/hello", nil)
func GetAs[T any, P interface {
	*T
	DocumentUnmarshaler
}](ctx context.Context, s Getter, id string, opts *GetOptions) (T, error) {
	var v T
	doc, err := s.Get(ctx, id, opts)
	if err != nil {
		return v, err
	}
	if err := P(&v).UnmarshalDocument(doc); err != nil {
		var zero T
		return zero, err
	}
	return v, nil
}

// PutAs writes v: a creation when v was never read, else an update of the state
// that was read. The new version is returned, not written into v.
func PutAs(ctx context.Context, s Putter, v DocumentMarshaler, opts *PutOptions) (Version, error) {
	doc, err := v.MarshalDocument()
	if err != nil {
		return Version{}, err
	}
	return s.Put(ctx, doc, opts)
}
