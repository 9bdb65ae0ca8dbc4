"""What the command's exit statuses mean, and which one counts when several jobs ended differently."""

from __future__ import annotations

from collections.abc import Collection
from enum import IntEnum


class UsageError(Exception):
    """The arguments are wrong in a way that the parser cannot see; ends the command with `WRONG_USAGE`."""


class ExitStatus(IntEnum):
    """Exit statuses of `directory-sync`; docs/command-line.md explains them."""

    OK = 0
    FAILED = 1
    WRONG_USAGE = 2
    STOPPED_BY_LIMIT = 3
    WAITING = 4
    NOT_ALLOWED = 5
    RECORD_ERRORS = 6
    CHANGES = 10
    INTERRUPTED = 130
    BROKEN_PIPE = 141


MEANINGS: dict[ExitStatus, str] = {
    ExitStatus.OK: "Nothing went wrong. `preview`: there is nothing to change.",
    ExitStatus.FAILED: (
        "A job failed, or the command could not do its work. `preview`: also records with errors and no"
        " changes. `doctor`: there is a problem."
    ),
    ExitStatus.WRONG_USAGE: "A definition is broken, or the command was used wrongly.",
    ExitStatus.STOPPED_BY_LIMIT: "A limit stopped a job (`run`) or would stop it (`preview`).",
    ExitStatus.WAITING: "A job waits for approval.",
    ExitStatus.NOT_ALLOWED: (
        "Commands that ask Airflow: it did not accept the login, or this person may not do that."
    ),
    ExitStatus.RECORD_ERRORS: "Done, but some records could not be applied or were in conflict.",
    ExitStatus.CHANGES: "`preview`: there are changes, and no limit would stop them.",
    ExitStatus.INTERRUPTED: "Interrupted by Ctrl-C.",
    ExitStatus.BROKEN_PIPE: "The program that reads the output ended early.",
}
"""What each status means to a user; a test holds the documentation against it."""

_WORST_FIRST = (
    ExitStatus.FAILED,
    ExitStatus.STOPPED_BY_LIMIT,
    ExitStatus.RECORD_ERRORS,
    ExitStatus.WAITING,
    ExitStatus.CHANGES,
)


def most_serious(statuses: Collection[ExitStatus]) -> ExitStatus:
    """The status of a whole command whose jobs have these statuses."""
    return next((status for status in _WORST_FIRST if status in statuses), ExitStatus.OK)
