#!/usr/bin/env bash
# Make an authority and a certificate for the node, once: certificates.sh FOLDER. Runs in Elasticsearch's image.
set -euo pipefail
folder=$1
[ -f "$folder/http.crt" ] && exit 0

work=$(mktemp -d)
tool=/usr/share/elasticsearch/bin/elasticsearch-certutil
"$tool" ca --silent --pem --out "$work/ca.zip"
unzip -q "$work/ca.zip" -d "$work"
"$tool" cert --silent --pem --name http --dns elasticsearch --dns localhost --ip 127.0.0.1 \
  --ca-cert "$work/ca/ca.crt" --ca-key "$work/ca/ca.key" --out "$work/http.zip"
unzip -q "$work/http.zip" -d "$work"

cp "$work/ca/ca.crt" "$work/http/http.key" "$folder/"
cat "$work/http/http.crt" "$work/ca/ca.crt" >"$folder/http.crt"
rm -rf "$work"
# The node runs as user 1000; everybody else needs the authority's certificate alone.
chown 1000 "$folder/http.key"
chmod 400 "$folder/http.key"
chmod 444 "$folder/http.crt" "$folder/ca.crt"
