package cosmos_test

import (
	"crypto/rand"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"

	"github.com/whiskstore/whiskstore/cosmos"
	"github.com/whiskstore/whiskstore/store"
	"github.com/whiskstore/whiskstore/store/storetest"
)

// server is an account to test against.
type server struct {
	cfg       cosmos.Config
	transport http.RoundTripper // nil is the network as it is
	features  storetest.Features
	advance   func(time.Duration)
}

// ownDatabase gives the server's configuration a database that lives as long as
// the test.
func (s *server) ownDatabase(t *testing.T) {
	t.Helper()
	cred, err := azcosmos.NewKeyCredential(s.cfg.Key)
	if err != nil {
		t.Fatalf("account key: %v", err)
	}
	o := &azcosmos.ClientOptions{}
	if s.transport != nil {
		o.Transport = &http.Client{Transport: s.transport}
	}
	client, err := azcosmos.NewClientWithKey(s.cfg.Endpoint, cred, o)
	if err != nil {
		t.Fatal(err)
	}
	s.cfg.DB = "whiskstore-test-" + strings.ToLower(rand.Text()[:8])
	t.Cleanup(func() {
		defer client.Close()
		db, err := client.NewDatabase(s.cfg.DB)
		if err == nil {
			_, err = db.Delete(t.Context(), nil)
		}
		if err != nil && !strings.Contains(err.Error(), "404") {
			t.Logf("database %s was not deleted: %v", s.cfg.DB, err)
		}
	})
}

func (s *server) harness(t testing.TB) *storetest.Harness {
	accounts := &cosmos.Accounts{}
	return &storetest.Harness{
		Features: s.features,
		Advance:  s.advance,
		Store: func(collection string) store.ArtifactStore {
			c, err := cosmos.Open(t.Context(), s.cfg, collection, cosmos.Deps{Accounts: accounts, Transport: s.transport})
			if err != nil {
				t.Fatal(err)
			}
			return store.Check(&store.CheckOptions{Collection: collection, MaxBody: cosmos.MaxBody, ID: store.CheckCosmosID})(c)
		},
	}
}

func config(endpoint, key string) cosmos.Config {
	c := cosmos.DefaultConfig()
	c.Endpoint, c.Key = endpoint, key
	c.RecordUsageFrequency = 0
	return c
}

// TestAccount runs the suites on an account of the service, or on whatever
// answers like one.
func TestAccount(t *testing.T) {
	endpoint, key := os.Getenv("WHISKSTORE_COSMOS_ENDPOINT"), os.Getenv("WHISKSTORE_COSMOS_KEY")
	if endpoint == "" || key == "" {
		t.Skip("set WHISKSTORE_COSMOS_ENDPOINT and WHISKSTORE_COSMOS_KEY to an account; a database is made in it and deleted")
	}
	s := &server{cfg: config(endpoint, key), advance: time.Sleep, features: storetest.Features{
		MaxBody: cosmos.MaxBody, RefusedIDs: []string{"a|b", `a\b`, "a?b", "a#b"}, RowRev: true,
		OrderOnRead: os.Getenv("WHISKSTORE_COSMOS_MULTI_WRITE") == "", NativeTTL: true, ReportsExpiry: true, HardDelete: true, Sessions: true}}
	s.cfg.Throughput = 400
	s.ownDatabase(t)
	t.Run("store", func(t *testing.T) { storetest.TestStore(t, s.harness) })
	t.Run("linear", func(t *testing.T) {
		storetest.TestLinearizability(t, s.harness, &storetest.LinearizabilityOptions{Calls: 30})
	})
}

// TestVercel runs the suites on a server that nobody here wrote, behind a
// transport that answers for what it lacks.
func TestVercel(t *testing.T) {
	endpoint := os.Getenv("WHISKSTORE_VERCEL_COSMOS_ENDPOINT")
	if endpoint == "" {
		t.Skip("set WHISKSTORE_VERCEL_COSMOS_ENDPOINT to the URL of a @vercel/cosmosdb-server over plain HTTP, or run under .ci/judges.sh")
	}
	s := &server{cfg: config(endpoint, "YW55IGtleQ=="), transport: &vercel{next: &http.Transport{DisableKeepAlives: true}}, features: storetest.Features{
		RefusedIDs: []string{"a|b", `a\b`, "a?b", "a#b"}, RowRev: true, HardDelete: true}}
	s.cfg.Throughput = 0
	s.ownDatabase(t)
	t.Run("store", func(t *testing.T) { storetest.TestStore(t, s.harness) })
	t.Run("linear", func(t *testing.T) { storetest.TestLinearizability(t, s.harness, nil) })
}
