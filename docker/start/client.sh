#!/bin/sh
# Run a command as a client of the cluster: client.sh adaptersweep doctor
set -eu
. "$(dirname "$0")/environment.sh"
export RAY_ADDRESS="${CLUSTER_ADDRESS:?expected HOST:PORT}"
exec "$@"
