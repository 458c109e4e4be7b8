function (doc) {
  try {
    if (!doc.binding || !doc.publish || Object.keys(doc.binding).length > 0) {
      return;
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
