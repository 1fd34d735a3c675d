#!/bin/sh
# A node of Ray in the foreground, by `ray start --block` with these arguments, which ends as soon as the
# node is of no use: where a raylet follows its agent into the end, Ray takes that for a shutdown and
# would wait on without it, and nobody would start the node again.
set -eu
ray start --block "$@" &
node=$!
told=no # to end
trap 'told=yes; kill -TERM "$node"' TERM INT

raylet_runs() {
    grep -q "^[0-9]* (raylet) [^XZ] $node " /proc/[0-9]*/stat 2>/dev/null
}

was_there=no
while kill -0 "$node" 2>/dev/null; do
    if raylet_runs; then
        was_there=yes
    elif [ "$was_there" = yes ] && [ "$told" = no ]; then
        echo "the raylet of this node has ended; so does the node" >&2
        kill -TERM "$node" 2>/dev/null || true
        wait "$node" || true
        exit 1
    fi
    sleep 2 &
    wait $! || true # where a signal comes, not only after it
done
wait "$node"
