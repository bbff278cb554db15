#!/usr/bin/env bash
# Model, guidance, demo patient, server, one question. Called by `make run`.
set -euo pipefail
binary=${BINARY:?}
export CHARTLIGHT_MODEL__NAME=${MODEL:?} CHARTLIGHT_SERVER__PORT=${PORT:?}
address="http://127.0.0.1:$PORT"
if curl -s -o /dev/null "$address/health/live"; then
    echo "Something answers at $address already; stop it, or choose another port: make run PORT=8081" >&2
    exit 1
fi
"$binary" model fetch "$MODEL"
"$binary" guidance build
"$binary" chart import deploy/demo/demo-patient.json
CHARTLIGHT_LOG__FILTER=${CHARTLIGHT_LOG__FILTER:-warn} "$binary" serve &
server=$!
trap 'kill -TERM $server 2>/dev/null; wait $server 2>/dev/null || true' EXIT
trap 'exit 0' INT TERM
# The server listens only when the model is loaded; it ends by itself when something is wrong.
until curl -s -o /dev/null "$address/health/ready"; do
    kill -0 $server 2>/dev/null || { wait $server; exit 1; }
    sleep 0.2
done
echo
"$binary" ask --curl "${QUESTION:-What does my A1C result mean?}"
cat <<END

The server keeps running; Ctrl-C stops it.
  patient page   $address/
  API            $address/docs/
END
wait $server
