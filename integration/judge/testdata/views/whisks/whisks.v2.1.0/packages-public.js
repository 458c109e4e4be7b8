function (doc) {
  try {
    if (!doc.binding || !doc.publish) {
      return;
    }
    for (var name in doc.binding) {
      return; // it binds another package
    }
    emit([doc.namespace, doc.updated], {
      namespace: doc.namespace,
      name: doc.name,
      version: doc.version,
      publish: doc.publish,
      annotations: doc.annotations,
      updated: doc.updated,
      binding: false
    });
  } catch (e) {
    // a document that is no package has no row
  }
}
