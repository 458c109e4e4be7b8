function (doc) {
  var limits = doc._id.indexOf("/limits");
  if (limits >= 0) {
    if (doc.concurrentInvocations === 0 || doc.invocationsPerMinute === 0) {
      emit(doc._id.substring(0, limits), 1);
    }
    return;
  }
  if (doc.subject && doc.namespaces && doc.blocked) {
    doc.namespaces.forEach(function (ns) {
      emit(ns.name, 1);
    });
  }
}
