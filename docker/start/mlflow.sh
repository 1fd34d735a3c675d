#!/bin/sh
# MLflow's server in the foreground, behind a password, with its store in PostgreSQL; artifacts go through
# it into object storage, so that its clients need no key of the storage.
set -eu
umask 077
secret() { cat "${SECRETS:?expected SECRETS, the folder of the secret files}/$1"; }
address=${MLFLOW_ADDRESS:?expected HOST:PORT}
folder=${STATE:?expected a folder to write to}/mlflow
mkdir -p "$folder"
cd "$folder"
MLFLOW_BACKEND_STORE_URI="postgresql+psycopg://mlflow@${POSTGRES_ADDRESS:?expected HOST:PORT}/mlflow"
cat >auth.ini <<SETTINGS
[mlflow]
default_permission = READ
database_uri = $MLFLOW_BACKEND_STORE_URI
admin_username = adaptersweep
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
SETTINGS
PGPASSWORD=$(secret postgres-mlflow)
MLFLOW_AUTH_ADMIN_PASSWORD=$(secret mlflow-admin)
MLFLOW_FLASK_SERVER_SECRET_KEY=$(secret mlflow-session)
AWS_SECRET_ACCESS_KEY=$(secret s3)
export PGPASSWORD MLFLOW_AUTH_ADMIN_PASSWORD MLFLOW_FLASK_SERVER_SECRET_KEY AWS_SECRET_ACCESS_KEY
export MLFLOW_BACKEND_STORE_URI MLFLOW_AUTH_CONFIG_PATH="$folder/auth.ini" MLFLOW_DISABLE_TELEMETRY=true
export MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false # for traces of chats; eight processes
export AWS_ACCESS_KEY_ID=adaptersweep AWS_DEFAULT_REGION=us-east-1
export MLFLOW_S3_ENDPOINT_URL="http://${S3_ADDRESS:?expected HOST:PORT}"
exec mlflow server --app-name basic-auth --workers "${MLFLOW_WORKERS:-2}" \
    --artifacts-destination s3://mlflow --host "${LISTEN:-127.0.0.1}" --port "${address##*:}" \
    --allowed-hosts "$address,localhost:${address##*:},127.0.0.1:${address##*:}"
