{{- define "chancery.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "chancery.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "chancery.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "chancery.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "chancery.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "chancery.publicUrl" -}}
{{- $port := .Values.service.public.port | int -}}
{{- .Values.externalUrls.public | default (printf "http://%s.%s.svc%s" (include "chancery.name" .) .Release.Namespace (ternary "" (printf ":%d" $port) (eq $port 80))) -}}
{{- end -}}

{{- define "chancery.apiUrl" -}}
{{- $port := .Values.service.api.port | int -}}
{{- .Values.externalUrls.api | default (printf "https://%s.%s.svc%s" (include "chancery.name" .) .Release.Namespace (ternary "" (printf ":%d" $port) (eq $port 443))) -}}
{{- end -}}

{{- define "chancery.embedded" -}}
{{- if or .Values.evaluation.enabled (not .Values.database.url) }}true{{ end -}}
{{- end -}}

{{/* Whether a file is one of another volume than the pod's own two. */}}
{{- define "chancery.mounted" -}}
{{- $file := . | default "" | toString | clean -}}
{{- if and (hasPrefix "/" $file) (not (hasPrefix "/var/lib/chancery/" $file)) (not (hasPrefix "/tmp/" $file)) -}}true{{ end -}}
{{- end -}}

{{/* What cannot work is refused here, and not by a pod that restarts for ever. */}}
{{- define "chancery.check" -}}
{{- if and (include "chancery.embedded" .) (gt (.Values.replicas | int) 1) -}}
{{- fail "replicas: more than one needs PostgreSQL (database.url); the embedded database is one process's" -}}
{{- end -}}
{{- if and (include "chancery.embedded" .) (not .Values.persistence.enabled) -}}
{{- fail "persistence.enabled: the embedded database and the evaluation need a volume" -}}
{{- end -}}
{{- if and .Values.persistence.enabled (gt (.Values.replicas | int) 1) -}}
{{- fail "persistence.enabled: the volume is one pod's; with more than one replica give no volume, and the keys as Secrets" -}}
{{- end -}}
{{- if and .Values.evaluation.enabled .Values.database.url -}}
{{- fail "database.url: the evaluation keeps everything in its volume; give it no database" -}}
{{- end -}}
{{- if not .Values.evaluation.enabled -}}
{{- range $value, $given := dict "token.library" .Values.token.library "token.pin.secret" .Values.token.pin.secret "certificates.configMap" .Values.certificates.configMap "profiles.configMap" .Values.profiles.configMap -}}
{{- if not $given -}}
{{- fail (printf "%s: is needed; or evaluation.enabled, to try it out" $value) -}}
{{- end -}}
{{- end -}}
{{- if not (or .Values.token.label .Values.token.serial) -}}
{{- fail "token.label or token.serial: says which token it is" -}}
{{- end -}}
{{- if not .Values.configuration.issuers -}}
{{- fail "configuration.issuers: is needed; or evaluation.enabled, to try it out" -}}
{{- end -}}
{{- range $key := list "listeners" "externalUrls" "database" "token" -}}
{{- if hasKey $.Values.configuration $key -}}
{{- fail (printf "configuration.%s: is set by the chart from its own values" $key) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.bindingKey.secret (hasKey (.Values.configuration.acme | default dict) "bindingKeyFile") -}}
{{- fail "configuration.acme.bindingKeyFile: is set by the chart from bindingKey.secret" -}}
{{- end -}}
{{- $vault := .Values.configuration.vault | default dict -}}
{{- if and .Values.vaultTokenKey.secret (hasKey $vault "tokenKeyFile") -}}
{{- fail "configuration.vault.tokenKeyFile: is set by the chart from vaultTokenKey.secret" -}}
{{- end -}}
{{/* A key that the server made in a pod's own volume ends with the pod, and the database knows another one.
     A file of one's own counts when it is mounted from elsewhere: relative names are in that volume. */}}
{{- if and .Values.database.url (not .Values.persistence.enabled) -}}
{{- if and $vault.enabled (not .Values.vaultTokenKey.secret) (not (include "chancery.mounted" $vault.tokenKeyFile)) -}}
{{- fail "vaultTokenKey.secret: is needed by the Vault-shaped API, the same in all replicas and in every pod after them; or, with one replica, persistence.enabled" -}}
{{- end -}}
{{- $acme := .Values.configuration.acme | default dict -}}
{{- if and (not .Values.bindingKey.secret) (not (include "chancery.mounted" $acme.bindingKeyFile)) -}}
{{- range $name, $endpoint := $acme.endpoints -}}
{{- if has ($endpoint.externalAccountBinding | default "none") (list "optional" "required") -}}
{{- fail (printf "bindingKey.secret: is needed by external account binding at the endpoint %s, the same in all replicas and in every pod after them; or, with one replica, persistence.enabled" $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The container's own paths and the cluster's names, over what the operator says. */}}
{{- define "chancery.configuration" -}}
{{- $token := dict "library" .Values.token.library "pinFile" (printf "/etc/chancery/pin/%s" .Values.token.pin.key) "place" .Values.token.place -}}
{{- range $key := list "label" "serial" "environment" -}}
{{- with index $.Values.token $key -}}
{{- $_ := set $token $key . -}}
{{- end -}}
{{- end -}}
{{- $all := dict "listeners" (dict "management" (dict "host" "0.0.0.0")) "externalUrls" (dict "public" (include "chancery.publicUrl" .) "api" (include "chancery.apiUrl" .)) "token" $token -}}
{{- if .Values.database.url -}}
{{- $database := dict "url" .Values.database.url "user" .Values.database.user -}}
{{- if .Values.database.password.secret -}}
{{- $_ := set $database "passwordFile" (printf "/etc/chancery/database/%s" .Values.database.password.key) -}}
{{- end -}}
{{- $_ := set $all "database" $database -}}
{{- end -}}
{{- if .Values.bindingKey.secret -}}
{{- $_ := set $all "acme" (dict "bindingKeyFile" "/etc/chancery/binding/binding.key") -}}
{{- end -}}
{{- if .Values.vaultTokenKey.secret -}}
{{- $_ := set $all "vault" (dict "tokenKeyFile" "/etc/chancery/vault/token.key") -}}
{{- end -}}
{{- mustMergeOverwrite (deepCopy .Values.configuration) $all | toYaml -}}
{{- end -}}

{{- define "chancery.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- define "chancery.mounts" -}}
- {name: data, mountPath: /var/lib/chancery}
- {name: tmp, mountPath: /tmp}
{{- if not .Values.evaluation.enabled }}
- {name: configuration, mountPath: /etc/chancery/configuration, readOnly: true}
- {name: certificates, mountPath: /etc/chancery/certificates, readOnly: true}
- {name: profiles, mountPath: /etc/chancery/profiles, readOnly: true}
- {name: pin, mountPath: /etc/chancery/pin, readOnly: true}
{{- if and .Values.database.url .Values.database.password.secret }}
- {name: database, mountPath: /etc/chancery/database, readOnly: true}
{{- end }}
{{- if .Values.bindingKey.secret }}
- {name: binding, mountPath: /etc/chancery/binding, readOnly: true}
{{- end }}
{{- if .Values.vaultTokenKey.secret }}
- {name: vault, mountPath: /etc/chancery/vault, readOnly: true}
{{- end }}
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The evaluation's configuration is init's own, with these over it at each start. Both ways of
     docs/cert-manager.md are open in it. */}}
{{- define "chancery.overrides" -}}
- --set
- listeners.management.host=0.0.0.0
- --set
- {{ printf "externalUrls.public=%s" (include "chancery.publicUrl" .) | quote }}
- --set
- {{ printf "externalUrls.api=%s" (include "chancery.apiUrl" .) | quote }}
- --set
- vault.enabled=true
- --set
- acme.endpoints.default.externalAccountBinding=optional
{{- end -}}
