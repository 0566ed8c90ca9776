#!/bin/bash
# Needs the staging system and k6.
set -euo pipefail
exec k6 run --vus 50 --duration 10m -e "BASE=${STAGING_URL:?}" load/rates.js
