package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// TestSecretsAreNotShown prints a configuration in every way that a program
// might.
func TestSecretsAreNotShown(t *testing.T) {
	cfg, err := Load(&LoadOptions{File: "testdata/cosmos.yaml", Environ: []string{"CONFIG_whisk_couchdb_password=letmein"}})
	if err != nil {
		t.Fatal(err)
	}
	var log, printed strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "pointer", cfg, "value", *cfg, "block", cfg.CosmosDB)
	if err := cfg.Print(&printed); err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for how, text := range map[string]string{
		"%v": fmt.Sprint(cfg), "%+v of the value": fmt.Sprintf("%+v", *cfg), "%#v": fmt.Sprintf("%#v", *cfg), "%+v of a block": fmt.Sprintf("%+v", cfg.CosmosDB),
		"%#v of the settings": fmt.Sprintf("%#v", cfg.read.settings), "%q": fmt.Sprintf("%q", *cfg),
		"slog": log.String(), "Print": printed.String(), "JSON": string(asJSON),
	} {
		for _, secret := range []string{"c2VjcmV0", "b3RoZXIgc2VjcmV0", "letmein", "MIIB"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s shows %q:\n%s", how, secret, text)
			}
		}
		if len(text) == 0 {
			t.Errorf("%s shows nothing", how)
		}
	}
}

func TestUnreadableFiles(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"whisk: [", "test.yaml"},
		{"- whisk", "no mapping"},
		{"whisk: {}\n---\nwhisk: {}\n", "more than one document"},
		{"whisk: &a {db: {}}\n", "anchors"},
		{"whisk: {db: {<<: {observe: true}}}\n", "unknown"},
		{strings.Repeat("#", maxFile+1), "longer"},
		{"whisk: 5", "is a block"},
		{"'': 5", "no plain text"},
	} {
		_, err := Load(&LoadOptions{File: "test.yaml", Text: []byte(tc.text)})
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%.40q: got %v, want an error with %q", tc.text, err, tc.want)
		}
	}
	if _, err := Load(&LoadOptions{File: "testdata/none.yaml"}); err == nil || !strings.Contains(err.Error(), "none.yaml") {
		t.Errorf("got %v, want an error that names the file", err)
	}
}
