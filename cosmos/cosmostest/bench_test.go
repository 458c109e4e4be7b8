package cosmostest_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest"
)

// BenchmarkPointRead measures a read over loopback, client included.
func BenchmarkPointRead(b *testing.B) {
	srv := cosmostest.NewServer(cosmostest.Options{})
	defer srv.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	defer client.CloseIdleConnections()
	call := func(method, path, body string) error {
		req, err := http.NewRequestWithContext(b.Context(), method, strings.TrimSuffix(srv.URL(), "/")+path, strings.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("x-ms-documentdb-partitionkey", `["a"]`)
		if err := cosmostest.Sign(req, srv.Key()); err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return err
		}
		if resp.StatusCode >= 300 {
			return fmt.Errorf("%s %s: %d", method, path, resp.StatusCode)
		}
		return nil
	}
	for _, step := range [][3]string{
		{"POST", "/dbs", `{"id":"shop"}`},
		{"POST", "/dbs/shop/colls", `{"id":"cart","partitionKey":{"paths":["/pk"],"kind":"Hash"}}`},
		{"POST", docs, `{"id":"k1","pk":"a","pad":"` + strings.Repeat("x", 1000) + `"}`},
	} {
		if err := call(step[0], step[1], step[2]); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := call("GET", docs+"/k1", ""); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
