#!/bin/sh
# The virtual environment with the project in it, the system's packages, the validators. Safe to run again.
set -eu
cd "$(dirname "$0")/.."

needed() { # COMMAND PACKAGE: the package's name where the command is missing
    command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || printf '%s ' "$2"
}

missing=$(
    needed bwrap bubblewrap
    needed rg ripgrep
    needed git git
    needed dockerd docker.io
    needed mmdebstrap mmdebstrap
    needed chromium chromium
)
if [ -n "$missing" ]; then
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
        export DEBIAN_FRONTEND=noninteractive
        apt-get update --quiet --quiet
        # shellcheck disable=SC2086  # a list of names
        apt-get install --yes --quiet --quiet --no-install-recommends $missing
    else
        echo "setup: not installed, and only root could: $missing" >&2
        echo "setup: bubblewrap or a Docker engine is needed to run anything; the rest is optional" >&2
    fi
fi

[ -x .venv/bin/python ] || "${PYTHON:-python3}" -m venv .venv
.venv/bin/python -m pip install --quiet --upgrade pip
.venv/bin/python -m pip install --quiet --editable . --group dev
.venv/bin/python -m agency_tools.image
