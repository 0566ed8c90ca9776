#!/bin/sh
# The tests, two at a time. With an engine the workspace image is made first; under CI its absence is a failure.
set -eu
cd "$(dirname "$0")/.."

if ! .venv/bin/python -m agency_tools.image.build; then
    [ "${CI:-}" != true ] || exit 4
    echo "test: no workspace image; the tests that need Docker are skipped" >&2
fi
exec .venv/bin/python -m pytest -n 2 --dist loadgroup "$@"
