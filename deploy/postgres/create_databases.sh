#!/bin/sh
# Creates two databases: Airflow's own, and the store of Directory Sync. PostgreSQL's image runs this once, on an empty volume.
#
# airflow               owns Airflow's database and cannot enter the store.
# directory_sync_owner  owns the store's tables; only the migration logs in as it.
# directory_sync        reads and writes the store's rows, and changes no table; everything that runs logs in as it.
# directory_sync_definitions
#                       reads the saved collections and nothing else; the DAG processor logs in as it. init.sh lets it.
set -eu

psql --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'END'
\getenv airflow_password AIRFLOW_DATABASE_PASSWORD
\getenv owner_password STORE_OWNER_PASSWORD
\getenv store_password STORE_PASSWORD
\getenv definitions_password STORE_DEFINITIONS_PASSWORD

CREATE ROLE airflow LOGIN PASSWORD :'airflow_password';
CREATE ROLE directory_sync_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE directory_sync LOGIN PASSWORD :'store_password';
CREATE ROLE directory_sync_definitions LOGIN PASSWORD :'definitions_password';

CREATE DATABASE airflow OWNER airflow;
REVOKE ALL ON DATABASE airflow FROM PUBLIC;
CREATE DATABASE directory_sync OWNER directory_sync_owner;
REVOKE ALL ON DATABASE directory_sync FROM PUBLIC;
GRANT CONNECT ON DATABASE directory_sync TO directory_sync, directory_sync_definitions;

\connect directory_sync
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT ALL ON SCHEMA public TO directory_sync_owner;
GRANT USAGE ON SCHEMA public TO directory_sync, directory_sync_definitions;
ALTER DEFAULT PRIVILEGES FOR ROLE directory_sync_owner GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO directory_sync;
ALTER DEFAULT PRIVILEGES FOR ROLE directory_sync_owner GRANT USAGE ON SEQUENCES TO directory_sync;
END
