package tworegions

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whiskstore/whiskstore/store/config"
)

func TestLoad(t *testing.T) {
	cfg, whole, err := Load("", []config.Setting{{Key: KeyDirectory, Value: "d", Source: "-dir"}}, nil)
	want := Config{Duration: 4 * time.Second, Nodes: 2, Delay: 40 * time.Millisecond, LagBudget: 500 * time.Millisecond, TombstoneTTL: time.Hour, Rate: 400, Seed: 1, Dir: "d", drainTimeout: drainTimeout}
	if err != nil || cfg != want {
		t.Errorf("built in: got %+v, %v, want %+v", cfg, err, want)
	}
	// What is printed is a configuration file.
	file := filepath.Join(t.TempDir(), "printed.yaml")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(whole.String(), "nodes: 2", "nodes: 3")), 0o600); err != nil {
		t.Fatal(err)
	}
	want.Nodes = 3
	if cfg, _, err := Load(file, nil, nil); err != nil || cfg != want {
		t.Errorf("printed: got %+v, %v, want %+v", cfg, err, want)
	}
	want.Nodes, want.Dir, want.Backend = 2, "", cosmosBackend
	if cfg, _, err := Load("", []config.Setting{{Key: KeyBackend, Value: "cosmosdb", Source: "-backend"}}, nil); err != nil || cfg != want {
		t.Errorf("on an account: got %+v, %v, want %+v", cfg, err, want)
	}
	for text, want := range map[string]string{
		"tworegions.nods: 3": "tworegions.nodes",
		"whisk.db.soft-delete-ttl: 1 h\nwhisk.db.cluster-id: x": "no use for this key",
		"tworegions.nodes: 3": KeyTombstoneTTL,
		"whisk.db.soft-delete-ttl: 1 h\nwhisk.spi.ArtifactStoreProvider: couchdb": "set it to memory",
		"whisk.db.soft-delete-ttl: 1 h\ntworegions.loss: 1":                       "loss 1",
		"whisk.db.soft-delete-ttl: 1 s":                                           "tombstone TTL",
		"whisk.db.soft-delete-ttl: 1 h\ntworegions.delay: 0":                      "more than 0",
		"whisk.db.soft-delete-ttl: 1 h\ntworegions.nodes: 65":                     "nodes 65",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := Load(file, nil, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want an error with %q", text, err, want)
		}
	}
}
