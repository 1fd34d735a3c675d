#!/bin/sh
# Make what is missing of the cluster's secrets, each a file of its own that only its owner reads.
set -eu
umask 077
mkdir -p "${1:?expected the folder of the secret files}"
for name in postgres-sweeps postgres-mlflow mlflow-admin mlflow-session s3 ray-token; do
    [ -s "$1/$name" ] || od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >"$1/$name"
done
