#!/bin/sh
# Starts Redis as the queue between scheduler and workers. The password goes into a file, so that it stands in no list of processes.
set -eu
umask 077

configuration=${REDIS_RUN:-/tmp}/redis.conf
cat >"$configuration" <<END
requirepass $REDIS_PASSWORD
bind ${REDIS_BIND:-* -::*}
port ${REDIS_PORT:-6379}
dir ${REDIS_DATA:-/data}
# What is queued survives a restart.
appendonly yes
appendfsync everysec
save ""
# A queue that drops what it cannot hold loses tasks: refuse instead.
maxmemory-policy noeviction
END
exec redis-server "$configuration"
