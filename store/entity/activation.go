package entity

import (
	"encoding/json"
	"log/slog"

	"github.com/whiskstore/whiskstore/store"
)

// The values of ActivationResponse.StatusCode.
const (
	StatusSuccess          = 0
	StatusApplicationError = 1
	StatusDeveloperError   = 2
	StatusWhiskError       = 3
)

// ActivationResponse is how an activation ended.
type ActivationResponse struct {
	StatusCode int
	Result     json.RawMessage // any JSON value; nil is absent
	Size       *int            // bytes of the result

	rest layout
}

func decodeResponse(raw []byte) (ActivationResponse, error) {
	r, err := readObject(raw)
	if err != nil {
		return ActivationResponse{}, err
	}
	var a ActivationResponse
	need(r, "statusCode", &a.StatusCode, decodeInt)
	if raw := r.take("result"); raw != nil {
		a.Result = compact(raw)
	}
	maybe(r, "size", &a.Size, pointer(decodeInt))
	a.rest = r.rest()
	return a, r.err
}

func encodeResponse(a ActivationResponse) ([]byte, error) {
	var w writer
	w.int("statusCode", int64(a.StatusCode))
	if a.Result != nil {
		raw, err := encodeRaw(a.Result)
		w.value("result", raw, err)
	}
	w.optInt("size", a.Size)
	return w.object(a.rest)
}

// Activation is the record of one activation, upstream's WhiskActivation
// (storage.md 2.5).
type Activation struct {
	Namespace    EntityPath
	Name         EntityName // of the action or trigger
	Subject      Subject
	ActivationID ActivationID
	Start        Instant
	End          Instant      // zero when not ended, as for triggers
	Cause        ActivationID // of the activation that caused this one; empty for none
	Response     ActivationResponse
	Logs         []string
	Version      SemVer // of what was activated
	Publish      bool
	Annotations  Parameters
	Duration     *int64  // milliseconds
	Updated      Instant // when the record was made

	// Revision is the state that was read; zero for an activation to be created.
	Revision store.Version

	rest layout
}

var _ Entity = (*Activation)(nil)

// EntityType returns TypeActivation.
func (*Activation) EntityType() string { return TypeActivation }

// DocID returns "<namespace>/<activation id>".
func (a *Activation) DocID() string { return string(a.Namespace) + "/" + string(a.ActivationID) }

// UnmarshalDocument reads doc; see the package for errors.
func (a *Activation) UnmarshalDocument(doc store.Document) error { return unmarshal(doc, a) }

// MarshalDocument returns the document to put, ErrInvalid when a is incomplete.
func (a *Activation) MarshalDocument() (store.Document, error) {
	var w writer
	w.entityHead(a.Namespace, a.Name)
	w.fail("subject", a.Subject.check())
	w.str("subject", string(a.Subject))
	w.fail("activationId", a.ActivationID.check())
	w.str("activationId", string(a.ActivationID))
	w.int("start", int64(a.Start))
	w.int("end", int64(a.End))
	if a.Cause != "" {
		w.fail("cause", a.Cause.check())
		w.str("cause", string(a.Cause))
	}
	response, err := encodeResponse(a.Response)
	w.value("response", response, err)
	logs, err := encodeArray(a.Logs, encodeString)
	w.value("logs", logs, err)
	w.version(a.Version)
	w.bool("publish", a.Publish)
	w.parameters("annotations", a.Annotations)
	if a.Duration != nil {
		w.int("duration", *a.Duration)
	}
	w.envelope(a.Updated, TypeActivation)
	return marshal(a.DocID(), a.Revision, &w, a.rest)
}

// LogValue shows type, id and revision.
func (a *Activation) LogValue() slog.Value {
	return logValue(TypeActivation, a.DocID(), a.Revision)
}

func (a *Activation) read(r *reader) {
	need(r, "namespace", &a.Namespace, decodePath)
	need(r, "name", &a.Name, decodeName)
	need(r, "subject", &a.Subject, decodeSubject)
	need(r, "activationId", &a.ActivationID, decodeActivationID)
	need(r, "start", &a.Start, decodeInstant)
	need(r, "end", &a.End, decodeInstant)
	maybe(r, "cause", &a.Cause, decodeActivationID)
	need(r, "response", &a.Response, decodeResponse)
	need(r, "logs", &a.Logs, decodeArray(decodeString))
	need(r, "version", &a.Version, decodeSemVer)
	need(r, "publish", &a.Publish, decodeBool)
	need(r, "annotations", &a.Annotations, decodeParameters)
	maybe(r, "duration", &a.Duration, pointer(decodeLong))
	need(r, "updated", &a.Updated, decodeInstant)
}

func (a *Activation) keep(rest layout, v store.Version) { a.rest, a.Revision = rest, v }
