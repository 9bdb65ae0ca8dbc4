"""What a mail says: the texts and numbers that templates get, each made harmless and of bounded length.

No mail holds values of fields: those are people's data, and mail is read in many places. It holds counts, and
the link to the page that shows the changes to who may see them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from directory_sync.approval.request import Event, EventKind, Request, RequestView
from directory_sync.approval.states import LABELS, RequestState
from directory_sync.approval.waivers import usable_until
from directory_sync.mail.audience import Letter, Recipient, is_person
from directory_sync.plan.model import COUNTED_AS
from directory_sync.present.words import count_text
from directory_sync.printable import printable
from directory_sync.run import approval_text

LONGEST_LINE = 300
"""Characters of a name or of one line of somebody's words."""
MOST_LINES = 20
"""Lines of somebody's words, and limits in a list."""

_RESULTS = {
    "success": "The request shows each of them.",
    "success_with_errors": "Some changes failed. The request shows which ones, and why.",
    "conflicts": "Some objects had changed meanwhile and were left alone. The request shows which ones.",
    "failed": "What was written until then stays. The job's log says why it failed.",
}


def content(
    letter: Letter, view: RequestView, event: Event, recipient: Recipient, *, portal_url: str
) -> dict[str, Any]:
    """What a template gets; `include/templates/mail/README.md` lists it.

    Args:
        letter: the kind of mail.
        view: the request as it is now.
        event: what the mail is about.
        recipient: who gets it.
        portal_url: address below which the portal's pages are; empty if it is not known.
    """
    request = view.request
    told = {
        "headline": _headline(view, event, recipient),
        "url": f"{portal_url.rstrip('/')}/requests/{request.id}" if portal_url else "",
        "request": _request(request, event),
        "event": {
            "kind": event.kind.value,
            "actor": _line(event.actor),
            "text": _lines(event.text),
            "at": _time(event.at),
        },
        "recipient": {
            "name": _line(recipient.whom.name),
            "is_role": recipient.whom.kind == "role",
            "is_requester": recipient.asked_for_it,
        },
    }
    return told | ({"result": _result(event.data or {})} if letter is Letter.APPLIED else {})


def _request(request: Request, event: Event) -> dict[str, Any]:
    return {
        "id": request.id,
        "collection": _line(request.collection),
        "title": _line(request.title),
        "job": _line(request.job),
        "source": _line(request.source),
        "destination": _line(request.destination),
        "asked_by": _line(request.asked_by),
        "requester": _requester(request),
        "reason": _lines(request.reason),
        "description": _lines(request.description),
        "changes": request.changes,
        "counts": _counts(request.statistics),
        "waiver": request.waiver,
        "terms": _terms(request, event),
        "usable_until": _time(usable_until(request)),
        "waives": [_line(str(limit)) for limit in request.waives[:MOST_LINES]],
        "state": request.state,
        "state_text": LABELS[RequestState(request.state)],
        "filed": _time(request.filed),
        "expires": _time(request.expires),
        "decided_by": _line(request.decided_by or ""),
        "successor": request.successor,
    }


def _counts(figures: Mapping[str, int]) -> list[dict[str, Any]]:
    """The worst kind first."""
    return [
        {"kind": kind, "number": number, "text": count_text(action, number)}
        for action, kind in COUNTED_AS.items()
        if (number := figures.get(kind, 0))
    ]


def _terms(request: Request, event: Event) -> str:
    """What an approval does, or what is still needed after it; empty once that no longer matters."""
    if request.pending:
        return approval_text.before(request)
    return approval_text.after(request, event.at, _time) if request.state == RequestState.APPROVED else ""


def _requester(request: Request) -> str:
    if is_person(request) or not request.requester:
        return _line(request.requester) or "nobody"
    if request.requester_verified:
        return "the schedule"
    return f"{_line(request.requester)} (nobody has checked who that is)"


def _result(data: Mapping[str, Any]) -> dict[str, Any]:
    statistics, state = data.get("statistics") or {}, str(data.get("state") or "")
    errors, conflicts = statistics.get("errors", 0), statistics.get("conflicts", 0)
    return {
        "state": _line(state),
        "summary": _RESULTS.get(state, "See the request for what became of it."),
        "errors": errors,
        "conflicts": conflicts,
        "done": _counts(statistics),
        "good": state == "success" and not errors and not conflicts,
    }


def _headline(view: RequestView, event: Event, recipient: Recipient) -> str:
    actor = _line(event.actor)
    level = (event.data or {}).get("level")
    whose = "Your request" if recipient.asked_for_it else "The request"
    match event.kind:
        case EventKind.FILED:
            older = (event.data or {}).get("replaces")
            instead = (
                f" They take the place of request {older}, which can no longer be decided." if older else ""
            )
            if view.request.waiver:
                by = _line(view.request.asked_by) or "Somebody"
                return (
                    f"{by} asks for a waiver of limits: a job was stopped because its changes go beyond"
                    f" them.{instead}"
                )
            return f"Changes wait for your approval.{instead}"
        case EventKind.REROUTED:
            return f"{actor} asks you to decide about changes."
        case EventKind.ESCALATED:
            return (
                "Changes wait for approval, and nobody has answered yet, so you are asked too (level"
                f" {level})."
            )
        case EventKind.APPROVED:
            yet = " Nothing is written yet: a waiver needs another run." if view.request.waiver else ""
            return f"{whose} was approved{_by_all(view)}.{yet}"
        case EventKind.DENIED:
            return f"{whose} was denied by {actor}."
        case EventKind.EXPIRED:
            return f"{whose} has expired: nobody decided in time. Nothing was written."
        case EventKind.CANCELLED:
            return f"{whose} was cancelled{f' by {actor}' if actor else ''}. Nothing was written."
        case EventKind.STALE:
            return f"{whose} is stale and can no longer be decided. Nothing was written."
        case _:
            return f"{whose} was approved, {_carried_out(event.data or {})}."


def _carried_out(data: Mapping[str, Any]) -> str:
    result = _result(data)
    if result["good"]:
        return "and the changes were carried out"
    return (
        "but carrying the changes out failed"
        if result["state"] == "failed"
        else "but not all changes were carried out"
    )


def _by_all(view: RequestView) -> str:
    people = [_line(decision.person.name) for decision in view.decisions if decision.agreed]
    return f" by {', '.join(people)}" if people else ""


def _time(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M} UTC"


def _line(text: str) -> str:
    shown = printable(text[: LONGEST_LINE + 1])
    return shown if len(shown) <= LONGEST_LINE else f"{shown[: LONGEST_LINE - 1]}\N{HORIZONTAL ELLIPSIS}"


def _lines(text: str) -> list[str]:
    """Somebody's words, line by line."""
    lines = text.strip().splitlines()
    shown = [_line(line) for line in lines[:MOST_LINES]]
    return [*shown, "\N{HORIZONTAL ELLIPSIS}"] if len(lines) > MOST_LINES else shown
