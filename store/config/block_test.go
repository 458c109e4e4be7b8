package config

import (
	"slices"
	"strings"
	"testing"
)

func TestOwnBlocksAndSettings(t *testing.T) {
	type region struct {
		Name string `config:"name" doc:"x"`
	}
	var own struct {
		Duration Duration `config:"duration" default:"5 s" doc:"x"`
		Seed     uint64   `config:"seed" default:"1" doc:"x"`
		Loss     float64  `config:"loss" default:"0" doc:"x"`
		Region   region   `config:"region"`
	}
	opts := &LoadOptions{
		Text:    []byte("demo: {loss: 0.25, region.name: eu}\nwhisk.db.observe: on\nwhisk.db.cluster-id: a"),
		Blocks:  []Block{{"demo", &own}},
		Set:     []Setting{{"demo.seed", "18446744073709551615", "-seed"}, {"whisk.db.cluster-id", "b", "-cluster"}, {"demo.duration", "", "-duration"}},
		Environ: []string{"CONFIG_whisk_db_clusterId=c", "CONFIG_demo_duration=1 m"},
	}
	cfg, err := Load(opts)
	if err != nil {
		t.Fatal(err)
	}
	if own.Duration.String() != "1 m" || own.Seed != 1<<64-1 || own.Loss != 0.25 || own.Region.Name != "eu" || cfg.DB.ClusterID != "b" {
		t.Errorf("got %+v and %q", own, cfg.DB.ClusterID)
	}
	if want := []string{"demo.duration", "demo.loss", "demo.region.name", "demo.seed", "whisk.db.cluster-id"}; !slices.Equal(cfg.Changed(), want) {
		t.Errorf("got %q, want %q", cfg.Changed(), want)
	}
	for _, want := range []string{"seed: 18446744073709551615 # -seed", "duration: 1 m # CONFIG_demo_duration", "cluster-id: b # -cluster"} {
		if !strings.Contains(cfg.String(), want) {
			t.Errorf("got\n%v\nwant %s", cfg, want)
		}
	}
	for _, bad := range []struct {
		opts LoadOptions
		want string
	}{
		{LoadOptions{Text: []byte("demo.los: 1"), Blocks: opts.Blocks}, "demo.loss"},
		{LoadOptions{Text: []byte("demo.seed: -1"), Blocks: opts.Blocks}, "no whole number"},
		{LoadOptions{Text: []byte("demo.loss: much"), Blocks: opts.Blocks}, "no number"},
		{LoadOptions{Environ: []string{"CONFIG_demo_sed=1"}, Blocks: opts.Blocks}, "demo.seed"},
		{LoadOptions{Set: []Setting{{"whisk.db.clusterid", "x", "-c"}}}, "-c: unknown key; the nearest is whisk.db.cluster-id"},
		{LoadOptions{Text: []byte("demo.loss: 1")}, "unknown"},
	} {
		if _, err := Load(&bad.opts); err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("got %v, want an error with %q", err, bad.want)
		}
	}
}
