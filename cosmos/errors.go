package cosmos

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/whiskstore/whiskstore/store"
)

// Sub-statuses of the service that change what a status means.
const (
	subSessionUnavailable = 1002 // of 404
	subOwnerMissing       = 1003 // of 404: the container or database, not the item
	subWriteForbidden     = 3    // of 403: not the write region
	subAccountGone        = 1008 // of 403: the region left the account
	subPartitionFull      = 1014 // of 403
	subRangeGone          = 1002 // of 410
	subSplitting          = 1007 // of 410
	subMigrating          = 1008 // of 410
)

// writeForbidden is subWriteForbidden as it stands in the header.
const writeForbidden = "3"

// statusRetryWith asks for the same write once more.
const statusRetryWith = 449

// failure is what a failed exchange with the service says.
type failure struct {
	status, sub int
	header      http.Header
	host        string // that answered
	notSent     bool   // no byte of it can have reached the service
	cause       error
}

// failureOf takes an error of azcosmos apart; nil is nil.
func failureOf(err error) *failure {
	if err == nil {
		return nil
	}
	f := &failure{cause: err}
	var ce *credentialError
	if errors.As(err, &ce) {
		f.notSent, f.cause = true, ce
		if !ce.unreachable() {
			f.status = http.StatusUnauthorized
		}
		return f
	}
	var re *azcore.ResponseError
	if errors.As(err, &re) {
		f.status = re.StatusCode
		if re.RawResponse != nil {
			f.header = re.RawResponse.Header
			f.sub, f.host = subStatus(f.header), hostOf(re.RawResponse)
		}
		f.cause = answerError{f.status, f.sub, sentence(re), f.header.Get(headerActivityID)}
		return f
	}
	var we *writeError
	if errors.As(err, &we) {
		f.status, f.sub, f.header, f.host = we.status, subStatus(we.header), we.header, we.host
	}
	f.notSent = notSent(err)
	f.cause = shortCause(err)
	return f
}

// subStatus is the sub-status of an answer, 0 without one.
func subStatus(h http.Header) int {
	n, _ := strconv.Atoi(h.Get(headerSubstatus))
	return n
}

// hostOf is the host that answered, "" if it is not known.
func hostOf(resp *http.Response) string {
	if resp == nil || resp.Request == nil {
		return ""
	}
	return resp.Request.URL.Host
}

// ambiguous reports whether a write that failed so may have been carried out.
func (f *failure) ambiguous() bool {
	switch f.status {
	case 0:
		return !f.notSent
	case http.StatusRequestTimeout, http.StatusGone, statusRetryWith:
		return true
	}
	return f.status >= 500
}

// rangeGone reports whether the partition key range that was addressed is no
// longer there, or about to go.
func (f *failure) rangeGone() bool {
	return f.status == http.StatusGone && (f.sub == subRangeGone || f.sub == subSplitting || f.sub == subMigrating)
}

// sessionUnavailable reports whether no replica in reach had what the session
// token asked for.
func (f *failure) sessionUnavailable() bool {
	return f.status == http.StatusNotFound && f.sub == subSessionUnavailable
}

// missing reports whether the item that was addressed does not exist.
func (f *failure) missing() bool {
	return f.status == http.StatusNotFound && f.sub != subSessionUnavailable && f.sub != subOwnerMissing
}

// misplaced reports whether a write was refused because its region does not, or
// no longer, accept any.
func (f *failure) misplaced() bool {
	return f.status == http.StatusForbidden && f.sub == subWriteForbidden
}

// kind says what a failure means where no precondition is involved.
func (f *failure) kind() store.Kind {
	switch f.status {
	case http.StatusBadRequest:
		return store.ErrInvalid
	case http.StatusUnauthorized:
		return store.ErrUnauthorized
	case http.StatusForbidden:
		switch f.sub {
		case subWriteForbidden, subAccountGone:
			return store.ErrUnavailable
		case subPartitionFull:
			return store.ErrTooLarge
		}
		return store.ErrUnauthorized
	case http.StatusNotFound:
		if f.missing() {
			return store.ErrNotFound
		}
	case http.StatusConflict, http.StatusPreconditionFailed:
		return store.ErrConflict
	case http.StatusRequestEntityTooLarge:
		return store.ErrTooLarge
	case http.StatusTooManyRequests:
		return store.ErrThrottled
	}
	return store.ErrUnavailable
}

// answerError is an answer of the service in one line. The text that azcosmos
// makes spans a page and repeats the request's URL.
type answerError struct {
	status, sub int
	text        string
	activity    string
}

func (e answerError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "cosmos: %d", e.status)
	if e.sub != 0 {
		fmt.Fprintf(&b, "/%d", e.sub)
	}
	if e.text != "" {
		b.WriteString(": " + e.text)
	}
	if e.activity != "" {
		b.WriteString(" (activity " + e.activity + ")")
	}
	return b.String()
}

// sentence returns the first sentence of an error body, whichever of its forms
// it has (cosmos-wire.md 1.2).
func sentence(re *azcore.ResponseError) string {
	const longest = 300
	text := re.Error()
	if i := strings.Index(text, `"message"`); i >= 0 {
		text = text[i+len(`"message"`):]
		if _, errs, ok := strings.Cut(text, `rrors\":[`); ok {
			text = errs
		}
		text = strings.TrimLeft(text, " :\"\\")
		if i := strings.IndexAny(text, "\"\\\r\n"); i >= 0 {
			text = text[:i]
		}
	} else {
		text = http.StatusText(re.StatusCode)
	}
	text = strings.TrimRight(strings.TrimSpace(text), ",")
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + "..."
	}
	return text
}

// shortCause leaves out the diagnostics that azcosmos wraps errors in.
func shortCause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return dns
	}
	var we *writeError
	if errors.As(err, &we) {
		return we
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return errNoAnswer // where it was the caller's, he gets his own
	}
	return err
}

var errNoAnswer = errors.New("cosmos: the service did not answer in time")

// notSent reports whether an error proves that a request never left: names that
// do not resolve, connections that were not made, servers that are not who they
// should be.
func notSent(err error) bool {
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return true
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return true
	}
	var cert *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	if errors.As(err, &cert) || errors.As(err, &record) {
		return true
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

// fail makes the error of an operation. Errors of a context pass as they are,
// errors of the contract too.
func (s *Store) fail(op store.Op, id string, kind store.Kind, cause error) error {
	return &store.Error{Op: op, Collection: s.collection, ID: id, Kind: kind, Err: cause}
}

// translate is fail with the kind that a failure has by itself. It is the one
// place where errors of azcosmos become errors of the contract.
func (s *Store) translate(ctx context.Context, op store.Op, id string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var e *store.Error
	if errors.As(err, &e) {
		return err
	}
	f := failureOf(err)
	return s.fail(op, id, f.kind(), f.cause)
}
