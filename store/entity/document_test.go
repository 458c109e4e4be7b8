package entity_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/entity"
)

func golden(t testing.TB, name string) store.Document {
	t.Helper()
	return split(t, files(t, "golden/"+name+".json")[name])
}

// without returns the document without its entityType.
func without(doc store.Document, entityType string) store.Document {
	doc.Body = []byte(strings.Replace(string(doc.Body), `,"entityType":"`+entityType+`"`, "", 1))
	return doc
}

func TestTypeCheck(t *testing.T) {
	corrupt := store.Document{ID: "guest/x", Body: []byte(`{"namespace":"guest","name":"x","entityType":"action","exec":7}`)}
	action, trigger, pkg := golden(t, "action-inline"), golden(t, "trigger"), golden(t, "package")
	bare := without(action, "action")
	for _, tc := range []struct {
		name string
		into store.DocumentUnmarshaler
		doc  store.Document
		want error
		text string
	}{
		{"CRUD-D1_wrong_type", &entity.Trigger{}, action, store.ErrTypeMismatch, `document type "action", want "trigger"`},
		{"CRUD-D1_undecodable", &entity.Action{}, corrupt, store.ErrUnreadable, "exec: is a number, want an object"},
		{"package_as_rule", &entity.Rule{}, pkg, store.ErrTypeMismatch, `document type "package", want "rule"`},
		{"activation_as_action", &entity.Action{}, golden(t, "activation"), store.ErrTypeMismatch, `document type "activation"`},
		{"corrupt_of_another_type", &entity.Package{}, corrupt, store.ErrTypeMismatch, `document type "action", want "package"`},
		{"untyped", &entity.Action{}, bare, nil, ""},
		{"untyped_of_another_type", &entity.Rule{}, bare, store.ErrTypeMismatch, `document type "action", want "rule"`},
		// Upstream accepts it too: an action has all that a trigger needs.
		{"untyped_that_fits", &entity.Trigger{}, bare, nil, ""},
		{"metadata", &entity.ActionMetaData{}, action, nil, ""},
		{"metadata_of_trigger", &entity.ActionMetaData{}, trigger, store.ErrTypeMismatch, `want "action"`},
		{"array", &entity.Action{}, store.Document{Body: []byte(`[]`)}, store.ErrUnreadable, "is an array, want an object"},
		{"empty", &entity.Action{}, store.Document{}, store.ErrUnreadable, "is empty, want an object"},
		{"cut_off", &entity.Auth{}, store.Document{Body: []byte(`{"subject":"gue`)}, store.ErrUnreadable, "malformed JSON"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := tc.into.UnmarshalDocument(tc.doc)
			if !errors.Is(err, tc.want) || tc.want != nil && !strings.Contains(err.Error(), tc.text) {
				t.Errorf("got %v, want %v: … %s", err, tc.want, tc.text)
			}
		})
	}
}

// Every reason names the place, and none shows the value.
func TestUnreadableSaysWhatAndWhere(t *testing.T) {
	for _, tc := range []struct{ from, old, new, want string }{
		{"action-inline", `"name":"hello"`, `"name":" secret"`, `name: name starts with ' '`},
		{"action-inline", `"namespace":"guest"`, `"namespace":"gu#est"`, `namespace: name holds '#' at byte 2`},
		{"action-inline", `"namespace":"guest",`, ``, `namespace: is missing`},
		{"action-inline", `"kind":"nodejs:20"`, `"kind":null`, `exec.kind: is null, want a string`},
		{"action-inline", `"kind":"nodejs:20"`, `"kind":" "`, `exec.kind: is blank`},
		{"action-inline", `"binary":false`, `"main":null`, `exec.main: is null, want a string`},
		{"action-attached", `"text/plain; charset=UTF-8"`, `"secret"`, `exec.code.attachmentType: not a media type`},
		{"action-attached", `"length":20480`, `"length":1e300`, `exec.code.length: is out of range`},
		{"action-attached", `"binary":false`, `"binary":"secret"`, `exec.binary: is a string, want a boolean`},
		{"action-blackbox", `"image":"example/render:1.4",`, ``, `exec.image: is missing`},
		{"action-sequence", `"components":["/guest/hello"`, `"components":["/hello"`, `exec.components[0]: has no namespace`},
		{"action-sequence", `"components":["/guest/hello"`, `"components":["/guest/hello",{"path":"guest"}`, `exec.components[1].name: is missing`},
		{"action-inline", `{"key":"token","value":"x","init":true}`, `{"key":"token","init":true}`, `parameters[1].value: is missing`},
		{"action-inline", `{"key":"token","value":"x","init":true}`, `{"key":"token","value":"x","init":"secret"}`, `parameters[1].init: is a string, want a boolean`},
		{"action-inline", `{"key":"token","value":"x","init":true}`, `{"key":"token","value":"x","encryption":null}`, `parameters[1].encryption: is null, want a string`},
		{"action-inline", `{"key":"token","value":"x","init":true}`, `"secret"`, `parameters[1]: is a string, want an object`},
		{"action-inline", `"timeout":60000,`, ``, `limits.timeout: is missing`},
		{"action-inline", `"memory":256`, `"memory":-1`, `limits.memory: is negative`},
		{"action-inline", `"concurrency":1`, `"concurrency":1.5`, `limits.concurrency: is not an integer`},
		{"action-inline", `"concurrency":1`, `"concurrency":3000000000`, `limits.concurrency: is out of range`},
		{"action-inline", `"version":"0.0.1"`, `"version":"0.0.0"`, `version: not a semantic version`},
		{"action-inline", `"updated":1700000000000`, `"updated":"secret"`, `updated: not an ISO 8601 instant`},
		{"action-inline", `"updated":1700000000000`, `"updated":true`, `updated: is a boolean, want a number or an ISO 8601 string`},
		{"package", `"binding":{},`, ``, `binding: is missing`},
		{"package", `"binding":{}`, `"binding":{"name":"x"}`, `binding.namespace: is missing`},
		{"package-binding", `"namespace":"whisk.system"`, `"namespace":"whisk.system/utils"`, `binding.namespace: name holds '/' at byte 12`},
		{"trigger", `"limits":{}`, `"limits":[]`, `limits: is an array, want an object`},
		{"trigger-rules", `"status":"active"`, `"status":"secret"`, `rules["guest/onTick"].status: is neither active nor inactive`},
		{"trigger-rules", `{"path":"guest","name":"hello"}`, `7`, `rules["guest/onTick"].action: is a number, want an object or a string`},
		{"trigger-rules", `"guest/onTick":`, `"onTick":`, `rules["onTick"]: has no namespace`},
		{"rule", `"trigger":{"path":"guest","name":"tick"}`, `"trigger":"a/b/#"`, `trigger: name starts with '#'`},
		{"activation", `"activationId":"0ab1`, `"activationId":"0AB1`, `activationId: activation id holds 'A' at byte 1`},
		{"activation-cause", `"cause":"0ab1`, `"cause":"secret`, `cause: activation id of 34 characters, want 32`},
		{"activation", `"statusCode":0,`, ``, `response.statusCode: is missing`},
		{"activation", `"logs":[`, `"logs":[7,`, `logs[0]: is a number, want a string`},
		{"activation", `"subject":"guest"`, `"subject":" abcd "`, `subject: subject of 4 characters, want at least 5`},
		{"subject", `"key":"`, `"key":"secret`, `namespaces[0].key: key of 70 characters, want 64`},
		{"subject", `"uuid":"23bc`, `"uuid2":"23bc`, `namespaces[0].uuid: is missing`},
		{"subject", `"namespaces":[`, `"spaces":[`, `namespaces: is missing`},
		{"limits", `"invocationsPerMinute":60`, `"invocationsPerMinute":"secret"`, `invocationsPerMinute: is a string, want a number`},
		{"limits", `"maxParameterSize":"1 MB"`, `"maxParameterSize":"1 secret"`, `maxParameterSize: not a size as "<n> MB"`},
		{"limits", `"allowedKinds":["nodejs:20"]`, `"allowedKinds":[null]`, `allowedKinds[0]: is null, want a string`},
	} {
		t.Run(tc.want, func(t *testing.T) {
			doc := golden(t, tc.from)
			changed := strings.Replace(string(doc.Body), tc.old, tc.new, 1)
			if changed == string(doc.Body) {
				t.Fatalf("%s does not hold %s", tc.from, tc.old)
			}
			doc.Body = []byte(changed)
			_, err := decode(doc)
			want := fmt.Sprintf("decode %q: unreadable: %s", doc.ID, tc.want)
			if err == nil || err.Error() != want || !errors.Is(err, store.ErrUnreadable) {
				t.Errorf("got  %v\nwant %s", err, want)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error shows a value: %v", err)
			}
		})
	}
}

func TestIncompleteValuesAreInvalid(t *testing.T) {
	ok := entity.FullyQualifiedEntityName{Path: "guest", Name: "x"}
	code := &entity.Code{Inline: "x"}
	for _, tc := range []struct {
		v    store.DocumentMarshaler
		want string
	}{
		{&entity.Action{Name: "a"}, "namespace: path is empty"},
		{&entity.Action{Namespace: "guest", Name: "a "}, "name: name ends with a space"},
		{&entity.Action{Namespace: "guest", Name: "a"}, "exec.kind: is missing"},
		{&entity.Action{Namespace: "guest", Name: "a", Exec: entity.Exec{Kind: "nodejs:20"}}, "exec.code: is missing"},
		{&entity.Action{Namespace: "guest", Name: "a", Exec: entity.Exec{Kind: "blackbox"}}, "exec.image: is missing"},
		{&entity.Action{Namespace: "guest", Name: "a", Exec: entity.Exec{Kind: "sequence", Components: []entity.FullyQualifiedEntityName{ok, {Name: "x"}}}},
			"exec.components[1].path: path is empty"},
		{&entity.Action{Namespace: "guest", Name: "a", Exec: entity.Exec{Kind: "nodejs:20", Code: &entity.Code{Attached: &entity.Attached{AttachmentName: "n"}}}},
			"exec.code.attachmentType: not a media type"},
		{&entity.Action{Namespace: "guest", Name: "a", Exec: entity.Exec{Kind: "k", Code: code}, Parameters: entity.Parameters{{Key: "k", Value: []byte("{")}}},
			"parameters[0].value: not JSON"},
		{&entity.Action{Namespace: "guest", Name: "a", Exec: entity.Exec{Kind: "k", Code: code}, Annotations: entity.Parameters{{Key: "k"}, {Key: "k"}}},
			"annotations[1].key: is repeated"},
		{&entity.Action{Namespace: "guest", Name: "a", Exec: entity.Exec{Kind: "k", Code: code}, Version: entity.SemVer{Major: -1}}, "version: part out of range"},
		{&entity.Package{Namespace: "guest", Name: "p", Binding: &entity.Binding{Namespace: "a"}}, "binding.name: name is empty"},
		{&entity.Package{Namespace: "guest", Name: "p", Binding: &entity.Binding{Name: "a"}}, "binding.namespace: path is empty"},
		{&entity.Trigger{Namespace: "guest", Name: "t", Rules: entity.Rules{{Rule: ok, Action: ok}}}, `rules["guest/x"].status: is neither active nor inactive`},
		{&entity.Trigger{Namespace: "guest", Name: "t", Rules: entity.Rules{{Rule: ok, Action: ok, Status: entity.Active}, {Rule: ok, Action: ok, Status: entity.Active}}},
			`rules["guest/x"]: is repeated`},
		{&entity.Rule{Namespace: "guest", Name: "r", Trigger: ok}, "action.path: path is empty"},
		{&entity.Activation{Namespace: "guest", Name: "a", Subject: "guest", ActivationID: "x"}, "activationId: activation id of 1 characters, want 32"},
		{&entity.Auth{Subject: "me"}, "subject: subject of 2 characters, want at least 5"},
		{&entity.Auth{Subject: "guest", Namespaces: []entity.AuthNamespace{{Name: "guest", Key: entity.NewSecret("hush")}}}, "namespaces[0].key: key of 4 characters, want 64"},
		{&entity.Auth{Subject: "guest", UUID: new("u")}, "uuid: and key belong together"},
		{&entity.NamespaceLimits{}, "_id: name is empty"},
		{&entity.NamespaceLimits{Namespace: "guest", Limits: entity.UserLimits{MaxPayloadSize: &entity.ByteSize{Size: -1}}}, "maxPayloadSize: not a size"},
	} {
		_, err := tc.v.MarshalDocument()
		if !errors.Is(err, store.ErrInvalid) || !strings.HasSuffix(err.Error(), ": "+tc.want) {
			t.Errorf("%T: got %v, want invalid argument: %s", tc.v, err, tc.want)
		}
	}
}

func TestDecodeFindsTheType(t *testing.T) {
	for _, name := range []string{"action-inline", "activation", "rule", "trigger-rules", "package", "package-binding"} {
		kind, _, _ := strings.Cut(name, "-")
		doc := golden(t, name)
		for _, doc := range []store.Document{doc, without(doc, kind)} {
			e, err := entity.Decode(doc)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if e.EntityType() != kind || e.DocID() != doc.ID {
				t.Errorf("%s: got %s %q, want %s %q", name, e.EntityType(), e.DocID(), kind, doc.ID)
			}
		}
	}
	// A trigger with a member binding fits both; the trigger is tried first.
	both := without(golden(t, "trigger"), "trigger")
	both.Body = []byte(strings.Replace(string(both.Body), `"limits":{}`, `"limits":{},"binding":{}`, 1))
	if e, err := entity.Decode(both); err != nil || e.EntityType() != entity.TypeTrigger {
		t.Errorf("trigger with a binding: got %v, %v, want a trigger", e, err)
	}
	for _, tc := range []struct{ body, want string }{
		{`{}`, "fits no entity type"},
		{`{"entityType":"widget"}`, `entityType: "widget" is not known`},
		{`{"entityType":"rule","namespace":"guest"}`, "name: is missing"},
		{`7`, "is a number, want an object"},
	} {
		e, err := entity.Decode(store.Document{ID: "x", Body: []byte(tc.body)})
		if e != nil || !errors.Is(err, store.ErrUnreadable) || !strings.HasSuffix(err.Error(), tc.want) {
			t.Errorf("%s: got %v, %v, want %s", tc.body, e, err, tc.want)
		}
	}
}

// A failed read leaves the value as it was.
func TestFailedReadChangesNothing(t *testing.T) {
	var a entity.Action
	if err := a.UnmarshalDocument(golden(t, "action-inline")); err != nil {
		t.Fatal(err)
	}
	if err := a.UnmarshalDocument(store.Document{ID: "x", Body: []byte(`{"namespace":"other"}`)}); err == nil {
		t.Fatal("got no error")
	}
	if a.Namespace != "guest" || a.Name != "hello" {
		t.Errorf("got %s/%s, want guest/hello", a.Namespace, a.Name)
	}
}
