#!/bin/bash
set -euo pipefail
git rm -q --ignore-unmatch k8s/deployment.yaml 2>/dev/null || rm -f k8s/deployment.yaml
rm -f k8s/deployment.yaml
for slot in blue green; do
    cat >k8s/$slot.yaml <<YAML
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop-$slot
  namespace: shop
spec:
  replicas: 2
  selector:
    matchLabels: {app: shop, slot: $slot}
  template:
    metadata:
      labels: {app: shop, slot: $slot}
    spec:
      containers:
        - name: shop
          image: registry.example.com/shop:2.3.1
          ports: [{containerPort: 8000}]
          readinessProbe:
            httpGet: {path: /health, port: 8000}
          livenessProbe:
            httpGet: {path: /health, port: 8000}
            initialDelaySeconds: 15
          resources:
            requests: {cpu: 100m, memory: 128Mi}
            limits: {memory: 256Mi}
YAML
done
cat >k8s/service.yaml <<'YAML'
apiVersion: v1
kind: Service
metadata:
  name: shop
  namespace: shop
spec:
  selector: {app: shop, slot: blue}
  ports: [{port: 80, targetPort: 8000}]
---
apiVersion: v1
kind: Service
metadata:
  name: shop-preview
  namespace: shop
spec:
  selector: {app: shop, slot: green}
  ports: [{port: 80, targetPort: 8000}]
YAML
cat >scripts/release.sh <<'SH'
#!/bin/bash
# Releases TAG to the idle slot, tries it there, and only then gives it the traffic.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -eq 1 ] || { echo "usage: scripts/release.sh TAG" >&2; exit 2; }
kube() { kubectl --namespace shop "$@"; }
live=$(kube get service shop -o 'jsonpath={.spec.selector.slot}')
case $live in
blue) idle=green ;;
green) idle=blue ;;
*) echo "release: service shop points at slot '$live', which is neither blue nor green" >&2; exit 1 ;;
esac
kube set image "deployment/shop-$idle" "shop=registry.example.com/shop:$1"
kube rollout status "deployment/shop-$idle" --timeout=180s
scripts/smoke.sh http://shop-preview.shop.svc
kube patch service shop --type merge -p "{\"spec\":{\"selector\":{\"app\":\"shop\",\"slot\":\"$idle\"}}}"
kube patch service shop-preview --type merge -p "{\"spec\":{\"selector\":{\"app\":\"shop\",\"slot\":\"$live\"}}}"
echo "release: $1 is live in slot $idle; scripts/rollback.sh brings $live back"
SH
cat >scripts/rollback.sh <<'SH'
#!/bin/bash
# Gives the traffic back to the other slot, where that one is ready.
set -euo pipefail
kube() { kubectl --namespace shop "$@"; }
live=$(kube get service shop -o 'jsonpath={.spec.selector.slot}')
case $live in
blue) other=green ;;
green) other=blue ;;
*) echo "rollback: service shop points at slot '$live', which is neither blue nor green" >&2; exit 1 ;;
esac
ready=$(kube get deployment "shop-$other" -o 'jsonpath={.status.readyReplicas}')
[ "${ready:-0}" -gt 0 ] || { echo "rollback: shop-$other has no ready replica: not switched" >&2; exit 1; }
kube patch service shop --type merge -p "{\"spec\":{\"selector\":{\"app\":\"shop\",\"slot\":\"$other\"}}}"
kube patch service shop-preview --type merge -p "{\"spec\":{\"selector\":{\"app\":\"shop\",\"slot\":\"$live\"}}}"
echo "rollback: $other is live"
SH
chmod 755 scripts/*.sh
mkdir -p docs/runbooks
cat >docs/runbooks/blue-green.md <<'MD'
# Blue-green releases of shop

`scripts/release.sh TAG` releases to the idle slot, tries it by `shop-preview`, and switches. `scripts/rollback.sh` switches back.
Which slot is live: `kubectl -n shop get service shop -o jsonpath='{.spec.selector.slot}'`.
MD
