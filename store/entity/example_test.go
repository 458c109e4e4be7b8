package entity_test

import (
	"fmt"
	"log"

	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/entity"
)

// A document is read, changed and written; what the type does not know stays.
func Example() {
	read := store.Document{
		ID:      "guest/utils",
		Version: store.Version{Rev: "3-77aa"},
		Body: []byte(`{"namespace":"guest","name":"utils","binding":{},"parameters":[{"key":"ratio","value":0.10}],` +
			`"version":"0.0.1","publish":false,"annotations":[],"updated":1700000000000,"entityType":"package","colour":"red"}`),
	}
	var p entity.Package
	if err := p.UnmarshalDocument(read); err != nil {
		log.Fatal(err)
	}
	p.Version = p.Version.UpPatch()
	p.Publish = true
	written, err := p.MarshalDocument()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(written.ID, written.Version.Rev)
	fmt.Println(string(written.Body))

	var t entity.Trigger
	fmt.Println(t.UnmarshalDocument(read))

	// Output:
	// guest/utils 3-77aa
	// {"namespace":"guest","name":"utils","binding":{},"parameters":[{"key":"ratio","value":0.10}],"version":"0.0.2","publish":true,"annotations":[],"updated":1700000000000,"entityType":"package","colour":"red"}
	// decode "guest/utils": type mismatch: document type "package", want "trigger"
}

// Parameters are locked before they are stored and unlocked where they are used.
func ExampleParameterEncryption() {
	enc, err := entity.NewParameterEncryption(entity.ParameterStorage{
		Current: entity.AES128,
		AES128:  entity.NewSecret("AAECAwQFBgcICQoLDA0ODw=="),
	})
	if err != nil {
		log.Fatal(err)
	}
	p := &entity.Package{Namespace: "guest", Name: "db", Parameters: entity.Parameters{{Key: "password", Value: []byte(`"hunter2"`)}}}
	locked, err := p.Locked(enc)
	if err != nil {
		log.Fatal(err)
	}
	plain, err := locked.Unlocked(enc)
	if err != nil {
		log.Fatal(err)
	}
	value, _ := plain.Parameters.Get("password")
	fmt.Println(locked.Parameters.Locked(), string(value))
	// Output: map[password:aes-128] "hunter2"
}
