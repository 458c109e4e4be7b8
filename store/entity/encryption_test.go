package entity_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/entity"
)

const (
	key128 = "AAECAwQFBgcICQoLDA0ODw=="
	key256 = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="
)

// counter yields 0, 1, 2, … as initialisation vectors do in the golden values,
// anew for each vector: those are read in one piece.
type counter struct{}

func (counter) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(i)
	}
	return len(p), nil
}

func encryption(t testing.TB, current string) *entity.ParameterEncryption {
	t.Helper()
	e, err := entity.NewParameterEncryption(entity.ParameterStorage{
		Current: current, AES128: entity.NewSecret(key128), AES256: entity.NewSecret(key256), Random: counter{}})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// The golden values were made by the JDK's AES/GCM/NoPadding, which upstream uses.
var lockedValues = []struct{ plain, aes128, aes256 string }{
	{`"s3cr3t"`, "AAAADAABAgMEBQYHCAkKC7EflK0UKIN2sHSI9c9SJHBpJ1gGP8rDjA==", iv256 + "1ut4EQB4vOaNQ0rxap+yanVSIf7OEUo2"},
	{`{"user":"bob","n":1.10}`, "AAAADAABAgMEBQYHCAkKC+hO0r0DadVuabAO6BSPUmaRHCvIYt2AfJBzhf1zBK1rmSJy3SLSNQ==", iv256 + "j7o+ARc56v59LMB99QRJZQAISjKMYhn8dM8o8sHR65nM1glbFesL"},
	{`null`, "AAAADAABAgMEBQYHCAkKC/0Zy6Lz7r21dvS5hQko3xtCN5+u", iv256 + "mu0nHuCUnosuHNrhwG21aNoUqBo="},
	{`"grüß dich"`, "AAAADAABAgMEBQYHCAkKC7EL1Q3a2Gh0L7sC4hQvLx6Yc1XB4R/bAb97sE0r", iv256 + "1v85sc6IV+Q7J8x39Ue6V2Qcr2AgQbE1pB+Ihew="},
}

// iv256 is the length and the vector of 128 bytes, whose base64 ends on a
// boundary.
const iv256 = "AAAAgAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj9A" +
	"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVpbXF1eX2BhYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ent8fX5/"

func TestLockedValuesAreUpstreams(t *testing.T) {
	for _, tc := range lockedValues {
		for alg, want := range map[string]string{entity.AES128: tc.aes128, "AES-256": tc.aes256} {
			e := encryption(t, alg)
			plain := entity.Parameters{{Key: "k", Value: []byte(tc.plain), Init: true}}
			locked, err := e.Lock(plain)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(locked[0].Value); got != `"`+want+`"` || !locked[0].Init || locked.Locked()["k"] != strings.ToLower(alg) {
				t.Errorf("%s of %s:\ngot  %s %+v\nwant %q", alg, tc.plain, got, locked.Locked(), want)
			}
			if string(plain[0].Value) != tc.plain || plain[0].Encryption != "" {
				t.Errorf("Lock changed its argument: %+v", plain)
			}
			// A key opens whatever the current algorithm is.
			back, err := encryption(t, "off").Unlock(locked)
			if err != nil {
				t.Fatal(err)
			}
			if string(back[0].Value) != tc.plain || back[0].Encryption != "" || !back[0].Init {
				t.Errorf("%s: got %+v, want %s", alg, back[0], tc.plain)
			}
		}
	}
}

func TestLockAndUnlockActions(t *testing.T) {
	var a entity.Action
	doc := golden(t, "action-locked")
	if err := a.UnmarshalDocument(doc); err != nil {
		t.Fatal(err)
	}
	plain, err := a.Unlocked(encryption(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"password": `"s3cr3t"`, "account": `{"user":"bob","n":1.10}`, "region": `"eu"`} {
		if got, _ := plain.Parameters.Get(key); string(got) != want {
			t.Errorf("%s: got %s, want %s", key, got, want)
		}
	}
	// What is locked stays byte for byte; what is not is locked now.
	locked, err := a.Locked(encryption(t, entity.AES256))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{entity.AES128, entity.AES256, entity.AES256} {
		if got := locked.Parameters[i].Encryption; got != want {
			t.Errorf("parameter %d: got %q, want %q", i, got, want)
		}
		if i < 2 && string(locked.Parameters[i].Value) != string(a.Parameters[i].Value) {
			t.Errorf("parameter %d was locked again", i)
		}
	}
	if got, want := string(encode(t, &a)), string(files(t, "golden/action-locked.json")["action-locked"]); got != want {
		t.Errorf("the original was changed:\ngot  %s\nwant %s", got, want)
	}
	var none *entity.ParameterEncryption
	same, err := a.Unlocked(none)
	if err != nil || same.Parameters[0].Encryption != entity.AES128 {
		t.Errorf("without encryption: got %+v, %v, want it locked", same.Parameters[0], err)
	}
}

func TestUnlockFailures(t *testing.T) {
	good := lockedValues[0].aes128
	for _, tc := range []struct{ name, value, want string }{
		{"tampered", `"` + good[:len(good)-8] + `AAAA` + good[len(good)-4:] + `"`, "cannot be decrypted with the configured key"},
		{"not_base64", `"~"`, "not base64"},
		{"short", `"AAAADAAB"`, "too short"},
		{"other_vector", `"` + lockedValues[0].aes256 + `"`, "initialisation vector of another length"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := &entity.Package{Namespace: "guest", Name: "p", Parameters: entity.Parameters{{Key: "a"}, {Key: "k", Value: []byte(tc.value), Encryption: entity.AES128}}}
			_, err := p.Unlocked(encryption(t, ""))
			want := `decode "guest/p": unreadable: parameters[1].value: aes-128: ` + tc.want
			if err == nil || err.Error() != want || !errors.Is(err, store.ErrUnreadable) {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
	// Without the key, or with a value that no algorithm made, it stays as it is.
	for _, x := range []entity.Parameter{
		{Key: "k", Value: []byte(`"x"`), Encryption: "aes-512"},
		{Key: "k", Value: []byte(`7`), Encryption: entity.AES128},
	} {
		got, err := encryption(t, "").Unlock(entity.Parameters{x})
		if err != nil || string(got[0].Value) != string(x.Value) || got[0].Encryption != x.Encryption {
			t.Errorf("%s: got %+v, %v, want it as it is", x.Encryption, got, err)
		}
	}
}

func TestParameterStorageIsChecked(t *testing.T) {
	k128, k256 := entity.NewSecret(key128), entity.NewSecret(key256)
	for _, tc := range []struct {
		cfg  entity.ParameterStorage
		want string
	}{
		{entity.ParameterStorage{}, ""},
		{entity.ParameterStorage{Current: "OFF"}, ""},
		{entity.ParameterStorage{Current: "noop", AES256: k256}, ""},
		{entity.ParameterStorage{Current: "AES-128", AES128: k128}, ""},
		{entity.ParameterStorage{Current: "aes-256", AES128: k128}, "parameter-storage.current is aes-256, but parameter-storage.aes-256 has no key"},
		{entity.ParameterStorage{Current: "rot13"}, `parameter-storage.current is "rot13", want aes-128, aes-256 or off`},
		{entity.ParameterStorage{AES128: k256}, "parameter-storage.aes-128: the key has 32 bytes, want 16"},
		{entity.ParameterStorage{AES256: entity.NewSecret("hush!")}, "parameter-storage.aes-256: the key is not padded base64"},
	} {
		_, err := entity.NewParameterEncryption(tc.cfg)
		switch {
		case tc.want == "" && err != nil:
			t.Errorf("%+v: %v", tc.cfg, err)
		case tc.want != "" && (err == nil || err.Error() != "entity: "+tc.want):
			t.Errorf("%+v: got %v, want %s", tc.cfg, err, tc.want)
		}
	}
}

func TestLockFailures(t *testing.T) {
	e, err := entity.NewParameterEncryption(entity.ParameterStorage{Current: entity.AES128, AES128: entity.NewSecret(key128), Random: strings.NewReader("")})
	if err != nil {
		t.Fatal(err)
	}
	p := &entity.Package{Namespace: "guest", Name: "p", Parameters: entity.Parameters{{Key: "k"}}}
	_, err = p.Locked(e)
	if err == nil || !strings.Contains(err.Error(), "parameters[0].value: no initialisation vector: "+io.EOF.Error()) {
		t.Errorf("no randomness: got %v", err)
	}
	p.Parameters[0].Value = []byte("{")
	if _, err := p.Locked(encryption(t, entity.AES128)); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("not JSON: got %v, want invalid", err)
	}
}

// Two locks of one value must not share a vector.
func TestVectorsAreRandomByDefault(t *testing.T) {
	e, err := entity.NewParameterEncryption(entity.ParameterStorage{Current: entity.AES256, AES256: entity.NewSecret(key256)})
	if err != nil {
		t.Fatal(err)
	}
	ps, err := e.Lock(entity.Parameters{{Key: "a", Value: []byte("1")}, {Key: "b", Value: []byte("1")}})
	if err != nil {
		t.Fatal(err)
	}
	if string(ps[0].Value) == string(ps[1].Value) {
		t.Error("got the same ciphertext twice")
	}
}
