"""What the housekeeping task does with what Airflow gives it: each part by itself, not held up by another's
trouble.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from directory_sync import settings
from directory_sync.airflow.collection_task import open_store
from directory_sync.airflow.connections import AirflowConnections
from directory_sync.airflow.deployment import deployment
from directory_sync.airflow.mail import deliver_mail
from directory_sync.airflow.withdrawal import withdraw
from directory_sync.approval.escalation import ManagerOf
from directory_sync.approval.request import Request
from directory_sync.approval.states import ENDED, RequestState
from directory_sync.errors import RequestNotFound, SettingsError, StoreError
from directory_sync.mail import MAX_AGE
from directory_sync.printable import printable
from directory_sync.requests.upkeep import sweep
from directory_sync.run.settling import settle_all
from directory_sync.run.stopping import end_requests
from directory_sync.run.timed_people import TimedPeople
from directory_sync.store.preview_model import LOST, PreviewState
from directory_sync.store.request_model import RequestFilter
from directory_sync.store.run_stops import STOPPED
from directory_sync.store.runs import TERMINAL
from directory_sync.store.settling import OpenPlan
from directory_sync.store.store import Store

_LOOK_UP_SECONDS = 60.0
"""For the managers of one sweep together; what is left, the next sweep asks."""
_GRACE = timedelta(minutes=10)  # in which a run's own last task closes it

IsOver = Callable[[str, str], bool]
"""Whether a run, by DAG id and run id, has ended in Airflow or does not exist (any more)."""

IsGone = Callable[[str], bool]
"""Whether a collection is certainly no longer defined: Airflow goes on with none of its runs, and never ends
them.
"""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """What was done.

    Attributes:
        withdrawn, expired, escalated, deleted: how many requests.
        previews: how many questions of people, and their answers, were deleted because of their age.
        drafts: how many definitions were deleted that no one has gone on writing.
        settled, left: how many plans that had broken off were settled, and how many wait for that; see
            `run.settling`.
        problems: what was left to the next time, each a sentence with the remedy.
    """

    withdrawn: int
    expired: int
    escalated: int
    deleted: int
    settled: int
    left: int
    problems: tuple[str, ...]
    previews: int = 0
    drafts: int = 0


def keep_up(is_over: IsOver, is_gone: IsGone = lambda collection: False) -> Kept:
    """Withdraw requests that nothing waits for, end those whose time is over, ask the next approvers, send
    mail, delete old ones.

    Raises StoreError or SettingsError where nothing can be done without it.
    """
    problems = []
    with open_store() as store:
        withdrawn = sum(len(end_requests(store, stop)) for stop in store.run_stops.with_requests())
        try:
            withdrawn += withdraw_orphans(store, is_over, is_gone)
            close_runs(store, lambda collection, run_id: is_over(collection, run_id) or is_gone(collection))
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 an API server that does not answer raises anything
            problems.append(
                "Airflow does not say which runs are over, so not all requests of such runs were withdrawn:"
                f" {error}"
            )
        with _managers() as manager_of:
            swept = sweep(store, manager_of=manager_of)
        for escalated in swept.escalated:
            asked = ", ".join(f"{each.kind} {each.name}" for each in escalated.to) or "no one"
            log.info(
                "Request %d asks level %d: %s. %s",
                escalated.request,
                escalated.level,
                printable(asked),
                escalated.note,
            )
        for number in swept.expired:
            log.info("Request %d has expired: no one decided in time.", number)
        problems.extend(f"Request {each.request}: {each.message}" for each in swept.problems)
        # Before mail is sent: people are to hear of what this ends.
        settled, left = _settle(store, is_over)
        deliver_mail(store)
        # Also where no mail is sent: the outbox must not grow with each run.
        store.outbox.forget_mail(MAX_AGE)
        end_lost_previews(store, is_over)
        previews = store.previews.forget()
        drafts = store.drafts.forget()
        deleted = 0
        try:
            deleted = delete_old(store)
        except SettingsError as error:
            problems.append(str(error))
    return Kept(
        withdrawn,
        len(swept.expired),
        len(swept.escalated),
        deleted,
        settled,
        left,
        tuple(problems),
        previews,
        drafts,
    )


def end_lost_previews(store: Store, is_over: IsOver) -> int:
    """End the previews whose worker is gone without a word; how many."""
    ended = 0
    for question in store.previews.under_way():
        try:
            over = is_over(settings.PREVIEWS_DAG_ID, question.run_id)
        except Exception as error:  # noqa: BLE001 an API server that does not answer raises anything
            log.warning("Airflow does not say whether the preview %s is over: %s", question.id, error)
            continue
        if over:
            ended += store.previews.finish(question.id, PreviewState.FAILED, LOST)
    return ended


def _settle(store: Store, is_over: IsOver) -> tuple[int, int]:
    """Settle what processes left open that are gone; how many plans, and how many stay open for now: the log
    says why.
    """

    def over(plan: OpenPlan) -> bool:
        try:
            return is_over(plan.collection, plan.run_id)
        except Exception as error:  # noqa: BLE001 an API server that does not answer raises anything
            log.warning(
                "Airflow does not say whether run %s of %s is over: %s", plan.run_id, plan.collection, error
            )
            return False

    settlement = settle_all(store, deployment(), holder="Directory Sync: upkeep", is_over=over)
    for left in settlement.left:
        log.info(
            "Job %s of run %s of %s stays open. %s",
            left.plan.job,
            left.plan.run_id,
            left.plan.collection,
            left.message,
        )
    for closed in (*settlement.attempts, *settlement.runs):
        log.info("Closed what was left open: run %s of %s %s", closed.run_id, closed.collection, closed.job)
    return len(settlement.settled), len(settlement.left)


def withdraw_orphans(store: Store, is_over: IsOver, is_gone: IsGone = lambda collection: False) -> int:
    """Withdraw the pending requests that nothing would apply, so that none is left that could be approved
    in vain; how many.

    Waivers of a limit stay: they are asked for after the run has stopped, and another run makes use of them.
    """
    withdrawn = 0
    for request in _pending(store):
        if request.trigger == TERMINAL or request.waiver:
            continue
        if is_over(request.collection, request.run_id):
            reason = "Its run is over in Airflow, so nothing would carry it out."
        elif is_gone(request.collection):
            reason = "The collection is no longer defined, so nothing would carry it out."
        else:
            continue
        try:
            if withdraw(store, request.id, reason):
                withdrawn += 1
                log.info(
                    "Request %d of run %s of %s was withdrawn. %s",
                    request.id,
                    request.run_id,
                    request.collection,
                    reason,
                )
        except RequestNotFound:
            continue
    return withdrawn


def close_runs(store: Store, is_over: IsOver) -> int:
    """Close the runs that are over though their last task never closed them: ended by hand, for example; how
    many.
    """
    closed = 0
    for collection, run_id in store.runs.still_open(older_than=_GRACE):
        if is_over(collection, run_id):
            stopped = store.run_stops.of(collection, run_id) is not None
            store.runs.finish(collection, run_id, STOPPED if stopped else "failed")
            closed += 1
    return closed


def delete_old(store: Store) -> int:
    """Delete the requests that have ended longer ago than they are to be kept; how many.

    Raises SettingsError.
    """
    retention = settings.request_retention()
    deleted = 0 if retention is None else store.request_upkeep.delete(retention, ENDED)
    if deleted:
        log.info("%d requests that had ended were deleted because of their age.", deleted)
    return deleted


@contextmanager
def _managers() -> Iterator[ManagerOf]:
    """Who is whose manager, looked up in the people directory; no one's where there is none."""
    try:
        where = settings.people_directory()
    except SettingsError as error:
        wrong = error  # requests still expire, and escalate to those who are named

        def refuse(user: str) -> str | None:  # noqa: ARG001 whatever the user
            raise wrong

        yield refuse
        return
    if where is None:
        yield lambda user: None
        return
    with TimedPeople(where, AirflowConnections(), seconds=_LOOK_UP_SECONDS) as people:
        yield people.manager_of


def _pending(store: Store) -> Iterator[Request]:
    before: int | None = None
    while True:
        page = store.requests.all(RequestFilter(states=(RequestState.PENDING,)), before=before, limit=200)
        yield from page.requests
        if page.next is None:
            return
        before = page.next
