"""The end of requests that are not applied: the result of one, in words, and withdrawing one whose task
is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from directory_sync.approval.request import EventKind
from directory_sync.approval.states import RequestState
from directory_sync.errors import AlreadyDecided

if TYPE_CHECKING:
    from directory_sync.approval.request import Event, RequestView
    from directory_sync.store.store import Store

_ENDED = {
    RequestState.DENIED: EventKind.DENIED,
    RequestState.EXPIRED: EventKind.EXPIRED,
    RequestState.CANCELLED: EventKind.CANCELLED,
    RequestState.STALE: EventKind.STALE,
}


def result_text(view: RequestView) -> str:
    """Who ended a request that was not applied, when and why, as sentences; holds texts of people as they
    are.
    """
    request = view.request
    event = next((each for each in reversed(view.events) if each.kind is _ENDED.get(request.state)), None)
    what = {
        RequestState.DENIED: "was denied",
        RequestState.EXPIRED: "has expired: no one decided in time",
        RequestState.CANCELLED: "was withdrawn",
        RequestState.STALE: "is stale",
    }.get(request.state, f"is {request.state}")
    text = f"Request {request.id} {what}{_by(event)}."
    if request.state == RequestState.STALE and request.successor is not None:
        text = (
            f"Request {request.id} is stale: request {request.successor} of a later run has taken its place."
        )
    if event is not None and event.text:
        text += f" Reason: {event.text.strip()}"
    return f"{text}\nNothing was written."


def withdraw(store: Store, request_id: int, reason: str) -> bool:
    """Withdraw a pending request that nothing waits for any more; False if it was decided meanwhile.

    Raises RequestNotFound, StoreError.
    """
    try:
        store.decisions.cancel(request_id, "", reason=reason)
    except AlreadyDecided:
        return False
    return True


def _by(event: Event | None) -> str:
    if event is None:
        return ""
    return f"{f' by {event.actor}' if event.actor else ''} on {event.at:%Y-%m-%d at %H:%M} UTC"
