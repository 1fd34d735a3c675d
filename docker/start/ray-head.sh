#!/bin/sh
# Ray's head node in the foreground: runs drivers and no trial, so that no trial takes a driver's memory.
# Arguments go to `ray start`.
set -eu
. "$(dirname "$0")/environment.sh"
address=${CLUSTER_ADDRESS:?expected HOST:PORT}
dashboard=${DASHBOARD_ADDRESS:?expected HOST:PORT}
exec sh "$(dirname "$0")/ray-node.sh" --head ${NODE_ADDRESS:+--node-ip-address "$NODE_ADDRESS"} \
    --port "${address##*:}" --dashboard-host "${LISTEN:-127.0.0.1}" --dashboard-port "${dashboard##*:}" \
    --num-cpus 0 --num-gpus 0 --object-store-memory "${OBJECT_STORE_BYTES:-200000000}" --disable-usage-stats "$@"
