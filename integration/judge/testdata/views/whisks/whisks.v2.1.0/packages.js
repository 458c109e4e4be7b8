function (doc) {
  try {
    if (doc.binding === undefined) {
      return;
    }
    emit([doc.namespace, doc.updated], {
      namespace: doc.namespace,
      name: doc.name,
      version: doc.version,
      publish: doc.publish,
      annotations: doc.annotations,
      updated: doc.updated,
      binding: Object.keys(doc.binding).length > 0 ? doc.binding : false
    });
  } catch (e) {
    // a document that is no package has no row
  }
}
