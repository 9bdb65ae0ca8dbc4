"""What people are told an approval does, and what is still needed after it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from directory_sync.approval.request import Request
from directory_sync.approval.waivers import WAIVER_LASTS, usable_until
from directory_sync.store.runs import TERMINAL

BEFORE_WAIVER = (
    "An approval writes nothing by itself: the next run of the job that makes exactly this plan applies it,"
    f" within {WAIVER_LASTS.days} days of the approval. The schedule may start that run, or anyone who has"
    " not approved this."
)
"""What an approval of a waiver will do."""


def needs_someone(request: Request) -> bool:
    """Whether an approval alone brings nothing about: someone has to start a run, or has to apply it in a
    terminal.
    """
    return request.begun is None and (request.waiver or request.trigger == TERMINAL)


def before(request: Request) -> str:
    """What an approval will do."""
    if request.waiver:
        return BEFORE_WAIVER
    if request.trigger == TERMINAL:
        return f"An approval writes nothing by itself: {_in_a_terminal(request)}"
    return (
        "Exactly these changes will be made. An object that has changed meanwhile is left alone and reported."
    )


def after(request: Request, now: datetime, moment_text: Callable[[datetime], str]) -> str:
    """What happens once it is approved, or is still needed; `moment_text` writes until when."""
    if request.begun is not None:
        return "Exactly these changes are being applied."
    if request.waiver:
        return _after_waiver(request, now, moment_text)
    if request.trigger == TERMINAL:
        return f"Nothing is written yet: {_in_a_terminal(request)}"
    return "Its run applies exactly these changes now."


def _after_waiver(request: Request, now: datetime, moment_text: Callable[[datetime], str]) -> str:
    days = WAIVER_LASTS.days
    until = usable_until(request)
    if until is not None and until <= now:
        return (
            f"No run has used it within {days} days, so it counts no longer. Nothing was written; ask for it"
            " again."
        )
    when = f"by {moment_text(until)}" if until is not None else f"within {days} days"
    by = f" other than {request.decided_by}" if request.decided_by else " who has not approved this"
    return (
        f"Nothing is written yet. The next run of the job that makes exactly this plan applies it, {when}:"
        f" the schedule may start that run, or someone{by}."
    )


def _in_a_terminal(request: Request) -> str:
    return f"directory-sync run FILE --approved {request.id}, in a terminal, applies exactly these changes."
