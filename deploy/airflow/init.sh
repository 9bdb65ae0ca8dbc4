#!/bin/sh
# Prepares both databases for this version, and makes roles and the first administrator where they are missing. Safe to repeat.
# Runs once before everything else starts, as the owner of the store's tables.
set -eu

# Airflow's tables, those of its auth manager, and the store's.
airflow db migrate
directory-sync db check
directory-sync db grant-reading directory_sync_definitions

# People and roles live in Airflow's own database: its auth manager is FAB's.
airflow sync-perm
airflow roles import "$(dirname "$0")/roles.json"
# Asked for twice on the standard input, so that it stands in no list of processes. A user who exists already is left as is.
printf '%s\n%s\n' "$ADMIN_PASSWORD" "$ADMIN_PASSWORD" \
    | airflow users create --role Admin --username "$ADMIN_USER" --email "$ADMIN_EMAIL" --firstname Airflow --lastname Administrator
