#!/bin/bash
set -euo pipefail
chart=charts/notifier
mkdir -p $chart/templates/tests
cat >$chart/Chart.yaml <<'YAML'
apiVersion: v2
name: notifier
description: Sends mails.
type: application
version: 0.1.0
appVersion: "3.4.0"
icon: https://example.com/notifier.png
YAML
cat >$chart/values.yaml <<'YAML'
replicaCount: 2
image:
  repository: registry.example.com/notifier
  tag: ""
  pullPolicy: IfNotPresent
config:
  SMTP_HOST: smtp.example.com
  SMTP_PORT: "587"
# The Secret that holds smtp-password; it must exist.
existingSecret: ""
resources:
  requests: {cpu: 50m, memory: 64Mi}
  limits: {memory: 128Mi}
autoscaling:
  enabled: false
  minReplicas: 2
  maxReplicas: 6
  targetCPU: 70
ingress:
  enabled: false
  host: ""
podDisruptionBudget:
  enabled: true
serviceAccount:
  create: true
YAML
cat >$chart/values.schema.json <<'JSON'
{
  "$schema": "http://json-schema.org/draft-07/schema#",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "global": {"type": "object"},
    "replicaCount": {"type": "integer", "minimum": 0},
    "image": {
      "type": "object",
      "additionalProperties": false,
      "properties": {"repository": {"type": "string"}, "tag": {"type": "string"}, "pullPolicy": {"enum": ["Always", "IfNotPresent", "Never"]}}
    },
    "config": {"type": "object", "additionalProperties": {"type": "string"}},
    "existingSecret": {"type": "string"},
    "resources": {"type": "object"},
    "autoscaling": {
      "type": "object",
      "additionalProperties": false,
      "properties": {"enabled": {"type": "boolean"}, "minReplicas": {"type": "integer"}, "maxReplicas": {"type": "integer"}, "targetCPU": {"type": "integer"}}
    },
    "ingress": {"type": "object", "additionalProperties": false, "properties": {"enabled": {"type": "boolean"}, "host": {"type": "string"}}},
    "podDisruptionBudget": {"type": "object", "additionalProperties": false, "properties": {"enabled": {"type": "boolean"}}},
    "serviceAccount": {"type": "object", "additionalProperties": false, "properties": {"create": {"type": "boolean"}}}
  }
}
JSON
cat >$chart/templates/_helpers.tpl <<'TPL'
{{- define "notifier.fullname" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 63 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" }}{{ end }}
{{- end }}
{{- define "notifier.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
{{- define "notifier.labels" -}}
{{ include "notifier.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}
{{- define "notifier.account" -}}
{{- if .Values.serviceAccount.create }}{{ include "notifier.fullname" . }}{{ else }}default{{ end }}
{{- end }}
TPL
head_of() { # KIND APIVERSION NAMESUFFIX
    printf 'apiVersion: %s\nkind: %s\nmetadata:\n  name: {{ include "notifier.fullname" . }}%s\n  labels:\n    {{- include "notifier.labels" . | nindent 4 }}\n' "$2" "$1" "${3:-}"
}
{ head_of ConfigMap v1; printf 'data:\n  {{- toYaml .Values.config | nindent 2 }}\n'; } >$chart/templates/configmap.yaml
{ echo '{{- if .Values.serviceAccount.create }}'; head_of ServiceAccount v1; echo '{{- end }}'; } >$chart/templates/serviceaccount.yaml
{ head_of Service v1; cat <<'YAML'
spec:
  selector:
    {{- include "notifier.selector" . | nindent 4 }}
  ports:
    - {name: http, port: 80, targetPort: http}
YAML
} >$chart/templates/service.yaml
{ head_of Deployment apps/v1; cat <<'YAML'
spec:
  {{- if not .Values.autoscaling.enabled }}
  replicas: {{ .Values.replicaCount }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "notifier.selector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "notifier.labels" . | nindent 8 }}
      annotations:
        checksum/config: {{ toYaml .Values.config | sha256sum }}
    spec:
      serviceAccountName: {{ include "notifier.account" . }}
      securityContext: {runAsNonRoot: true, runAsUser: 10001}
      containers:
        - name: notifier
          image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
          imagePullPolicy: {{ .Values.image.pullPolicy }}
          ports: [{name: http, containerPort: 8080}]
          envFrom:
            - configMapRef: {name: {{ include "notifier.fullname" . }}}
          env:
            - name: SMTP_PASSWORD
              valueFrom:
                secretKeyRef:
                  name: {{ required "existingSecret is required: the Secret that holds smtp-password" .Values.existingSecret }}
                  key: smtp-password
          readinessProbe: {httpGet: {path: /healthz, port: http}, periodSeconds: 5}
          livenessProbe: {httpGet: {path: /healthz, port: http}}
          resources:
            {{- toYaml .Values.resources | nindent 12 }}
          securityContext: {readOnlyRootFilesystem: true, allowPrivilegeEscalation: false}
YAML
} >$chart/templates/deployment.yaml
{ echo '{{- if .Values.autoscaling.enabled }}'; head_of HorizontalPodAutoscaler autoscaling/v2; cat <<'YAML'
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: {{ include "notifier.fullname" . }}}
  minReplicas: {{ .Values.autoscaling.minReplicas }}
  maxReplicas: {{ .Values.autoscaling.maxReplicas }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target: {type: Utilization, averageUtilization: {{ .Values.autoscaling.targetCPU }}}
{{- end }}
YAML
} >$chart/templates/hpa.yaml
{ echo '{{- if .Values.podDisruptionBudget.enabled }}'; head_of PodDisruptionBudget policy/v1; cat <<'YAML'
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      {{- include "notifier.selector" . | nindent 6 }}
{{- end }}
YAML
} >$chart/templates/pdb.yaml
{ echo '{{- if .Values.ingress.enabled }}'; head_of Ingress networking.k8s.io/v1; cat <<'YAML'
spec:
  rules:
    - host: {{ required "ingress.host is required where ingress is enabled" .Values.ingress.host | quote }}
      http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: {{ include "notifier.fullname" . }}
                port: {name: http}
{{- end }}
YAML
} >$chart/templates/ingress.yaml
{ head_of Pod v1 -test; cat <<'YAML'
  annotations:
    helm.sh/hook: test
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
spec:
  restartPolicy: Never
  containers:
    - name: ask
      image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
      command: [wget, -qO-, "http://{{ include "notifier.fullname" . }}/healthz"]
YAML
} >$chart/templates/tests/health.yaml
printf 'notifier is in the cluster as http://{{ include "notifier.fullname" . }}.{{ .Release.Namespace }}.svc\n' >$chart/templates/NOTES.txt
cat >$chart/README.md <<'MD'
# notifier

`helm install notifier charts/notifier --set existingSecret=notifier-smtp`

| Value | Default | What |
|---|---|---|
| `replicaCount` | 2 | pods, where autoscaling is off |
| `image.repository`, `image.tag`, `image.pullPolicy` | registry.example.com/notifier, the appVersion, IfNotPresent | the image |
| `config` | SMTP_HOST, SMTP_PORT | environment |
| `existingSecret` | required | the Secret with `smtp-password` |
| `resources` | 50m, 64Mi; limit 128Mi | of the container |
| `autoscaling.enabled`, `.minReplicas`, `.maxReplicas`, `.targetCPU` | false, 2, 6, 70 | |
| `ingress.enabled`, `.host` | false | |
| `podDisruptionBudget.enabled` | true | |
| `serviceAccount.create` | true | |
MD
rm -r k8s
sed -i 's#`kubectl apply -f k8s/` installs it.#`helm install notifier charts/notifier --set existingSecret=notifier-smtp` installs it.#' README.md
