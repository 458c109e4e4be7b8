// Package observe is the decorator that makes a store visible: OpenTelemetry
// traces and metrics, and log/slog. It uses the OpenTelemetry API only; whoever
// builds the stack supplies providers, and without them nothing is recorded.
//
// It stands below Check and above everything else, so that it sees what callers
// see: cache hits, and one operation where a backend needs several requests.
//
// # Names
//
// Names are those of the semantic conventions for database clients. Every
// measurement and span carries
//
//	db.system.name         Options.System
//	db.collection.name     Options.Collection
//	db.namespace           Options.Namespace, where it is set
//	db.operation.name      see below
//	whiskstore.operation   put, get, delete, query, count, attach, readAttachment,
//	                       deleteAttachment, deleteAttachments, listAttachments
//
// db.operation.name is the same as whiskstore.operation, except on Cosmos DB,
// where the conventions have names of their own: create_item and replace_item for
// a Put without and with a revision, read_item, delete_item, and query_items for
// Query and Count.
//
//	db.client.operation.duration       histogram, s
//	db.client.response.returned_rows   histogram, {row}; of Query and List
//	whiskstore.operations              counter, {operation}
//	whiskstore.attachment.io           counter, By; by whiskstore.direction, "read" or "write"
//
// The counters exist at zero from construction on, one series for each outcome,
// and for as long as the meter provider lives. A histogram has no zero: its series
// begin with the first measurement.
//
// # Outcomes
//
// whiskstore.outcome of the counter is "ok", an error's kind ("not_found",
// "throttled"), "canceled", "deadline_exceeded" or "_OTHER". Of these ok,
// not_found, conflict, revision_mismatch and canceled are answers that callers
// expect; each other one is a failure: the duration and the span have it as
// error.type, the span's status is an error, and a warning is logged.
//
// # When an operation ends
//
// A Query or List lasts as long as its loop, what the loop's body does included;
// a Read of an attachment lasts until its reader is closed. A loop that breaks
// has ended well.
//
// # Logs
//
// Failures are logged at slog.LevelWarn, everything else at slog.LevelDebug.
// Spans and records name document ids and tables, never keys, bodies or
// credentials.
package observe
