"""What a mail says: the texts and numbers that templates get, each made harmless and of bounded length.

No mail holds values of fields: those are people's data, and mail is read in many places. It holds counts, and
the link to the page that shows the changes to who may see them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from directory_sync.approval.request import Event, EventKind, Request, RequestView
from directory_sync.approval.states import LABELS, RequestState
from directory_sync.approval.waivers import usable_until
from directory_sync.mail.audience import Letter, Recipient, is_person
from directory_sync.mail.counting import counts
from directory_sync.mail.links import Links
from directory_sync.mail.shortening import MOST_LINES, one_line, some_lines, time_text
from directory_sync.present.definition_changes import stored_change_lines
from directory_sync.run import approval_text

_RESULTS = {
    "success": "The request shows each of them.",
    "success_with_errors": "Some changes failed. The request shows which ones, and why.",
    "conflicts": "Some objects had changed meanwhile and were left alone. The request shows which ones.",
    "failed": "What was written until then stays. The job's log says why it failed.",
}


def content(
    letter: Letter,
    view: RequestView,
    event: Event,
    recipient: Recipient,
    *,
    links: Links,
    patterns: Sequence[str] = (),
) -> dict[str, Any]:
    """What a template gets; `include/templates/mail/README.md` lists it.

    Args:
        letter: the kind of mail.
        view: the request as it is now.
        event: what the mail is about.
        recipient: who gets it.
        links: makes the addresses of pages.
        patterns: the changes by pattern, without values.
    """
    request = view.request
    told = {
        "headline": _headline(view, event, recipient),
        "url": links.request(request.id),
        "request": _request(request, event),
        "patterns": list(map(one_line, patterns)),
        "event": {
            "kind": event.kind.value,
            "actor": one_line(event.actor),
            "text": some_lines(event.text),
            "at": time_text(event.at),
        },
        "asked": _asked(view),
        "recipient": {
            "name": one_line(recipient.addressee.name),
            "is_role": recipient.addressee.kind == "role",
            "is_requester": recipient.asked_for_it,
        },
    }
    return told | ({"result": _result(event.data or {})} if letter is Letter.APPLIED else {})


def _request(request: Request, event: Event) -> dict[str, Any]:
    return {
        "id": request.id,
        "collection": one_line(request.collection),
        "title": one_line(request.title),
        "job": one_line(request.job),
        "source": one_line(request.source),
        "destination": one_line(request.destination),
        "asked_by": one_line(request.asked_by),
        "requester": _requester(request),
        "reason": some_lines(request.reason),
        "description": some_lines(request.description),
        "changes": request.changes,
        "counts": counts(request.statistics),
        "waiver": request.waiver,
        "terms": _terms(request, event),
        "usable_until": time_text(usable_until(request)),
        "waives": [one_line(str(limit)) for limit in request.waives[:MOST_LINES]],
        "state": request.state,
        "state_text": LABELS[RequestState(request.state)],
        "filed": time_text(request.filed),
        "expires": time_text(request.expires),
        "decided_by": one_line(request.decided_by or ""),
        "successor": request.successor,
        "version": None if request.saved is None else request.saved.version,
        "weakening": _weakening(request),
    }


def _asked(view: RequestView) -> list[str]:
    """Who is asked, as far as there is room."""
    names = [f"{'role ' if each.kind == 'role' else ''}{one_line(each.name)}" for each in view.assignees]
    more = len(names) - MOST_LINES
    return [*names[:MOST_LINES], f"and {more} more"] if more > 0 else names


def _weakening(request: Request) -> list[str]:
    """What the collection protects less since it was last approved."""
    edits = () if request.saved is None else request.saved.edits
    lines = [
        one_line(f"{line} (version {edit.version}, {edit.by})")
        for edit in edits
        for line in stored_change_lines(edit.weakening)
    ]
    more = len(lines) - MOST_LINES
    return lines[:MOST_LINES] + ([f"and {more} more"] if more > 0 else [])


def _terms(request: Request, event: Event) -> str:
    """What an approval does, or what is still needed after it; empty once that no longer matters."""
    if request.pending:
        return approval_text.before(request)
    return approval_text.after(request, event.at, time_text) if request.state == RequestState.APPROVED else ""


def _requester(request: Request) -> str:
    if is_person(request) or not request.requester:
        return one_line(request.requester) or "no one"
    if request.requester_verified:
        return "the schedule"
    return f"{one_line(request.requester)} (name not verified)"


def _result(data: Mapping[str, Any]) -> dict[str, Any]:
    statistics, state = data.get("statistics") or {}, str(data.get("state") or "")
    errors, conflicts = statistics.get("errors", 0), statistics.get("conflicts", 0)
    return {
        "state": one_line(state),
        "summary": _RESULTS.get(state, "See the request for its result."),
        "errors": errors,
        "conflicts": conflicts,
        "done": counts(statistics),
        "good": state == "success" and not errors and not conflicts,
    }


def _headline(view: RequestView, event: Event, recipient: Recipient) -> str:
    actor = one_line(event.actor)
    level = (event.data or {}).get("level")
    whose = "Your request" if recipient.asked_for_it else "The request"
    match event.kind:
        case EventKind.FILED:
            older = (event.data or {}).get("replaces")
            instead = (
                f" They take the place of request {older}, which can no longer be decided." if older else ""
            )
            if recipient.asked_for_it:
                what = (
                    "a waiver of limits is asked for"
                    if view.request.waiver
                    else "its changes wait for approval"
                )
                return f"You started a run, and {what}.{instead}"
            if view.request.waiver:
                by = one_line(view.request.asked_by) or "Someone"
                return (
                    f"{by} asks for a waiver of limits: a job was stopped because its changes exceed"
                    f" them.{instead}"
                )
            return f"Changes wait for your approval.{instead}"
        case EventKind.REROUTED:
            return f"{actor} asks you to decide about changes."
        case EventKind.ESCALATED:
            return (
                "Changes wait for approval, and no one has answered yet, so you are asked too (level"
                f" {level})."
            )
        case EventKind.APPROVED:
            yet = " Nothing is written yet: a waiver needs another run." if view.request.waiver else ""
            return f"{whose} was approved{_by_all(view)}.{yet}"
        case EventKind.DENIED:
            return f"{whose} was denied by {actor}."
        case EventKind.EXPIRED:
            return f"{whose} has expired: no one decided in time. Nothing was written."
        case EventKind.CANCELLED:
            return f"{whose} was cancelled{f' by {actor}' if actor else ''}. Nothing was written."
        case EventKind.STALE:
            return f"{whose} is stale and can no longer be decided. Nothing was written."
        case _:
            return f"{whose} was approved, {_result_of(event.data or {})}."


def _result_of(data: Mapping[str, Any]) -> str:
    result = _result(data)
    if result["good"]:
        return "and the changes were applied"
    return (
        "but applying the changes failed"
        if result["state"] == "failed"
        else "but not all changes were applied"
    )


def _by_all(view: RequestView) -> str:
    people = [one_line(decision.person.name) for decision in view.decisions if decision.agreed]
    return f" by {', '.join(people)}" if people else ""
