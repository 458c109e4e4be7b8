package cosmostest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// maxSkew is how far a request's date may be from the server's time.
const maxSkew = 15 * time.Minute

// authorize checks the signature or the bearer token of a request.
func (x *exchange) authorize() *reply {
	header := x.Header.Get("Authorization")
	if header == "" {
		return x.failure(http.StatusUnauthorized, 0, formGateway, "Required Header authorization is missing. Ensure a valid Authorization token is passed.", -1)
	}
	decoded, err := url.QueryUnescape(header)
	if err != nil {
		return x.unauthorized("")
	}
	var kind, sig string
	for part := range strings.SplitSeq(decoded, "&") {
		switch name, value, _ := strings.Cut(part, "="); name {
		case "type":
			kind = value
		case "sig":
			sig = value
		}
	}
	if strings.EqualFold(kind, "aad") {
		return x.authorizeToken(sig)
	}
	date := x.Header.Get("X-Ms-Date")
	payload := signedPayload(x.Method, x.path, date)
	mac := x.s.macs.Get().(hash.Hash)
	want := signature(mac, payload)
	x.s.macs.Put(mac)
	if kind != "master" || !hmac.Equal([]byte(want), []byte(sig)) {
		return x.unauthorized(payload)
	}
	when, err := time.Parse(time.RFC1123, strings.ToUpper(date))
	if err != nil {
		when, err = http.ParseTime(date)
	}
	if err != nil || time.Since(when).Abs() > maxSkew {
		status := http.StatusForbidden
		if x.s.opts.Switches.ExpiredDate401 {
			status = http.StatusUnauthorized
		}
		return x.failure(status, 0, formGateway, "The authorization token is not valid at the current time. Please create another token and retry.", -1)
	}
	return nil
}

// authorizeToken accepts the account's bearer tokens for everything but the control plane.
func (x *exchange) authorizeToken(token string) *reply {
	if !slices.Contains(x.s.opts.Tokens, token) {
		return x.unauthorized("")
	}
	switch x.Operation {
	case CreateDatabase, DeleteDatabase, CreateContainer, ReplaceContainer, DeleteContainer, ReplaceOffer:
		return x.failure(http.StatusForbidden, 5300, formGateway, "The given request ["+x.Method+"] cannot be authorized by AAD token in data plane.", -1)
	}
	return nil
}

// signedPayload is what a signature covers: verb, resource type, link and date.
func signedPayload(method string, path []string, date string) string {
	kind, link := "", ""
	switch n := len(path); {
	case n == 0:
	case path[0] == "offers" && n == 2:
		kind, link = "offers", strings.ToLower(path[1])
	case n%2 == 1:
		kind, link = path[n-1], strings.Join(path[:n-1], "/")
	default:
		kind, link = path[n-2], strings.Join(path, "/")
	}
	return strings.ToLower(method) + "\n" + kind + "\n" + link + "\n" + strings.ToLower(date) + "\n\n"
}

// newMAC makes what signs with a key.
func newMAC(key []byte) hash.Hash { return hmac.New(sha256.New, key) }

func signature(mac hash.Hash, payload string) string {
	mac.Reset()
	io.WriteString(mac, payload) // a hash accepts everything
	var sum [sha256.Size]byte
	return base64.StdEncoding.EncodeToString(mac.Sum(sum[:0]))
}

// Sign signs a request with an account key in Base64, for requests that a client library does not make. It sets the
// date, and the version of the REST interface to that of azcosmos unless the request has one.
func Sign(req *http.Request, key string) error { return SignAt(req, key, time.Now()) }

// SignAt is [Sign] with a date other than now.
func SignAt(req *http.Request, key string, at time.Time) error {
	secret, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		return fmt.Errorf("cosmostest: the key is not Base64: %w", err)
	}
	path, ok := pathNames(req.URL)
	if !ok {
		return fmt.Errorf("cosmostest: the path %q cannot be signed", req.URL.Path)
	}
	date := at.UTC().Format(http.TimeFormat)
	req.Header.Set("x-ms-date", date)
	if req.Header.Get("X-Ms-Version") == "" {
		req.Header.Set("x-ms-version", "2020-11-05")
	}
	req.Header.Set("Authorization", url.QueryEscape("type=master&ver=1.0&sig="+signature(newMAC(secret), signedPayload(req.Method, path, date))))
	return nil
}

func (x *exchange) unauthorized(payload string) *reply {
	return x.failure(http.StatusUnauthorized, 0, formGateway, "The input authorization token can't serve the request. The wrong key is being used or the expected payload "+
		"is not built as per the protocol. Server used the following payload to sign: '"+payload+"'", -1)
}
