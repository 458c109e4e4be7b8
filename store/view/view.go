package view

import "github.com/whiskstore/whiskstore/store"

// View is one of the views that upstream queries.
type View uint8

// The views. The zero View is none of them.
const (
	Actions           View = iota + 1 // actions, sequences among them
	Packages                          // packages and bindings
	PackagesPublic                    // published packages that are no bindings
	Rules                             // rules
	Triggers                          // triggers
	Activations                       // activations by namespace
	ActivationsFilter                 // activations by namespace and action
	Identities                        // subjects by namespace or credentials, with limits
	BlockedNamespaces                 // namespaces that may not invoke
)

var viewNames = [...]string{
	Actions:           "actions",
	Packages:          "packages",
	PackagesPublic:    "packages-public",
	Rules:             "rules",
	Triggers:          "triggers",
	Activations:       "activations",
	ActivationsFilter: "activations-filter",
	Identities:        "identities",
	BlockedNamespaces: "blockedNamespaces",
}

// String returns the view's name without its design document. Activations by
// action, which share theirs with the plain ones, are "activations-filter".
func (v View) String() string {
	if v > 0 && int(v) < len(viewNames) {
		return viewNames[v]
	}
	return "unknown view"
}

// isList reports whether v is a list view: rows in the order of a field, one per
// document and path.
func (v View) isList() bool { return v >= Actions && v <= ActivationsFilter }

// isActivations reports whether v is over activations.
func (v View) isActivations() bool { return v == Activations || v == ActivationsFilter }

// tables returns the view that a table names in a collection, zero when it names
// none (storage.md 6.1).
func tables(collection, table string) View {
	switch collection {
	case store.Whisks:
		switch table {
		case "whisks.v2.1.0/actions":
			return Actions
		case "whisks.v2.1.0/packages":
			return Packages
		case "whisks.v2.1.0/packages-public":
			return PackagesPublic
		case "whisks.v2.1.0/rules":
			return Rules
		case "whisks.v2.1.0/triggers":
			return Triggers
		}
	case store.Activations:
		switch table {
		case "whisks.v2.1.0/activations":
			return Activations
		case "whisks-filters.v2.1.1/activations":
			return ActivationsFilter
		}
	case store.Subjects:
		switch table {
		case "subjects/identities", "subjects.v2.0.0/identities":
			return Identities
		case "namespaceThrottlings/blockedNamespaces":
			return BlockedNamespaces
		}
	}
	return 0
}

// Entry is a place of a document in an ordered index. All entries of one View
// and Path, sorted by Order and then by document id, are the candidates of a
// Plan between its Min and Max in ascending order; a descending Plan walks them
// backwards.
type Entry struct {
	View View

	// Path is the first key element of list views and empty for
	// BlockedNamespaces. For Identities it encodes a name or credentials, so it
	// may hold a secret.
	Path string

	// Order is the order field's value, zero in subject views.
	Order float64
}
