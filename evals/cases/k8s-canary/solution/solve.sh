#!/bin/bash
set -euo pipefail
mkdir -p docs/runbooks
python3 - <<'PY'
from pathlib import Path

text = Path("k8s/search.yaml").read_text()
# A deployment's selector cannot change: the stable one keeps app alone, its pods and its service get the track.
stable = text.replace("      labels: {app: search}", "      labels: {app: search, track: stable}")
stable = stable.replace("  selector: {app: search}", "  selector: {app: search, track: stable}")
stable = stable.replace("    matchLabels: {app: search}", "    matchLabels: {app: search, track: stable}")
Path("k8s/search.yaml").write_text(stable)
canary = stable.replace("track: stable", "track: canary").replace("  name: search\n  namespace", "  name: search-canary\n  namespace")
canary = canary.replace("replicas: 4", "replicas: 0").replace("                name: search\n", "                name: search-canary\n")
annotations = (
    '  annotations:\n    nginx.ingress.kubernetes.io/canary: "true"\n    nginx.ingress.kubernetes.io/canary-weight: "0"\nspec:\n  ingressClassName'
)
Path("k8s/search-canary.yaml").write_text(canary.replace("spec:\n  ingressClassName", annotations))
PY
cat >scripts/canary.sh <<'SH'
#!/bin/bash
# Gives a release to a growing share of the traffic, and takes it back when it fails more than the stable one.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -eq 1 ] || { echo "usage: scripts/canary.sh TAG" >&2; exit 2; }
tag=$1
wait=${STEP_SECONDS:-300}
kube() { kubectl --namespace search "$@"; }
weigh() { kube annotate ingress search-canary --overwrite "nginx.ingress.kubernetes.io/canary-weight=$1"; }
away() { weigh 0 && kube scale deployment search-canary --replicas=0; }
give_up() {
    trap - INT TERM EXIT
    echo "canary: $1: taken back" >&2
    away || echo "canary: taking it back failed: look at search-canary now" >&2
    exit 1
}
trap 'give_up interrupted' INT TERM
trap 'give_up "a command failed"' EXIT

kube set image deployment/search-canary "search=registry.example.com/search:$tag"
kube scale deployment search-canary --replicas=2
kube rollout status deployment/search-canary --timeout=180s
for weight in 5 25 50; do
    weigh "$weight"
    sleep "$wait" &
    wait $! # so that a signal is heard at once
    canary=$(scripts/error-rate.sh canary) && stable=$(scripts/error-rate.sh stable) || give_up "an error rate cannot be read"
    [[ $canary =~ ^[0-9]+(\.[0-9]+)?$ && $stable =~ ^[0-9]+(\.[0-9]+)?$ ]] || give_up "an error rate is no number: '$canary', '$stable'"
    awk -v c="$canary" -v s="$stable" 'BEGIN { exit !(c > 1 || (c > 2 * s && c > 0.10)) }' && give_up "error rate $canary % (stable $stable %) at $weight %"
    echo "canary: $weight %: error rate $canary % (stable $stable %)"
done
kube set image deployment/search "search=registry.example.com/search:$tag"
kube rollout status deployment/search --timeout=300s
trap - INT TERM EXIT
away
echo "canary: $tag is live"
SH
chmod 755 scripts/canary.sh
cat >docs/runbooks/canary.md <<'MD'
# Canary releases of search

`PROMETHEUS_URL=… scripts/canary.sh TAG`. Exit code 0: live everywhere. 1: taken back; the error names why.

By hand: `kubectl -n search annotate ingress search-canary --overwrite nginx.ingress.kubernetes.io/canary-weight=0`.
MD
