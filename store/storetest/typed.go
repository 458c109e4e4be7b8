package storetest

import (
	"encoding/json"
	"fmt"

	"github.com/whiskstore/whiskstore/store"
)

// typedAction and typedTrigger read as little of a document as row CRUD-D1
// needs: its type, and one member that must be well-formed.
type (
	typedAction  struct{ name string }
	typedTrigger struct{ name string }
)

func (a *typedAction) UnmarshalDocument(doc store.Document) error {
	var b struct {
		EntityType, Name string
		Exec             struct{ Kind string }
	}
	if err := decodeTyped(doc, &b, "action", &b.EntityType); err != nil {
		return err
	}
	a.name = b.Name
	return nil
}

func (t *typedTrigger) UnmarshalDocument(doc store.Document) error {
	var b struct{ EntityType, Name string }
	if err := decodeTyped(doc, &b, "trigger", &b.EntityType); err != nil {
		return err
	}
	t.name = b.Name
	return nil
}

// decodeTyped decodes doc into v and holds entityType, which points into v,
// against want.
func decodeTyped(doc store.Document, v any, want string, entityType *string) error {
	if err := json.Unmarshal(doc.Body, v); err != nil {
		return &store.Error{Op: store.OpGet, ID: doc.ID, Kind: store.ErrUnreadable, Err: err}
	}
	if *entityType != want {
		return &store.Error{
			Op: store.OpGet, ID: doc.ID, Kind: store.ErrTypeMismatch, Err: fmt.Errorf("%q, not %q", *entityType, want),
		}
	}
	return nil
}
