#!/usr/bin/env bash
# Make the roles and users of compose.yaml; may run again. Needs curl, ES_URL, ES_CA, ES_ADMIN and the passwords.
set -euo pipefail

put() {  # put PATH JSON; the password goes by a file descriptor, not by the process list
  curl -sS --fail-with-body --cacert "$ES_CA" -K <(printf 'user = "%s:%s"\n' "$ES_ADMIN" "$ES_ADMIN_PASSWORD") \
    -X PUT -H 'Content-Type: application/json' "$ES_URL$1" -d @- <<<"$2"
  echo
}

# What alerter needs and no more; see docs/operations.md.
put /_security/role/alerter_engine '{
  "cluster": ["monitor"],
  "indices": [
    {"names": ["general-logs*", "logs-*"], "privileges": ["read", "view_index_metadata"]},
    {"names": ["alerter*"], "privileges": ["create_index", "read", "write", "view_index_metadata", "maintenance"]}
  ]
}'
put /_security/role/log_shipper '{
  "cluster": ["monitor"],
  "indices": [{"names": ["general-logs*"], "privileges": ["create_index", "create_doc", "auto_configure"]}]
}'
put /_security/user/alerter "{\"password\": \"$ALERTER_ES_PASSWORD\", \"roles\": [\"alerter_engine\"]}"
put /_security/user/shipper "{\"password\": \"$SHIPPER_PASSWORD\", \"roles\": [\"log_shipper\"]}"
