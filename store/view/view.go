// Package view is OpenWhisk's views as pure functions.
package view

// View is one of the views that upstream queries.
type View uint8

// The views. The zero View is none of them.
const (
	Actions View = iota + 1
	Packages
	PackagesPublic
	Rules
	Triggers
	Activations
	ActivationsFilter
	Identities
	BlockedNamespaces
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
// name, which share theirs with the plain ones, are "activations-filter".
func (v View) String() string {
	if v > 0 && int(v) < len(viewNames) {
		return viewNames[v]
	}
	return "unknown view"
}
