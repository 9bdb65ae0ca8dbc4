"""What earlier runs, and earlier attempts of a run, say about what a run may do now."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select

from directory_sync.approval.states import RequestState
from directory_sync.own_dags import PREVIEWS_DAG_ID
from directory_sync.store.database import Database
from directory_sync.store.run_identity import TERMINAL
from directory_sync.store.runs import Snapshot, read_snapshot, select_runs
from directory_sync.store.tables import (
    CollectionRunRow,
    DefinitionRow,
    JobRunRow,
    RequestDecisionRow,
    RequestRow,
)


@dataclass(frozen=True, slots=True)
class LastAttempt:
    """The latest attempt at a job in one run: its number, from 1, and its state."""

    attempt: int
    state: str


@dataclass(frozen=True, slots=True)
class Approval:
    """That a person agreed to a plan, and the request was approved.

    Attributes:
        person: who agreed.
        version: of the saved collection that the run went by, as the run notes it.
        started: when the last such run began; UTC.
        definition_key: names the definition that the run went by; see `EarlierRuns.definition`.
        current_name: what the collection is called now.
    """

    person: str
    version: str
    started: datetime
    definition_key: str
    current_name: str


class EarlierRuns:
    """Queries about earlier runs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def newest_of_airflow(self, collection: str) -> Snapshot | None:
        """The newest run of a collection that no terminal has started; None if there is none."""
        with self._database.read() as connection:
            row = connection.execute(
                select_runs()
                .where(CollectionRunRow.current_name == collection, CollectionRunRow.trigger != TERMINAL)
                .order_by(CollectionRunRow.id.desc())
                .limit(1)
            ).one_or_none()
        return None if row is None else read_snapshot(self._database, row)

    def newest_definitions(self) -> Iterator[Mapping[str, Any]]:
        """The definition that the newest run of each collection began with; where a terminal has run it too,
        the newest of its runs and the newest of all others. What people only ask about is no collection's.
        """
        newest = (
            select(func.max(CollectionRunRow.id))
            .where(CollectionRunRow.collection != PREVIEWS_DAG_ID)
            .group_by(CollectionRunRow.current_name, CollectionRunRow.trigger == TERMINAL)
        )
        with self._database.read() as connection:
            keys = connection.scalars(
                select(CollectionRunRow.definition_key).where(CollectionRunRow.id.in_(newest)).distinct()
            ).all()
        for key in keys:
            with self._database.read() as connection:
                definition = connection.scalar(
                    select(DefinitionRow.definition).where(DefinitionRow.key == key)
                )
            if definition is not None:
                yield definition

    def last_attempt(self, run: int, job: str) -> LastAttempt | None:
        """The latest attempt at a job in the run that a `Snapshot` names; None if none has begun."""
        with self._database.read() as connection:
            row = connection.execute(
                select(JobRunRow.attempt, JobRunRow.state)
                .where(JobRunRow.collection_run_id == run, JobRunRow.job == job)
                .order_by(JobRunRow.attempt.desc())
                .limit(1)
            ).one_or_none()
        return None if row is None else LastAttempt(row.attempt, row.state)

    def was_applied(
        self, collection: str, job: str, key: str, states: Collection[str], *, since: datetime | None = None
    ) -> bool:
        """Whether a job came to one of these states in a scheduler's run by the definition of this key.

        `since`: only runs that began then or later count.
        """
        with self._database.read() as connection:
            # By time, because there is an index for that: as long as nothing is edited, the last run but one
            # tells.
            query = _runs_with(collection, job, states, since)
            query = query.where(CollectionRunRow.definition_key == key)
            return (
                connection.execute(query.order_by(CollectionRunRow.started.desc()).limit(1)).first()
                is not None
            )

    def applied_definitions(
        self, collection: str, job: str, states: Collection[str], *, since: datetime | None = None
    ) -> Iterator[Mapping[str, Any]]:
        """The stored definitions by which a job came to one of these states in scheduler's runs, newest
        first.

        Each once. Previews and runs from a terminal do not count. `since`: as for `was_applied`.
        """
        newest = func.max(CollectionRunRow.id)
        query = _runs_with(collection, job, states, since).with_only_columns(newest)
        with self._database.read() as connection:
            runs = connection.scalars(
                query.group_by(CollectionRunRow.definition_key).order_by(newest.desc())
            ).all()
        for run in runs:
            with self._database.read() as connection:
                definition = connection.scalar(
                    select(DefinitionRow.definition)
                    .join(CollectionRunRow, CollectionRunRow.definition_key == DefinitionRow.key)
                    .where(CollectionRunRow.id == run)
                )
            if definition is not None:
                yield definition

    def approvals(self, collection: str, job: str, origin: str) -> list[Approval]:
        """Who has agreed to plans that scheduler's runs made by versions of one origin, newest first.

        Requests that were approved count, applied or not; each person, version and definition once.
        """
        run, request, decision = CollectionRunRow, RequestRow, RequestDecisionRow
        started = func.max(run.started)
        query = (
            select(
                decision.person,
                func.coalesce(run.definition_version, ""),
                started.label("started"),
                run.definition_key,
                run.current_name,
            )
            .join(request, request.id == decision.request_id)
            .join(run, run.id == request.collection_run_id)
            .where(
                request.collection == collection,
                request.job == job,
                request.state.in_([RequestState.APPROVED, RequestState.APPLIED]),
                decision.approve,
                run.definition_origin == origin,
                run.trigger != TERMINAL,
            )
            .group_by(decision.person, run.definition_version, run.definition_key, run.current_name)
            .order_by(started.desc())
        )
        with self._database.read() as connection:
            return [Approval(*row) for row in connection.execute(query)]

    def definition(self, key: str) -> Mapping[str, Any] | None:
        """A definition that runs began with, as it is stored; None if there is none of this key."""
        with self._database.read() as connection:
            return connection.scalar(select(DefinitionRow.definition).where(DefinitionRow.key == key))


def _runs_with(collection: str, job: str, states: Collection[str], since: datetime | None) -> Select[Any]:
    query = (
        select(CollectionRunRow.id)
        .join(JobRunRow, JobRunRow.collection_run_id == CollectionRunRow.id)
        .where(
            CollectionRunRow.current_name == collection,
            CollectionRunRow.trigger != TERMINAL,
            ~CollectionRunRow.preview_only,
        )
        .where(JobRunRow.job == job, JobRunRow.state.in_(list(states)))
    )
    return query if since is None else query.where(CollectionRunRow.started >= since)
