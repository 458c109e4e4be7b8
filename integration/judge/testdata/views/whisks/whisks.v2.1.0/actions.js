function (doc) {
  try {
    if (doc.exec === undefined) {
      return;
    }
    var value = {
      namespace: doc.namespace,
      name: doc.name,
      version: doc.version,
      publish: doc.publish,
      annotations: doc.annotations,
      updated: doc.updated,
      limits: doc.limits,
      exec: { binary: doc.exec.binary || false }
    };
    var root = doc.namespace.split("/")[0];
    emit([doc.namespace, doc.updated], value);
    if (root !== doc.namespace) {
      emit([root, doc.updated], value);
    }
  } catch (e) {
    // a document that is no action has no row
  }
}
