package entity

import (
	"reflect"
	"strings"
	"testing"

	"github.com/whiskstore/whiskstore/store"
)

// TestClone: a clone equals its original and shares with it nothing that a caller
// could modify. What lies in unexported members is never modified.
func TestClone(t *testing.T) {
	body := `{"namespace":"guest","name":"hello","exec":{"kind":"nodejs:20","code":{"attachmentName":"s3:a","attachmentType":"text/plain","length":5,"digest":"sha256-00","more":[1]},"binary":false,"main":"run"},` +
		`"parameters":[{"key":"a","value":{"b":[1,2]}}],"limits":{"timeout":60000,"memory":256,"logs":10,"concurrency":2,"instances":3},"version":"0.0.1","publish":false,` +
		`"annotations":[{"key":"x","value":"y"}],"updated":1700000000000,"entityType":"action","unknown":{"z":1}}`
	sequence := `{"namespace":"guest","name":"both","exec":{"kind":"sequence","components":["/guest/a","/guest/b"]},"parameters":[],"limits":{"timeout":60000,"memory":256},` +
		`"version":"0.0.1","publish":false,"annotations":[],"updated":1700000000000,"entityType":"action"}`
	for id, body := range map[string]string{"guest/hello": body, "guest/both": sequence} {
		a := new(Action)
		if err := a.UnmarshalDocument(store.Document{ID: id, Body: []byte(body)}); err != nil {
			t.Fatal(err)
		}
		b := a.Clone()
		if !reflect.DeepEqual(a, b) {
			t.Errorf("got %+v, want %+v", b, a)
		}
		if seen := unshared(t, reflect.ValueOf(*a), reflect.ValueOf(*b), "action"); seen == 0 {
			t.Error("nothing was compared")
		}
	}
}

// TestCloneIdentity: the same of an identity with every limit that there is.
func TestCloneIdentity(t *testing.T) {
	row := store.Row{ID: "someone", Value: []byte(`{"namespace":"guest","uuid":"u","key":"` + strings.Repeat("k", SecretLength) + `"}`), Joined: true,
		Doc: &store.Document{ID: "guest/limits", Body: []byte(`{"invocationsPerMinute":1,"concurrentInvocations":1,"firesPerMinute":1,"allowedKinds":["nodejs:20"],` +
			`"storeActivations":true,"minActionMemory":128,"maxActionMemory":256,"minActionLogs":1,"maxActionLogs":2,"minActionTimeout":100,"maxActionTimeout":200,` +
			`"minActionConcurrency":1,"maxActionConcurrency":2,"maxParameterSize":"1 MB","maxPayloadSize":"1 MB","truncationSize":"1 MB",` +
			`"warmedContainerKeepingCount":1,"warmedContainerKeepingTimeout":"24 hours","maxActionInstances":1,"unknown":{"z":1}}`)}}
	a, err := IdentityOf(row)
	if err != nil {
		t.Fatal(err)
	}
	limits := reflect.ValueOf(a.Limits)
	for i := range limits.NumField() {
		if f := limits.Type().Field(i); f.IsExported() && limits.Field(i).IsNil() {
			t.Errorf("%s is not part of this test", f.Name)
		}
	}
	b := a.Clone()
	if !reflect.DeepEqual(a, b) {
		t.Errorf("got %+v, want %+v", b, a)
	}
	unshared(t, reflect.ValueOf(a), reflect.ValueOf(b), "identity")
}

// unshared compares the pointers and slices of two equal values, and counts them.
func unshared(t *testing.T, a, b reflect.Value, path string) (seen int) {
	switch a.Kind() {
	case reflect.Pointer, reflect.Slice:
		if a.IsNil() || a.Kind() == reflect.Slice && a.Len() == 0 {
			return 0
		}
		if a.Pointer() == b.Pointer() {
			t.Errorf("%s is shared", path)
		}
		seen++
		if a.Kind() == reflect.Pointer {
			return seen + unshared(t, a.Elem(), b.Elem(), path)
		}
		for i := range a.Len() {
			seen += unshared(t, a.Index(i), b.Index(i), path)
		}
	case reflect.Struct:
		for i := range a.NumField() {
			if f := a.Type().Field(i); f.IsExported() {
				seen += unshared(t, a.Field(i), b.Field(i), path+"."+f.Name)
			}
		}
	}
	return seen
}
