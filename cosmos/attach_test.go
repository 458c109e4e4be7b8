package cosmos

import (
	"strings"
	"testing"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/attach"
	"github.com/whiskstore/whiskstore/store/entity"
	"github.com/whiskstore/whiskstore/store/memory"
)

// TestAttachments shows what package attach refuses beside a collection of this
// backend, which keeps no attachments itself.
func TestAttachments(t *testing.T) {
	s, _ := openWhisks(t, cosmostest.Options{})
	t.Run("ATT-D4_schemes", func(t *testing.T) {
		a := attach.New(s, memory.NewAttachments(memory.AttachmentOptions{Collection: store.Whisks}), nil)
		for _, name := range []string{"jarfile", "cosmos:0b5f", "ftp:0b5f"} {
			r, err := a.Read(t.Context(), "guest/a", &entity.Attached{AttachmentName: name, AttachmentType: "text/plain"})
			if err == nil {
				r.Close()
			}
			wantKind(t, "read of attachment "+name, err, store.ErrInvalid)
		}
	})
	t.Run("ATT-D5_no_attachment_store", func(t *testing.T) {
		a := attach.New(s, nil, nil)
		_, _, err := a.Put(t.Context(), "guest/a", "text/plain", strings.NewReader(strings.Repeat("x", attach.DefaultMaxInlineSize)), nil,
			func(entity.Attached) (store.Document, error) {
				return store.Document{ID: "guest/a", Body: []byte(`{}`)}, nil
			}, nil)
		wantKind(t, "put and attach", err, store.ErrInvalid)
		_, err = s.Get(t.Context(), "guest/a", nil)
		wantKind(t, "get after it", err, store.ErrNotFound)
	})
}
