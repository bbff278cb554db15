#!/usr/bin/env bash
# Starts a server with the demo patient and runs the page's tests against it. Called by `make test-page`.
set -euo pipefail
binary=$(realpath "${BINARY:?}")
data=$(mktemp -d)
export CHARTLIGHT_DATA_DIR=$data CHARTLIGHT_MODEL__NAME=none CHARTLIGHT_SERVER__PORT=${PORT:-8099} CHARTLIGHT_LOG__FILTER=warn
"$binary" guidance build
"$binary" chart import deploy/demo/demo-patient.json
"$binary" serve &
server=$!
trap 'kill -TERM $server 2>/dev/null; wait $server 2>/dev/null || true; rm -rf "$data"' EXIT
until curl -s -o /dev/null "http://127.0.0.1:$CHARTLIGHT_SERVER__PORT/health/ready"; do
    kill -0 $server 2>/dev/null || { wait $server; exit 1; }
    sleep 0.2
done
cd tests/page
npm ci --no-audit --no-fund --silent
CHARTLIGHT_URL="http://127.0.0.1:$CHARTLIGHT_SERVER__PORT" npm test
