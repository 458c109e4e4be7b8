function (doc) {
  try {
    if (doc.binding === undefined) {
      return;
    }
    // Counting works on values that are no objects too, and in every engine.
    var members = 0;
    for (var name in doc.binding) {
      members++;
    }
    emit([doc.namespace, doc.updated], {
      namespace: doc.namespace,
      name: doc.name,
      version: doc.version,
      publish: doc.publish,
      annotations: doc.annotations,
      updated: doc.updated,
      binding: members > 0 ? doc.binding : false
    });
  } catch (e) {
    // a document that is no package has no row
  }
}
