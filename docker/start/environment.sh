# shellcheck shell=sh
# What every client of the cluster needs, from addresses and secret files. Sourced, by people and by the
# other scripts here, which also say in docker/README.md what they read from the environment.
secret() {
    cat "${SECRETS:?expected SECRETS, the folder of the secret files}/$1"
}

PGPASSWORD=$(secret postgres-sweeps)
MLFLOW_TRACKING_PASSWORD=$(secret mlflow-admin)
export PGPASSWORD MLFLOW_TRACKING_PASSWORD
export ADAPTERSWEEP_CATALOG="postgresql+psycopg://sweeps@${POSTGRES_ADDRESS:?}/sweeps"
export MLFLOW_TRACKING_URI="http://${MLFLOW_ADDRESS:?}" MLFLOW_TRACKING_USERNAME=adaptersweep
export ADAPTERSWEEP_WORKSPACE="${ADAPTERSWEEP_WORKSPACE:-/workspace}"
if [ -n "${S3_ADDRESS:-}" ] && [ -r "$SECRETS/s3" ]; then # for a workspace such as s3://sweeps/workspace
    AWS_SECRET_ACCESS_KEY=$(secret s3)
    export AWS_SECRET_ACCESS_KEY AWS_ACCESS_KEY_ID=adaptersweep AWS_REGION=us-east-1
    export AWS_ENDPOINT_URL="http://$S3_ADDRESS"
fi
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH="$SECRETS/ray-token"
export RAY_USAGE_STATS_ENABLED=0 MLFLOW_DISABLE_TELEMETRY=true
