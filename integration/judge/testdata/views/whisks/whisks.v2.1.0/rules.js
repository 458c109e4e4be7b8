function (doc) {
  try {
    if (doc.trigger === undefined) {
      return;
    }
    var root = doc.namespace.split("/")[0];
    emit([doc.namespace, doc.updated], 1);
    if (root !== doc.namespace) {
      emit([root, doc.updated], 1);
    }
  } catch (e) {
    // a document that is no rule has no row
  }
}
