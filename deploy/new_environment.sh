#!/bin/sh
# Prints .env.example with new passwords and keys: deploy/new_environment.sh >.env
set -eu
umask 077

random() { openssl rand -hex "$1"; }
while IFS= read -r line; do
    case $line in
        AIRFLOW_FERNET_KEY=) printf '%s%s\n' "$line" "$(openssl rand -base64 32 | tr '+/' '-_')" ;;
        AIRFLOW_JWT_SECRET= | AIRFLOW_SECRET_KEY=) printf '%s%s\n' "$line" "$(random 64)" ;;
        [A-Z]*=) printf '%s%s\n' "$line" "$(random 24)" ;;
        *) printf '%s\n' "$line" ;;
    esac
done <"$(dirname "$0")/../.env.example"
