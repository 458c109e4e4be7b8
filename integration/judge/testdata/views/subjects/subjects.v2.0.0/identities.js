function (doc) {
  if (!doc.namespaces || doc.blocked) {
    return;
  }
  doc.namespaces.forEach(function (ns) {
    var value = {
      _id: ns.name + "/limits",
      namespace: ns.name,
      uuid: ns.uuid,
      key: ns.key
    };
    emit([ns.name], value);
    emit([ns.uuid, ns.key], value);
  });
}
