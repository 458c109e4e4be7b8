"use strict";

// CouchDB's _changes over a PouchDB database: normal, longpoll and continuous feeds.

const defaultTimeout = 60_000;

// CouchDB's sequences are opaque strings "N-…". PouchDB's are integers; the suffix keeps a
// client from treating them as such.
const opaque = n => Buffer.from(`judge sequence ${n}`).toString("base64url");
const formatSeq = n => `${n}-${opaque(n)}`;

function badRequest(reason) {
  return Object.assign(new Error(reason), { status: 400, error: "bad_request", reason });
}

function parseSeq(since) {
  if (since === undefined || since === "" || String(since) === "0") return 0;
  const [, n, suffix] = /^(\d+)-([\w-]+)$/.exec(since) || [];
  if (n === undefined || suffix !== opaque(Number(n))) {
    throw badRequest("Malformed sequence supplied in 'since' parameter.");
  }
  return Number(n);
}

function millis(name, value, fallback) {
  if (value === undefined) return fallback;
  const n = Number(value);
  if (!Number.isInteger(n) || n < 0) throw badRequest(`Invalid value for ${name}: ${value}`);
  return n;
}

const isTrue = value => value === true || value === "true";

async function options(db, req) {
  const q = { ...req.query };
  const body = req.body || {};
  const opts = {
    include_docs: isTrue(q.include_docs),
    attachments: isTrue(q.attachments),
    conflicts: isTrue(q.conflicts),
    descending: isTrue(q.descending),
    query_params: q
  };
  if (q.style) opts.style = q.style;
  switch (q.filter) {
    case undefined:
      break;
    case "_doc_ids":
      opts.doc_ids = body.doc_ids || JSON.parse(q.doc_ids || "null");
      if (!Array.isArray(opts.doc_ids)) throw badRequest("`doc_ids` filter parameter is not a list.");
      break;
    case "_selector":
      if (!body.selector) throw badRequest("Selector must be specified in POST payload");
      opts.selector = body.selector;
      break;
    case "_design":
      opts.filter = doc => doc._id.startsWith("_design/");
      break;
    case "_view":
      opts.filter = "_view";
      opts.view = q.view;
      await designMember(db, "views", q.view);
      break;
    default:
      opts.filter = q.filter;
      await designMember(db, "filters", q.filter);
  }
  return opts;
}

// Refuses a filter that does not exist before the feed starts.
async function designMember(db, kind, name) {
  const [ddoc, member] = String(name || "").split("/");
  if (!ddoc || !member) throw badRequest(`filter ${name} is not of the form designname/filtername`);
  const doc = await db.get(`_design/${ddoc}`);
  if (!doc[kind] || !doc[kind][member]) {
    throw Object.assign(new Error("missing"), {
      status: 404, error: "not_found", reason: `missing json key: ${member}`
    });
  }
}

function row(change) {
  const { seq, ...rest } = change;
  return { seq: formatSeq(seq), ...rest };
}

async function changes(db, req, res) {
  const feed = req.query.feed || "normal";
  const limit = millis("limit", req.query.limit, Infinity);
  const opts = await options(db, req);
  const end = (await db.info()).update_seq;
  const since = req.query.since === "now" ? end : parseSeq(req.query.since);

  res.status(200).type("application/json");
  const past = await db.changes({ ...opts, since });
  if (feed === "normal" || (feed === "longpoll" && (past.results.length > 0 || limit === 0))) {
    const results = past.results.slice(0, limit).map(row);
    const last = results.length < past.results.length
      ? (results.at(-1)?.seq ?? formatSeq(since))
      : formatSeq(Math.max(since, past.last_seq));
    return res.send(Buffer.from(`${JSON.stringify({
      results, last_seq: last, pending: past.results.length - results.length
    })}\n`));
  }
  if (feed !== "longpoll" && feed !== "continuous") throw badRequest(`Unknown feed type: ${feed}`);
  await follow(db, req, res, opts, { since, limit, continuous: feed === "continuous" });
}

// Writes changes as they happen until the limit, the time-out, the end of the database or
// of the client.
function follow(db, req, res, opts, { since, limit, continuous }) {
  const beat = isTrue(req.query.heartbeat) ? defaultTimeout : millis("heartbeat", req.query.heartbeat, 0);
  const timeout = millis("timeout", req.query.timeout, defaultTimeout);
  let last = since;
  let rows = 0;
  let timer;

  return new Promise(resolve => {
    const live = db.changes({ ...opts, since, live: true });
    const pulse = beat > 0 ? setInterval(() => res.write("\n"), beat) : undefined;

    const finish = () => {
      clearTimeout(timer);
      clearInterval(pulse);
      db.removeListener("destroyed", finish);
      live.cancel();
      if (!res.writableEnded && !res.destroyed) {
        const tail = `"last_seq":${JSON.stringify(formatSeq(last))},"pending":0}\n`;
        res.end(continuous ? `{${tail}` : `\n],\n${tail}`);
      }
      resolve();
    };
    // As in CouchDB a heartbeat takes the place of the time-out.
    const rearm = () => {
      if (beat > 0) return;
      clearTimeout(timer);
      timer = setTimeout(finish, timeout);
    };

    // The headers and, for a longpoll, the opening go out before the first change.
    res.flushHeaders();
    if (!continuous) res.write('{"results":[\n');
    live.on("change", change => {
      if (res.writableEnded || rows >= limit) return;
      last = change.seq;
      rows += 1;
      res.write(JSON.stringify(row(change)) + (continuous ? "\n" : ""));
      if (!continuous || rows >= limit) return finish();
      rearm();
    });
    live.on("error", finish);
    db.once("destroyed", finish);
    res.on("close", finish);
    if (limit === 0) return finish();
    rearm();
  });
}

module.exports = { changes, formatSeq };
