#!/bin/bash
set -euo pipefail
mkdir -p docs/incidents docs/runbooks scripts
cat >scripts/triage.sh <<'SH'
#!/bin/bash
# The three most frequent errors of a log, and when the first one came.
set -euo pipefail
[ $# -eq 1 ] || { echo "usage: scripts/triage.sh LOGFILE" >&2; exit 2; }
[ -f "$1" ] && [ -r "$1" ] || { echo "triage: $1: cannot be read" >&2; exit 2; }
errors=$(awk '$2 == "ERROR" {print $3}' "$1")
[ -n "$errors" ] || { echo "no errors"; exit 0; }
sort <<<"$errors" | uniq -c | sort -k1,1nr -k2,2 | head -n 3 | awk '{print $1, $2}'
awk '$2 == "ERROR" {print "first error: " $1; exit}' "$1"
exit 1
SH
chmod 755 scripts/triage.sh
cat >monitoring/alerts.yaml <<'YAML'
groups:
  - name: relay
    rules:
      - alert: RelayDown
        expr: up{job="relay"} == 0
        for: 1m
        labels: {severity: page}
        annotations:
          summary: The relay does not answer.
          runbook_url: docs/runbooks/relay-down.md
      - alert: MailQueueFull
        expr: relay_queue_messages / relay_queue_capacity_messages > 0.9
        for: 5m
        labels: {severity: page}
        annotations:
          summary: The queue is over 90 % full.
          runbook_url: docs/runbooks/mail-queue-full.md
      - alert: DeliveryFailing
        expr: sum by (domain) (rate(relay_failed_total[5m])) / sum by (domain) (rate(relay_delivered_total[5m])) > 0.2
        for: 10m
        labels: {severity: ticket}
        annotations:
          summary: Over 20 % of the mail to {{ $labels.domain }} fails.
          runbook_url: docs/runbooks/delivery-failing.md
      - alert: SpoolFillingUp
        expr: relay_spool_used_bytes / relay_spool_size_bytes > 0.8
        for: 5m
        labels: {severity: page}
        annotations:
          summary: The spool is over 80 % full.
          runbook_url: docs/runbooks/spool-filling-up.md
YAML
runbook() { # FILE TITLE LOOK MITIGATE WAKE
    printf '# %s\n\nLook:\n\n    %s\n\nMitigate:\n\n    %s\n\n%s\n' "$2" "$3" "$4" "$5" >"docs/runbooks/$1.md"
}
runbook relay-down "Relay down" "kubectl -n mail logs deployment/relay --tail=500 >/tmp/relay.log; scripts/triage.sh /tmp/relay.log" "kubectl -n mail rollout restart deployment/relay" "Wake the on-call engineer at once."
runbook mail-queue-full "Mail queue full" "kubectl -n mail exec deployment/relay -- ls /var/spool/relay" "kubectl -n mail scale deployment/relay --replicas=4" "Wake the on-call engineer after 10 minutes."
runbook delivery-failing "Delivery failing" "kubectl -n mail logs deployment/relay --tail=500" "kubectl -n mail rollout restart deployment/relay" "Nobody is woken; a ticket for the mail team."
runbook spool-filling-up "Spool filling up" "kubectl -n mail exec deployment/relay -- du -sh /var/spool/relay/dead" "kubectl -n mail exec deployment/relay -- find /var/spool/relay/dead -mtime +7 -delete" "Wake the on-call engineer at 95 %."
cat >docs/incidents/2026-03-14-mail-relay.md <<'MD'
# Mail relay stopped, 2026-03-14

| UTC | What |
|---|---|
| 02:12:40 | spool 91 % full (warning in the log, no alert) |
| 02:20:03 | first error: SPOOL_WRITE, no space left on device |
| 02:31:05 | the relay stops |
| 02:36:00 | RelayDown fires |
| 03:18:12 | mitigation: the operator removes 17 GiB of dead letters |
| 03:18:44 | the relay starts; 03:19:02 first delivery |
| 03:21:00 | the alert resolves |

Cause: the spool ran full. Not shown by the logs: why dead letters had grown to 17 GiB. Follow-up: the alert SpoolFillingUp.
MD
