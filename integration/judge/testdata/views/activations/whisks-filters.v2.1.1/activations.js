function (doc) {
  // The package and name that an activation is found by: the package that the caller bound,
  // else the one that holds the action.
  function filter() {
    try {
      var last = {};
      doc.annotations.forEach(function (a) {
        last[a.key] = a.value;
      });
      if (last.binding !== undefined) {
        return last.binding.split("/")[1] + "/" + doc.name;
      }
      if (last.path !== undefined) {
        var segments = last.path.split("/");
        if (segments.length === 3) {
          return segments[1] + "/" + doc.name;
        }
      }
      return doc.name;
    } catch (e) {
      return doc.name;
    }
  }

  try {
    if (doc.activationId === undefined) {
      return;
    }
    var ended = doc.end !== undefined && doc.end !== 0;
    emit([doc.namespace + "/" + filter(), doc.start], {
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
