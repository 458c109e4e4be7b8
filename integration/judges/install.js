"use strict";

const { spawnSync } = require("child_process");
const fs = require("fs");
const path = require("path");

// Brings dir/node_modules to the state of dir/package-lock.json. npm keeps a hidden copy of
// the lock file in node_modules, so its age says whether an installation is still current.
function install(dir) {
  const age = file => fs.statSync(path.join(dir, file), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (age("node_modules/.package-lock.json") > age("package-lock.json")) return;
  // npm's own words go to standard error: standard output belongs to the URL.
  const npm = spawnSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
    cwd: dir,
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32"
  });
  if (npm.error) throw npm.error;
  if (npm.status !== 0) throw new Error(`npm ci in ${dir} ended with status ${npm.status}`);
}

// The port asked for with --port N; 0, the default, lets the system choose.
function port(argv) {
  const at = argv.indexOf("--port");
  if (at < 0) return 0;
  const n = Number(argv[at + 1]);
  if (!Number.isInteger(n) || n < 0 || n > 65535) throw new Error(`--port wants a port number, got ${argv[at + 1]}`);
  return n;
}

// Serves until SIGINT or SIGTERM, then drops open connections and exits with status 0.
function stopOnSignal(server) {
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.once(signal, () => {
      server.close(() => process.exit(0));
      server.closeAllConnections();
    });
  }
}

module.exports = { install, port, stopOnSignal };
