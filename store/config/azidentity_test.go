//go:build !noazidentity

package config

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
	"github.com/whiskstore/whiskstore/store"
)

// issuer serves tokens as an App Service does to its managed identity, and sets
// the environment that says so.
func issuer(t *testing.T, token string, status int) (asked *atomic.Int64, clientID *atomic.Pointer[string]) {
	t.Helper()
	asked, clientID = new(atomic.Int64), new(atomic.Pointer[string])
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		id := r.URL.Query().Get("client_id")
		clientID.Store(&id)
		if r.Header.Get("X-IDENTITY-HEADER") != "secret header" {
			status = http.StatusUnauthorized
		}
		if status != http.StatusOK {
			http.Error(w, `{"statusCode":400,"message":"no managed identity found"}`, status)
			return
		}
		fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","resource":%q,"expires_on":"%d"}`, token, r.URL.Query().Get("resource"), time.Now().Add(time.Hour).Unix())
	}))
	t.Cleanup(srv.Close)
	t.Setenv("IDENTITY_ENDPOINT", srv.URL)
	t.Setenv("IDENTITY_HEADER", "secret header")
	return asked, clientID
}

// overTLS takes the place of a network on which the account speaks TLS, which the
// fake does not.
type overTLS struct{ next *http.Transport }

func (o *overTLS) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" {
		return nil, errors.New("a token was sent for all to read")
	}
	req = req.Clone(req.Context())
	req.URL.Scheme = "http"
	return o.next.RoundTrip(req)
}

// openByIdentity opens a configuration over an account that knows the token
// "valid" and has all containers.
func openByIdentity(t *testing.T, lines ...string) (*cosmostest.Server, *Stack, error) {
	t.Helper()
	srv, err := cosmostest.Start(cosmostest.Options{Tokens: []string{"valid"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	byKey := load(t, "whisk.spi.ArtifactStoreProvider: cosmosdb",
		fmt.Sprintf("whisk.cosmosdb: {endpoint: %q, key: %q, db: openwhisk}", srv.URL(), srv.Key()))
	s, err := Open(t.Context(), byKey, Deps{})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	srv.ResetCounters()
	cfg := load(t, append(lines, "whisk.spi.ArtifactStoreProvider: cosmosdb", "whisk.cosmosdb.db: openwhisk",
		"whisk.cosmosdb.endpoint: "+strings.Replace(srv.URL(), "http:", "https:", 1))...)
	p, err := cfg.plan()
	if err != nil {
		t.Fatal(err)
	}
	network := &overTLS{&http.Transport{}}
	t.Cleanup(network.next.CloseIdleConnections)
	s, err = p.open(t.Context(), Deps{}, openers{func(ctx context.Context, p *plan, deps Deps) (database, error) {
		return &cosmosDB{deps: deps, transport: network, credentials: credentials{}}, nil
	}, openAttachments})
	if err == nil {
		t.Cleanup(func() { s.Close() })
	}
	return srv, s, err
}

// TestManagedIdentity writes and reads with tokens of azidentity in place of a
// key.
func TestManagedIdentity(t *testing.T) {
	asked, clientID := issuer(t, "valid", http.StatusOK)
	srv, s, err := openByIdentity(t, "whisk.cosmosdb.credential: managed-identity", "whisk.cosmosdb.client-id: 4f1c")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Whisks.Put(t.Context(), store.Document{ID: "guest/t", Body: []byte(`{"namespace":"guest","name":"t","entityType":"trigger","updated":1}`)}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Whisks.Get(t.Context(), "guest/t", nil); err != nil {
		t.Fatal(err)
	}
	if n := asked.Load(); n < 1 || n > 2 { // azcosmos has one pipeline for the account, another for data
		t.Errorf("tokens: asked for %d times, want once or twice for three collections", n)
	}
	if id := *clientID.Load(); id != "4f1c" {
		t.Errorf("token of identity %q, want that of client-id", id)
	}
	if n := srv.Counters().Total(cosmostest.CounterKey{Operation: cosmostest.ReadAccount}).Requests; n != 1 {
		t.Errorf("the account document was read %d times, want one client for three collections", n)
	}
}

// Identities differ: azidentity keeps their tokens for the process.
func TestIdentityRefused(t *testing.T) {
	for _, tc := range []struct {
		name, token string
		status      int
		lines       []string
		kind        store.Kind
		want        string
	}{
		{"unknown_to_the_account", "forged", http.StatusOK, []string{"whisk.cosmosdb.credential: managed-identity"}, store.ErrUnauthorized, "role of the identity"},
		{"no_identity", "", http.StatusBadRequest, []string{"whisk.cosmosdb.credential: managed-identity", "whisk.cosmosdb.client-id: other"}, store.ErrUnauthorized, "no token"},
		{"no_workload", "", http.StatusOK, []string{"whisk.cosmosdb.credential: workload-identity"}, store.ErrInvalid, "whisk.cosmosdb.credential"},
		{"client_id_of_all", "", http.StatusOK, []string{"whisk.cosmosdb.credential: default", "whisk.cosmosdb.client-id: 4f1c"}, store.ErrInvalid, "AZURE_CLIENT_ID"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			issuer(t, tc.token, tc.status)
			_, _, err := openByIdentity(t, tc.lines...)
			if !errors.Is(err, tc.kind) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %v with %q", err, tc.kind, tc.want)
			}
			if err != nil && (strings.Contains(err.Error(), "forged") || strings.Contains(err.Error(), "secret header")) {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
	t.Run("no_TLS", func(t *testing.T) {
		issuer(t, "valid", http.StatusOK)
		cfg := load(t, "whisk.spi.ArtifactStoreProvider: cosmosdb",
			"whisk.cosmosdb: {endpoint: http://127.0.0.1:1/, credential: managed-identity, db: openwhisk}")
		_, err := Open(t.Context(), cfg, Deps{})
		if !errors.Is(err, store.ErrInvalid) || !strings.Contains(err.Error(), "use https") {
			t.Errorf("got %v, want ErrInvalid that says to use https", err)
		}
	})
}

// tokenService answers as Microsoft Entra ID does to a workload.
type tokenService struct{ assertion string }

func (s *tokenService) Do(req *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	switch {
	case strings.HasSuffix(req.URL.Path, "/openid-configuration"):
		base := "https://" + req.URL.Host + "/tenant"
		fmt.Fprintf(rec, `{"token_endpoint":"%s/oauth2/v2.0/token","authorization_endpoint":"%[1]s/authorize","issuer":"%[1]s/v2.0"}`, base)
	case strings.HasSuffix(req.URL.Path, "/token"):
		if err := req.ParseForm(); err != nil {
			return nil, err
		}
		s.assertion = req.PostForm.Get("client_assertion")
		fmt.Fprint(rec, `{"access_token":"valid","token_type":"Bearer","expires_in":3600}`)
	default:
		rec.WriteHeader(http.StatusNotFound)
	}
	resp := rec.Result()
	resp.Request = req
	return resp, nil
}

// TestWorkloadIdentity exchanges the file that Kubernetes projects for a token.
func TestWorkloadIdentity(t *testing.T) {
	file := t.TempDir() + "/token"
	if err := os.WriteFile(file, []byte("projected"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AZURE_CLIENT_ID", "4f1c")
	t.Setenv("AZURE_TENANT_ID", "tenant")
	t.Setenv("AZURE_FEDERATED_TOKEN_FILE", file)
	t.Setenv("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.com/")
	service := &tokenService{}
	cred, err := identity{byWorkloadIdentity, ""}.open(azcore.ClientOptions{Transport: service})
	if err != nil {
		t.Fatal(err)
	}
	token, err := cred.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://acct.documents.azure.com/.default"}})
	if err != nil || token.Token != "valid" || service.assertion != "projected" {
		t.Errorf("got %q and %v for assertion %q, want valid for the file's", token.Token, err, service.assertion)
	}
	// The clients of azcosmos take it as it is.
	if _, err := azcosmos.NewClient("https://acct.documents.azure.com:443/", cred, nil); err != nil {
		t.Error(err)
	}
}
