//go:build noazidentity

package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/whiskstore/whiskstore/store"
)

// TestWithoutIdentities: a program that was built without azidentity says so.
func TestWithoutIdentities(t *testing.T) {
	cfg := load(t, "whisk.spi.ArtifactStoreProvider: cosmosdb",
		"whisk.cosmosdb: {endpoint: https://127.0.0.1:1/, credential: managed-identity, db: openwhisk}")
	_, err := Open(t.Context(), cfg, Deps{})
	if !errors.Is(err, store.ErrUnsupported) || !strings.Contains(err.Error(), "noazidentity") {
		t.Errorf("got %v, want ErrUnsupported that names the build tag", err)
	}
}
