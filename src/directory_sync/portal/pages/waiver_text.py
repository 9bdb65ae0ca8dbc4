"""What people are told of a waiver: what an approval of it does, and what is still needed afterwards."""

from __future__ import annotations

from datetime import datetime

from directory_sync.approval.waivers import WAIVER_LASTS, usable_until
from directory_sync.portal.pages.times import moment_text
from directory_sync.store.request_model import Request

DAYS = WAIVER_LASTS.days

BEFORE = (
    f"An approval writes nothing by itself: the next run of the job that makes exactly this plan applies it, within {DAYS} days "
    "of the approval. The schedule may start that run, or anyone who has not approved this."
)
"""What is said before somebody decides."""


def after(request: Request, now: datetime) -> str:
    """What is still needed once it is approved."""
    until = usable_until(request)
    if until is not None and until <= now:
        return f"No run has used it within {DAYS} days, so it counts no longer. Nothing was written; ask for it again."
    when = f"by {moment_text(until)}" if until is not None else f"within {DAYS} days"
    by = f" other than {request.decided_by}" if request.decided_by else " who has not approved this"
    return (
        f"Nothing is written yet. The next run of the job that makes exactly this plan applies it, {when}: the schedule may "
        f"start that run, or someone{by}."
    )
