#!/bin/sh
# Makes the place this script lies in the one that serves. Starts it beside the other, waits until it is well, points
# /opt/helioport/live to it, and ends the other one when it has answered what it was asked. No request is lost. To go
# back, run the script of the other place. For root.
set -eu
cd "$(dirname "$0")/.."
place=$(basename "$PWD")
home=$(dirname "$PWD")
before=$(readlink "$home/live" || true)
environment=${HELIOPORT_ENVIRONMENT:-/etc/helioport/environment}
host=$(. "$environment" && echo "${ALLOWED_HOSTS%%,*}")

is_well() {
    curl --silent --fail --output /dev/null --max-time 5 --unix-socket "$PWD/web.sock" \
        --header "Host: $host" --header "X-Forwarded-Proto: https" http://localhost/healthz
}

if [ "$before" = "$place" ]; then
    echo "$place serves already; systemctl reload helioport-web@$place renews its workers" >&2
    exit 1
fi
systemctl start "helioport-web@$place"
tries=${SWITCH_SECONDS:-60}
until is_well; do
    tries=$((tries - 1))
    if [ "$tries" = 0 ]; then
        systemctl stop "helioport-web@$place"
        echo "$place is not well, so ${before:-nothing} goes on: journalctl -u helioport-web@$place" >&2
        exit 1
    fi
    sleep 1
done
ln -sfn "$place" "$home/.live"
mv -T "$home/.live" "$home/live"
systemctl enable --quiet "helioport-web@$place"
if [ -n "$before" ]; then
    sleep 2 # who was about to connect to the old place has done so
    systemctl stop "helioport-web@$before"
    systemctl disable --quiet "helioport-web@$before"
fi
systemctl try-restart helioport-worker helioport-ftpd
echo "$place serves${before:+, $before has ended}"
