"""What tells a run of Airflow from another one with the same id."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from directory_sync.errors import RunIdUsed

TERMINAL = "terminal"
"""The trigger of runs that a command line has started."""
UNKNOWN = "unknown"
"""Requester of a run of which Airflow does not say who started it."""


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """What tells a run from others with the same id, which can be deleted in Airflow and used again.

    Attributes:
        run_id: unique within the collection as long as no one deletes runs.
        trigger: the type of the run (`manual`, `scheduled`, …), or `terminal`.
        requester: who started it, as the store notes it.
        triggering_user: who started it as Airflow says, None where it names no one.
        logical_date: None for runs without one.
        run_after: None only for runs that no scheduler has made.
    """

    run_id: str
    trigger: str
    requester: str
    triggering_user: str | None = None
    logical_date: datetime | None = None
    run_after: datetime | None = None


def requester_of(trigger: str, triggering_user: str | None) -> str:
    """Who is noted as the requester of a run of Airflow."""
    return triggering_user or ("schedule" if trigger == "scheduled" else UNKNOWN)


def require_same_run(row: Row[Any], identity: RunIdentity) -> None:
    """Return if a stored run is this very run; else raise RunIdUsed. A terminal's run is joined by no one."""
    if row.trigger != TERMINAL and row.trigger == identity.trigger and _same(row, identity):
        return
    raise RunIdUsed(
        f"This run id was used before. The store knows a run {row.run_id} of {row.collection} that"
        f" {row.requester} started on "
        f"{row.started:%Y-%m-%d at %H:%M:%S} UTC ({row.trigger}), and this is another run. Nothing was read"
        " or written. Start a new run, with another run id."
    )


def _same(row: Row[Any], identity: RunIdentity) -> bool:
    if row.run_after is None:
        # Noted by a version that kept neither of the dates.
        return bool(row.requester == identity.requester)
    noted = (row.triggering_user, row.logical_date, row.run_after)
    return noted == (identity.triggering_user, identity.logical_date, identity.run_after)
