{{/* The names of all that is made begin with it. */}}
{{- define "roundsman.name" -}}
{{- if contains "roundsman" .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}{{ printf "%s-roundsman" .Release.Name | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* What the pods of a part are selected by: dict "root" $ "part" "probe". */}}
{{- define "roundsman.selector" -}}
app.kubernetes.io/name: roundsman
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end }}

{{- define "roundsman.labels" -}}
{{ include "roundsman.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
{{- end }}

{{/* dict "root" $ "program" "roundsman-probe". */}}
{{- define "roundsman.image" -}}
image: {{ printf "%s%s:%s" .root.Values.image.prefix .program (.root.Values.image.tag | default .root.Chart.AppVersion) | quote }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
{{- end }}

{{- define "roundsman.containerSecurity" -}}
readOnlyRootFilesystem: true
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
{{- end }}
