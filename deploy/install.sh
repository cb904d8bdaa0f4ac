#!/bin/sh
# Makes the place this script lies in, /opt/helioport/blue or green, ready to serve: locked packages, browser assets,
# static files. Changes nothing that serves, so it may be repeated, and run beside the portal. For root.
set -eu
umask 022
cd "$(dirname "$0")/.."
place=$(basename "$PWD")
variables=${HELIOPORT_VARIABLES:-/var/lib/helioport}
runtime=${HELIOPORT_RUNTIME:-/run/helioport}

[ -x .venv/bin/python ] || python3 -m venv .venv
.venv/bin/python -m pip install --quiet --require-hashes -r requirements/run.txt
npm ci --ignore-scripts --omit=dev --no-audit --no-fund --loglevel=error
.venv/bin/python -m compileall -q apps portal
# What a place writes is kept outside of it, for both.
ln -sfn "$variables" var
ln -sfn "$runtime/$place.sock" web.sock
# They belong to root: who serves them must not be able to change them.
HELIOPORT_USER=root deploy/manage.sh collectstatic --noinput --verbosity 0
deploy/manage.sh check --deploy --fail-level WARNING
