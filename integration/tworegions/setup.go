package tworegions

import (
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/whiskstore/whiskstore/store/config"
)

//go:embed setup.yaml
var defaultSetup []byte

// setup is the block of the demonstration in a configuration file.
type setup struct {
	Duration config.Duration `config:"duration" default:"4 s"`
	Nodes    int             `config:"nodes" default:"2" min:"1"`
	Delay    config.Duration `config:"delay" default:"40 ms"`
	Loss     float64         `config:"loss" default:"0"`
	Budget   config.Duration `config:"lag-budget" default:"0"`
	Rate     int             `config:"rate" default:"400" min:"1"`
	Seed     uint64          `config:"seed" default:"1"`
}

// The keys of the stores' own configuration that Load understands.
const (
	KeyBackend      = "whisk.spi.ArtifactStoreProvider"
	KeyDirectory    = "whisk.memory-store.directory"
	KeyTombstoneTTL = "whisk.db.soft-delete-ttl"
)

// Load returns the run that a configuration file describes, and the whole
// configuration in effect for printing. An empty name is the set-up that is
// built in. Settings go before the file. The file has the stores' own keys that
// are named above and a block tworegions.
func Load(file string, settings []config.Setting, log *slog.Logger) (Config, *config.Config, error) {
	var s setup
	opts := &config.LoadOptions{File: file, Set: settings, Blocks: []config.Block{{Name: "tworegions", Into: &s}}, Logger: log}
	if file == "" {
		opts.File, opts.Text = "built in", defaultSetup
	}
	cfg, err := config.Load(opts)
	if err != nil {
		return Config{}, nil, err
	}
	var errs []error
	for _, key := range cfg.Changed() {
		if strings.HasPrefix(key, "whisk.") && !slices.Contains([]string{KeyBackend, KeyDirectory, KeyTombstoneTTL}, key) {
			errs = append(errs, fmt.Errorf("%s: two regions have no use for this key; remove it", key))
		}
	}
	var backend string
	switch db, err := cfg.Database(); {
	case err != nil:
		errs = append(errs, err)
	case db == cosmosBackend:
		backend = cosmosBackend
	case db != "memory":
		errs = append(errs, fmt.Errorf("%s: two regions run on embedded stores or a fake account; set it to memory or %s", KeyBackend, cosmosBackend))
	}
	for key, zero := range map[string]bool{
		KeyTombstoneTTL: cfg.DB.SoftDeleteTTL == 0, "tworegions.duration": s.Duration == 0, "tworegions.delay": s.Delay == 0, "tworegions.seed": s.Seed == 0,
	} {
		if zero {
			errs = append(errs, fmt.Errorf("%s: has to be set and more than 0", key))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return Config{}, cfg, err
	}
	run, err := Config{
		Duration:     time.Duration(s.Duration),
		Nodes:        s.Nodes,
		Delay:        time.Duration(s.Delay),
		Loss:         s.Loss,
		LagBudget:    time.Duration(s.Budget),
		TombstoneTTL: time.Duration(cfg.DB.SoftDeleteTTL),
		Rate:         s.Rate,
		Seed:         s.Seed,
		Backend:      backend,
		Dir:          cfg.MemoryStore.Directory,
	}.withDefaults()
	return run, cfg, err
}
