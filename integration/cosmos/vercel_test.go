package cosmos_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
)

// vercel makes @vercel/cosmosdb-server 1.0.1 answer as the service does where a
// client cannot do without: ids of ranges are text, what is missing is 404 and
// not 500, and PATCH sets members that begin with an underscore.
type vercel struct{ next http.RoundTripper }

var numericID = regexp.MustCompile(`"id":\s*(\d+)`)

func (v *vercel) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method == http.MethodPatch {
		return v.patch(req)
	}
	resp, err := v.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(req.URL.Path, "/pkranges") && resp.StatusCode == http.StatusOK {
		// The second read of the ranges asks for changes only.
		if req.Header.Get("If-None-Match") != "" {
			resp.Body.Close()
			resp.StatusCode, resp.Body = http.StatusNotModified, http.NoBody
			return resp, nil
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			return nil, err
		}
		body = numericID.ReplaceAll(body, []byte(`"id":"$1"`))
		resp.Header.Set("ETag", `"1"`)
		resp.Header.Del("Content-Length")
		resp.ContentLength = int64(len(body))
		resp.Body = io.NopCloser(bytes.NewReader(body))
	}
	if resp.StatusCode == http.StatusInternalServerError {
		resp.StatusCode = http.StatusNotFound
	}
	return resp, nil
}

// patch replaces the item as the operations have it, under its precondition.
func (v *vercel) patch(req *http.Request) (*http.Response, error) {
	var patch struct {
		Operations []struct {
			Path  string          `json:"path"`
			Value json.RawMessage `json:"value"`
		} `json:"operations"`
	}
	if err := json.NewDecoder(req.Body).Decode(&patch); err != nil {
		return nil, err
	}
	req.Body.Close()
	get := req.Clone(req.Context())
	get.Method, get.Body, get.ContentLength = http.MethodGet, nil, 0
	get.Header.Del("If-Match")
	resp, err := v.RoundTrip(get)
	if err != nil || resp.StatusCode != http.StatusOK {
		return resp, err
	}
	defer resp.Body.Close()
	var item map[string]json.RawMessage
	if err := json.NewDecoder(resp.Body).Decode(&item); err != nil {
		return nil, err
	}
	if deleted := string(item["_deleted"]); deleted != "" && deleted != "false" {
		resp.StatusCode, resp.Body = http.StatusPreconditionFailed, http.NoBody
		return resp, nil
	}
	for _, op := range patch.Operations {
		item[strings.TrimPrefix(op.Path, "/")] = op.Value
	}
	text, err := json.Marshal(item)
	if err != nil {
		return nil, err
	}
	put := req.Clone(req.Context())
	put.Method, put.Body, put.ContentLength = http.MethodPut, io.NopCloser(bytes.NewReader(text)), int64(len(text))
	return v.next.RoundTrip(put)
}
