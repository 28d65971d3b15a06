{{/* The controller's name is fixed: data planes find it as sluice-controller.<namespace>.svc. One controller per namespace. */}}
{{- define "sluice.name" -}}sluice-controller{{- end }}

{{/* Names of what stands outside a namespace carry it, so that two controllers of one cluster do not meet. */}}
{{- define "sluice.clusterName" -}}sluice-controller-{{ .Release.Namespace }}{{- end }}

{{/* What a Deployment or a Service selects by; never changes. */}}
{{- define "sluice.selector" -}}
app.kubernetes.io/name: sluice
app.kubernetes.io/component: controller
{{- end }}

{{- define "sluice.labels" -}}
{{ include "sluice.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "sluice.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}
