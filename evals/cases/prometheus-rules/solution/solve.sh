#!/bin/bash
set -euo pipefail
mkdir -p monitoring docs/runbooks
cat >monitoring/rules.yml <<'YAML'
groups:
  - name: payments
    rules:
      - record: payments:error_ratio:rate5m
        expr: |
          (sum by (region) (rate(http_requests_total{job="payments",code=~"5.."}[5m])) or sum by (region) (rate(http_requests_total{job="payments"}[5m])) * 0)
            / (sum by (region) (rate(http_requests_total{job="payments"}[5m])) > 0)
      - record: payments:error_ratio:rate1h
        expr: |
          sum by (region) (rate(http_requests_total{job="payments",code=~"5.."}[1h]))
            / (sum by (region) (rate(http_requests_total{job="payments"}[1h])) > 0)
      - alert: PaymentsErrorBudgetBurn
        expr: payments:error_ratio:rate1h > 14.4 * 0.001 and payments:error_ratio:rate5m > 14.4 * 0.001
        for: 2m
        labels: {severity: page}
        annotations:
          summary: Payments fail in {{ $labels.region }}.
          description: The error ratio in {{ $labels.region }} is {{ $value | humanizePercentage }}; the month's budget is gone in two days at this rate.
          runbook_url: docs/runbooks/payments.md#paymentserrorbudgetburn
      - alert: PaymentsSlow
        expr: histogram_quantile(0.99, sum by (region, le) (rate(http_request_duration_seconds_bucket{job="payments"}[5m]))) > 0.8
        for: 10m
        labels: {severity: ticket}
        annotations:
          summary: Payments are slow in {{ $labels.region }}.
          description: The 99th percentile in {{ $labels.region }} is {{ $value | humanizeDuration }}.
          runbook_url: docs/runbooks/payments.md#paymentsslow
      - alert: PaymentsAbsent
        expr: absent(up{job="payments"})
        for: 5m
        labels: {severity: page}
        annotations:
          summary: Nothing is heard of payments.
          description: Prometheus has no target of the job payments.
          runbook_url: docs/runbooks/payments.md#paymentsabsent
      - alert: PaymentsQueueStuck
        expr: sum by (region) (payments_queue_length) > 0 and sum by (region) (increase(payments_processed_total[5m])) == 0
        for: 15m
        labels: {severity: page}
        annotations:
          summary: The queue of payments is stuck in {{ $labels.region }}.
          description: In {{ $labels.region }} {{ $value }} payments wait and none is processed.
          runbook_url: docs/runbooks/payments.md#paymentsqueuestuck
YAML
cat >monitoring/rules_test.yml <<'YAML'
rule_files: [rules.yml]
evaluation_interval: 1m
tests:
  - name: errors, slow answers and a stuck queue fire
    interval: 1m
    input_series:
      - {series: 'http_requests_total{job="payments",region="eu",code="200"}', values: 0+95x120}
      - {series: 'http_requests_total{job="payments",region="eu",code="500"}', values: 0+5x120}
      - {series: 'http_request_duration_seconds_bucket{job="payments",region="eu",le="0.5"}', values: 0+10x120}
      - {series: 'http_request_duration_seconds_bucket{job="payments",region="eu",le="2"}', values: 0+100x120}
      - {series: 'http_request_duration_seconds_bucket{job="payments",region="eu",le="+Inf"}', values: 0+100x120}
      - {series: 'payments_queue_length{region="eu"}', values: 3x120}
      - {series: 'payments_processed_total{region="eu"}', values: 7x120}
      - {series: 'up{job="payments"}', values: 1x120}
    alert_rule_test:
      - eval_time: 60m
        alertname: PaymentsErrorBudgetBurn
        exp_alerts:
          - exp_labels: {severity: page, region: eu}
            exp_annotations:
              summary: Payments fail in eu.
              description: The error ratio in eu is 5%; the month's budget is gone in two days at this rate.
              runbook_url: docs/runbooks/payments.md#paymentserrorbudgetburn
      - eval_time: 60m
        alertname: PaymentsSlow
        exp_alerts:
          - exp_labels: {severity: ticket, region: eu}
            exp_annotations:
              summary: Payments are slow in eu.
              description: The 99th percentile in eu is 1.983s.
              runbook_url: docs/runbooks/payments.md#paymentsslow
      - eval_time: 60m
        alertname: PaymentsQueueStuck
        exp_alerts:
          - exp_labels: {severity: page, region: eu}
            exp_annotations:
              summary: The queue of payments is stuck in eu.
              description: In eu 3 payments wait and none is processed.
              runbook_url: docs/runbooks/payments.md#paymentsqueuestuck
      - {eval_time: 60m, alertname: PaymentsAbsent, exp_alerts: []}
  - name: a healthy service is silent
    interval: 1m
    input_series:
      - {series: 'http_requests_total{job="payments",region="eu",code="200"}', values: 0+100x120}
      - {series: 'http_request_duration_seconds_bucket{job="payments",region="eu",le="0.5"}', values: 0+100x120}
      - {series: 'http_request_duration_seconds_bucket{job="payments",region="eu",le="+Inf"}', values: 0+100x120}
      - {series: 'payments_queue_length{region="eu"}', values: 3x120}
      - {series: 'payments_processed_total{region="eu"}', values: 0+4x120}
      - {series: 'up{job="payments"}', values: 1x120}
    alert_rule_test:
      - {eval_time: 60m, alertname: PaymentsErrorBudgetBurn, exp_alerts: []}
      - {eval_time: 60m, alertname: PaymentsSlow, exp_alerts: []}
      - {eval_time: 60m, alertname: PaymentsQueueStuck, exp_alerts: []}
  - name: an absent service fires
    interval: 1m
    input_series: []
    alert_rule_test:
      - eval_time: 10m
        alertname: PaymentsAbsent
        exp_alerts:
          - exp_labels: {severity: page, job: payments}
            exp_annotations:
              summary: Nothing is heard of payments.
              description: Prometheus has no target of the job payments.
              runbook_url: docs/runbooks/payments.md#paymentsabsent
YAML
printf '# Payments\n\n' >docs/runbooks/payments.md
for name in PaymentsErrorBudgetBurn PaymentsSlow PaymentsAbsent PaymentsQueueStuck; do
    printf '## %s\n\nLook at the dashboard of the region, then at the logs of `payments`.\n\n' $name >>docs/runbooks/payments.md
done
