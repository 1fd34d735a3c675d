#!/bin/sh
# SeaweedFS in the foreground: one node of S3-compatible object storage, with one key. Its own parts take
# the three ports above that of S3, and each of the four one more for gRPC, 10000 above.
set -eu
umask 077
address=${S3_ADDRESS:?expected HOST:PORT}
port=${address##*:}
data=${STATE:?expected the folder of the data}/object-storage
mkdir -p "$data"
cat >"$data/s3.json" <<KEYS
{"identities": [{"name": "adaptersweep", "actions": ["Admin"], "credentials": [
  {"accessKey": "adaptersweep", "secretKey": "$(cat "${SECRETS:?expected the folder of the secrets}/s3")"}]}]}
KEYS
exec weed -logtostderr=true server -dir="$data" -ip="${address%:*}" -ip.bind="${LISTEN:-127.0.0.1}" \
    -master.telemetry=false -master.port=$((port + 1)) -master.volumeSizeLimitMB=1024 \
    -volume.port=$((port + 2)) -volume.max=0 -volume.preStopSeconds=1 -filer -filer.port=$((port + 3)) \
    -filer.localSocket="$data/filer.sock" -s3 -s3.port="$port" -s3.config="$data/s3.json" \
    -s3.port.iceberg=0 -s3.port.lance=0
