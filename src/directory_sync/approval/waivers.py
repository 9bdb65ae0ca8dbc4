"""How long a waiver lasts, and who may start the run that uses it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from directory_sync.approval.states import RequestState

if TYPE_CHECKING:  # the command line asks how long a waiver lasts, and needs no store for that
    from directory_sync.approval.request import Request

WAIVER_LASTS = timedelta(days=7)
"""A waiver that no run has used by then counts no longer: the approver did not mean an accident of next year.
"""


def usable_until(request: Request) -> datetime | None:
    """Until when an approved waiver that no run has used can be used; None for anything else."""
    if not request.waiver or request.state != RequestState.APPROVED or request.decided is None:
        return None
    return request.decided + WAIVER_LASTS
