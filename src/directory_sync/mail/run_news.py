"""Mail about runs: whether a run is to be told of, to whom, and what there is to know about it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from directory_sync.approval.people import Approver
from directory_sync.approval.request import Request
from directory_sync.definition.mail_addresses import checked_address
from directory_sync.definition.models import OWNERS, Approvers, Collection
from directory_sync.endpoints.change import Result
from directory_sync.errors import RequestNotFound
from directory_sync.mail.audience import Letter, Occasion, Recipient
from directory_sync.mail.links import Links
from directory_sync.mail.message import Thread, run_thread
from directory_sync.mail.news import Noted
from directory_sync.mail.plan_patterns import plan_patterns
from directory_sync.mail.run_content import (
    MOST_CAUSES,
    MOST_OBJECTS,
    Cause,
    RunTold,
    run_content,
    shown_jobs,
)
from directory_sync.plan.model import RecordProblem
from directory_sync.run.result import NOT_APPROVED, JobState, has_failed
from directory_sync.run.triggers import JobEnd, triggers
from directory_sync.store.outbox import DueMail
from directory_sync.store.run_ends import RunEnd
from directory_sync.store.run_model import StoredJobResult
from directory_sync.store.run_telling import RunNewsKind
from directory_sync.store.store import Store

MOST_LINES = 40
"""Lines of changes by pattern, of all jobs together: no job begins after so many."""


@dataclass(frozen=True, slots=True)
class RunNews:
    """The state of a run."""

    told: RunTold
    kind: str
    event: int
    repeats = True
    """No history tells who was reached: rather twice, as the same message, than never."""

    @property
    def thread(self) -> Thread:
        """All mails of a run."""
        return run_thread(self.told.end.snapshot)

    def occasion(self) -> Occasion | None:
        """Those that the definition names, if the run has done what they want to hear of."""
        end = self.told.end
        wanted = end.snapshot.collection.notifications
        if wanted is None or end.snapshot.preview_only or end.told != self.event:
            return None
        if self.kind == RunNewsKind.WAITS and (end.snapshot.finished is not None or not end.waits):
            return None  # the run's end tells more
        if wanted.when not in triggers_of(end):
            return None
        return Occasion(Letter.RUN, tuple(recipients(end.snapshot.collection)))

    def content(self, letter: Letter, recipient: Recipient, *, links: Links) -> dict[str, Any]:
        """The run and its jobs."""
        del letter  # there is one only
        return run_content(self.told, recipient, links=links)

    def noted(self) -> Noted:
        """Nothing: the outbox itself remembers."""
        return Noted()


def run_news(store: Store, due: DueMail) -> RunNews:
    """The state of a run, as it is now. Raises RequestNotFound if it is gone."""
    end = store.run_ends.get(due.subject)
    if end is None:
        raise RequestNotFound(f"There is no run {due.subject} any more.")
    news = RunNews(RunTold(end), due.kind, due.event)
    if news.occasion() is None:
        return news
    requests = {job: found for job in end.states if (found := _request(store, end, job)) is not None}
    causes = {job: tuple(_causes(store, result)) for job, result in end.results.items()}
    stop = store.run_stops.of(end.snapshot.collection.name, end.snapshot.run_id)
    return replace(news, told=RunTold(end, requests, causes, _patterns(store, end), stop))


def triggers_of(end: RunEnd) -> frozenset[str]:
    """The triggers that a run fulfils; see `run.triggers`."""
    jobs = [
        JobEnd(state, end.results[job].statistics if job in end.results else None)
        for job, state in end.states.items()
    ]
    return frozenset(triggers(jobs, failed=end.state in (JobState.FAILED, JobState.STOPPED)))


def recipients(collection: Collection) -> Iterator[Recipient]:
    """Who the definition names, each once."""
    found: dict[Recipient, None] = {}
    for each in () if collection.notifications is None else collection.notifications.to:
        if isinstance(each, Approvers):
            found |= dict.fromkeys(_user(name) for name in each.users)
            found |= dict.fromkeys(Recipient(Approver("role", name)) for name in each.roles)
        elif each == OWNERS:
            found |= dict.fromkeys(map(_user, collection.owners))
        else:
            found[Recipient(Approver("user", each), address=checked_address(each) or "")] = None
    yield from found


def _user(name: str) -> Recipient:
    return Recipient(Approver("user", name))


def _request(store: Store, end: RunEnd, job: str) -> Request | None:
    """The request that a job waits for or waited for, or that has let it be applied."""
    result = end.results.get(job)
    if result is None or result.request_id is None:
        return None
    with contextlib.suppress(RequestNotFound):
        return store.requests.get(result.request_id).request
    return None


def _patterns(store: Store, end: RunEnd) -> dict[str, tuple[str, ...]]:
    """What was planned, by pattern, of as many of the jobs shown as there is room for."""
    found: dict[str, tuple[str, ...]] = {}
    for job in shown_jobs(end):
        result = end.results.get(job.name)
        if result is not None and result.plan_id is not None:
            found[job.name] = plan_patterns(store, result.plan_id, job)
        if sum(map(len, found.values())) >= MOST_LINES:
            break
    return found


def _causes(store: Store, result: StoredJobResult) -> list[Cause]:
    """Why records of a job, and objects that it was to change, are in trouble; the most frequent cause
    first.
    """
    found = _causes_of(result.problems)
    figures = result.statistics
    written = result.state not in NOT_APPROVED and result.plan_id is not None
    if written and figures is not None and (figures.errors or figures.conflicts or has_failed(result.state)):
        assert result.plan_id is not None
        for cause in store.plan_pages.causes(result.plan_id, limit=MOST_CAUSES, objects=MOST_OBJECTS):
            conflict = cause.result is Result.CONFLICT
            found.append(Cause(cause.message, cause.number, cause.objects, conflict))
    return sorted(found, key=lambda cause: (cause.conflict, -cause.number))


def _causes_of(problems: tuple[RecordProblem, ...]) -> list[Cause]:
    objects: dict[str, list[str]] = {}
    for problem in problems:
        objects.setdefault(problem.message, []).append(problem.object or problem.key)
    return [Cause(message, len(named), tuple(named[:MOST_OBJECTS])) for message, named in objects.items()]
