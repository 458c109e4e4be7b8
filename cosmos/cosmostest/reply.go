package cosmostest

import (
	"bytes"
	"net/http"
	"strconv"

	"github.com/whiskstore/whiskstore/cosmos/cosmostest/internal/jsonraw"
)

// reply is one answer before it is written.
type reply struct {
	status int
	sub    int
	fields []field
	body   []byte
	// charge is in request units; negative is none, as in answers of the gateway itself.
	charge float64
	// backend tells an answer of a replica from one of the gateway: only the former has the storage headers.
	backend bool
	// lsn, token and rangeID are those of the physical partition that answered.
	lsn     int64
	token   string
	rangeID string
	kinds   headerKind
}

// field is a header of an answer.
type field struct{ name, value string }

// headerKind says which groups of headers an answer has or lacks.
type headerKind uint8

const (
	isWrite headerKind = 1 << iota // the quorum's
	noLSN                          // lsn and its companions
)

func (r *reply) set(name, value string) {
	for i := range r.fields {
		if r.fields[i].name == name {
			r.fields[i].value = value
			return
		}
	}
	r.fields = append(r.fields, field{name, value})
}

func (r *reply) get(name string) string {
	for _, f := range r.fields {
		if f.name == name {
			return f.value
		}
	}
	return ""
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

// guid spells a number as one.
func guid(n uint64) string {
	dst := appendHex(make([]byte, 0, 36), uint64(uint32(n)), 8)
	return string(appendHex(append(dst, "-0000-4000-8000-"...), n, 12))
}

// activity gives the exchange its id: the client's, or a new one.
func (x *exchange) activity() {
	if x.activityID != "" {
		return
	}
	if x.activityID = x.req.Header.Get("X-Ms-Activity-Id"); x.activityID == "" {
		x.activityID = guid(x.s.activity.Add(1))
	}
}

func (x *exchange) badRequest(sentence string) *reply {
	return x.failure(http.StatusBadRequest, 0, formGateway, sentence, -1)
}

// appendCharge spells request units: at most two decimals, no trailing zeros.
func appendCharge(dst []byte, f float64) []byte {
	dst = strconv.AppendFloat(dst, f, 'f', 2, 64)
	for dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
	}
	return bytes.TrimSuffix(dst, []byte{'.'})
}

// The headers that say the same in every answer, and in every answer of a replica.
const (
	gatewayFields = "Content-Type: application/json\r\nServer: Microsoft-HTTPAPI/2.0\r\n" +
		"Strict-Transport-Security: max-age=31536000\r\nx-ms-gatewayversion: version=2.14.0\r\n"
	backendFields = "x-ms-schemaversion: 1.21\r\nx-ms-serviceversion: version=2.14.0.0\r\n" +
		"x-ms-request-duration-ms: 0.123\r\nx-ms-xp-role: 1\r\n"
	uncachedFields = "Cache-Control: no-store, no-cache\r\nPragma: no-cache\r\n"
	quorumFields   = "x-ms-current-replica-set-size: 4\r\nx-ms-current-write-quorum: 3\r\n"
)

// appendField appends a header line. A value is what a client has sent, in part, so it must not end the line.
func appendField(dst []byte, name, value string) []byte {
	dst = append(append(dst, name...), ": "...)
	start := len(dst)
	dst = append(dst, value...)
	for i := start; i < len(dst); i++ {
		if dst[i] == '\r' || dst[i] == '\n' {
			dst[i] = ' '
		}
	}
	return append(dst, "\r\n"...)
}

func appendNumberField(dst []byte, name string, n int64) []byte {
	dst = append(append(dst, name...), ": "...)
	return append(strconv.AppendInt(dst, n, 10), "\r\n"...)
}

// appendHead appends the status line and the headers of an answer but those of the transport.
func (x *exchange) appendHead(dst []byte, r *reply) []byte {
	dst = append(dst, "HTTP/1.1 "...)
	dst = strconv.AppendInt(dst, int64(r.status), 10)
	dst = append(append(append(dst, ' '), http.StatusText(r.status)...), "\r\nDate: "...)
	dst = append(x.start.UTC().AppendFormat(dst, http.TimeFormat), "\r\n"...)
	dst = append(dst, gatewayFields...)
	for _, f := range r.fields {
		dst = appendField(dst, f.name, f.value)
	}
	if r.backend || r.status >= 400 {
		x.activity()
		dst = appendField(dst, "x-ms-activity-id", x.activityID)
	}
	if r.sub != 0 {
		dst = appendNumberField(dst, "x-ms-substatus", int64(r.sub))
	}
	if r.charge >= 0 {
		dst = append(appendCharge(append(dst, "x-ms-request-charge: "...), r.charge), "\r\n"...)
	}
	if r.backend {
		dst = x.appendBackend(dst, r)
	}
	return dst
}

func (x *exchange) appendBackend(dst []byte, r *reply) []byte {
	if r.kinds&noLSN == 0 {
		committed := r.lsn
		if r.kinds&isWrite != 0 {
			committed--
			dst = append(dst, quorumFields...)
			dst = appendNumberField(dst, "x-ms-quorum-acked-lsn", committed)
			dst = appendNumberField(dst, "x-ms-cosmos-quorum-acked-llsn", committed)
		}
		dst = appendNumberField(dst, "lsn", r.lsn)
		dst = appendNumberField(dst, "x-ms-cosmos-llsn", r.lsn)
		dst = appendNumberField(dst, "x-ms-global-committed-lsn", committed)
	}
	if r.token != "" {
		dst = appendField(dst, "x-ms-session-token", r.token)
	}
	if r.rangeID != "" {
		dst = appendField(dst, "x-ms-documentdb-partitionkeyrangeid", r.rangeID)
	}
	if r.status < 300 {
		dst = append(dst, uncachedFields...)
		if x.Method != http.MethodPost {
			dst = appendField(dst, "Content-Location", "http://"+x.req.Host+x.req.URL.EscapedPath())
		}
	}
	dst = appendNumberField(dst, "x-ms-number-of-read-regions", int64(len(x.s.top.Load().regions)-1))
	dst = appendField(dst, "x-ms-last-state-change-utc", x.region.changed)
	dst = append(dst, backendFields...)
	return appendNumberField(dst, "x-ms-transport-request-id", int64(x.s.activity.Add(1)))
}
