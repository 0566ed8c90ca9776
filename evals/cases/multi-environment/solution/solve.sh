#!/bin/bash
set -euo pipefail
rm -f deploy/staging.yaml deploy/production.yaml
mkdir -p deploy/base deploy/overlays/staging deploy/overlays/production scripts
cat >deploy/base/deployment.yaml <<'YAML'
apiVersion: apps/v1
kind: Deployment
metadata:
  name: orders
spec:
  replicas: 1
  selector:
    matchLabels: {app: orders}
  template:
    metadata:
      labels: {app: orders}
    spec:
      containers:
        - name: orders
          image: registry.example.com/orders
          ports: [{containerPort: 8080}]
          env:
            - name: LOG_LEVEL
              valueFrom:
                configMapKeyRef: {name: orders, key: LOG_LEVEL}
          readinessProbe:
            httpGet: {path: /ready, port: 8080}
            periodSeconds: 5
          livenessProbe:
            httpGet: {path: /live, port: 8080}
          resources:
            requests: {cpu: 100m, memory: 128Mi}
            limits: {memory: 256Mi}
YAML
cat >deploy/base/service.yaml <<'YAML'
apiVersion: v1
kind: Service
metadata:
  name: orders
spec:
  selector: {app: orders}
  ports: [{port: 80, targetPort: 8080}]
YAML
printf 'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [deployment.yaml, service.yaml]\n' >deploy/base/kustomization.yaml
overlay() { # ENVIRONMENT NAMESPACE REPLICAS TAG LEVEL MEMORY RESOURCES
    cat >deploy/overlays/$1/kustomization.yaml <<YAML
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: $2
resources: [$7]
replicas: [{name: orders, count: $3}]
images: [{name: registry.example.com/orders, newTag: $4}]
configMapGenerator:
  - name: orders
    literals: [LOG_LEVEL=$5]
patches:
  - target: {kind: Deployment, name: orders}
    patch: |-
      - op: replace
        path: /spec/template/spec/containers/0/resources/limits/memory
        value: $6
YAML
}
overlay staging orders-staging 1 3.2.0 debug 256Mi ../../base
overlay production orders 4 3.1.4 info 512Mi "../../base, pdb.yaml"
cat >deploy/overlays/production/pdb.yaml <<'YAML'
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: orders
spec:
  minAvailable: 3
  selector:
    matchLabels: {app: orders}
YAML
cat >scripts/diff-environments.sh <<'SH'
#!/bin/bash
# Shows how staging and production differ; fails where they differ in more than namespace, replicas, tag, log level and memory limit.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for environment in staging production; do
    kubectl kustomize "deploy/overlays/$environment" >"$work/$environment"
    # what may differ is blanked, and production's own budget left out
    awk 'BEGIN { RS = "---\n"; ORS = "---\n" } !/kind: PodDisruptionBudget/' "$work/$environment" |
        sed -E -e 's/^( *namespace:).*/\1/' -e 's/^( *replicas:).*/\1/' -e 's#(image: registry\.example\.com/orders):.*#\1#' \
            -e 's/^( *LOG_LEVEL:).*/\1/' -e 's/orders-[a-z0-9]{10}\b/orders-HASH/' -e '/limits:/{n;s/(memory:).*/\1/}' >"$work/$environment.alike"
done
diff -u "$work/staging" "$work/production" || true
if ! diff -u "$work/staging.alike" "$work/production.alike" >"$work/more"; then
    echo "diff-environments: they differ in more than they may:" >&2
    cat "$work/more" >&2
    exit 1
fi
SH
chmod 755 scripts/diff-environments.sh
