#!/bin/bash
set -euo pipefail
mkdir -p scripts docs/runbooks
cat >k8s/deployment.yaml <<'YAML'
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: web
spec:
  replicas: 3
  progressDeadlineSeconds: 120
  selector:
    matchLabels: {app: web}
  strategy:
    type: RollingUpdate
    rollingUpdate: {maxUnavailable: 0, maxSurge: 1}
  template:
    metadata:
      labels: {app: web}
    spec:
      terminationGracePeriodSeconds: 40
      securityContext:
        runAsNonRoot: true
        runAsUser: 10001
        seccompProfile: {type: RuntimeDefault}
      containers:
        - name: web
          image: registry.example.com/web:1.4.2
          ports: [{name: http, containerPort: 8080}]
          readinessProbe:
            httpGet: {path: /readyz, port: http}
            periodSeconds: 3
          livenessProbe:
            httpGet: {path: /livez, port: http}
            periodSeconds: 10
            failureThreshold: 3
          lifecycle:
            preStop:
              exec: {command: [sleep, "5"]}
          resources:
            requests: {cpu: 50m, memory: 64Mi}
            limits: {memory: 128Mi}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: {drop: [ALL]}
YAML
cat >k8s/pdb.yaml <<'YAML'
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: web
  namespace: web
spec:
  maxUnavailable: 1
  selector:
    matchLabels: {app: web}
YAML
cat >scripts/deploy.sh <<'SH'
#!/bin/bash
# Releases an image and undoes the release when it does not become ready.
set -euo pipefail
[ $# -eq 1 ] || { echo "usage: scripts/deploy.sh IMAGE" >&2; exit 2; }
image=$1
namespace=${NAMESPACE:-web}
name=${image##*/}
case $image in
*@sha256:*) ;;
*)
    case $name in
    *:latest | *: | *[!:]:*latest) fixed= ;;
    *:*) fixed=yes ;;
    *) fixed= ;;
    esac
    [ -n "$fixed" ] || { echo "deploy: $image: give a fixed tag or a digest" >&2; exit 2; }
    ;;
esac
kubectl --namespace "$namespace" set image deployment/web "web=$image"
if kubectl --namespace "$namespace" rollout status deployment/web --timeout=150s; then
    echo "deploy: $image is live"
    exit 0
fi
echo "deploy: $image did not become ready: undoing" >&2
if kubectl --namespace "$namespace" rollout undo deployment/web &&
    kubectl --namespace "$namespace" rollout status deployment/web --timeout=150s; then
    echo "deploy: the previous release is back" >&2
    exit 1
fi
echo "deploy: the undo failed too: look at deployment/web in $namespace now" >&2
exit 3
SH
chmod 755 scripts/deploy.sh
cat >docs/runbooks/deployment.md <<'MD'
# Releasing web

`scripts/deploy.sh registry.example.com/web:1.5.0`. Exit code 0: live. 1: not ready, the previous release is back. 3: the undo failed.

By hand: `kubectl -n web rollout history deployment/web`, `kubectl -n web rollout undo deployment/web`.
MD
