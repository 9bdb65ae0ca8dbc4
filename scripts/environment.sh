# shellcheck shell=sh
# Sourced, not run: what every make recipe needs around it.
# The environment of this checkout, whatever else is on PATH; compiled bytecode is worth two seconds per Airflow start.
PATH="$PWD/.venv/bin:$PWD/.local/debian/bin:$PATH:$PWD/.local/debian/usr/bin"
export PATH
unset PYTHONDONTWRITEBYTECODE

# The unpacked slapd; a value set by the user wins, the system's own slapd is the last resort.
if [ -z "${DIRECTORY_SYNC_SLAPD_ROOT:-}" ] && [ -x "$PWD/.local/debian/usr/sbin/slapd" ]; then
    DIRECTORY_SYNC_SLAPD_ROOT="$PWD/.local/debian"
    export DIRECTORY_SYNC_SLAPD_ROOT
fi
