package cosmos

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
	"github.com/whiskstore/whiskstore/store"
)

// TestRefusedAtStart shows what Open refuses, and that it says what to change.
func TestRefusedAtStart(t *testing.T) {
	ttl := func(n int32) *int32 { return &n }
	pk := func(paths ...string) azcosmos.PartitionKeyDefinition {
		return azcosmos.PartitionKeyDefinition{Paths: paths}
	}
	for _, c := range []struct {
		name   string
		made   *azcosmos.ContainerProperties // by somebody else
		change func(*Config)
		kind   store.Kind
		says   string
	}{
		{"wrong_key", nil, func(c *Config) { c.Key = "d3Jvbmc=" }, store.ErrUnauthorized, "check key"},
		{"key_not_base64", nil, func(c *Config) { c.Key = "not base64!" }, store.ErrInvalid, "key: is not Base64"},
		{"no_key", nil, func(c *Config) { c.Key = "" }, store.ErrInvalid, "key: is missing"},
		{"no_endpoint", nil, func(c *Config) { c.Endpoint = "" }, store.ErrInvalid, "endpoint: is missing"},
		{"odd_endpoint", nil, func(c *Config) { c.Endpoint = "acct.example" }, store.ErrInvalid, "endpoint: is no http"},
		{"no_db", nil, func(c *Config) { c.DB = "" }, store.ErrInvalid, "db: is missing"},
		{"odd_level", nil, func(c *Config) { c.ConsistencyLevel = "Sessions" }, store.ErrInvalid, "consistency-level"},
		{"too_strong", nil, func(c *Config) { c.ConsistencyLevel = "Strong" }, store.ErrInvalid, "stronger than the account's Session"},
		{"ttl_of_whisks", nil, func(c *Config) { c.TimeToLive = time.Hour }, store.ErrInvalid, "time-to-live"},
		{"fraction_of_a_second", nil, func(c *Config) { c.SoftDeleteTTL = 1500 * time.Millisecond }, store.ErrInvalid, "soft-delete-ttl"},
		{"other_partition_key", &azcosmos.ContainerProperties{DefaultTimeToLive: ttl(-1), PartitionKeyDefinition: pk("/namespace")}, nil, store.ErrInvalid, "partition key"},
		{"ttl_off", &azcosmos.ContainerProperties{PartitionKeyDefinition: pk("/id")}, func(c *Config) { c.SoftDeleteTTL = time.Hour }, store.ErrInvalid, "tombstones would never expire"},
		{"documents_expire", &azcosmos.ContainerProperties{DefaultTimeToLive: ttl(60), PartitionKeyDefinition: pk("/id")}, nil, store.ErrInvalid, "lost after 60 s"},
		{"ttl_off_unused", &azcosmos.ContainerProperties{PartitionKeyDefinition: pk("/id")}, nil, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := startFake(t, cosmostest.Options{})
			if c.made != nil {
				c.made.ID = store.Whisks
				makeContainer(t, srv, *c.made)
			}
			cfg := fakeConfig(srv)
			if c.change != nil {
				c.change(&cfg)
			}
			s, err := Open(t.Context(), cfg, store.Whisks, Deps{})
			if err == nil {
				s.Close()
			}
			wantKind(t, "open", err, c.kind)
			if err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("error: got %q, want it to say %q", err, c.says)
			}
			if err != nil && (len(cfg.Key) > 3 && strings.Contains(err.Error(), cfg.Key) || strings.Contains(err.Error(), "\n")) {
				t.Errorf("error holds the key or several lines: %q", err)
			}
		})
	}
	t.Run("unknown_host", func(t *testing.T) {
		cfg := DefaultConfig()
		cfg.Endpoint, cfg.Key, cfg.DB = "https://acct.invalid/", "a2V5", "whisk"
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		_, err := Open(ctx, cfg, store.Whisks, Deps{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
			return nil, errors.New("no such host")
		}).pointer()})
		wantKind(t, "open", err, store.ErrUnavailable)
		if err != nil && !strings.Contains(err.Error(), "check endpoint") {
			t.Errorf("error: got %q, want it to name the endpoint", err)
		}
	})
	t.Run("must_not_create", func(t *testing.T) {
		srv := startFake(t, cosmostest.Options{})
		srv.Inject(cosmostest.Fault{Match: cosmostest.ForOperation(cosmostest.CreateDatabase), Status: http.StatusForbidden, Substatus: 5300})
		_, err := Open(t.Context(), fakeConfig(srv), store.Whisks, Deps{})
		wantKind(t, "open", err, store.ErrNotFound)
		if err == nil || !strings.Contains(err.Error(), "database whisk does not exist") {
			t.Errorf("error: got %v, want it to name the database", err)
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		srv := startFake(t, cosmostest.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := Open(ctx, fakeConfig(srv), store.Whisks, Deps{}); err != context.Canceled {
			t.Errorf("open: got %v, want the context's error as it is", err)
		}
	})
}

// Items that are none of ours are unreadable, and bodies that do not fit too
// large; other documents are not harmed.
func TestForeignItems(t *testing.T) {
	s, _ := openWhisks(t, cosmostest.Options{})
	ctx := t.Context()
	_, err := s.Put(ctx, store.Document{ID: "guest/big", Body: fmt.Appendf(nil, `{"x":%q}`, strings.Repeat("x", 3<<20))}, nil)
	wantKind(t, "put of 3 MiB", err, store.ErrTooLarge)
	mustPut(t, s, "guest/fits", fmt.Appendf(nil, `{"x":%q}`, strings.Repeat("x", MaxBody-8)))
	for _, raw := range []string{"1", `{"a":1}`, `{"id":5}`, `{"id":12}`, `{"id":"a/b"}`, `{"id":"a"`, `{"id":"a",}`, `{"id" "a"}`, ""} {
		if _, err := decodeItem([]byte(raw)); err == nil {
			t.Errorf("item %s was taken for one of ours", raw)
		}
	}
	// An entity without the members of a row, and one whose order is no number.
	for id, raw := range map[string]string{
		"odd":   `{"id":"odd","namespace":"guest","entityType":"action","_c":{"rootns":"guest"},"updated":5,"exec":7,"name":{}}`,
		"never": `{"id":"never","namespace":"guest","entityType":"action","_c":{"rootns":"guest"},"updated":"soon"}`,
	} {
		if _, err := s.reader.CreateItem(ctx, azcosmos.NewPartitionKeyString(id), []byte(raw), nil); err != nil {
			t.Fatal(err)
		}
	}
	if got := rowIDs(t, s, actionsOf("guest")); !slices.Equal(got, []string{"odd"}) {
		t.Errorf("rows: got %q, want the odd one", got)
	}
	if n, err := s.Count(ctx, actionsOf("guest")); n != 1 || err != nil {
		t.Errorf("count: got %d and %v, want 1", n, err)
	}
}

// token is a credential that always has the same token.
type token string

func (t token) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: string(t), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// byToken serves whisks to who has the token "valid". Tokens go over TLS only,
// which the fake does not speak: the transport takes its place.
func byToken(t *testing.T) (*cosmostest.Server, http.RoundTripper) {
	srv := startFake(t, cosmostest.Options{Tokens: []string{"valid"}})
	ttl := int32(-1)
	makeContainer(t, srv, azcosmos.ContainerProperties{ID: store.Whisks, DefaultTimeToLive: &ttl,
		PartitionKeyDefinition: azcosmos.PartitionKeyDefinition{Paths: []string{"/id"}}})
	return srv, roundTripper(func(req *http.Request) (*http.Response, error) {
		req = req.Clone(req.Context())
		req.URL.Scheme = "http"
		return plain.RoundTrip(req)
	}).pointer()
}

// A credential stands in for the key.
func TestCredential(t *testing.T) {
	srv, overHTTP := byToken(t)
	cfg := fakeConfig(srv)
	cfg.Key, cfg.Endpoint = "", strings.Replace(cfg.Endpoint, "http://", "https://", 1)
	s, err := Open(t.Context(), cfg, store.Whisks, Deps{Credential: token("valid"), Transport: overHTTP})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	mustPut(t, s, "guest/a", []byte(`{}`))
	mustGet(t, s, "guest/a")
	_, err = Open(t.Context(), cfg, store.Whisks, Deps{Credential: token("forged"), Transport: overHTTP})
	wantKind(t, "open with another token", err, store.ErrUnauthorized)
}

// brief is a credential whose tokens have expired when they come, so that each
// request asks for one. It fails with err once that is set.
type brief struct{ err atomic.Pointer[error] }

func (b *brief) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	if err := b.err.Load(); err != nil {
		return azcore.AccessToken{}, *err
	}
	return azcore.AccessToken{Token: "valid", ExpiresOn: time.Now().Add(-time.Minute)}, nil
}

// Without a token nothing is sent: a write is not in doubt.
func TestNoToken(t *testing.T) {
	srv, overHTTP := byToken(t)
	cred := &brief{}
	cfg := fakeConfig(srv)
	cfg.Key, cfg.Endpoint = "", strings.Replace(cfg.Endpoint, "http://", "https://", 1)
	s, err := Open(t.Context(), cfg, store.Whisks, Deps{Credential: cred, Transport: overHTTP})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	v := mustPut(t, s, "guest/a", []byte(`{}`))
	for kind, err := range map[store.Kind]error{
		store.ErrUnauthorized: errors.New("AADSTS700016: application not found"),
		store.ErrUnavailable:  &net.OpError{Op: "read", Err: syscall.ECONNRESET},
	} {
		cred.err.Store(&err)
		_, err := s.Put(t.Context(), store.Document{ID: "guest/a", Version: v, Body: []byte(`{"n":1}`)}, nil)
		wantKind(t, "put without a token", err, kind)
		_, err = s.Get(t.Context(), "guest/a", nil)
		wantKind(t, "get without a token", err, kind)
		_, err = Open(t.Context(), cfg, store.Whisks, Deps{Credential: cred, Transport: overHTTP})
		wantKind(t, "open without a token", err, kind)
	}
	cfg.Endpoint = srv.URL()
	_, err = Open(t.Context(), cfg, store.Whisks, Deps{Credential: cred})
	wantKind(t, "open with a token but not TLS", err, store.ErrInvalid)
}
