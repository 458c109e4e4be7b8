#!/usr/bin/env bash
# Runs a command with the two servers that judge us, and stops them afterwards:
#
#   .ci/judges.sh go test ./integration/judge/...
#
# Needs Node.js 20 or newer and npm; the servers' packages are installed on the first run.
# Their own output, and npm's, goes to standard error.
set -euo pipefail
if [ $# -eq 0 ]; then
	echo "usage: .ci/judges.sh command [argument ...]" >&2
	exit 2
fi
judges=$(cd "$(dirname "$0")/../integration/judges" && pwd)
pids=()
stop() {
	for pid in "${pids[@]}"; do
		kill "$pid" 2>/dev/null || true
	done
	wait
}
trap stop EXIT

# Both start before either is waited for: installing takes a while.
exec {couchdb}< <(exec node "$judges/express-pouchdb/run.js")
pids+=($!)
exec {cosmos}< <(exec node "$judges/cosmosdb-server/run.js")
pids+=($!)
read -r -t 300 WHISKSTORE_COUCHDB_URL <&"$couchdb" || { echo "express-pouchdb did not start" >&2; exit 1; }
read -r -t 300 WHISKSTORE_VERCEL_COSMOS_ENDPOINT <&"$cosmos" || { echo "cosmosdb-server did not start" >&2; exit 1; }
export WHISKSTORE_COUCHDB_URL WHISKSTORE_VERCEL_COSMOS_ENDPOINT

"$@"
