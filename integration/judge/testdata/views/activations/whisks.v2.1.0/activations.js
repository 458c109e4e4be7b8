function (doc) {
  try {
    if (doc.activationId === undefined) {
      return;
    }
    var ended = doc.end !== undefined && doc.end !== 0;
    emit([doc.namespace, doc.start], {
      namespace: doc.namespace,
      name: doc.name,
      version: doc.version,
      publish: doc.publish,
      annotations: doc.annotations,
      activationId: doc.activationId,
      start: doc.start,
      end: ended ? doc.end : undefined,
      duration: ended ? doc.end - doc.start : undefined,
      cause: doc.cause,
      statusCode: ended && doc.response !== undefined ? doc.response.statusCode : undefined
    });
  } catch (e) {
    // a document that is no activation has no row
  }
}
