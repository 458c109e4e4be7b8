package tworegions

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"

	"github.com/whiskstore/whiskstore/integration"
	"github.com/whiskstore/whiskstore/store"
)

// template is one of upstream's documents, from which the nodes make their own.
type template struct {
	name       string // file name without ".json"
	collection string
	id         string
	body       []byte
}

// templateNamespace is the namespace that the templates live in.
const templateNamespace = "guest"

// loadTemplates reads all documents of the integration module.
func loadTemplates() ([]template, error) {
	var all []template
	err := fs.WalkDir(integration.Documents, "testdata", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := integration.Documents.ReadFile(path)
		if err != nil {
			return err
		}
		t := template{name: strings.TrimSuffix(d.Name(), ".json"), id: gjson.GetBytes(text, "_id").String()}
		if t.body, err = sjson.DeleteBytes(text, "_id"); err == nil {
			t.body, err = sjson.DeleteBytes(t.body, "_rev")
		}
		var compact bytes.Buffer // Cosmos DB does not keep white space
		if err == nil {
			err = json.Compact(&compact, t.body)
		}
		t.body = compact.Bytes()
		if err != nil || t.id == "" || !gjson.ValidBytes(t.body) {
			return fmt.Errorf("%s is not a document with an _id: %w", path, err)
		}
		switch gjson.GetBytes(text, "entityType").String() {
		case "activation":
			t.collection = store.Activations
		case "":
			t.collection = store.Subjects
		default:
			t.collection = store.Whisks
		}
		all = append(all, t)
		return nil
	})
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("no documents")
	}
	slices.SortFunc(all, func(a, b template) int { return strings.Compare(a.name, b.name) })
	return all, err
}

// instance makes the document that node namespace ns writes as its n-th.
func (t template) instance(ns string, n int, now time.Time) (store.Document, error) {
	suffix := "-" + strconv.Itoa(n)
	renamed := []byte(rename(string(t.body), ns))
	id := ns + strings.TrimPrefix(t.id, templateNamespace)
	set := func(path string, value any) (err error) {
		if gjson.GetBytes(renamed, path).Exists() {
			renamed, err = sjson.SetBytes(renamed, path, value)
		}
		return err
	}
	var err error
	switch t.collection {
	case store.Activations:
		aid := fmt.Sprintf("%016x%016x", now.UnixNano(), n)
		id = ns + "/" + aid
		err = set("activationId", aid)
		if err == nil {
			err = set("start", now.UnixMilli())
		}
		if err == nil && gjson.GetBytes(renamed, "end").Int() > 0 {
			err = set("end", now.UnixMilli()+gjson.GetBytes(renamed, "duration").Int())
		}
	case store.Whisks:
		id += suffix
		err = set("name", gjson.GetBytes(renamed, "name").String()+suffix)
	}
	if err == nil {
		err = set("updated", now.UnixMilli())
	}
	return store.Document{ID: id, Body: renamed}, err
}

// rename moves what text says about the template's namespace to ns.
func rename(text, ns string) string {
	return strings.NewReplacer(
		`"`+templateNamespace+`"`, `"`+ns+`"`,
		`"`+templateNamespace+`/`, `"`+ns+`/`,
		`"/`+templateNamespace+`/`, `"/`+ns+`/`,
	).Replace(text)
}

// touched returns doc with a new version and time of update, as a PUT with
// overwrite leaves it.
func touched(doc store.Document, generation int, now time.Time) (store.Document, error) {
	body, err := sjson.SetBytes(append([]byte(nil), doc.Body...), "version", fmt.Sprintf("0.0.%d", generation))
	if err == nil {
		body, err = sjson.SetBytes(body, "updated", now.UnixMilli())
	}
	doc.Body = json.RawMessage(body)
	return doc, err
}
