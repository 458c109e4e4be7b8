#!/usr/bin/env node
"use strict";

// Starts the Cosmos DB judge on 127.0.0.1 and prints its URL when it is ready:
//
//   node run.js [--port N]
//
// The first run installs the packages that package-lock.json names. The server is
// the published package, unchanged; it keeps connections open, which its own command
// does not, and that makes it about twice as fast.

const { install, port, stopOnSignal } = require("../install");

install(__dirname);
const { createHttpServer } = require("@vercel/cosmosdb-server");

const server = createHttpServer({ keepAlive: true });
// It reports every refused request on standard error; the client sees the same answer.
if (!process.env.JUDGE_VERBOSE) console.error = () => {};
server.listen(port(process.argv), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});
stopOnSignal(server);
