package judge

import (
	"embed"
	"path"
	"strings"
)

//go:embed testdata/views
var viewFiles embed.FS

// View is one view of a design document: its map function as source text and
// its reduce function, one of CouchDB's own or empty.
type View struct {
	Map    string `json:"map"`
	Reduce string `json:"reduce,omitempty"`
}

// DesignDocument is a design document as CouchDB takes it.
type DesignDocument struct {
	ID       string          `json:"_id"`
	Language string          `json:"language"`
	Views    map[string]View `json:"views"`
}

// reduces are the views' reduce functions where it is not _count; identities has
// none, so that it cannot be counted on the server.
var reduces = map[string]string{"identities": "", "blockedNamespaces": "_sum"}

// DesignDocuments returns the design documents of a collection (whisks,
// activations or subjects) that queries name, in the order of their ids. The map
// functions are written from the description of upstream's. It panics when the
// collection is none of the three.
func DesignDocuments(collection string) []DesignDocument {
	var docs []DesignDocument
	root := path.Join("testdata/views", collection)
	ddocs, err := viewFiles.ReadDir(root)
	if err != nil {
		panic(err) // the collection does not exist
	}
	for _, ddoc := range ddocs {
		d := DesignDocument{ID: "_design/" + ddoc.Name(), Language: "javascript", Views: make(map[string]View)}
		files, err := viewFiles.ReadDir(path.Join(root, ddoc.Name()))
		if err != nil {
			panic(err) // embedded files cannot fail to be read
		}
		for _, f := range files {
			text, err := viewFiles.ReadFile(path.Join(root, ddoc.Name(), f.Name()))
			if err != nil {
				panic(err)
			}
			name := strings.TrimSuffix(f.Name(), ".js")
			reduce, special := reduces[name]
			if !special {
				reduce = "_count"
			}
			d.Views[name] = View{Map: strings.TrimSpace(string(text)), Reduce: reduce}
		}
		docs = append(docs, d)
	}
	return docs
}
