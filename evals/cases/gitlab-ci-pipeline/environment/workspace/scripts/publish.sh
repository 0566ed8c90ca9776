#!/bin/bash
# Publishes dist/*.whl to the package index of an environment. Needs PUBLISH_TOKEN.
set -euo pipefail
: "${PUBLISH_TOKEN:?}"
for wheel in dist/*.whl; do
    curl --fail --silent --show-error --header "Authorization: Bearer $PUBLISH_TOKEN" --upload-file "$wheel" "https://packages.example.com/$1/"
done
