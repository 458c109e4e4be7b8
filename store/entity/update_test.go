package entity_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/entity"
)

// Each update must change its own text and nothing else, whatever else the
// document holds.
func TestUpdatesKeepWhatTheyDoNotTouch(t *testing.T) {
	ref := entity.FullyQualifiedEntityName{Path: "guest", Name: "b"}
	secret := entity.NewSecret(strings.Repeat("n", entity.SecretLength))
	for _, tc := range []struct {
		name, from string
		change     func(v typed) typed
		old, new   string
	}{
		{"action_version", "unknown-action", func(v typed) typed {
			a := v.(*entity.Action)
			a.Version = a.Version.UpPatch()
			return a
		}, `"version":"0.0.1"`, `"version":"0.0.2"`},
		{"action_code", "unknown-action", func(v typed) typed {
			a := v.(*entity.Action)
			a.Exec.Code.Attached.Length = new(int64(7))
			return a
		}, `"attachmentType":"text/plain",`, `"attachmentType":"text/plain","length":7,`},
		{"action_code_inline", "unknown-action", func(v typed) typed {
			a := v.(*entity.Action)
			a.Exec.Code, a.Exec.Binary = &entity.Code{Inline: "x"}, true // derived, so that this says nothing
			return a
		}, `"code":{"x":[1,2.50],"attachmentName":"s3:abc","attachmentType":"text/plain","sha":"1"}`, `"code":"x"`},
		{"action_code_binary", "unknown-action", func(v typed) typed {
			a := v.(*entity.Action)
			a.Exec.Binary = true
			return a
		}, `"binary":false`, `"binary":true`},
		{"action_kind", "unknown-action", func(v typed) typed {
			a := v.(*entity.Action)
			a.Exec.Kind, a.Exec.Components = entity.KindSequence, []entity.FullyQualifiedEntityName{ref}
			return a
		}, `"kind":"nodejs:20","code":{"x":[1,2.50],"attachmentName":"s3:abc","attachmentType":"text/plain","sha":"1"},"binary":false`,
			`"kind":"sequence","components":["/guest/b"]`},
		{"action_limit", "unknown-action", func(v typed) typed {
			a := v.(*entity.Action)
			a.Limits.Memory, a.Limits.Logs = 512, new(1)
			return a
		}, `"memory":256`, `"memory":512,"logs":1`},
		{"action_parameter", "unknown-action", func(v typed) typed {
			a := v.(*entity.Action)
			a.Parameters[0].Value = []byte("2.50")
			return a
		}, `"value":1.50`, `"value":2.50`},
		{"action_parameter_added", "unknown-action", func(v typed) typed {
			a := v.(*entity.Action)
			a.Parameters = a.Parameters.With("n", []byte(`"v"`))
			return a
		}, `"since":null}]`, `"since":null},{"key":"n","value":"v"}]`},
		{"action_parameter_removed", "unknown-action", func(v typed) typed {
			a := v.(*entity.Action)
			a.Annotations = a.Annotations.Without("k")
			return a
		}, `[{"key":"k","value":null,"x":{}}]`, `[]`},
		{"binding", "unknown-package", func(v typed) typed {
			p := v.(*entity.Package)
			p.Binding.Name = "other"
			return p
		}, `"name":"pkg"`, `"name":"other"`},
		{"binding_dropped", "unknown-package", func(v typed) typed {
			p := v.(*entity.Package)
			p.Binding = nil
			return p
		}, `{"namespace":"other","name":"pkg","x":1E5}`, `{}`},
		{"rule_status", "unknown-trigger", func(v typed) typed {
			x := v.(*entity.Trigger)
			r, _ := x.Rules.Get("guest/r")
			r.Status = entity.Inactive
			x.Rules = x.Rules.With(r)
			return x
		}, `"status":"active"`, `"status":"inactive"`},
		{"rule_replaced", "unknown-trigger", func(v typed) typed {
			x := v.(*entity.Trigger)
			x.Rules = x.Rules.With(entity.ReducedRule{Rule: entity.FullyQualifiedEntityName{Path: "guest", Name: "r"}, Action: ref, Status: entity.Active})
			return x
		}, `{"path":"guest","name":"a","x":true}`, `{"path":"guest","name":"b"}`},
		{"rule_added", "unknown-trigger", func(v typed) typed {
			x := v.(*entity.Trigger)
			x.Rules = x.Rules.With(entity.ReducedRule{Rule: ref, Action: ref, Status: entity.Active})
			return x
		}, `"x":null}}`, `"x":null},"guest/b":{"action":{"path":"guest","name":"b"},"status":"active"}}`},
		{"rule_removed", "trigger-rules", func(v typed) typed {
			x := v.(*entity.Trigger)
			x.Rules = x.Rules.Without("guest/onTick").Without("guest/archive")
			return x
		}, `{"guest/onTick":{"action":{"path":"guest","name":"hello"},"status":"active"},"guest/archive":{"action":{"path":"guest/utils","name":"resize","version":"0.0.2"},"status":"inactive"}}`, `{}`},
		{"rules_new", "trigger", func(v typed) typed {
			x := v.(*entity.Trigger)
			x.Rules = x.Rules.With(entity.ReducedRule{Rule: ref, Action: ref, Status: entity.Active})
			return x
		}, `"annotations":[],`, `"annotations":[],"rules":{"guest/b":{"action":{"path":"guest","name":"b"},"status":"active"}},`},
		{"rule_action", "unknown-rule", func(v typed) typed {
			r := v.(*entity.Rule)
			r.Action = ref
			return r
		}, `{"name":"a","path":"guest/p","binding":"other/p","x":null}`, `{"path":"guest","name":"b"}`},
		{"activation_end", "unknown-activation", func(v typed) typed {
			a := v.(*entity.Activation)
			a.Response.StatusCode = entity.StatusWhiskError
			return a
		}, `"statusCode":0`, `"statusCode":3`},
		{"subject_blocked", "unknown-subject", func(v typed) typed {
			a := v.(*entity.Auth)
			a.Blocked = new(true)
			return a
		}, `"blocked":false`, `"blocked":true`},
		// Upstream unblocks here (storage.md 8.6, M1).
		{"subject_namespace_removed", "subject-blocked", func(v typed) typed {
			return v.(*entity.Auth).WithoutNamespace("mallory")
		}, `[{"name":"mallory","uuid":"9a3f2d60-4b8e-4c47-b0f4-2d4d4d1e6f10","key":"` + keyOf(t, "subject-blocked") + `"}]`, `[]`},
		{"subject_key_replaced", "unknown-subject", func(v typed) typed {
			a := v.(*entity.Auth)
			n := a.Namespaces[0]
			n.Key = secret
			return a.WithNamespace(n)
		}, keyOf(t, "unknown-subject"), secret.Reveal()},
		{"subject_namespace_replaced", "unknown-subject", func(v typed) typed {
			return v.(*entity.Auth).WithNamespace(entity.AuthNamespace{Name: "carol", UUID: "any uuid", Key: secret})
		}, keyOf(t, "unknown-subject"), secret.Reveal()},
		{"subject_namespace_added", "unknown-subject", func(v typed) typed {
			return v.(*entity.Auth).WithNamespace(entity.AuthNamespace{Name: "team", UUID: "u", Key: secret})
		}, `"quota":1.10}]`, `"quota":1.10},{"name":"team","uuid":"u","key":"` + secret.Reveal() + `"}]`},
		{"legacy_subject_blocked", "subject-legacy", func(v typed) typed {
			a := v.(*entity.Auth)
			a.Blocked = new(true)
			return a
		}, `"subject":"oldtimer",`, `"subject":"oldtimer","blocked":true,`},
		{"limits", "unknown-limits", func(v typed) typed {
			n := v.(*entity.NamespaceLimits)
			n.Limits.InvocationsPerMinute, n.Limits.StoreActivations = new(0), new(false)
			return n
		}, `"invocationsPerMinute":60`, `"invocationsPerMinute":0,"storeActivations":false`},
		{"limit_dropped", "unknown-limits", func(v typed) typed {
			n := v.(*entity.NamespaceLimits)
			n.Limits.InvocationsPerMinute = nil
			return n
		}, `"invocationsPerMinute":60,`, ``},
	} {
		t.Run(tc.name, func(t *testing.T) {
			text := string(files(t, "golden/"+tc.from+".json")[tc.from])
			want := strings.Replace(text, tc.old, tc.new, 1)
			if want == text {
				t.Fatalf("%s does not hold %s", tc.from, tc.old)
			}
			v, err := decode(split(t, []byte(text)))
			if err != nil {
				t.Fatal(err)
			}
			if got := encode(t, tc.change(v)); string(got) != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func keyOf(t *testing.T, name string) string {
	t.Helper()
	var a entity.Auth
	if err := a.UnmarshalDocument(golden(t, name)); err != nil {
		t.Fatal(err)
	}
	return a.Namespaces[0].Key.Reveal()
}

// Methods that return changed copies must leave the original alone.
func TestCopiesDoNotReachTheOriginal(t *testing.T) {
	for name, change := range map[string]func(v typed){
		"action-inline": func(v typed) {
			a := v.(*entity.Action)
			a.Parameters.With("greeting", []byte("1"))
			a.Parameters.Without("greeting")
			a.Parameters.Merge(entity.Parameters{{Key: "token"}, {Key: "new"}})
		},
		"trigger-rules": func(v typed) {
			x := v.(*entity.Trigger)
			r := x.Rules[0]
			r.Status = entity.Inactive
			x.Rules.With(r)
			x.Rules.Without("guest/onTick")
		},
		"subject": func(v typed) {
			a := v.(*entity.Auth)
			n := a.Namespaces[0]
			n.UUID = "other"
			a.WithNamespace(n)
			a.WithoutNamespace("guest")
		},
	} {
		v, err := decode(golden(t, name))
		if err != nil {
			t.Fatal(err)
		}
		change(v)
		if got, want := string(encode(t, v)), string(files(t, "golden/"+name+".json")[name]); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, want)
		}
	}
}

func TestBinaryIsDerivedOfInlineCode(t *testing.T) {
	for name, want := range map[string]bool{"action-inline": false, "action-binary": true, "action-java": true, "action-mem": false} {
		var a entity.Action
		if err := a.UnmarshalDocument(golden(t, name)); err != nil {
			t.Fatal(err)
		}
		if a.Exec.Binary != want {
			t.Errorf("%s: got %v, want %v", name, a.Exec.Binary, want)
		}
	}
}

// A repeated name counts once, its last value in its first place, however many
// members there are.
func TestRepeatedMembersOfLargeObjects(t *testing.T) {
	var given, want strings.Builder
	for i := range 40 {
		fmt.Fprintf(&given, `"m%d":%d,`, i, i)
		fmt.Fprintf(&want, `"m%d":%d,`, i, i+i/20*100)
	}
	for i := 20; i < 40; i++ {
		fmt.Fprintf(&given, `"m%d":%d,`, i, i+100)
	}
	doc := store.Document{ID: "guest/limits", Body: []byte("{" + given.String() + `"firesPerMinute":1}`)}
	var n entity.NamespaceLimits
	if err := n.UnmarshalDocument(doc); err != nil {
		t.Fatal(err)
	}
	doc, err := n.MarshalDocument()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(doc.Body), "{"+want.String()+`"firesPerMinute":1}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestMetaData(t *testing.T) {
	for _, tc := range []struct {
		name   string
		binary bool
		main   string
	}{
		{"action-inline", false, ""}, {"action-binary", true, ""}, {"action-java", true, "org.example.Resize"},
		{"action-blackbox-attached", true, ""}, {"action-sequence", false, ""},
	} {
		var a entity.ActionMetaData
		if err := a.UnmarshalDocument(golden(t, tc.name)); err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		main := ""
		if a.Exec.Main != nil {
			main = *a.Exec.Main
		}
		if a.Exec.Code != nil || a.Exec.Binary != tc.binary || main != tc.main {
			t.Errorf("%s: got code %v, binary %v, main %q, want none, %v, %q", tc.name, a.Exec.Code, a.Exec.Binary, main, tc.binary, tc.main)
		}
		if got, want := a.FullyQualifiedName().String(), a.DocID()+"@0.0.1"; got != want {
			t.Errorf("%s: name: got %s, want %s", tc.name, got, want)
		}
	}
	doc := golden(t, "action-inline")
	doc.Body = []byte(strings.Replace(string(doc.Body), `,"binary":false`, ``, 1))
	if err := new(entity.ActionMetaData).UnmarshalDocument(doc); err == nil || !strings.HasSuffix(err.Error(), "exec.binary: is missing") {
		t.Errorf("without binary: got %v, want exec.binary: is missing", err)
	}
}
