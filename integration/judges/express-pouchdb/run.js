#!/usr/bin/env node
"use strict";

// Starts the CouchDB judge on 127.0.0.1 and prints its URL, credentials included, when it is ready:
//
//   node run.js [--port N]
//
// The first run installs the packages that package-lock.json names. Everything is kept in memory.

const { install, port, stopOnSignal } = require("../install");

install(__dirname);
const { createServer } = require("./server");

const user = "admin";
const password = "password";
const server = createServer({ user, password });
server.listen(port(process.argv), "127.0.0.1", () => {
  console.log(`http://${user}:${password}@127.0.0.1:${server.address().port}`);
});
stopOnSignal(server);
