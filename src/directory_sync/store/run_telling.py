"""When people are to hear of a run: the mail enters the outbox in the transaction that changes what is to be
told.

An end that is noted again, as by a retry, is the same news as long as no job has ended otherwise and none was
attempted again. What is newer takes the place of what was not sent yet.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, select, update

from directory_sync.store.column_types import json_text
from directory_sync.store.outbox import Topic, forget_subjects, queue_mail
from directory_sync.store.tables import CollectionRunRow, DefinitionRow, JobRunRow


class RunNewsKind(StrEnum):
    """What there is to say about a run."""

    WAITS = "waits"
    """All its jobs are done, but for what waits for approval."""
    ENDED = "ended"


def tell(connection: Connection, run: int, kind: RunNewsKind, *, at: datetime) -> bool:
    """Let people hear of a run, where its definition names any; whether they will.

    Previews are told to no one. Locks the run's row.
    """
    row = connection.execute(_asked_for().where(CollectionRunRow.id == run).with_for_update()).one_or_none()
    if row is None or row.preview_only or not _names_anyone(connection, row.definition_key):
        return False
    mark = _mark(connection, row, kind)
    if mark == row.told_mark:
        return False
    told = row.told + 1
    connection.execute(
        update(CollectionRunRow).where(CollectionRunRow.id == run).values(told=told, told_mark=mark)
    )
    forget_subjects(connection, Topic.RUN, [run])
    queue_mail(connection, Topic.RUN, run, kind.value, event=told, at=at)
    return True


def tell_again(connection: Connection, run: int, *, at: datetime) -> None:
    """Let people hear the state of a run after it was closed; nothing while it goes on."""
    query = select(CollectionRunRow.finished).where(CollectionRunRow.id == run)
    if connection.execute(query).scalar_one_or_none() is not None:
        tell(connection, run, RunNewsKind.ENDED, at=at)


def _asked_for() -> Any:
    return select(
        CollectionRunRow.id,
        CollectionRunRow.preview_only,
        CollectionRunRow.definition_key,
        CollectionRunRow.job_states,
        CollectionRunRow.told,
        CollectionRunRow.told_mark,
    )


def _names_anyone(connection: Connection, key: str) -> bool:
    query = select(DefinitionRow.definition).where(DefinitionRow.key == key)
    definition: Mapping[str, Any] | None = connection.execute(query).scalar_one_or_none()
    return bool(definition and definition.get("notifications"))


def _mark(connection: Connection, row: Row[Any], kind: RunNewsKind) -> str:
    """Names what is told: equal for equal news."""
    attempts = connection.execute(
        select(JobRunRow.id, JobRunRow.job, JobRunRow.state)
        .where(JobRunRow.collection_run_id == row.id)
        .order_by(JobRunRow.id)
    )
    latest = {each.job: [each.id, each.state] for each in attempts}
    said = json_text([kind.value, row.job_states, latest])
    return hashlib.sha256(said.encode()).hexdigest()
