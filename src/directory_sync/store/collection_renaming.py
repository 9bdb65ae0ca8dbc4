"""A saved collection gets another name: its past follows it, and the old name is free.

What its runs and requests were called then stays with them: by that, Airflow knows the runs, and people knew
what they decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, func, insert, or_, select, update

from directory_sync.errors import CollectionInUse, NameTaken
from directory_sync.store.collection_names import SAVED, is_called, require_saved
from directory_sync.store.collection_use import require_nothing_under_way
from directory_sync.store.ended_runs import ended_in_airflow
from directory_sync.store.plans import is_being_applied
from directory_sync.store.runs import RUNNING
from directory_sync.store.tables import (
    CollectionRow,
    CollectionRunRow,
    CollectionVersionRow,
    DraftRow,
    JobRunRow,
    PinRow,
    PlanRow,
    RequestRow,
)

_MOST_NAMED = 20


def rename(
    connection: Connection, collection_id: int, name: str, to: str, *, running: Sequence[str], now: datetime
) -> None:
    """Give a saved collection another name.

    The caller holds the lock under which names are given, and holds back filing.

    Args:
        connection: the transaction.
        collection_id: whose name it is.
        name, to: the old name and the new one.
        running: ids of its runs that have not ended, as Airflow tells.
        now: the time.

    Raises NameTaken if the new name belongs to something else, or has a past of its own; CollectionInUse
    while a run, a request, or what a run has begun to write is under way.
    """
    require_nothing_under_way(connection, name, [*running, *_open_runs(connection, name, running)])
    _require_nothing_half_written(connection, name)
    _require_free(connection, collection_id, to)
    # Of what is gone since; no one has pinned it by what it is now.
    connection.execute(delete(PinRow).where(PinRow.collection == to))
    began = _since(connection, name, collection_id)
    runs = and_(CollectionRunRow.current_name == name, began)
    moved = select(CollectionRunRow.id).where(runs)
    connection.execute(
        update(RequestRow)
        .where(RequestRow.current_name == name, RequestRow.collection_run_id.in_(moved))
        .values(current_name=to)
    )
    connection.execute(update(CollectionRunRow).where(runs).values(current_name=to))
    connection.execute(update(PinRow).where(PinRow.collection == name).values(collection=to))
    connection.execute(update(DraftRow).where(DraftRow.collection == name).values(collection=to))
    created = select(CollectionRow.created).where(CollectionRow.id == collection_id)
    # What a run of the old name learns late must not become what a later collection of that name knows.
    values = {"name": name, "origin": SAVED.text, "created": connection.scalar(created), "deleted": now}
    connection.execute(update(CollectionRow).where(CollectionRow.id == collection_id).values(name=to))
    connection.execute(insert(CollectionRow), values)


def renamed_to(connection: Connection, name: str) -> str | None:
    """What the collection is called now that last had a name, while no other one has it; None if that was
    not renamed.
    """
    if connection.scalar(select(CollectionRow.id).where(is_called(name))) is not None:
        return None
    query = (
        select(CollectionRow.name)
        .join(CollectionVersionRow, CollectionVersionRow.collection_id == CollectionRow.id)
        .where(CollectionVersionRow.name == name, CollectionRow.name != name, CollectionRow.deleted.is_(None))
        .order_by(CollectionVersionRow.revision.desc())
        .limit(1)
    )
    return connection.scalar(query)


def _open_runs(connection: Connection, name: str, running: Sequence[str]) -> Sequence[str]:
    """Runs that were not closed here, and that Airflow has not called ended; also those of terminals."""
    run = CollectionRunRow
    at_work = exists(
        select(JobRunRow.id).where(JobRunRow.collection_run_id == run.id, JobRunRow.state == RUNNING)
    )
    query = (
        select(run.run_id)
        .where(run.current_name == name, or_(and_(run.finished.is_(None), ~ended_in_airflow()), at_work))
        .where(run.run_id.not_in(running))
        .order_by(run.id)
        .limit(_MOST_NAMED + 1)
    )
    return connection.scalars(query).all()


def _require_nothing_half_written(connection: Connection, name: str) -> None:
    query = (
        select(CollectionRunRow.run_id)
        .join(JobRunRow, JobRunRow.collection_run_id == CollectionRunRow.id)
        .join(PlanRow, PlanRow.job_run_id == JobRunRow.id)
        .where(CollectionRunRow.current_name == name, is_being_applied())
        .limit(1)
    )
    run_id = connection.scalar(query)
    if run_id is not None:
        raise CollectionInUse(
            f"The collection {name} was not renamed: what its run {run_id} began to write has not been"
            " settled yet. Run the collection again, or use directory-sync db settle; then rename it.",
            name=name,
            runs=[run_id],
            requests=(),
        )


def _require_free(connection: Connection, collection_id: int, to: str) -> None:
    """Raise NameTaken unless no other collection has the name, or a past by it."""
    row = connection.execute(
        select(CollectionRow.id, CollectionRow.origin).where(is_called(to))
    ).one_or_none()
    if row is not None:
        require_saved(to, row.origin)
        raise NameTaken(
            f"The name {to} belongs to another saved collection. Nothing was renamed; choose another name.",
            name=to,
            origin=row.origin or "",
        )
    others = exists(
        select(CollectionVersionRow.revision).where(
            CollectionVersionRow.name == to, CollectionVersionRow.collection_id != collection_id
        )
    )
    run = exists(select(CollectionRunRow.id).where(CollectionRunRow.current_name == to))
    if connection.scalar(select(or_(others, run))):
        raise NameTaken(
            f"The name {to} belonged to another collection, whose versions or runs are kept. What was done by"
            " either could not be told apart. Nothing was renamed; choose another name.",
            name=to,
            origin=SAVED.text,
        )


def _since(connection: Connection, name: str, collection_id: int) -> ColumnElement[bool]:
    """The condition that a run is of this collection, and not of one that had the name before it."""
    query = select(func.max(CollectionRow.deleted)).where(
        CollectionRow.name == name, CollectionRow.id < collection_id
    )
    last = connection.scalar(query)
    return CollectionRunRow.started.is_not(None) if last is None else CollectionRunRow.started > last
