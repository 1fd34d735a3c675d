#!/bin/sh
# A worker node of Ray in the foreground. CPUS, GPUS: what it offers; without them, what Ray finds.
# Arguments go to `ray start`.
set -eu
. "$(dirname "$0")/environment.sh"
exec sh "$(dirname "$0")/ray-node.sh" --address "${CLUSTER_ADDRESS:?expected HOST:PORT}" \
    ${NODE_ADDRESS:+--node-ip-address "$NODE_ADDRESS"} ${CPUS:+--num-cpus "$CPUS"} \
    ${GPUS:+--num-gpus "$GPUS"} --object-store-memory "${OBJECT_STORE_BYTES:-200000000}" \
    --disable-usage-stats "$@"
