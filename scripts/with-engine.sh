#!/bin/sh
# Runs a command with a Docker engine beside it: the one that answers, else one started for as long as the command
# runs, where this is root's machine and dockerd is installed. Without either the command runs all the same.
set -u
cd "$(dirname "$0")/.." || exit 1

answers() {
    .venv/bin/python -c 'import sys; from agency_tools.engine import answers; sys.exit(not answers())'
}

engine=
if ! answers && [ "$(id -u)" -eq 0 ] && command -v dockerd >/dev/null && [ -z "${DOCKER_HOST:-}" ]; then
    mountpoint -q /sys/fs/cgroup || mount -t cgroup2 cgroup2 /sys/fs/cgroup
    log=$(mktemp)
    # sandboxes have no network, so the engine needs no bridge and touches no firewall
    dockerd --bridge none --iptables=false --ip6tables=false >"$log" 2>&1 &
    engine=$!
    waited=0
    while ! answers; do
        waited=$((waited + 1))
        if [ "$waited" -gt 150 ] || ! kill -0 "$engine" 2>/dev/null; then
            echo "with-engine: dockerd did not start:" >&2
            tail -n 5 "$log" >&2
            kill "$engine" 2>/dev/null
            engine=
            break
        fi
        sleep 0.2
    done
fi

"$@"
code=$?

if [ -n "$engine" ]; then
    kill "$engine"
    wait "$engine"
fi
exit "$code"
