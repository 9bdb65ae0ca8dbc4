"""Which runs people have stopped. A stop is final: nothing of such a run begins, goes on or is resumed.

What begins to write, and what asks for approval, looks here in its own transaction (`refuse_if_stopped`), so
that none of it follows a stop. A process at work hears of it within seconds (`RunProgress.beat`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, exists, select
from sqlalchemy.dialects import postgresql, sqlite

from directory_sync.approval.states import UNDER_WAY
from directory_sync.errors import RunStopped
from directory_sync.store.database import Database
from directory_sync.store.request_model import checked_name, checked_text
from directory_sync.store.tables import CollectionRunRow, RequestRow, RunStopRow

STOPPED = "stopped"
"""State of a job, a plan and a run that were stopped."""


@dataclass(frozen=True, slots=True)
class RunStop:
    """That a run was stopped.

    Attributes:
        asked, by, reason: when, by whom, and why in their words.
        seen: when a process of the run said last that it knows; None if none has yet.
    """

    collection: str
    run_id: str
    asked: datetime
    by: str
    reason: str
    seen: datetime | None = None

    @property
    def text(self) -> str:
        """Who has stopped it, and why, as a sentence."""
        why = f" Reason: {self.reason}" if self.reason else ""
        return f"Stopped by {self.by} on {self.asked:%Y-%m-%d at %H:%M} UTC.{why}"

    def error(self, more: str = "") -> RunStopped:
        """What ends the work on the run."""
        return RunStopped(f"{self.text} {more}".strip(), by=self.by, reason=self.reason)


class RunStops:
    """Queries about stopped runs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ask(self, collection: str, run_id: str, *, by: str, reason: str = "") -> tuple[RunStop, bool]:
        """Stop a run, whether or not it has begun; the stop, and whether it is a new one: the first one
        stands.

        Raises RequestError for a name or a reason that cannot be stored.
        """
        checked_name(by, "name of the person who stops the run")
        checked_text(reason, "reason")
        insert = (sqlite if self._database.is_sqlite else postgresql).insert
        with self._database.write() as connection:
            named = (CollectionRunRow.collection == collection, CollectionRunRow.run_id == run_id)
            # What is about to begin in the run has begun before, or sees the stop.
            connection.execute(select(CollectionRunRow.id).where(*named).with_for_update())
            values = {
                "collection": collection,
                "run_id": run_id,
                "asked": self._database.now(connection),
                "asked_by": by,
                "reason": reason,
            }
            new = connection.execute(insert(RunStopRow).on_conflict_do_nothing(), values).rowcount == 1
            row = connection.execute(_select(collection, run_id)).one()
        return _stop(row), new

    def of(self, collection: str, run_id: str) -> RunStop | None:
        """The stop of a run; None if no one has stopped it."""
        with self._database.read() as connection:
            return stop_of(connection, collection, run_id)

    def among(self, collection: str, run_ids: Iterable[str]) -> dict[str, RunStop]:
        """The stops of those of a collection's runs that were stopped."""
        wanted = list(run_ids)
        if not wanted:
            return {}
        query = select(RunStopRow.__table__).where(
            RunStopRow.collection == collection, RunStopRow.run_id.in_(wanted)
        )
        with self._database.read() as connection:
            return {row.run_id: _stop(row) for row in connection.execute(query)}

    def with_requests(self) -> list[RunStop]:
        """The stopped runs that still have requests to end: what has stopped them was killed before it did
        so.
        """
        query = (
            select(RunStopRow.__table__)
            .join(
                CollectionRunRow,
                and_(
                    RunStopRow.collection == CollectionRunRow.collection,
                    RunStopRow.run_id == CollectionRunRow.run_id,
                ),
            )
            .join(RequestRow, RequestRow.collection_run_id == CollectionRunRow.id)
            .where(*_TO_END)
            .distinct()
        )
        with self._database.read() as connection:
            return [_stop(row) for row in connection.execute(query)]

    def requests_to_end(self, collection: str, run_id: str) -> list[int]:
        """The requests of a run that wait, or are approved and not begun. Waivers are not among them: a later
        run makes use of those.
        """
        query = (
            select(RequestRow.id)
            .join(CollectionRunRow, CollectionRunRow.id == RequestRow.collection_run_id)
            .where(CollectionRunRow.collection == collection, CollectionRunRow.run_id == run_id)
            .where(*_TO_END)
            .order_by(RequestRow.id)
        )
        with self._database.read() as connection:
            return list(connection.scalars(query))


_TO_END = (RequestRow.state.in_(UNDER_WAY), RequestRow.begun.is_(None), ~RequestRow.waiver)


def stop_of(connection: Connection, collection: str, run_id: str) -> RunStop | None:
    """The stop of a run, within a transaction."""
    row = connection.execute(_select(collection, run_id)).one_or_none()
    return None if row is None else _stop(row)


def refuse_if_stopped(connection: Connection, run: int) -> None:
    """Raise RunStopped if a run, by its number in the store, was stopped; none is until the transaction
    ends.
    """
    row = connection.execute(
        select(CollectionRunRow.collection, CollectionRunRow.run_id)
        .where(CollectionRunRow.id == run)
        .with_for_update()
    ).one()
    if (stop := stop_of(connection, row.collection, row.run_id)) is not None:
        raise stop.error("Nothing was written.")


def was_stopped() -> ColumnElement[bool]:
    """Whether the run of a query about `CollectionRunRow` was stopped."""
    return exists(
        select(RunStopRow.run_id).where(
            and_(
                RunStopRow.collection == CollectionRunRow.collection,
                RunStopRow.run_id == CollectionRunRow.run_id,
            )
        )
    )


def _select(collection: str, run_id: str) -> Select[str]:
    return select(RunStopRow.__table__).where(
        RunStopRow.collection == collection, RunStopRow.run_id == run_id
    )


def _stop(row: Row[str]) -> RunStop:
    return RunStop(row.collection, row.run_id, row.asked, row.asked_by, row.reason, row.seen)
