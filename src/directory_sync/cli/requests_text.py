"""Requests in lines for people: in lists, in full, and in short before a decision.

Everything is harmless for a terminal.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from directory_sync.approval.states import LABELS, RequestState
from directory_sync.approval.waivers import WAIVER_LASTS
from directory_sync.cli.outcome_text import count
from directory_sync.endpoints.evidence import Evidence
from directory_sync.plan.model import LimitCheck, PlanEvidence
from directory_sync.plan.patterns.model import Common, InCommon
from directory_sync.portal.codes import Integrity
from directory_sync.portal.wire.plans import (
    CommonAnswer,
    LimitAnswer,
    ListingAnswer,
    PatternAnswer,
    PatternsAnswer,
)
from directory_sync.portal.wire.requests import RequestAnswer, RequestDetailsAnswer, SavedDefinitionAnswer
from directory_sync.present import words
from directory_sync.present.listings import shown_listings
from directory_sync.present.patterns import OTHER_TEXT, common_text
from directory_sync.printable import printable, printable_lines

COLUMNS = ("request", "state", "collection", "job", "changes", "requester", "filed", "expires")

_WORST_FIRST = ("deleted", "disabled", "moved", "updated", "created")
_SHOWN_PROBLEMS = 20


def list_row(request: RequestAnswer) -> tuple[str, ...]:
    """One line of a list, in the order of `COLUMNS`."""
    return (
        str(request.id),
        printable(request.state),
        printable(request.collection),
        printable(request.job),
        changes_text(request),
        _requester(request),
        time_text(request.filed),
        time_text(request.expires) if request.expires is not None and request.pending else "",
    )


def changes_text(request: RequestAnswer) -> str:
    """How many changes of which kind are planned, the most serious kind first."""
    kinds = (
        words.changes_text(request.statistics)
        if any(request.statistics.get(kind) for kind in _WORST_FIRST)
        else ""
    )
    planned = "" if request.state == RequestState.APPLIED else " planned"
    return f"{count(request.changes, 'change')}{planned}{f': {kinds}' if kinds else ''}"


def time_text(time: datetime) -> str:
    """A time to the minute."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def state_text(request: RequestAnswer) -> str:
    """The state of a request, by whom and when."""
    known = {state.value: label for state, label in LABELS.items()}
    text = known.get(request.state, request.state)
    if request.decided is not None and not request.pending:
        by = f" by {request.decided_by}" if request.decided_by else ""
        text += f" ({time_text(request.decided)}{by})"
    return printable(text)


def short_lines(details: RequestDetailsAnswer) -> Iterator[str]:
    """What has to be known before a decision: what changes where, for whom, and past which limits; the plan's
    digest.
    """
    request = details.request
    yield f"request {request.id}: {state_text(request)}"
    if details.integrity_message:
        altered = details.integrity == Integrity.ALTERED
        yield from _fact("ALTERED" if altered else "not checked yet", details.integrity_message)
    yield from _fact("job", f"{request.collection}.{request.job}")
    yield from _fact("collection", request.title)
    yield from _fact("source", request.source_text)
    yield from _fact("destination", request.destination_text or details.destination)
    yield from _fact("plan", changes_text(request))
    told = details.evidence
    evidence = None if told is None else PlanEvidence(_evidence(told.source), _evidence(told.destination))
    for listing in shown_listings(evidence):
        yield from _fact(f"{listing.side} listing", listing.line)
    for limit in sorted(details.limits, key=_nearness):
        yield from _fact("limit exceeded" if limit.exceeded else "limit", _limit_text(limit))
    for waived in request.waives:
        yield from _fact("approval waives", waived)
    yield from _fact("asked for by", request.asked_by or _requester(request))
    if request.asked_by:
        yield from _fact("run started by", _requester(request))
    if request.waiver:
        yield from _fact("waiver", waiver_text(request))
    if request.saved is not None:
        yield from _saved(request.saved)
    yield from _fact("reason", request.reason)
    yield from _fact("about", request.description)
    for warning in details.warnings:
        yield from _fact("warning", warning)
    if request.successor is not None:
        yield from _fact("replaced by", f"request {request.successor}")
    yield from _fact("digest", request.digest)


def detail_lines(details: RequestDetailsAnswer) -> Iterator[str]:
    """Everything about a request but its changes."""
    request = details.request
    yield from short_lines(details)
    yield from _fact("run", request.run_id)
    yield from _fact("filed", time_text(request.filed))
    if request.pending:
        if request.expires is not None:
            yield from _fact("expires", time_text(request.expires))
        yield from _fact("waits for", details.waiting_for)
        yield from _fact(
            "you", f"cannot decide: {details.powers.decide}" if details.powers.decide else "may decide"
        )
    if request.applied is not None:
        result = request.result or {}
        message = f": {result['message']}" if isinstance(result.get("message"), str) else ""
        yield from _fact("applied", f"{time_text(request.applied)}{message}")
    yield from _fact("page", request.url)
    yield from _group(
        "asked:",
        (_assignee(each.kind, each.name, each.why, each.level, each.note) for each in details.assignees),
    )
    if not details.reachable:
        yield (
            "  As far as Airflow knows, those who are asked can never be enough. Ask others: directory-sync"
            " requests reroute."
        )
    yield from _group(
        "history:", (_event(each.at, each.kind, each.actor, each.text) for each in details.events)
    )
    problems = details.problems
    shown = [f"{each.key} ({each.object}): {each.message}" for each in problems[:_SHOWN_PROBLEMS]]
    if len(problems) > len(shown):
        shown.append(
            f"… and {count(len(problems) - len(shown), 'more error')}; --format json shows all of them."
        )
    yield from _group("not planned, because of errors:", iter(shown))


def pattern_lines(patterns: PatternsAnswer | None) -> Iterator[str]:
    """The changes by pattern; nothing where they are not known."""
    if patterns is None:
        return
    lines = [_pattern(each) for each in patterns.lines]
    if patterns.other is not None:
        lines.append(f"{OTHER_TEXT}: {patterns.other.count:,}")
    yield from _group("changes by pattern:", iter(lines))


def _pattern(line: PatternAnswer) -> str:
    known = [each for each in line.common if each.kind in set(InCommon)]
    notes = "".join(f"; {common_text(_common(each), line.count)}" for each in known)
    named = [each.name or each.key or each.object for each in line.examples]
    more = ", …" if line.count > len(named) else ""
    return f"{line.text}{notes} ({', '.join(named)}{more})"


def _common(told: CommonAnswer) -> Common:
    value = told.value.encode() if isinstance(told.value, str) else None
    return Common(
        InCommon(told.kind), told.subject, told.count, told.of, value, line=told.line, number=told.number
    )


def waiver_text(request: RequestAnswer) -> str:
    """What a waiver needs besides an approval."""
    if request.pending:
        return (
            f"an approval writes nothing by itself: a later run applies it, within {WAIVER_LASTS.days} days."
            f" {_BY_OTHERS}"
        )
    if request.usable_until is None:
        return ""
    until = time_text(request.usable_until)
    return (
        f"nothing is written yet: a later run that makes exactly this plan applies it, by {until}."
        f" {_BY_OTHERS}"
    )


_BY_OTHERS = "The schedule may start that run, or anyone who has not approved this."


def _saved(saved: SavedDefinitionAnswer) -> Iterator[str]:
    if saved.version is not None:
        yield from _fact("version", f"{saved.version} of the saved collection")
    for edit in saved.edits:
        if edit.changes_job:
            yield from _fact("saved by", f"{edit.by} (version {edit.version}, {time_text(edit.at)})")
        for line in edit.weakening:
            yield from _fact("PROTECTS LESS", f"{line} (version {edit.version}, {edit.by})")


def _fact(name: str, text: str) -> Iterator[str]:
    if text:
        yield f"  {name}: {printable_lines(text)}"


def _group(title: str, lines: Iterator[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        if not number:
            yield title
        yield f"  {printable_lines(line)}"


def _evidence(told: ListingAnswer) -> Evidence:
    return Evidence(**{name: getattr(told, name) for name in ListingAnswer.model_fields})


def _limit_text(limit: LimitAnswer) -> str:
    return LimitCheck(**limit.model_dump(exclude={"exceeded"})).text


def _nearness(limit: LimitAnswer) -> float:
    """Sorts limits so that the one that is gone past by most, or is nearest, comes first."""
    if limit.allowed is None:
        return 0.0
    return -(limit.planned + 1) / (limit.allowed + 1)


def _requester(request: RequestAnswer) -> str:
    return printable(
        request.requester if request.requester_verified else f"{request.requester} (not verified)"
    )


def _assignee(kind: str, name: str, why: str, level: int, note: str) -> str:
    return f"{kind} {name} ({why}{f', level {level}' if level else ''}){f': {note}' if note else ''}"


def _event(at: datetime, kind: str, actor: str | None, text: str) -> str:
    return f"{time_text(at)}  {kind}{f' by {actor}' if actor else ''}{f': {text}' if text else ''}"
