"use strict";

// A CouchDB-protocol server over express-pouchdb and PouchDB's in-memory adapter.
//
// express-pouchdb alone differs from Apache CouchDB where a CouchDB client notices. This
// file stands in front of it and repairs those answers; views, documents, revisions,
// conflicts, bulk writes, attachments and replication are PouchDB's own.

const crypto = require("crypto");
const express = require("express");
const expressPouchDB = require("express-pouchdb");
const { getOrCreateDB } = require("express-pouchdb/lib/create-or-delete-dbs");
const { changes, formatSeq } = require("./changes");

const PouchDB = require("pouchdb-core")
  .plugin(require("pouchdb-adapter-memory"))
  .plugin(require("pouchdb-adapter-http"))
  .plugin(require("pouchdb-mapreduce"))
  .plugin(require("pouchdb-find"))
  .plugin(require("pouchdb-replication"));

const maxDocumentBytes = 8_000_000;
const maxRequestBytes = 64 * 1024 * 1024;
// Members with a leading underscore that CouchDB accepts in a stored document.
const specialMembers = new Set([
  "_id", "_rev", "_deleted", "_attachments", "_revisions", "_revs_info", "_conflicts",
  "_deleted_conflicts", "_local_seq", "_removed"
]);

class Refusal extends Error {
  constructor(status, error, reason) {
    super(reason);
    Object.assign(this, { status, error, reason });
  }
}

function send(res, status, body) {
  res.status(status).type("application/json").send(Buffer.from(`${JSON.stringify(body)}\n`));
}

// Routes are async; a rejection becomes CouchDB's error shape.
const route = handle => (req, res, next) =>
  Promise.resolve(handle(req, res, next)).catch(err => {
    if (res.headersSent) return res.end();
    // A PouchDB error has true as its error member and the error's name beside it.
    const error = typeof err.error === "string" ? err.error : err.name;
    send(res, err.status || 500, { error, reason: err.reason || err.message });
  });

// The database's document a path addresses, "" when it addresses something else.
function documentOf(path) {
  let parts;
  try {
    parts = path.split("/").slice(1).map(decodeURIComponent);
  } catch {
    return ""; // a stray %
  }
  const [db, first, second] = parts;
  if (!db || db.startsWith("_") || !first) return "";
  if (parts.length === 2 && !first.startsWith("_")) return first;
  if (parts.length === 3 && (first === "_design" || first === "_local")) return `${first}/${second}`;
  return "";
}

// Basic credentials, or the cookie that POST /_session gives for them: CouchDB clients use
// the latter when the credentials stand in the URL.
function authenticate({ user, password }) {
  const basic = Buffer.from(`Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`);
  const cookie = Buffer.from(crypto.randomBytes(24).toString("base64url"));
  const same = (got, want) => got.length === want.length && crypto.timingSafeEqual(got, want);
  const known = req => {
    const [, session] = /(?:^|;\s*)AuthSession=([\w-]+)/.exec(req.headers.cookie || "") || [];
    return same(Buffer.from(req.headers.authorization || ""), basic) || same(Buffer.from(session || ""), cookie);
  };
  const session = express.Router();
  session.get("/_session", (req, res) =>
    send(res, 200, { ok: true, userCtx: known(req) ? { name: user, roles: ["_admin"] } : { name: null, roles: [] } }));
  session.post("/_session", express.json(), express.urlencoded({ extended: false }), (req, res) => {
    const { name, username = name, password: given } = req.body || {};
    if (username !== user || given !== password) {
      return send(res, 401, { error: "unauthorized", reason: "Name or password is incorrect." });
    }
    res.set("Set-Cookie", `AuthSession=${cookie}; Version=1; Path=/; HttpOnly`);
    send(res, 200, { ok: true, name: user, roles: ["_admin"] });
  });
  session.delete("/_session", (req, res) => {
    res.set("Set-Cookie", "AuthSession=; Version=1; Path=/; HttpOnly");
    send(res, 200, { ok: true });
  });
  session.use((req, res, next) => {
    if (req.path === "/" || req.path === "/_up" || known(req)) return next();
    send(res, 401, { error: "unauthorized", reason: "You are not a server admin." });
  });
  return session;
}

// Answers about a document carry its revision as ETag, refusals CouchDB's own reasons, and
// views an opaque update sequence.
function repairAnswers(req, res, next) {
  const plainSend = res.send;
  res.send = function (body) {
    res.send = plainSend;
    if (req.query.update_seq && res.statusCode === 200 && Buffer.isBuffer(body)) {
      const parsed = JSON.parse(body);
      parsed.update_seq = formatSeq(parsed.update_seq);
      body = Buffer.from(`${JSON.stringify(parsed)}\n`);
    }
    const isJSON = Buffer.isBuffer(body) && !res.get("Content-Disposition") && documentOf(req.path) !== "";
    if (isJSON && !res.get("ETag")) {
      try {
        const parsed = JSON.parse(body);
        const rev = parsed._rev || parsed.rev;
        if (rev && res.statusCode < 300) res.set("ETag", `"${rev}"`);
        if (res.statusCode === 409) {
          parsed.reason = "Document update conflict.";
          body = Buffer.from(`${JSON.stringify(parsed)}\n`);
        }
      } catch {
        // not JSON: nothing to repair
      }
    }
    return plainSend.call(this, body);
  };
  next();
}

// update= is today's name for what PouchDB knows as stale=.
function updateToStale(req, res, next) {
  const stale = { false: "ok", lazy: "update_after" }[req.query.update];
  if (stale) req.query.stale = stale;
  next();
}

// If-Match counts on writes only; on a GET CouchDB ignores it.
function ifMatchToRev(req, res, next) {
  const match = req.get("If-Match");
  if (match && ["PUT", "DELETE"].includes(req.method)) {
    const rev = match.replace(/^"|"$/g, "");
    if (req.query.rev && req.query.rev !== rev) {
      return send(res, 400, { error: "bad_request", reason: "Document rev from query string and If-Match header differ" });
    }
    req.query.rev = rev;
  }
  next();
}

function checkDocument(doc, error) {
  if (Buffer.byteLength(JSON.stringify(doc)) > maxDocumentBytes) {
    throw new Refusal(413, "document_too_large", doc._id || "");
  }
  for (const name of Object.keys(doc)) {
    if (name.startsWith("_") && !specialMembers.has(name)) {
      throw new Refusal(400, error, `Bad special document member: ${name}`);
    }
  }
}

function createServer({ user, password }) {
  const started = new Map(); // database name -> seconds since the epoch, as CouchDB 3 reports
  const uuid = crypto.randomUUID().replace(/-/g, "");
  const judge = expressPouchDB(PouchDB, {
    mode: "minimumForPouchDB",
    overrideMode: {
      // compression holds back a continuous feed; changes are served by changes.js
      exclude: ["compression", "routes/changes"],
      include: ["routes/ddoc-info", "routes/find", "routes/replicate", "validation"]
    }
  });
  judge.disable("etag");
  judge.disable("x-powered-by");

  // A read of a tombstone says "deleted", not "missing".
  judge.dbWrapper.registerWrapper((name, db, next) => {
    const get = db.get.bind(db);
    db.get = (id, opts, callback) => {
      if (typeof opts === "function") [callback, opts] = [opts, {}];
      const answer = get(id, opts || {}).catch(err => {
        if (err.reason === "deleted") err.message = "deleted";
        throw err;
      });
      if (!callback) return answer;
      answer.then(doc => callback(null, doc), callback);
    };
    return next();
  });

  async function database(name) {
    if (!(await PouchDB.allDbs()).includes(name)) throw new Refusal(404, "not_found", "Database does not exist.");
    return judge.dbWrapper.wrap(name, await getOrCreateDB(PouchDB, name));
  }

  const app = express();
  app.disable("etag");
  app.disable("x-powered-by");
  app.enable("case sensitive routing");
  app.use(authenticate({ user, password }), repairAnswers, updateToStale, ifMatchToRev);

  app.get("/_up", (req, res) => send(res, 200, { status: "ok" }));
  app.get("/", (req, res) =>
    send(res, 200, {
      couchdb: "Welcome",
      version: require("express-pouchdb/package.json").version,
      uuid,
      vendor: { name: "express-pouchdb" }
    }));

  app.put("/:db", route(async (req, res, next) => {
    const name = req.params.db;
    if (!/^[a-z][a-z0-9_$()+-]*$/.test(name) && !["_users", "_replicator", "_global_changes"].includes(name)) {
      throw new Refusal(400, "illegal_database_name", `Name: '${name}'. Only lowercase characters (a-z), digits (0-9), ` +
        "and any of the characters _, $, (, ), + and - are allowed. Must begin with a letter.");
    }
    if (!started.has(name)) started.set(name, Math.floor(Date.now() / 1000));
    next();
  }));

  app.delete("/:db", route(async (req, res, next) => {
    await database(req.params.db);
    started.delete(req.params.db);
    next();
  }));

  app.get("/:db", route(async (req, res, next) => {
    const name = req.params.db;
    if (name.startsWith("_")) return next();
    const db = await database(name);
    const info = await db.info();
    const all = await db.changes({ since: 0 });
    send(res, 200, {
      db_name: name,
      doc_count: info.doc_count,
      doc_del_count: all.results.filter(change => change.deleted).length,
      update_seq: formatSeq(info.update_seq),
      instance_start_time: String(started.get(name) ?? 0),
      compact_running: false
    });
  }));

  // The body is read here once: the judge's own parser leaves a parsed body alone.
  const parseJSON = express.json({ limit: maxRequestBytes, strict: false });
  const writesDocument = req =>
    req.is("application/json") && ((req.method === "PUT" && documentOf(req.path) !== "") ||
      (req.method === "POST" && (/^\/[^/]+\/?$/.test(req.path) || req.path.endsWith("/_bulk_docs"))));
  app.use(route(async (req, res, next) => {
    if (!writesDocument(req)) return next();
    await new Promise((resolve, reject) => parseJSON(req, res, err => (err ? reject(err) : resolve())))
      .catch(err => {
        throw err.status === 413
          ? new Refusal(413, "too_large", "the request entity is too large")
          : new Refusal(400, "bad_request", "invalid UTF-8 JSON");
      });
    const body = req.body;
    if (body === null || typeof body !== "object" || Array.isArray(body)) {
      throw new Refusal(400, "bad_request", "Request body must be a JSON object");
    }
    if (Array.isArray(body.docs)) body.docs.forEach(doc => checkDocument(doc, "doc_validation"));
    else checkDocument(body, "doc_validation");
    if (req.method === "PUT" && body._rev && req.query.rev && body._rev !== req.query.rev) {
      throw new Refusal(400, "bad_request", "Document rev from request body and query string have different values");
    }
    next();
  }));

  // express-pouchdb reads the revision it is asked to delete, and so answers 404 where
  // CouchDB answers 409.
  app.delete("*", route(async (req, res, next) => {
    const id = documentOf(req.path);
    if (id === "" || id.startsWith("_local/")) return next();
    const db = await database(decodeURIComponent(req.path.split("/")[1]));
    await db.get(id);
    if (!req.query.rev) throw new Refusal(409, "conflict", "Document update conflict.");
    const answer = await db.remove(id, req.query.rev);
    send(res, 200, { ok: true, id, rev: answer.rev });
  }));

  const feed = route(async (req, res) => changes(await database(req.params.db), req, res));
  app.get("/:db/_changes", feed);
  app.post("/:db/_changes", express.json({ limit: maxRequestBytes }), feed);

  app.use(judge);

  // Some requests reject a promise nobody in express-pouchdb awaits; the others go on.
  process.on("unhandledRejection", err => console.error("unhandled rejection:", err));

  const http = require("http").createServer(app);
  http.requestTimeout = 0; // a continuous feed has no end
  return http;
}

module.exports = { createServer };
