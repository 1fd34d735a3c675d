#!/bin/sh
# PostgreSQL in the foreground, with the databases of the catalog and of MLflow. Makes its data folder on
# the first start; passwords are read then, and never again. SIGINT stops it and ends connections.
set -eu
umask 077
address=${POSTGRES_ADDRESS:?expected HOST:PORT}
data=${STATE:?expected the folder of the data}/postgres
PATH="$PATH:$(printf '%s:' /usr/lib/postgresql/*/bin)"
command -v initdb >/dev/null || {
    echo "PostgreSQL's initdb is not there; install PostgreSQL, such as by apt-get install postgresql" >&2
    exit 1
}

# The server refuses to run as root: it is nobody's then, who reads no secret but those written into it.
as_server() { "$@"; }
if [ "$(id -u)" = 0 ]; then
    as_server() { setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"; }
fi

if [ ! -d "$data" ]; then
    new=$data.new # complete, or not there
    rm -rf "$new"
    mkdir -p "$new"
    if [ "$(id -u)" = 0 ]; then chown nobody:nogroup "$new"; fi
    cd "$new" # initdb looks at the folder that it is in, which nobody may not enter
    # The superuser has no password, so nobody can be it over the network.
    as_server initdb --pgdata=. --username=postgres --auth-local=peer --auth-host=scram-sha-256 \
        --encoding=UTF8 --locale=C --no-instructions
    for role in sweeps mlflow; do
        password=$(cat "${SECRETS:?expected the folder of the secrets}/postgres-$role")
        echo "CREATE ROLE $role LOGIN PASSWORD '$password'"
        echo "CREATE DATABASE $role OWNER $role"
    done | as_server postgres --single -D . -c log_statement=none postgres >/dev/null
    echo "host all all all scram-sha-256" | as_server tee -a pg_hba.conf >/dev/null
    mv "$new" "$data"
fi

cd "$data"
if [ "$(id -u)" = 0 ]; then
    set -- setpriv --reuid=nobody --regid=nogroup --clear-groups
fi
exec "$@" postgres -D . -p "${address##*:}" -c listen_addresses="${LISTEN:-127.0.0.1}" \
    -c unix_socket_directories= -c max_connections="${POSTGRES_CONNECTIONS:-200}"
