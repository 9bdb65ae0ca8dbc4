"""Words for findings about folders and files."""

from __future__ import annotations

from collections.abc import Mapping

from directory_sync.doctor.codes import Code
from directory_sync.doctor.wording.words import Words, words

WORDS: Mapping[Code, Words] = {
    Code.HOME_MISSING: words(
        "AIRFLOW_HOME is {folder}, which does not exist: Airflow has never run there as {user}.",
        "Set AIRFLOW_HOME to the home folder of your Airflow, and run this command as the user that Airflow"
        " runs as:",
        "export AIRFLOW_HOME=/path/to/airflow",
    ),
    Code.FOLDER_FINE: words("{what}: {folder}"),
    Code.FOLDER_MISSING: words(
        "{what}: the folder {folder} does not exist.",
        "Create it, or name another one:",
        "mkdir -p {folder!q}",
    ),
    Code.FOLDER_UNREACHABLE: words(
        "{what}: {folder} cannot be looked at: {reason}.",
        "Give {user} the right to enter the folders above it, or name another folder.",
    ),
    Code.NOT_A_FOLDER: words(
        "{what}: {folder} is not a folder.",
        "Move what is there away and create it, or name another folder:",
        "mv {folder!q} {folder!q}.old && mkdir {folder!q}",
    ),
    Code.FOLDER_UNREADABLE: words(
        "{what}: {user} may not read {folder}.",
        "Give that user the right to:",
        "chmod u+rx {folder!q}",
        "chown {user!q} {folder!q}",
    ),
    Code.FOLDER_UNWRITABLE: words(
        "{what}: {user} may not write to {folder}.",
        "Give that user the right to:",
        "chown {user!q} {folder!q}",
        "chmod u+rwx {folder!q}",
    ),
    Code.FOLDER_OPEN: words(
        "{what}: every user of this machine may write to {folder}.",
        "Let only its owner write to it:",
        "chmod o-w {folder!q}",
    ),
    Code.FILE_OPEN: words(
        "Other users of this machine may read {file} (mode {mode}).", "Close it:", "chmod 600 {file!q}"
    ),
    Code.FILE_CLOSED: words("Only its owner may read {file}."),
    Code.STORE_ON_NETWORK: words(
        "The store {file} is on a network file system ({kind}), where SQLite's locks do not work.",
        "Move it to a local disk and set database_url, or use PostgreSQL: see docs/deployment.md, Store.",
    ),
    Code.DISK_NEARLY_FULL: words("Only {free} MB are free in {folder}.", "Make room on that disk."),
    Code.NO_TEMPLATES: words("There is no folder with templates of your own."),
}
