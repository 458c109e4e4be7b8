package entity_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/entity"
)

// No way of rendering a value that holds a secret may show it.
func TestSecretsAreNotShown(t *testing.T) {
	const hush = "hush-hush"
	s := entity.NewSecret(hush)
	auth := entity.Auth{Subject: "guest", UUID: new("u"), Key: &s, Namespaces: []entity.AuthNamespace{{Name: "guest", UUID: "u", Key: s}}}
	hidden := struct {
		secret entity.Secret
		ptr    *entity.Secret
	}{s, &s}
	id := entity.Identity{AuthKey: entity.AuthKey{UUID: "u", Key: s}}
	cfg := entity.ParameterStorage{AES128: s}
	var out bytes.Buffer
	for _, v := range []any{s, &s, auth, &auth, hidden, &hidden, id, cfg, []entity.Secret{s}, map[string]entity.Secret{"k": s}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t"} {
			fmt.Fprintf(&out, verb+"\n", v)
			if got := fmt.Sprintf(verb, s); got != "[redacted]" {
				t.Errorf("%s: got %s, want [redacted]", verb, got)
			}
		}
		text, err := json.Marshal(v)
		fmt.Fprintf(&out, "%s %v\n", text, err)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v)
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v)
	}
	for _, spelling := range []string{hush, fmt.Sprintf("%x", hush), fmt.Sprintf("%X", hush), fmt.Sprint([]byte(hush))[1:20]} {
		if i := strings.Index(out.String(), spelling); i >= 0 {
			t.Errorf("shown: …%s", out.String()[max(0, i-80):i+len(spelling)])
		}
	}
	if !strings.Contains(out.String(), "[redacted]") {
		t.Error("nothing was redacted")
	}
	if s.Reveal() != hush {
		t.Errorf("Reveal: got %q, want %q", s.Reveal(), hush)
	}
}

// Documents show which they are in logs, and none of their content.
func TestLogValues(t *testing.T) {
	for name := range files(t, "golden/*.json") {
		v, err := decode(golden(t, name))
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "doc", v)
		var line struct {
			Doc map[string]string `json:"doc"`
		}
		if err := json.Unmarshal(out.Bytes(), &line); err != nil {
			t.Errorf("%s: %v in %s", name, err, out.String())
			continue
		}
		if len(line.Doc) != 3 || line.Doc["id"] != v.DocID() || line.Doc["type"] == "" || line.Doc["rev"] == "" {
			t.Errorf("%s: got %v, want type, id and rev", name, line.Doc)
		}
	}
}

func TestSecretEqual(t *testing.T) {
	a, b := entity.NewSecret("a"), entity.NewSecret("a")
	if !a.Equal(b) || a.Equal(entity.NewSecret("b")) || a.Equal(entity.NewSecret("aa")) || a.Equal(entity.Secret{}) {
		t.Error("Equal does not compare texts")
	}
	if !(entity.Secret{}).IsZero() || a.IsZero() || (entity.Secret{}).Reveal() != "" {
		t.Error("the zero secret is not empty")
	}
}

func TestRandomSecret(t *testing.T) {
	a, err := entity.RandomSecret(nil)
	if err != nil || len(a.Reveal()) != entity.SecretLength {
		t.Errorf("got %d characters, %v, want %d", len(a.Reveal()), err, entity.SecretLength)
	}
	if strings.Trim(a.Reveal(), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") != "" {
		t.Error("holds more than letters and digits")
	}
	b, err := entity.RandomSecret(nil)
	if err != nil || a.Equal(b) {
		t.Errorf("drawn twice: got the same, %v", err)
	}
	if _, err := entity.RandomSecret(strings.NewReader("x")); err == nil {
		t.Error("no randomness: got no error")
	}
	// Bytes from 248 up would favour the first letters.
	c, err := entity.RandomSecret(bytes.NewReader(append(bytes.Repeat([]byte{255}, 64), make([]byte, 64)...)))
	if err != nil || c.Reveal() != strings.Repeat("A", 64) {
		t.Errorf("got %q, %v, want 64 times A", c.Reveal(), err)
	}
}

func TestIdentityOf(t *testing.T) {
	key := strings.Repeat("k", entity.SecretLength)
	value := []byte(`{"_id":"team/limits","namespace":"team","uuid":"u-1","key":"` + key + `"}`)
	limits := golden(t, "limits")
	id, err := entity.IdentityOf(store.Row{ID: "guest", Value: value, Doc: &limits, Joined: true})
	if err != nil {
		t.Fatal(err)
	}
	if id.Subject != "guest" || id.Namespace != (entity.Namespace{Name: "team", UUID: "u-1"}) || id.AuthKey.UUID != "u-1" ||
		id.AuthKey.Key.Reveal() != key || id.Limits.InvocationsPerMinute == nil || *id.Limits.InvocationsPerMinute != 60 {
		t.Errorf("got %+v", id)
	}
	id, err = entity.IdentityOf(store.Row{ID: "guest", Value: value, Joined: true})
	if err != nil || id.Limits.InvocationsPerMinute != nil {
		t.Errorf("without limits: got %+v, %v, want defaults", id.Limits, err)
	}
	corrupt := store.Document{ID: "team/limits", Body: []byte(`{"firesPerMinute":"many"}`)}
	for _, tc := range []struct {
		row  store.Row
		want string
	}{
		{store.Row{ID: "guest", Value: value, Doc: &corrupt}, `decode "team/limits": unreadable: firesPerMinute: is a string, want a number`},
		{store.Row{ID: "me", Value: value}, `decode "me": unreadable: id: subject of 2 characters, want at least 5`},
		{store.Row{ID: "guest", Value: []byte(`{}`)}, `decode "guest": unreadable: value.namespace: is missing`},
		{store.Row{ID: "guest"}, `decode "guest": unreadable: value: is empty, want an object`},
	} {
		if _, err := entity.IdentityOf(tc.row); err == nil || err.Error() != tc.want {
			t.Errorf("got  %v\nwant %s", err, tc.want)
		}
	}
}
