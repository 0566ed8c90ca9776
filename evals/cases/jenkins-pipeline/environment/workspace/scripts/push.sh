#!/bin/bash
set -euo pipefail
docker login --username "$REGISTRY_USR" --password-stdin registry.example.com <<<"$REGISTRY_PSW"
docker push "registry.example.com/invoices:$1"
