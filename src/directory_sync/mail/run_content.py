"""What a mail about a run says: the texts and numbers that its templates get, each made harmless and of
bounded length, however much has gone wrong.

It names objects and says why they are in error, because that is what such a mail is for. It holds no values
of fields, unless a server or a script quotes one in its error: the links lead to them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from directory_sync.approval.policy import SCHEDULED
from directory_sync.approval.request import MessageCode, Request
from directory_sync.approval.states import LABELS
from directory_sync.definition.models import Job
from directory_sync.mail.audience import Recipient
from directory_sync.mail.counting import counts
from directory_sync.mail.links import Links
from directory_sync.mail.shortening import flowing, one_line, some_lines, time_text
from directory_sync.plan.model import Statistics
from directory_sync.present.outcomes import outcome_text
from directory_sync.present.times import seconds_text
from directory_sync.present.words import add_statistics
from directory_sync.run.result import NOT_APPROVED, JobState, has_failed, state_of_run
from directory_sync.store.run_ends import RunEnd
from directory_sync.store.run_model import StoredJobResult
from directory_sync.store.run_stops import RunStop
from directory_sync.store.runs import RUNNING, TERMINAL

MOST_JOBS = 40
"""Rows of the table; of more jobs, those that need a look are shown first."""
MOST_CAUSES = 20
"""Causes of errors, of all jobs together."""
MOST_OBJECTS = 3
"""Objects named for one cause."""
_NAME, _MESSAGE, _OBJECT = 100, 300, 150
"""Characters of a name, a message, and the name of an object."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why records or objects are in error, or were left alone because of a conflict.

    Attributes:
        message: the cause, with what to do about it.
        number: how many it is true of.
        objects: the first of them, by name or key.
        conflict: they had changed meanwhile.
    """

    message: str
    number: int
    objects: tuple[str, ...]
    conflict: bool = False


@dataclass(frozen=True, slots=True)
class RunTold:
    """A run, with what a mail about it says besides how its jobs ended.

    Attributes:
        end: the run and its jobs.
        requests: job → the request that it waits for, or that was made for it.
        causes: job → why records and objects are in trouble, the most frequent cause first.
        patterns: job → what was planned, by pattern, without values.
        stop: that a person has stopped the run; None if no one has.
    """

    end: RunEnd
    requests: Mapping[str, Request] = field(default_factory=dict)
    causes: Mapping[str, Sequence[Cause]] = field(default_factory=dict)
    patterns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    stop: RunStop | None = None


def run_content(told: RunTold, recipient: Recipient, *, links: Links) -> dict[str, Any]:
    """What a template gets; `include/templates/mail/README.md` lists it."""
    end, snapshot = told.end, told.end.snapshot
    in_airflow = snapshot.trigger != TERMINAL
    jobs = snapshot.collection.enabled_jobs
    left = MOST_CAUSES
    rows = []
    for job in shown_jobs(end):
        rows.append(row := _row(job, told, links if in_airflow else Links(portal=links.portal), left))
        left -= len(row["causes"])
    results = [each for job in jobs if (each := end.results.get(job.name)) is not None]
    figures = add_statistics(_figures(each.statistics) for each in results) or _figures(None)
    state = _state(end)
    return {
        "headline": _headline(told, state),
        "url": links.run(snapshot.collection.name, snapshot.run_id) if in_airflow else "",
        "recipient": {
            "name": one_line(recipient.addressee.name, _NAME),
            "is_role": recipient.addressee.kind == "role",
            "is_requester": False,
        },
        "run": {
            "id": one_line(snapshot.run_id, _NAME),
            "collection": one_line(snapshot.collection.name, _NAME),
            "title": one_line(snapshot.collection.title or "", _NAME),
            "state": state,
            "state_text": outcome_text(state, wrote=any(each.wrote for each in end.results.values())),
            "waits": end.waits,
            "open": snapshot.finished is None,
            "in_airflow": in_airflow,
            "trigger": one_line(snapshot.trigger, _NAME),
            "started_by": _starter(end),
            "reason": some_lines(snapshot.reason),
            "stopped_by": "" if told.stop is None else one_line(told.stop.by, _NAME),
            "stop_reason": [] if told.stop is None else some_lines(told.stop.reason),
            "started": time_text(snapshot.started),
            "ended": time_text(snapshot.finished),
            "duration": (
                "" if snapshot.finished is None else seconds_text(snapshot.finished - snapshot.started)
            ),
        },
        "figures": figures,
        "done": counts(figures),
        "jobs": rows,
        "jobs_more": len(jobs) - len(rows),
        "waiting": [row for row in rows if row["state"] == JobState.WAITING],
        "troubled": [row for row in rows if row["troubled"]],
    }


def _headline(told: RunTold, state: str) -> str:
    end = told.end
    name = one_line(end.snapshot.collection.title or end.snapshot.collection.name, _NAME)
    failed = sum(_failed(each) for each in end.states.values())
    parts = [f"the run was stopped{_by(told)}"] if state == JobState.STOPPED else []
    parts += [f"{failed} of {_number(len(end.states), 'job')} failed"] if failed else []
    if end.snapshot.finished is None:
        waiting = sum(each == JobState.WAITING for each in end.states.values())
        parts.append("1 job waits for approval" if waiting == 1 else f"{waiting} jobs wait for approval")
        others = [each for each in end.states.values() if not (each == JobState.WAITING or has_failed(each))]
        done = "the others are done" if others and set(others) <= _DONE else ""
        return f"{name}: {', '.join(filter(None, (*parts, done)))}."
    if parts:
        return f"{name}: {', '.join(parts)}."
    sentence: dict[str, str] = {
        JobState.FAILED: "the run failed",
        JobState.SUCCESS: "the run has ended well",
        JobState.SUCCESS_WITH_ERRORS: "the run has ended with errors or conflicts",
        JobState.WAITING: "the run has ended, and changes wait for approval",
        JobState.DENIED: "changes were denied, so they were not made",
        JobState.EXPIRED: "no one has decided in time, so changes were not made",
        JobState.CANCELLED: "a request was cancelled, so changes were not made",
        JobState.STALE: "changes that waited are out of date, so they were not made",
    }
    return f"{name}: {sentence.get(state, 'the run has ended')}."


def _by(told: RunTold) -> str:
    return "" if told.stop is None else f" by {one_line(told.stop.by, _NAME)}"


def _failed(state: str) -> bool:
    """What was stopped has not failed."""
    return has_failed(state) and state != JobState.STOPPED


_DONE = frozenset({JobState.SUCCESS, JobState.SUCCESS_WITH_ERRORS, JobState.CONFLICTS})


def _state(end: RunEnd) -> str:
    """The run's; while it goes on, that it waits. What it has waited for may have been decided since."""
    if end.state == RUNNING:
        return JobState.WAITING.value
    if end.state == JobState.WAITING:
        return state_of_run(JobState(each) for each in end.states.values() if each in set(JobState)).value
    return one_line(end.state, _NAME)


def _starter(end: RunEnd) -> str:
    snapshot = end.snapshot
    if snapshot.trigger == SCHEDULED:
        return "the schedule"
    name = one_line(snapshot.requester, _NAME) or "no one"
    return name if snapshot.verified else f"{name} (no one has checked who that is)"


def shown_jobs(end: RunEnd) -> Sequence[Job]:
    """As many as there is room for, in their order; those without anything to look at go first."""
    jobs = end.snapshot.collection.enabled_jobs
    if len(jobs) <= MOST_JOBS:
        return jobs
    quiet = [job.name for job in jobs if not _notable(end, job.name)]
    surplus = len(jobs) - MOST_JOBS
    gone = {*quiet[-surplus:]}
    return [job for job in jobs if job.name not in gone][:MOST_JOBS]


def _notable(end: RunEnd, job: str) -> bool:
    result = end.results.get(job)
    figures = _figures(None if result is None else result.statistics)
    return end.states[job] != JobState.SUCCESS or bool(figures["errors"] or figures["conflicts"])


def _row(job: Job, told: RunTold, links: Links, causes_left: int) -> dict[str, Any]:
    end, snapshot = told.end, told.end.snapshot
    state, result = end.states[job.name], end.results.get(job.name)
    figures = _figures(None if result is None else result.statistics)
    planned = None if result is None or state not in _UNWRITTEN else result.planned
    request = told.requests.get(job.name)
    applied = request is not None and state not in NOT_APPROVED
    causes = told.causes.get(job.name, ())
    shown = causes[: max(causes_left, 0)]
    troubled = has_failed(state) or bool(figures["errors"] or figures["conflicts"])
    return {
        "name": one_line(job.name, _NAME),
        "state": state,
        "state_text": outcome_text(state, wrote=result is not None and result.wrote),
        "failed": _failed(state),
        "troubled": troubled,
        "source": one_line(job.source.text, _NAME),
        "destination": one_line(job.destination.text, _NAME),
        "figures": figures,
        "done": counts(figures),
        "planned": [] if planned is None else counts(_figures(planned)),
        "message": _message(result),
        "warnings": 0 if result is None else len(result.warnings),
        "duration": _duration(result),
        "url": links.job(snapshot.collection.name, snapshot.run_id, job.name),
        "log_url": links.log(snapshot.collection.name, snapshot.run_id, job.name, applied=applied),
        "request": None if request is None else _request(request, told, links),
        "patterns": [one_line(each, _MESSAGE) for each in told.patterns.get(job.name, ())],
        "causes": [_cause(each) for each in shown],
        "causes_more": len(causes) > len(shown),
    }


_UNWRITTEN = frozenset({JobState.STOPPED_BY_LIMIT, *NOT_APPROVED})


def _request(request: Request, told: RunTold, links: Links) -> dict[str, Any]:
    return {
        "id": request.id,
        "url": links.request(request.id),
        "state": request.state.value,
        "state_text": LABELS[request.state],
        "decided_by": one_line(request.decided_by or "", _NAME),
        "expires": time_text(request.expires),
        "of_other_run": request.collection_run_id != told.end.snapshot.id,
    }


def _cause(cause: Cause) -> dict[str, Any]:
    objects = [one_line(name, _OBJECT) for name in cause.objects[:MOST_OBJECTS]]
    return {
        "message": flowing(cause.message, _MESSAGE),
        "conflict": cause.conflict,
        "number": cause.number,
        "objects": objects,
        "objects_more": cause.number - len(objects),
    }


def _message(result: StoredJobResult | None) -> str:
    if result is None or result.code is MessageCode.DONE:
        return ""
    return flowing(result.message, _MESSAGE)


def _duration(result: StoredJobResult | None) -> str:
    if result is None or result.finished is None:
        return ""
    return seconds_text(result.finished - result.started)


def _figures(statistics: Statistics | None) -> dict[str, int]:
    return (statistics or Statistics()).to_json()


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
