#!/bin/bash
# The share of failed requests of the last five minutes, in per cent. Usage: scripts/error-rate.sh stable|canary
set -euo pipefail
query="100 * sum(rate(http_requests_total{job=\"search\",track=\"$1\",code=~\"5..\"}[5m])) / sum(rate(http_requests_total{job=\"search\",track=\"$1\"}[5m]))"
curl --fail --silent --get --data-urlencode "query=$query" "${PROMETHEUS_URL:?}/api/v1/query" |
    python3 -c 'import json,sys; print(f"{float(json.load(sys.stdin)[chr(100)+"ata"]["result"][0]["value"][1]):.2f}")'
