// Package entity is OpenWhisk's documents as Go types: [Action], [Package],
// [Trigger], [Rule] and [Activation], the subjects' [Auth] and
// [NamespaceLimits], and what they are made of (storage.md sections 1.5 and 2).
//
// Each type reads itself from a [store.Document] and writes itself as one, so
// that store.GetAs and store.PutAs work on it:
//
//	action, err := store.GetAs[entity.Action](ctx, whisks, "guest/utils/hello", nil)
//	action.Version = action.Version.UpPatch()
//	_, err = store.PutAs(ctx, whisks, &action, nil)
//
// What the package promises:
//
//   - What upstream reads in two spellings is read in both: code inline, attached
//     or under the legacy member jar; sequence components and rule references as
//     strings or objects; instants as numbers or ISO 8601 text. Upstream's
//     present spelling is written.
//   - Members that no type knows survive reading and writing, nulls and the
//     spelling of numbers included, at every level that is an object here: the
//     document, exec, limits, an attachment, a parameter, a binding, a rule of a
//     trigger, a reference, a response, a namespace of a subject. Members keep
//     their places; those of a value that was never read have upstream's order.
//     What is no longer there, such as a sequence component that is written as a
//     string, keeps nothing.
//   - Absent optional members stay absent and known ones that are null are left
//     out when written, save the result of an activation.
//   - A document of another type is store.ErrTypeMismatch, one that cannot be
//     read store.ErrUnreadable, and a value that cannot be written
//     store.ErrInvalid. The error says what is wrong at which path of the body,
//     and never shows a value. Upstream's limits on values (sizes, time-outs,
//     kinds of runtime) are the API's matter and not checked.
//   - What is decoded shares no memory with the document it came from.
//
// Entities know their code's reference and not its bytes: package attach moves
// those. Parameters stay locked until Unlocked is called with the deployment's
// [ParameterEncryption]; Locked encrypts what is not. Authentication keys are
// [Secret] values, which nothing renders by accident, and as log values documents
// show type, id and revision only.
//
// Values are not safe for concurrent changes. The methods named With… and
// Without…, Merge, Locked and Unlocked change copies, so that a value may be
// shared by readers.
package entity
