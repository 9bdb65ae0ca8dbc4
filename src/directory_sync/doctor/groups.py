"""The groups of checks; apart from the checks, because the command line's parser names them and imports
nothing of what the commands do.
"""

from __future__ import annotations

from enum import StrEnum


class Group(StrEnum):
    """What a check is about."""

    INSTALLATION = "installation"
    CONFIGURATION = "configuration"
    FOLDERS = "folders"
    STORE = "store"
    DEFINITIONS = "definitions"
    AIRFLOW = "airflow"
    MAIL = "mail"
    CONNECTIONS = "connections"
    RIGHTS = "rights"
