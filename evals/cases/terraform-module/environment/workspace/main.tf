terraform {
  required_version = ">= 1.6"
}

resource "terraform_data" "orders" {
  input = {
    name           = "orders"
    retention_days = 7
    dead_letter    = true
    owner          = "team-orders"
  }
}

output "orders_id" {
  value = terraform_data.orders.id
}

resource "terraform_data" "invoices" {
  input = {
    name           = "invoices"
    retention_days = 14
    dead_letter    = true
    owner          = "team-billing"
  }
}

output "invoices_id" {
  value = terraform_data.invoices.id
}

resource "terraform_data" "mails" {
  input = {
    name           = "mails"
    retention_days = 3
    dead_letter    = false
    owner          = "team-orders"
  }
}

output "mails_id" {
  value = terraform_data.mails.id
}

