package cosmostest

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest/internal/jsonraw"
)

// reply is one answer before it is written.
type reply struct {
	status int
	sub    int
	header http.Header
	body   []byte
	// charge is in request units; negative is none, as in answers of the gateway itself.
	charge float64
	// backend tells an answer of a replica from one of the gateway: only the former has the storage headers.
	backend bool
	// part and at are the physical partition and site that answered, for lsn, token and range id.
	lsn     int64
	token   string
	rangeID string
	kinds   headerKind
}

// headerKind says which groups of headers an answer has besides those of every backend answer.
type headerKind uint8

const (
	withQuota headerKind = 1 << iota // x-ms-resource-quota and -usage
	withPath                         // x-ms-alt-content-path and x-ms-content-path
	isWrite
	noLSN
)

func (r *reply) set(name, value string) {
	if r.header == nil {
		r.header = http.Header{}
	}
	r.header.Set(name, value)
}

// messageForm is how the service wraps an error's sentence.
type messageForm uint8

const (
	formErrors  messageForm = iota // Message: {"Errors":[...]}
	formReplica                    // sentence, then the diagnostics of the client that the gateway is
	formGateway                    // sentence, then the activity
	formSyntax                     // Message: {"errors":[...]} with codes and locations
	formBare                       // the sentence
)

const (
	textNotFound     = "Entity with the specified id does not exist in the system. More info: https://aka.ms/cosmosdb-tsg-not-found"
	textOwner        = "Resource Not Found. Learn more: https://aka.ms/cosmosdb-tsg-not-found"
	textConflict     = "Entity with the specified id already exists in the system."
	textNameConflict = "Resource with specified id, name, or unique index already exists."
	textPrecondition = "Operation cannot be performed because one of the specified precondition is not met."
	textPayload      = "The request payload is invalid. Ensure to provide a valid request payload."
	textInput        = "One of the specified inputs is invalid"
	textURL          = "Request url is invalid."
)

func codeName(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "BadRequest"
	case http.StatusUnauthorized:
		return "Unauthorized"
	case http.StatusForbidden:
		return "Forbidden"
	case http.StatusNotFound:
		return "NotFound"
	case http.StatusMethodNotAllowed:
		return "MethodNotAllowed"
	case http.StatusRequestTimeout:
		return "RequestTimeout"
	case http.StatusConflict:
		return "Conflict"
	case http.StatusGone:
		return "Gone"
	case http.StatusPreconditionFailed:
		return "PreconditionFailed"
	case http.StatusRequestEntityTooLarge:
		return "RequestEntityTooLarge"
	case http.StatusTooManyRequests:
		return "TooManyRequests"
	case 449:
		return "RetryWith"
	case http.StatusServiceUnavailable:
		return "ServiceUnavailable"
	}
	return "InternalServerError"
}

// failure makes an error answer. Those of the gateway have a negative charge.
func (x *exchange) failure(status, sub int, form messageForm, sentence string, charge float64) *reply {
	x.activity()
	message := sentence
	if !x.s.opts.Switches.ShortErrors {
		message = x.wrap(form, sentence)
	}
	body := append([]byte(`{"code":`), jsonraw.Quote(codeName(status))...)
	body = append(append(append(body, `,"message":`...), jsonraw.Quote(message)...), '}')
	if bareStatus(status) && x.s.opts.Switches.BareServerErrors {
		body = nil
	}
	return &reply{status: status, sub: sub, body: body, charge: charge, backend: charge >= 0}
}

func bareStatus(status int) bool {
	switch status {
	case 408, 410, 449, 500, 503:
		return true
	}
	return false
}

func (x *exchange) wrap(form messageForm, sentence string) string {
	const sdk = "Microsoft.Azure.Documents.Common/2.14.0"
	switch form {
	case formErrors:
		return "Message: {\"Errors\":[" + jsonraw.Quote(sentence) + "]}\r\nActivityId: " + x.activityID + ", Request URI: /apps/" + x.s.opts.Account +
			"/services/s/partitions/p/replicas/r, RequestStats: \r\nRequestStartTime: " + x.started() + ", Number of regions attempted:1\r\n, SDK: " + sdk
	case formReplica:
		return sentence + ", \r\nRequestStartTime: " + x.started() + ", Number of regions attempted: 1\r\n{\"systemHistory\":[]}\r\n, SDK: " + sdk
	case formGateway:
		return sentence + "\r\nActivityId: " + x.activityID + ", " + sdk
	case formSyntax:
		return "Message: " + sentence + "\r\nActivityId: " + x.activityID + ", " + sdk
	}
	return sentence
}

func (x *exchange) started() string { return x.start.UTC().Format("2006-01-02T15:04:05.0000000Z") }

// activity gives the exchange its id: the client's, or a new one.
func (x *exchange) activity() {
	if x.activityID != "" {
		return
	}
	if x.activityID = x.req.Header.Get("x-ms-activity-id"); x.activityID == "" {
		n := x.s.activity.Add(1)
		x.activityID = fmt.Sprintf("%08x-0000-4000-8000-%012x", uint32(n), n)
	}
}

func (x *exchange) badRequest(sentence string) *reply {
	return x.failure(http.StatusBadRequest, 0, formGateway, sentence, -1)
}

// chargeText spells request units: at most two decimals, no trailing zeros.
func chargeText(f float64) string {
	s := strconv.FormatFloat(f, 'f', 2, 64)
	for s[len(s)-1] == '0' {
		s = s[:len(s)-1]
	}
	if s[len(s)-1] == '.' {
		s = s[:len(s)-1]
	}
	return s
}

// write sends the answer.
func (x *exchange) write(w http.ResponseWriter, r *reply) {
	h := w.Header()
	for k, v := range r.header {
		h[k] = v
	}
	for k, v := range x.s.gatewayHeader {
		h[k] = v
	}
	if r.backend || r.status >= 400 {
		x.activity()
		h["X-Ms-Activity-Id"] = []string{x.activityID}
	}
	if r.sub != 0 {
		h["X-Ms-Substatus"] = []string{strconv.Itoa(r.sub)}
	}
	if r.charge >= 0 {
		h["X-Ms-Request-Charge"] = []string{chargeText(r.charge)}
	}
	if r.backend {
		x.backendHeaders(h, r)
	}
	if r.status == http.StatusNoContent || r.status == http.StatusNotModified {
		w.WriteHeader(r.status)
		return
	}
	// Every answer with a body is chunked.
	h["Transfer-Encoding"] = []string{"chunked"}
	w.WriteHeader(r.status)
	w.Write(r.body)
}

func (x *exchange) backendHeaders(h http.Header, r *reply) {
	top := x.s.top.Load()
	if r.kinds&noLSN == 0 {
		lsn := strconv.FormatInt(r.lsn, 10)
		committed := lsn
		if r.kinds&isWrite != 0 {
			committed = strconv.FormatInt(r.lsn-1, 10)
			h["X-Ms-Current-Replica-Set-Size"] = []string{"4"}
			h["X-Ms-Current-Write-Quorum"] = []string{"3"}
			h["X-Ms-Quorum-Acked-Lsn"] = []string{committed}
			h["X-Ms-Cosmos-Quorum-Acked-Llsn"] = []string{committed}
		}
		h["Lsn"] = []string{lsn}
		h["X-Ms-Cosmos-Llsn"] = []string{lsn}
		h["X-Ms-Global-Committed-Lsn"] = []string{committed}
	}
	if r.token != "" {
		h["X-Ms-Session-Token"] = []string{r.token}
	}
	if r.rangeID != "" {
		h["X-Ms-Documentdb-Partitionkeyrangeid"] = []string{r.rangeID}
	}
	if r.status < 300 {
		h["Cache-Control"] = []string{"no-store, no-cache"}
		h["Pragma"] = []string{"no-cache"}
		if x.req.Method != http.MethodPost {
			h["Content-Location"] = []string{"http://" + x.req.Host + x.req.URL.EscapedPath()}
		}
	}
	h["X-Ms-Number-Of-Read-Regions"] = []string{strconv.Itoa(len(top.regions) - 1)}
	h["X-Ms-Last-State-Change-Utc"] = []string{x.region.changed.UTC().Format("Mon, 02 Jan 2006 15:04:05.000 GMT")}
	for k, v := range x.s.backendHeader {
		h[k] = v
	}
	h["X-Ms-Transport-Request-Id"] = []string{strconv.FormatUint(x.s.activity.Add(1), 10)}
}

// fixedHeaders are the headers that say the same in every answer, and in every answer of a replica. They are shared by
// all answers and never modified.
func fixedHeaders() (gateway, backend http.Header) {
	gateway = http.Header{"Content-Type": {"application/json"}, "Server": {"Microsoft-HTTPAPI/2.0"},
		"Strict-Transport-Security": {"max-age=31536000"}, "X-Ms-Gatewayversion": {"version=2.14.0"}}
	backend = http.Header{"X-Ms-Schemaversion": {"1.21"}, "X-Ms-Serviceversion": {"version=2.14.0.0"},
		"X-Ms-Request-Duration-Ms": {"0.123"}, "X-Ms-Xp-Role": {"1"}}
	return gateway, backend
}
