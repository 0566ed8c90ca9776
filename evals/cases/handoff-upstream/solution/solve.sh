#!/bin/bash
set -euo pipefail
mkdir -p k8s monitoring
cat >Dockerfile <<'DOCKER'
FROM python:3.13.7-slim-bookworm
WORKDIR /srv
COPY export ./export
USER 10001:10001
EXPOSE 7070
HEALTHCHECK --interval=30s --timeout=3s CMD ["python3", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7070/status', timeout=2)"]
CMD ["python3", "-m", "export"]
DOCKER
printf '*\n!export\n**/__pycache__\n' >.dockerignore
cat >k8s/export.yaml <<'YAML'
apiVersion: apps/v1
kind: Deployment
metadata:
  name: export
  namespace: orders
spec:
  replicas: 2
  selector:
    matchLabels: {app: export}
  template:
    metadata:
      labels: {app: export}
    spec:
      securityContext:
        runAsNonRoot: true
        runAsUser: 10001
        seccompProfile: {type: RuntimeDefault}
      containers:
        - name: export
          image: registry.example.com/orders-export:1.0.0
          ports: [{name: http, containerPort: 7070}]
          env:
            - {name: EXPORT_BATCH, value: "500"}
            - name: DATABASE_URL
              valueFrom:
                secretKeyRef: {name: export-database, key: url}
          readinessProbe:
            httpGet: {path: /status, port: http}
          livenessProbe:
            httpGet: {path: /status, port: http}
            initialDelaySeconds: 10
          resources:
            requests: {cpu: 100m, memory: 100Mi}
            limits: {memory: 160Mi}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: {drop: [ALL]}
          volumeMounts: [{name: tmp, mountPath: /tmp}]
      volumes: [{name: tmp, emptyDir: {sizeLimit: 1Gi}}]
---
apiVersion: v1
kind: Service
metadata:
  name: export
  namespace: orders
spec:
  selector: {app: export}
  ports: [{name: http, port: 80, targetPort: http}]
YAML
cat >monitoring/export.yaml <<'YAML'
groups:
  - name: export
    rules:
      - alert: ExportFailing
        expr: increase(export_runs_total{result="failed"}[15m]) > 0
        for: 5m
        labels: {severity: ticket}
        annotations:
          summary: Exports of orders fail.
YAML
