package cosmostest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
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
	fields := map[string]string{}
	for part := range strings.SplitSeq(decoded, "&") {
		k, v, _ := strings.Cut(part, "=")
		fields[k] = v
	}
	if strings.EqualFold(fields["type"], "aad") {
		return x.authorizeToken(fields["sig"])
	}
	date := x.Header.Get("x-ms-date")
	kind, link := x.signedResource()
	payload := strings.ToLower(x.Method) + "\n" + kind + "\n" + link + "\n" + strings.ToLower(date) + "\n\n"
	mac := hmac.New(sha256.New, x.s.key)
	mac.Write([]byte(payload))
	want := base64.StdEncoding.EncodeToString(mac.Sum(nil))
	if fields["type"] != "master" || !hmac.Equal([]byte(want), []byte(fields["sig"])) {
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

// signedResource returns the resource type and link that a signature covers.
func (x *exchange) signedResource() (kind, link string) {
	p := x.path
	switch {
	case len(p) == 0:
		return "", ""
	case p[0] == "offers" && len(p) == 2:
		return "offers", strings.ToLower(p[1])
	case len(p)%2 == 1:
		return p[len(p)-1], strings.Join(p[:len(p)-1], "/")
	}
	return p[len(p)-2], strings.Join(p, "/")
}

func (x *exchange) unauthorized(payload string) *reply {
	return x.failure(http.StatusUnauthorized, 0, formGateway, "The input authorization token can't serve the request. The wrong key is being used or the expected payload "+
		"is not built as per the protocol. Server used the following payload to sign: '"+payload+"'", -1)
}
