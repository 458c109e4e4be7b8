package entity

import (
	"reflect"
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
