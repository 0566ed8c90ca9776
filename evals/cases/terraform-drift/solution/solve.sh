#!/bin/bash
set -euo pipefail
mkdir -p docs/runbooks
cat >main.tf <<'TF'
terraform {
  required_version = ">= 1.6"
}

resource "terraform_data" "web" {
  input = {
    replicas  = 6
    memory_mb = 512
    debug     = false
  }
}

resource "terraform_data" "cache" {
  input = {
    version = "7.2"
    nodes   = 2
  }
}

resource "terraform_data" "database" {
  input = {
    version    = "16"
    storage_gb = 200
  }

  lifecycle {
    prevent_destroy = true
  }
}
TF
cat >docs/runbooks/drift.md <<'MD'
# Drift

Each night: `terraform plan -detailed-exitcode`. 0: none. 2: drift, the owner of the resource decides within a day whether the configuration follows
reality or the next reviewed apply takes it back. 1: the check itself failed.
MD
