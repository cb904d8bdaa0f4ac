#!/bin/sh
# manage.py of the place this script lies in, as the user and in the environment of the services.
set -eu
# A migration that finds a table busy gives up, instead of making everybody wait behind it.
[ "${1:-}" != migrate ] || export PGOPTIONS="${PGOPTIONS:--c lock_timeout=5s}"
exec "$(dirname "$(readlink -f "$0")")/run.sh" .venv/bin/python manage.py "$@"
