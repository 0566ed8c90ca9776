#!/bin/bash
set -euo pipefail
mkdir -p modules/queue tests
cat >modules/queue/main.tf <<'TF'
terraform {
  required_version = ">= 1.6"
}

resource "terraform_data" "this" {
  input = {
    name           = var.name
    retention_days = var.retention_days
    dead_letter    = var.dead_letter
    owner          = var.owner
  }
}
TF
cat >modules/queue/variables.tf <<'TF'
variable "name" {
  type        = string
  description = "Name of the queue: lower case letters, digits and hyphens, 3 to 20 characters."

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,19}$", var.name))
    error_message = "The name has 3 to 20 lower case letters, digits or hyphens."
  }
}

variable "retention_days" {
  type        = number
  description = "How long a message is kept, in days, 1 to 14."

  validation {
    condition     = var.retention_days >= 1 && var.retention_days <= 14 && floor(var.retention_days) == var.retention_days
    error_message = "Messages are kept for 1 to 14 whole days."
  }
}

variable "dead_letter" {
  type        = bool
  description = "Whether messages that cannot be handled are kept apart."
  default     = true
}

variable "owner" {
  type        = string
  description = "The team that is called."
}
TF
cat >modules/queue/outputs.tf <<'TF'
output "id" {
  description = "Id of the queue."
  value       = terraform_data.this.id
}
TF
cat >main.tf <<'TF'
terraform {
  required_version = ">= 1.6"
}

locals {
  queues = {
    orders   = { retention_days = 7, dead_letter = true, owner = "team-orders" }
    invoices = { retention_days = 14, dead_letter = true, owner = "team-billing" }
    mails    = { retention_days = 3, dead_letter = false, owner = "team-orders" }
  }
}

module "queue" {
  source   = "./modules/queue"
  for_each = local.queues

  name           = each.key
  retention_days = each.value.retention_days
  dead_letter    = each.value.dead_letter
  owner          = each.value.owner
}

moved {
  from = terraform_data.orders
  to   = module.queue["orders"].terraform_data.this
}

moved {
  from = terraform_data.invoices
  to   = module.queue["invoices"].terraform_data.this
}

moved {
  from = terraform_data.mails
  to   = module.queue["mails"].terraform_data.this
}

output "queue_ids" {
  description = "Id of each queue, by name."
  value       = { for name, queue in module.queue : name => queue.id }
}
TF
cat >tests/queue.tftest.hcl <<'TF'
run "a_good_queue" {
  module {
    source = "./modules/queue"
  }
  variables {
    name           = "returns"
    retention_days = 5
    owner          = "team-orders"
  }
  assert {
    condition     = terraform_data.this.output.dead_letter
    error_message = "A queue has a dead letter queue unless it says otherwise."
  }
}

run "a_name_in_capitals_is_refused" {
  command = plan
  module {
    source = "./modules/queue"
  }
  variables {
    name           = "Returns"
    retention_days = 5
    owner          = "team-orders"
  }
  expect_failures = [var.name]
}

run "too_long_a_retention_is_refused" {
  command = plan
  module {
    source = "./modules/queue"
  }
  variables {
    name           = "returns"
    retention_days = 15
    owner          = "team-orders"
  }
  expect_failures = [var.retention_days]
}
TF
terraform fmt -recursive >/dev/null
