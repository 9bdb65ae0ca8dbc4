"""Filing requests: at most one per job is pending, and a newer plan takes the place of an older one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Row, and_, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from directory_sync.approval.people import Approver
from directory_sync.approval.request import EventKind, Request, SavedDefinition, Why
from directory_sync.approval.states import RequestState
from directory_sync.definition.models import Collection
from directory_sync.errors import NotDecidable, PlanMismatch
from directory_sync.plan.model import COUNTED_AS, LimitCheck, same_limits
from directory_sync.store.collection_names import require_newest
from directory_sync.store.database import Database
from directory_sync.store.request_model import Filed, Filing, checked_approvers, checked_name, shortened
from directory_sync.store.request_rows import (
    add_assignees,
    add_editors,
    add_event,
    end_request,
    find_request,
    names,
    overdue,
    read_request,
    select_requests,
)
from directory_sync.store.run_stops import refuse_if_stopped
from directory_sync.store.runs import RUNNING, TERMINAL, WAITING
from directory_sync.store.seals import request_seal
from directory_sync.store.tables import CollectionRunRow, DefinitionRow, JobRunRow, PlanRow, RequestRow

Outdated = Callable[[Request], str]
"""Says why a pending request does not count any more, for its history; empty if it does."""

_ATTEMPTS = 100  # each time, someone else has filed one and it was decided at once


class RequestFiling:
    """Queries that make requests, or put an end to them because of a newer plan."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def file(
        self,
        plan_id: int,
        *,
        policy: Mapping[str, Any],
        approvers: Iterable[Approver],
        why: Why = "policy",
        waives: Sequence[LimitCheck] = (),
        description: str = "",
        requester_may_decide: bool = False,
        asked_by: str = "",
        reason: str | None = None,
        waiver: bool = False,
        expires_after: timedelta | None = None,
        escalate_after: timedelta | None = None,
        outdated: Outdated | None = None,
        saved: SavedDefinition | None = None,
        newest: int | None = None,
    ) -> Filed:
        """Ask for the approval of a stored plan.

        Collection, job, run, requester, reason, digest and statistics are those that the store knows of the
        plan.

        If the job's pending request asks for the same (same digest, same limits waived), nothing is filed; so
        it is if this very run's plan has been approved and not applied yet, which happens when a task is
        tried again. Any other pending request of the job becomes stale in the same transaction.

        Args:
            plan_id: from `Plans.save`.
            policy: the rule as it is now; kept as it is.
            approvers: who is asked first; may be no one.
            why: `policy` or `default`.
            waives: limits that the plan goes past and that an approval lets it go past.
            description: for people; very long ones are shortened.
            requester_may_decide: whether it stands in the requester's own inbox.
            asked_by: who asks, where that is not who started the run.
            reason: why, in their words; default: the run's.
            waiver: it is asked for after a limit had stopped the job, for a later run to use; never takes the
                place of a pending request of another run.
            expires_after, escalate_after: from now, by the database's clock.
            outdated: says of the pending request why it does not count although it asks for the same.
            saved: of the saved collection that the plan was made by; None for one from a file.
            newest: revision of its newest version, from which policy and editors were taken.

        The attempt that has made the plan is noted to wait for the request in the same step: it may be killed
        before it says so.

        Raises PlanMismatch if there is no such plan, RequestError if a name cannot be stored, NotDecidable
        where another run's request is in a waiver's way, or a request of a scheduler's run in the way of a
        terminal's. CollectionChanged if the saved collection has another newest version than was looked at;
        no one can save one until the request is filed. RunStopped if a person has stopped the run.
        """
        approvers = checked_approvers(approvers)
        for _ in range(_ATTEMPTS):
            with self._database.write() as connection:
                plan = self._planned(connection, plan_id)
                require_newest(connection, plan.collection, newest)
                filed = self._file(
                    connection,
                    plan,
                    {
                        "policy": dict(policy),
                        "waives": [limit.to_json() for limit in waives],
                        "description": shortened(description),
                        "requester_may_decide": requester_may_decide,
                        "waiver": waiver,
                        "saved": None if saved is None else saved.to_json(),
                    },
                    approvers=approvers,
                    waives=waives,
                    why=why,
                    asked_by=asked_by,
                    reason=reason,
                    expires_after=expires_after,
                    escalate_after=escalate_after,
                    outdated=outdated,
                )
                if not waiver:
                    # Last: requests are locked before runs everywhere.
                    refuse_if_stopped(connection, plan.collection_run_id)
            if filed is not None:
                return filed
        raise self._database.error(
            f"The request for plan {plan_id} could not be filed: others came first each time.", "Try again."
        )

    def mark_stale(
        self, collection: str, job: str, *, reason: str, terminals_only: bool = False
    ) -> int | None:
        """End the job's pending request because its plan is no longer wanted and none takes its place; its
        number, or None.

        Args:
            collection, job: whose.
            reason: for the history.
            terminals_only: leave a request of a scheduler's run as it is.
        """
        with self._database.write() as connection:
            live = _live(connection, collection, job)
            if live is None or (terminals_only and live.trigger != TERMINAL):
                return None
            _make_stale(connection, live, reason, at=self._database.now(connection))
            return live.id

    def end_outdated_approvals(
        self,
        collection: str,
        job: str,
        *,
        run: int,
        digest: str,
        waivers: bool,
        reason: str,
        terminals_only: bool = False,
    ) -> tuple[int, ...]:
        """End what was approved for a job and never begun, because a run has planned the job again; their
        numbers.

        Args:
            collection, job: whose.
            run: the run that has planned it.
            digest: of the plan that counts now; an approval of that very plan stays, unless a scheduler's run
                was to carry it out and has ended without.
            waivers: end waivers for other plans too: the job has stayed within its limits.
            reason: for the history.
            terminals_only: leave requests of a scheduler's runs as they are.
        """
        with self._database.write() as connection:
            abandoned = and_(
                ~RequestRow.waiver,
                CollectionRunRow.id != run,
                CollectionRunRow.finished.is_not(None),
                CollectionRunRow.trigger != TERMINAL,
            )
            conditions = [
                RequestRow.collection == collection,
                RequestRow.job == job,
                RequestRow.state == RequestState.APPROVED,
                RequestRow.begun.is_(None),
                or_(RequestRow.digest != digest, abandoned),
            ]
            if not waivers:
                conditions.append(~RequestRow.waiver)
            if terminals_only:
                conditions.append(RequestRow.trigger == TERMINAL)
            rows = connection.execute(
                select_requests().where(*conditions).order_by(RequestRow.id).with_for_update(of=RequestRow)
            ).all()
            now = self._database.now(connection)
            for request in map(read_request, rows):
                end_request(connection, request, RequestState.STALE, by="", at=now)
                add_event(connection, request.id, EventKind.STALE, at=now, text=shortened(reason))
            return tuple(row.id for row in rows)

    def _planned(self, connection: Connection, plan_id: int) -> Row[Any]:
        plan = connection.execute(
            select(
                PlanRow.id,
                PlanRow.job_run_id,
                PlanRow.digest,
                PlanRow.header,
                JobRunRow.job,
                JobRunRow.collection_run_id,
                CollectionRunRow.collection,
                CollectionRunRow.requester,
                CollectionRunRow.requester_verified,
                CollectionRunRow.trigger,
                CollectionRunRow.reason,
                DefinitionRow.definition,
            )
            .join(JobRunRow, JobRunRow.id == PlanRow.job_run_id)
            .join(CollectionRunRow, CollectionRunRow.id == JobRunRow.collection_run_id)
            .outerjoin(DefinitionRow, DefinitionRow.key == CollectionRunRow.definition_key)
            .where(PlanRow.id == plan_id, PlanRow.complete)
        ).one_or_none()
        if plan is None:
            raise PlanMismatch(
                f"There is no plan {plan_id} in the {self._database.label}. Run the job again."
            )
        return plan

    def _file(
        self,
        connection: Connection,
        plan: Row[Any],
        given: Mapping[str, Any],
        *,
        approvers: Sequence[Approver],
        waives: Sequence[LimitCheck],
        why: Why,
        asked_by: str,
        reason: str | None,
        expires_after: timedelta | None,
        escalate_after: timedelta | None,
        outdated: Outdated | None,
    ) -> Filed | None:
        """File it; None if someone else has filed one for this job since the transaction began."""
        reason = plan.reason if reason is None else reason
        older = _live(connection, plan.collection, plan.job)
        now = self._database.now(connection)
        if older is not None and overdue(older, now):
            end_request(connection, older, RequestState.EXPIRED, by="", at=now)
            add_event(connection, older.id, EventKind.EXPIRED, at=now)
            older = None
        why_outdated = "" if older is None or outdated is None else outdated(older)
        asked = older if older is not None and not why_outdated else _approved_in_this_run(connection, plan)
        if asked is not None and asked.digest == plan.digest and same_limits(asked.waives, waives):
            if older is not None and why_outdated:
                end_request(connection, older, RequestState.STALE, by="", at=now)
                _note_successor(connection, older, asked.id, why_outdated, now)
            if not given["waiver"]:
                _note_waiting(connection, plan, asked.id, now)
            return Filed(Filing.SAME_AS_PENDING, asked.id)
        if older is not None:
            if plan.trigger == TERMINAL and older.trigger != TERMINAL:
                raise NotDecidable(
                    f"Request {older.id} of run {older.run_id} of Airflow waits for a decision on this job,"
                    " and a run from a "
                    "terminal never takes its place. Have it decided or cancelled first, or run the"
                    " collection in Airflow."
                )
            if given["waiver"] and older.collection_run_id != plan.collection_run_id:
                raise NotDecidable(
                    f"Request {older.id} of run {older.run_id} waits for a decision on this job. A waiver"
                    " would take its place: have it decided or cancelled first, or start a new run."
                )
            end_request(connection, older, RequestState.STALE, by="", at=now)
        for name in filter(None, (plan.requester, asked_by)):  # a schedule has none
            checked_name(name, "requester's name")
        statement = (sqlite if self._database.is_sqlite else postgresql).insert(RequestRow)
        request_id = connection.execute(
            statement.on_conflict_do_nothing(index_elements=[RequestRow.live_key]).returning(RequestRow.id),
            {
                **given,
                "collection": plan.collection,
                "job": plan.job,
                "collection_run_id": plan.collection_run_id,
                "plan_id": plan.id,
                "digest": plan.digest,
                "live_key": live_key(plan.collection, plan.job),
                "requester": plan.requester,
                "requester_verified": plan.requester_verified,
                "asked_by": asked_by or None,
                **_places(plan.definition, plan.job),
                "trigger": plan.trigger,
                "reason": shortened(reason),
                "statistics": plan.header["statistics"],
                "changes": plan.header["changes"],
                "state": RequestState.PENDING,
                "filed": now,
                "expires": None if expires_after is None else now + expires_after,
                "level": 0,
                "escalates": None if escalate_after is None else now + escalate_after,
            },
        ).scalar_one_or_none()
        if request_id is None:
            return None
        request = find_request(connection, request_id)
        connection.execute(
            update(RequestRow).where(RequestRow.id == request_id).values(seal=request_seal(request))
        )
        add_editors(connection, request)
        add_assignees(self._database, connection, request_id, approvers, why=why, level=0, at=now)
        data = {"approvers": names(approvers), **({} if older is None else {"replaces": older.id})}
        if not given["waiver"]:
            _note_waiting(connection, plan, request_id, now)
        actor = asked_by or plan.requester
        add_event(
            connection, request_id, EventKind.FILED, at=now, actor=actor, text=shortened(reason), data=data
        )
        if older is None:
            return Filed(Filing.NEW, request_id)
        _note_successor(connection, older, request_id, why_outdated, now)
        return Filed(Filing.REPLACES, request_id, older.id)


def _note_successor(connection: Connection, older: Request, successor: int, why: str, now: datetime) -> None:
    """Note which request has taken the place of one that has ended, and why if its plan is not the reason."""
    connection.execute(update(RequestRow).where(RequestRow.id == older.id).values(successor_id=successor))
    add_event(
        connection, older.id, EventKind.STALE, at=now, text=shortened(why), data={"successor": successor}
    )


def _places(definition: Mapping[str, Any], job_name: str) -> dict[str, str | None]:
    """What people are told of where the job reads and writes, from the definition that its run began with."""
    try:
        collection = Collection.model_validate(definition)
        job = collection.job(job_name)
    except (ValidationError, KeyError):
        return {"title": None, "source": None, "destination": None}
    return {
        "title": collection.title,
        "source": job.source.text,
        "destination": job.destination.text,
    }


def _note_waiting(connection: Connection, plan: Row[Any], request_id: int, now: datetime) -> None:
    """Note that the attempt that has made a plan waits for a request, as long as it has not said otherwise
    itself.
    """
    connection.execute(
        update(JobRunRow)
        .where(JobRunRow.id == plan.job_run_id, JobRunRow.state == RUNNING)
        .values(
            state=WAITING,
            request_id=request_id,
            statistics=plan.header["statistics"] | dict.fromkeys(COUNTED_AS.values(), 0),
            planned=plan.header["statistics"],
            message=f"Waiting for approval: request {request_id}.",
            finished=now,
        )
    )


def live_key(collection: str, job: str) -> bytes:
    """What is unique among pending requests: the database itself refuses a second one for a job."""
    return hashlib.blake2b(json.dumps([collection, job]).encode(), digest_size=16).digest()


def _make_stale(connection: Connection, request: Request, reason: str, *, at: datetime) -> None:
    end_request(connection, request, RequestState.STALE, by="", at=at)
    add_event(connection, request.id, EventKind.STALE, at=at, text=shortened(reason))


def _live(connection: Connection, collection: str, job: str) -> Request | None:
    """The pending request of a job, locked."""
    row = connection.execute(
        select_requests()
        .where(RequestRow.live_key == live_key(collection, job))
        .with_for_update(of=RequestRow)
    ).one_or_none()
    return None if row is None else read_request(row)


def _approved_in_this_run(connection: Connection, plan: Row[Any]) -> Request | None:
    """What an earlier attempt of the same run asked for and got, as long as it has not been applied."""
    row = connection.execute(
        select_requests()
        .where(RequestRow.collection_run_id == plan.collection_run_id, RequestRow.job == plan.job)
        .where(RequestRow.state == RequestState.APPROVED, RequestRow.digest == plan.digest)
        .order_by(RequestRow.id.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else read_request(row)
