terraform {
  required_version = ">= 1.7"
}

resource "terraform_data" "warehouse" {
  input = {
    engine     = "postgres"
    storage_gb = 500
  }
}

resource "terraform_data" "reports" {
  input = {
    engine     = "postgres"
    storage_gb = 80
  }
}
