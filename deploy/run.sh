#!/bin/sh
# Runs a command in the place this script lies in, as the user and in the environment of the services. For root;
# others stay who they are. Values in the environment file are quoted, so that systemd and sh read the same.
set -eu
cd "$(dirname "$(readlink -f "$0")")/.."
set -a
. "${HELIOPORT_ENVIRONMENT:-/etc/helioport/environment}"
set +a
[ "$(id -u)" != 0 ] || exec runuser -u "${HELIOPORT_USER:-helioport}" -- "$@"
exec "$@"
