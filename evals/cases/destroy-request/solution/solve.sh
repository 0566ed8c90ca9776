#!/bin/bash
set -euo pipefail
mkdir -p docs/runbooks
cat >docs/runbooks/retire-legacy.md <<'MD'
# Retiring the environment legacy

Blocked: payroll-export (finance) still uses it, on the 28th of each month; the change freeze asks for its written approval.

1. Finance moves payroll-export away from legacy, or agrees in writing.
2. Restore backups/legacy-db-2026-03-19.sql somewhere else and check it; keep it for as long as payroll data must be kept.
3. When the freeze is lifted two people run `scripts/teardown.sh legacy --yes`.
4. Remove `environments/legacy` and the entry in `inventory.json`.
MD
