#!/bin/bash
set -euo pipefail
mkdir -p .github/workflows scripts deploy
cat >.github/workflows/preview.yml <<'YAML'
name: preview
on:
  pull_request:
    types: [opened, synchronize, reopened, closed]

permissions: {}

concurrency:
  group: preview-${{ github.event.pull_request.number }}
  cancel-in-progress: ${{ github.event.action != 'closed' }}

jobs:
  up:
    if: github.event.action != 'closed' && github.event.pull_request.head.repo.full_name == github.repository
    runs-on: ubuntu-24.04
    timeout-minutes: 15
    permissions:
      contents: read
    environment:
      name: preview/pr-${{ github.event.pull_request.number }}
      url: https://pr-${{ github.event.pull_request.number }}.preview.example.com
    env:
      NUMBER: ${{ github.event.pull_request.number }}
      SHA: ${{ github.event.pull_request.head.sha }}
    steps:
      - uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0
        with:
          persist-credentials: false
      - name: Build and push
        env:
          REGISTRY_TOKEN: ${{ secrets.REGISTRY_TOKEN }}
        run: |
          image="registry.example.com/site:pr-$NUMBER-${SHA:0:7}"
          docker build --tag "$image" .
          docker login --username ci --password-stdin registry.example.com <<<"$REGISTRY_TOKEN"
          docker push "$image"
          echo "IMAGE=$image" >>"$GITHUB_ENV"
      - name: Deploy
        env:
          PREVIEW_KUBECONFIG: ${{ secrets.PREVIEW_KUBECONFIG }}
        run: |
          export KUBECONFIG="$RUNNER_TEMP/kubeconfig"
          (umask 077 && printf '%s' "$PREVIEW_KUBECONFIG" >"$KUBECONFIG")
          scripts/preview.sh up "$NUMBER" "$IMAGE"
  down:
    if: github.event.action == 'closed' && github.event.pull_request.head.repo.full_name == github.repository
    runs-on: ubuntu-24.04
    timeout-minutes: 10
    permissions:
      contents: read
    env:
      NUMBER: ${{ github.event.pull_request.number }}
    steps:
      - uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0
        with:
          persist-credentials: false
      - name: Take away
        env:
          PREVIEW_KUBECONFIG: ${{ secrets.PREVIEW_KUBECONFIG }}
        run: |
          export KUBECONFIG="$RUNNER_TEMP/kubeconfig"
          (umask 077 && printf '%s' "$PREVIEW_KUBECONFIG" >"$KUBECONFIG")
          scripts/preview.sh down "$NUMBER"
YAML
cat >.github/workflows/preview-sweep.yml <<'YAML'
name: preview-sweep
on:
  schedule:
    - cron: "17 3 * * *"
  workflow_dispatch:

permissions: {}

concurrency:
  group: preview-sweep
  cancel-in-progress: false

jobs:
  sweep:
    runs-on: ubuntu-24.04
    timeout-minutes: 10
    permissions:
      contents: read
    steps:
      - uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0
        with:
          persist-credentials: false
      - name: Sweep
        env:
          PREVIEW_KUBECONFIG: ${{ secrets.PREVIEW_KUBECONFIG }}
        run: |
          export KUBECONFIG="$RUNNER_TEMP/kubeconfig"
          (umask 077 && printf '%s' "$PREVIEW_KUBECONFIG" >"$KUBECONFIG")
          scripts/preview.sh sweep
YAML
cat >deploy/preview.yaml <<'YAML'
apiVersion: apps/v1
kind: Deployment
metadata:
  name: site
spec:
  replicas: 1
  selector:
    matchLabels: {app: site}
  template:
    metadata:
      labels: {app: site}
    spec:
      securityContext: {runAsNonRoot: true, runAsUser: 101}
      containers:
        - name: site
          image: ${IMAGE}
          ports: [{name: http, containerPort: 8080}]
          readinessProbe:
            httpGet: {path: /, port: http}
          livenessProbe:
            httpGet: {path: /, port: http}
          resources:
            requests: {cpu: 20m, memory: 32Mi}
            limits: {memory: 64Mi}
          securityContext: {allowPrivilegeEscalation: false}
---
apiVersion: v1
kind: Service
metadata:
  name: site
spec:
  selector: {app: site}
  ports: [{name: http, port: 80, targetPort: http}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: site
spec:
  rules:
    - host: pr-${NUMBER}.preview.example.com
      http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: site
                port: {name: http}
YAML
cat >scripts/preview.sh <<'SH'
#!/bin/bash
# Preview environments: up NUMBER IMAGE | down NUMBER | sweep
set -euo pipefail
cd "$(dirname "$0")/.."
usage() { echo "usage: scripts/preview.sh up NUMBER IMAGE | down NUMBER | sweep" >&2; exit 2; }
numbered() { [[ $1 =~ ^[1-9][0-9]*$ ]] || { echo "preview: '$1' is no pull request's number" >&2; exit 2; }; }

up() {
    local namespace=site-pr-$1
    kubectl apply -f - <<YAML
apiVersion: v1
kind: Namespace
metadata:
  name: $namespace
  labels: {preview: "true"}
---
apiVersion: v1
kind: ResourceQuota
metadata:
  name: preview
  namespace: $namespace
spec:
  hard: {requests.cpu: "2", requests.memory: 2Gi}
YAML
    sed -e "s|\${NUMBER}|$1|g" -e "s|\${IMAGE}|$2|g" deploy/preview.yaml | kubectl --namespace "$namespace" apply -f -
    kubectl --namespace "$namespace" rollout status deployment/site --timeout=180s
}

down() {
    kubectl delete namespace --selector preview=true --field-selector "metadata.name=site-pr-$1" --ignore-not-found
}

sweep() {
    local old name created
    old=$(date -u -d '7 days ago' +%s)
    kubectl get namespaces --selector preview=true -o 'jsonpath={range .items[*]}{.metadata.name} {.metadata.creationTimestamp}{"\n"}{end}' |
        while read -r name created; do
            [[ $name =~ ^site-pr-[1-9][0-9]*$ ]] || continue
            [ "$(date -u -d "$created" +%s)" -ge "$old" ] || down "${name#site-pr-}"
        done
}

case ${1:-} in
up) [ $# -eq 3 ] || usage; numbered "$2"; up "$2" "$3" ;;
down) [ $# -eq 2 ] || usage; numbered "$2"; down "$2" ;;
sweep) [ $# -eq 1 ] || usage; sweep ;;
*) usage ;;
esac
SH
chmod 755 scripts/preview.sh
