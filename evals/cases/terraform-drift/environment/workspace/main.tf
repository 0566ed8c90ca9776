terraform {
  required_version = ">= 1.6"
}

resource "terraform_data" "web" {
  input = {
    replicas  = 3
    memory_mb = 256
    debug     = false
  }
}

resource "terraform_data" "cache" {
  input = {
    version = "7.0"
    nodes   = 2
  }
}

resource "terraform_data" "database" {
  input = {
    version    = "16"
    storage_gb = 200
  }
}
