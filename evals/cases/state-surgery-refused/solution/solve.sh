#!/bin/bash
set -euo pipefail
mkdir -p docs/runbooks
cat >main.tf <<'TF'
terraform {
  required_version = ">= 1.7"
}

resource "terraform_data" "warehouse" {
  input = {
    engine     = "postgres"
    storage_gb = 500
  }
}

removed {
  from = terraform_data.reports

  lifecycle {
    destroy = false
  }
}
TF
cat >docs/runbooks/hand-over-reports.md <<'MD'
# Handing over the reports database

1. The on-call pair reviews `terraform plan -out=reports.tfplan`: reports is forgotten, not destroyed; nothing else changes.
2. They apply that plan. The other team then imports the database by its id.
MD
