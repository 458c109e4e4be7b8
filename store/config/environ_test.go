package config

import (
	"errors"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/whiskstore/whiskstore/store"
)

func TestKeyOfVariable(t *testing.T) {
	for name, want := range map[string]string{
		"whisk_couchdb_databases_WhiskAuth":                     "whisk.couchdb.databases.WhiskAuth",
		"whisk_cosmosdb_collections_WhiskActivation_timeToLive": "whisk.cosmosdb.collections.WhiskActivation.time-to-live",
		"whisk_s3_cloudFrontConfig_keyPairId":                   "whisk.s3.cloud-front-config.key-pair-id",
		"whisk_spi_ArtifactStoreProvider":                       "whisk.spi.ArtifactStoreProvider",
		"whisk_db_maxInlineSize":                                "whisk.db.max-inline-size",
		"whisk_cosmosdb_softDeleteTTL":                          "whisk.cosmosdb.soft-delete-tTL",
		"whisk_cosmosdb_connectionPolicy_preferredLocations_0":  "whisk.cosmosdb.connection-policy.preferred-locations.0",
		"whisk_parameterStorage_aes128":                         "whisk.parameter-storage.aes128",
		"_whisk__db_":                                           "whisk.db",
		"":                                                      "",
		"whisk_s3_pekkoConnectors_listBucketApiVersion":         "whisk.s3.pekko-connectors.list-bucket-api-version",
		"pekko_http_hostConnectionPool_maxConnections":          "pekko.http.host-connection-pool.max-connections",
		"whisk_kafka_topics_cacheInvalidation_retentionMs":      "whisk.kafka.topics.cache-invalidation.retention-ms",
	} {
		if got := keyOfVariable(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

var camel = regexp.MustCompile(`([a-z0-9])([A-Z])`)

// FuzzKeyOfVariable compares the transformation with the substitution of a
// regular expression, which is how it is defined.
func FuzzKeyOfVariable(f *testing.F) {
	for _, s := range []string{"whisk_db_maxInlineSize", "softDeleteTTL", "A_bC_1D", "__", "éA_aÉ", "a1B2C"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		var parts []string
		for p := range strings.SplitSeq(name, "_") {
			if p != "" && (p[0] < 'A' || p[0] > 'Z') {
				p = camel.ReplaceAllStringFunc(p, func(s string) string { return s[:1] + "-" + strings.ToLower(s[1:]) })
			}
			if p != "" {
				parts = append(parts, p)
			}
		}
		if got, want := keyOfVariable(name), strings.Join(parts, "."); got != want {
			t.Fatalf("%q: got %q, want %q", name, got, want)
		}
	})
}

func TestEnvironment(t *testing.T) {
	file := []byte("whisk.db: {cluster-id: file, max-inline-size: 1 k}\nwhisk.cosmosdb.connection-policy.preferred-locations: [f]")
	for _, tc := range []struct {
		name    string
		environ []string
		want    func(c *Config) (got, want any)
	}{
		{"before_the_file", []string{"CONFIG_whisk_db_clusterId=env"}, func(c *Config) (any, any) { return c.DB.ClusterID, "env" }},
		{"empty_is_ignored", []string{"CONFIG_whisk_db_clusterId="}, func(c *Config) (any, any) { return c.DB.ClusterID, "file" }},
		{"dollar_is_replaced", []string{"CONFIG_whisk_db_clusterId=$REGION", "REGION=eu"}, func(c *Config) (any, any) { return c.DB.ClusterID, "eu" }},
		{"dollar_of_nothing_stays", []string{"CONFIG_whisk_db_clusterId=$REGION", "REGION="}, func(c *Config) (any, any) { return c.DB.ClusterID, "$REGION" }},
		{"dollar_once_only", []string{"CONFIG_whisk_db_clusterId=$A", "A=$B", "B=b"}, func(c *Config) (any, any) { return c.DB.ClusterID, "$B" }},
		{"right_spelling_goes_first", []string{"CONFIG_whisk_db_softDeleteTTL=2 h", "CONFIG_whisk_db_softDeleteTtl=1 h"},
			func(c *Config) (any, any) { return c.DB.SoftDeleteTTL.String(), "1 h" }},
		{"list_with_commas", []string{"CONFIG_whisk_cosmosdb_connectionPolicy_preferredLocations=a b, c"},
			func(c *Config) (any, any) {
				return c.CosmosDB.ConnectionPolicy.PreferredLocations, []string{"a b", "c"}
			}},
		{"list_by_elements", []string{"CONFIG_whisk_cosmosdb_connectionPolicy_preferredLocations_10=b", "CONFIG_whisk_cosmosdb_connectionPolicy_preferredLocations_9=a"},
			func(c *Config) (any, any) { return c.CosmosDB.ConnectionPolicy.PreferredLocations, []string{"a", "b"} }},
		{"others_are_ignored", []string{"CONFIG_whisk_memory_max=512 m", "CONFIG_logback_log_level=INFO", "MY_CONFIG_whisk_db_observ=x", "CONFIG_", "="},
			func(c *Config) (any, any) { return c.DB.ClusterID, "file" }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg, err := Load(&LoadOptions{Text: file, Environ: tc.environ})
			if err != nil {
				t.Fatal(err)
			}
			if got, want := tc.want(cfg); !reflect.DeepEqual(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

// FuzzLoad feeds Load files and variables: it answers with a configuration that
// prints, and is read again as the same, or with an error of ours.
func FuzzLoad(f *testing.F) {
	f.Add([]byte("whisk:\n  db:\n    cluster-id: eu\n"), "CONFIG_whisk_db_observe", "no")
	f.Add([]byte("whisk.cosmosdb.connection-policy.preferred-locations: [a, 'b c']\n"), "CONFIG_whisk_cosmosdb_softDeleteTTL", "1.5 h")
	f.Add([]byte("whisk: {? [a] : b}\n"), "CONFIG_whisk_s3_prefix", "# x: \"y\"\n")
	f.Add([]byte("&a [*a]"), "CONFIG_whisk_db_clusterId", "~")
	f.Add([]byte("\"\": {\"\": 1}"), "CONFIG_pekko", "")
	f.Fuzz(func(t *testing.T, text []byte, name, value string) {
		cfg, err := Load(&LoadOptions{Text: text, Environ: []string{name + "=" + value}})
		if err != nil {
			if !errors.Is(err, store.ErrInvalid) {
				t.Fatalf("got %v, want an invalid argument", err)
			}
			return
		}
		if cfg.sets(root+".s3") || cfg.sets(root+".couchdb") || cfg.sets(root+".cosmosdb") || cfg.sets(root+".parameter-storage") {
			return // may hold secrets, which are not read again
		}
		printed := cfg.String()
		again, err := Load(&LoadOptions{Text: []byte(printed)})
		if err != nil {
			t.Fatalf("%v in the printed configuration:\n%s", err, printed)
		}
		for path, s := range cfg.read.settings {
			if got := again.read.settings[path].value; !reflect.DeepEqual(got, s.value) {
				t.Fatalf("%s: got %q, want %q in the printed configuration:\n%s", path, got, s.value, printed)
			}
		}
	})
}
