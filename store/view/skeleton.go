package view

import (
	"context"
	"encoding/json"
	"iter"

	"github.com/whiskstore/whiskstore/store"
)

// Plan is a query resolved against its table.
type Plan struct {
	View        View
	Path        string
	Name        string
	UUID, Key   string
	Min, Max    float64
	Descending  bool
	Skip, Limit int
	IncludeDocs bool
}

// Entry is a place of a document in an ordered index.
type Entry struct {
	View  View
	Path  string
	Order float64
}

// Join reads the document that a row is joined with.
type Join func(ctx context.Context, id string) (store.Document, error)

func NewPlan(collection string, q *store.Query) (*Plan, error) {
	return nil, store.ErrUnsupported
}

func Entries(collection string, id string, body []byte) ([]Entry, error) {
	return nil, store.ErrUnsupported
}

func Computed(collection string, body []byte) (json.RawMessage, error) {
	return nil, store.ErrUnsupported
}

func (p *Plan) Range() (v View, path string, min, max float64) { return p.View, p.Path, p.Min, p.Max }

func (p *Plan) Match(id string, body []byte) bool { return false }

func (p *Plan) Fields() []string { return nil }

func (p *Plan) Rows(ctx context.Context, doc store.Document, join Join) ([]store.Row, error) {
	return nil, store.ErrUnsupported
}

func (p *Plan) Run(ctx context.Context, docs iter.Seq2[store.Document, error], join Join, onUnreadable func(error)) iter.Seq2[store.Row, error] {
	return func(yield func(store.Row, error) bool) { yield(store.Row{}, store.ErrUnsupported) }
}
