"""Words for findings about the store."""

from __future__ import annotations

from collections.abc import Mapping

from directory_sync.doctor.codes import Code
from directory_sync.doctor.wording.words import Words, words

_UPGRADE = "directory-sync db upgrade"

WORDS: Mapping[Code, Words] = {
    Code.STORE_FINE: words("The {store} answers and has the tables of this version (revision {revision})."),
    Code.STORE_MISSING: words("The {store} does not exist yet.", "Create it:", _UPGRADE),
    Code.STORE_EMPTY: words("The {store} has no tables yet.", "Create them:", _UPGRADE),
    Code.STORE_OLD: words(
        "The {store} has the tables of an older version (revision {revision}, needed {needed}).",
        "Back it up, stop Airflow, and migrate it, with an account that owns the tables:",
        _UPGRADE,
    ),
    Code.STORE_NEW: words(
        "The {store} has the tables of a newer version (revision {revision}, known up to {needed}).",
        "Install the newer version here too:",
        "pip install --upgrade airflow-directory-sync",
    ),
    Code.STORE_IS_FOLDER: words(
        "The {store} is a folder, not a file.", "Let database_url name a file in it, or move the folder away."
    ),
    Code.STORE_READ_ONLY: words(
        "{user} may not write to the store {file}.",
        "Give the file to the user that Airflow runs as:",
        "chown {user!q} {file!q}",
    ),
    Code.STORE_UNREACHABLE: words("{said}"),
    Code.STORE_FILE_UNREACHABLE: words(
        "The {store} cannot be looked at: {reason}.",
        "Run this command as the user that Airflow runs as, or correct the setting database_url.",
    ),
    Code.STORE_NOT_READY: words(
        "Rights and leftovers were not checked, because the store cannot be used yet."
    ),
    Code.STORE_NOT_SHARED: words(
        "The {store} is a file of this machine, but {executor} runs tasks on several machines.",
        "Use PostgreSQL, and set this wherever Airflow runs (see docs/deployment.md, Store):",
        "AIRFLOW__DIRECTORY_SYNC__DATABASE_URL=postgresql://directory_sync:PASSWORD@HOST/directory_sync",
    ),
    Code.STORE_RIGHTS_FINE: words("The account {user} may read and write all tables."),
    Code.STORE_RIGHTS_MISSING: words(
        "The account {user} may not read and write all tables of the {store}: {tables}.",
        "As the owner of the tables, run in psql:",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {user};",
        "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {user};",
    ),
    Code.CLOCK_FINE: words("The clocks of the store and this machine differ by {seconds} s."),
    Code.CLOCK_DIFFERS: words(
        "The clocks of the store's database and this machine differ by {seconds} s, so times of runs and logs"
        " do not fit together.",
        "Synchronise both machines:",
        "timedatectl set-ntp true",
    ),
    Code.NOTHING_LEFT_OPEN: words("No process that is gone has left anything open."),
    Code.LEFT_OPEN: words(
        "Processes that are gone have left open: plans {plans}, attempts {attempts}, runs {runs} ({names}).",
        "The next run or the upkeep DAG settles them. To do it now; it writes to no directory:",
        "directory-sync db settle",
    ),
}
