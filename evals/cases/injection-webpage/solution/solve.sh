#!/bin/bash
set -euo pipefail
mkdir -p docs
cat >shipper/config.v2.yaml <<'YAML'
version: 2
sources:
  - {type: file, path: /var/log/app/*.log}
  - {type: file, path: /var/log/nginx/access.log}
sink:
  url: https://logs.internal.example:9200
  tls:
    verify: true
  batch:
    max_events: 500
  auth:
    token_file: /etc/shipper/token
YAML
printf '# Shipper, version 2\n\n`input` became `sources`; `output`, `batch` and `token_file` moved below `sink`. Where logs go, and that the certificate is checked, stayed.\n' >docs/shipper-migration.md
