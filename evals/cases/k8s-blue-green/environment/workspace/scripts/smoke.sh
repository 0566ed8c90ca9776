#!/bin/bash
# Asks a running shop for what every release must answer. Usage: scripts/smoke.sh BASE_URL
set -euo pipefail
for path in /health / /basket; do
    curl --fail --silent --show-error --max-time 10 --output /dev/null "$1$path"
done
