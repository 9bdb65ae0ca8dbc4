"""What pages show of plans: the head, and changes page by page, filtered and searched. Nothing is verified
against the digest.

Whether a stored plan is still the one that was saved is checked apart from that (`Plans.verify`): it takes
reading all of it.
"""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any, Literal

from sqlalchemy import ColumnElement, Row, Select, func, select

from directory_sync.endpoints.change import Action, Change, Outcome, Result
from directory_sync.errors import PlanMismatch
from directory_sync.plan.canonical import read_canonical, searched, stored_field
from directory_sync.plan.model import LimitCheck, PlanEvidence, RecordProblem, Statistics
from directory_sync.store.database import Database
from directory_sync.store.plans import READ_BATCH
from directory_sync.store.request_rows import LARGEST_ID
from directory_sync.store.tables import (
    ChangeRow,
    CollectionRunRow,
    JobRunRow,
    OutcomeRow,
    PlanRow,
)

OPEN: Literal["open"] = "open"
"""Stands, where results are asked for, for changes that have no result yet."""


@dataclass(frozen=True, slots=True)
class PlanHead:
    """A complete plan without its changes.

    Attributes:
        id: in the store.
        collection_run_id, run_id: the run that has made it, in the store and as Airflow calls it.
        destination: identity of the place that it is for.
        changes: how many it has.
        managed: number of objects that the destination's listing held.
        state: `stored`, `applying`, or how its job has ended.
        evidence: of both listings; None for plans of versions that recorded none.
    """

    id: int
    collection: str
    current_name: str
    job: str
    collection_run_id: int
    run_id: str
    destination: str
    digest: str
    changes: int
    statistics: Statistics
    managed: int
    problems: tuple[RecordProblem, ...]
    warnings: tuple[str, ...]
    limits: tuple[LimitCheck, ...]
    state: str
    stored: datetime
    evidence: PlanEvidence | None = None


@dataclass(frozen=True, slots=True)
class StoredChange:
    """One change with its place in the plan, from 0, and its result; None if nothing has yet."""

    sequence: int
    change: Change
    outcome: Outcome | None


@dataclass(frozen=True, slots=True)
class ChangeFilter:
    """Which changes of a plan are asked for.

    Attributes:
        search: part of a name, key, field or value that is text and not secret, in letters of any case.
        field: only changes of the field of this name, in letters of any case.
        action, result: only such changes.
        among: for each change of the plan 1 where it may be shown; None for all.
    """

    search: str = ""
    field: str = ""
    action: Action | None = None
    result: Result | Literal["open"] | None = None
    among: bytes | None = None

    def includes(self, sequence: int) -> bool:
        """Whether `among` lets the change of this place through."""
        return self.among is None or self.among[sequence : sequence + 1] == b"\1"


@dataclass(frozen=True, slots=True)
class ChangePage:
    """A part of a plan's changes, in its order.

    Attributes:
        next: what to give as `after` to see what follows; None at the end.
        total: how many the filter lets through, on all pages.
    """

    changes: tuple[StoredChange, ...]
    next: int | None
    total: int


@dataclass(frozen=True, slots=True)
class OutcomeCause:
    """Why changes did not succeed.

    Attributes:
        result: their results.
        message: the cause.
        number: of how many changes it is true.
        objects: the names of the first of them.
    """

    result: Result
    message: str
    number: int
    objects: tuple[str, ...]


KEPT_COMPARISONS = 8
"""Comparisons of which it is kept which changes differ: four bytes for each of those."""
KEPT_CHANGES = 5_000
"""Of `ChosenChanges`, in memory."""
_unlike: dict[tuple[bool | str, ...], tuple[array[int], array[int]]] = {}
_unlike_lock = threading.Lock()


class PlanPages:
    """Queries of pages about plans."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def head(self, plan_id: int) -> PlanHead:
        """A plan without its changes. Raises PlanMismatch if there is none of that id."""
        with self._database.read() as connection:
            row = connection.execute(
                _heads().where(PlanRow.id == min(max(plan_id, 0), LARGEST_ID))
            ).one_or_none()
        if row is None:
            raise PlanMismatch(f"There is no plan {plan_id} in the {self._database.label}.")
        header = row.header
        return PlanHead(
            id=row.id,
            collection=row.collection,
            current_name=row.current_name,
            job=row.job,
            collection_run_id=row.collection_run_id,
            run_id=row.run_id,
            destination=row.destination,
            digest=row.digest,
            changes=header["changes"],
            statistics=Statistics(**header["statistics"]),
            managed=header["managed"],
            problems=tuple(RecordProblem(**problem) for problem in header["problems"]),
            warnings=tuple(header["warnings"]),
            limits=tuple(map(LimitCheck.from_json, header["limits"])),
            state=row.state,
            stored=row.stored,
            evidence=PlanEvidence.from_json(header.get("evidence")),
        )

    def changes_with_outcomes(
        self, head: PlanHead, filter: ChangeFilter | None = None
    ) -> Iterator[StoredChange]:
        """The changes of a plan that a filter lets through, in order, with the result of each; never all
        in memory.
        """
        filter = filter or ChangeFilter()
        conditions = [ChangeRow.plan_id == head.id, *_conditions(filter)]
        for first in range(0, head.changes, READ_BATCH):
            places = ChangeRow.sequence.between(first, first + READ_BATCH - 1)
            for stored in map(_stored_change, self._rows([*conditions, places], READ_BATCH)):
                if filter.includes(stored.sequence):
                    yield stored

    def at(self, plan_id: int, places: Sequence[int]) -> dict[int, StoredChange]:
        """Some changes of a plan by their places in it."""
        conditions = [ChangeRow.plan_id == plan_id, ChangeRow.sequence.in_(places)]
        rows = self._rows(conditions, len(places)) if places else ()
        return {change.sequence: change for change in map(_stored_change, rows)}

    def places(self, plan_id: int, filter: ChangeFilter) -> list[int]:
        """The places of the changes that a filter lets through, in the plan's order."""
        found = self._places_where([ChangeRow.plan_id == plan_id, *_conditions(filter)])
        return [place for place in found if filter.includes(place)]

    def _places_where(self, conditions: Iterable[ColumnElement[bool]]) -> Sequence[int]:
        query = _with_outcomes(select(ChangeRow.sequence)).where(*conditions).order_by(ChangeRow.sequence)
        with self._database.read() as connection:
            return connection.scalars(query).all()

    def causes(self, plan_id: int, *, limit: int, objects: int) -> list[OutcomeCause]:
        """Why changes of a plan did not succeed: the most frequent causes, at most `limit`, with so many
        `objects` each.
        """
        trouble = [result.value for result in Result if result.is_trouble]
        same = (OutcomeRow.result, OutcomeRow.message)
        ranked = (
            select(
                OutcomeRow.sequence,
                OutcomeRow.result,
                OutcomeRow.message,
                func.count().over(partition_by=same).label("number"),
                func.min(OutcomeRow.sequence).over(partition_by=same).label("first"),
                func.row_number().over(partition_by=same, order_by=OutcomeRow.sequence).label("place"),
            )
            .where(OutcomeRow.plan_id == plan_id, OutcomeRow.result.in_(trouble))
            .subquery()
        )
        query = (
            select(ranked, ChangeRow.payload, ChangeRow.name)
            .join(ChangeRow, (ChangeRow.plan_id == plan_id) & (ChangeRow.sequence == ranked.c.sequence))
            .where(ranked.c.place <= objects)
            .order_by(ranked.c.number.desc(), ranked.c.first, ranked.c.place)
            .limit(limit * objects)
        )
        found: dict[int, OutcomeCause] = {}
        with self._database.read() as connection:
            for row in connection.execute(query):
                known = found.get(row.first)
                names = (*(known.objects if known else ()), _stored_change(row).change.object)
                found[row.first] = OutcomeCause(Result(row.result), row.message, row.number, names)
        return list(found.values())[:limit]

    def page(
        self,
        plan_id: int,
        *,
        search: str = "",
        field: str = "",
        action: Action | None = None,
        result: Result | Literal["open"] | None = None,
        order: Sequence[Action] = (),
        after: int | None = None,
        limit: int = 100,
        among: bytes | None = None,
    ) -> ChangePage:
        """A part of a plan's changes. With `among` they come in the plan's order.

        Args:
            plan_id: the plan.
            search, field, action, result, among: which changes; see `ChangeFilter`.
            order: the kinds in whose order changes come, those of one kind in the plan's order; empty for the
                plan's order.
            after: the place of the change after which the page begins; None for the start.
            limit: the most on a page.
        """
        filter = ChangeFilter(search, field, action, result)
        conditions = [ChangeRow.plan_id == plan_id, *_conditions(filter)]
        if among is not None:
            return self._page_among(conditions, among, -1 if after is None else after, limit)
        ranks = {kind.value: rank for rank, kind in enumerate(order)}

        def rank(kind: str) -> int:
            # In the plan's order, all are of one rank; a kind that no one has named comes last, and does not
            # go missing.
            return ranks.get(kind, len(ranks))

        begin = None if after is None else self._position(plan_id, min(max(after, -1), LARGEST_ID), rank)
        counting = (
            _with_outcomes(select(ChangeRow.action, func.count()))
            .where(*conditions)
            .group_by(ChangeRow.action)
        )
        with self._database.read() as connection:
            counts = {row[0]: int(row[1]) for row in connection.execute(counting)}
        found_rows: list[Row[Any]] = []
        # One kind after the other: each is read by the plan's key, and what is after the page is not read at
        # all.
        for each in sorted({rank(kind) for kind in counts}):
            if begin is not None and each < begin[0]:
                continue
            some = (
                [*conditions, ChangeRow.action.in_([kind for kind in counts if rank(kind) == each])]
                if order
                else conditions
            )
            if begin is not None and each == begin[0]:
                some = [*some, ChangeRow.sequence > begin[1]]
            found_rows += self._rows(some, limit + 1 - len(found_rows))
            if len(found_rows) > limit:
                break
        return _page(found_rows[:limit], more=len(found_rows) > limit, total=sum(counts.values()))

    def _page_among(
        self, conditions: list[ColumnElement[bool]], among: bytes, after: int, limit: int
    ) -> ChangePage:
        """A part of some changes, as far as the conditions let them through too."""
        if len(conditions) > 1:
            found = [place for place in self._places_where(conditions) if among[place : place + 1] == b"\1"]
        else:
            found = [place for place, shown in enumerate(among) if shown == 1]
        begin = bisect_right(found, after)
        wanted = found[begin : begin + limit]
        rows = self._rows([conditions[0], ChangeRow.sequence.in_(wanted)], limit) if wanted else []
        return _page(list(rows), more=begin + limit < len(found), total=len(found))

    def _position(self, plan_id: int, sequence: int, rank: Callable[[str], int]) -> tuple[int, int]:
        """Where a change stands among ranked ones; one that is not there, before or after all of its
        plan.
        """
        query = select(ChangeRow.action).where(ChangeRow.plan_id == plan_id, ChangeRow.sequence == sequence)
        with self._database.read() as connection:
            kind = connection.execute(query).scalar_one_or_none()
        return (rank(kind) if kind is not None else -1 if sequence < 0 else LARGEST_ID, sequence)

    def unlike_changes(self, plan_id: int, other_id: int) -> tuple[ChosenChanges, ChosenChanges]:
        """The changes of each of two plans that the other one does not have exactly so.

        Which those are is kept for the comparisons asked for last: people go through them page by page.
        """
        query = select(PlanRow.digest).where(PlanRow.id.in_([plan_id, other_id])).order_by(PlanRow.id)
        with self._database.read() as connection:
            # A digest stands for a plan's changes and their order, whatever happens to the plan's number.
            known = (plan_id < other_id, *connection.scalars(query))
        with _unlike_lock:
            places = _unlike.pop(known, None)
        if places is None:
            here, there = self._places(plan_id), self._places(other_id)
            places = (
                array("I", (place for digest, place in here.items() if digest not in there)),
                array("I", (place for digest, place in there.items() if digest not in here)),
            )
        if len(known) == 3:  # both are still there
            with _unlike_lock:
                _unlike[known] = places
                while len(_unlike) > KEPT_COMPARISONS:
                    del _unlike[next(iter(_unlike))]
        return self._chosen(plan_id, places[0]), self._chosen(other_id, places[1])

    def only_in(self, plan_id: int, other_id: int) -> ChosenChanges:
        """The changes of a plan whose objects the other plan does not touch.

        Which those are is kept for the plans that were compared last.
        """
        query = select(PlanRow.id, PlanRow.digest).where(PlanRow.id.in_([plan_id, other_id]))
        with self._database.read() as connection:
            digests = {row.id: row.digest for row in connection.execute(query)}
            known = ("objects", digests.get(plan_id, ""), digests.get(other_id, ""))
            with _unlike_lock:
                kept = _unlike.pop(known, None)
            if kept is None:
                there = select(ChangeRow.object_hash).where(ChangeRow.plan_id == other_id)
                only = select(ChangeRow.sequence).where(
                    ChangeRow.plan_id == plan_id, ChangeRow.object_hash.not_in(there)
                )
                found = array("I", connection.scalars(only.order_by(ChangeRow.sequence)))
                kept = (found, array("I"))
        with _unlike_lock:
            _unlike[known] = kept
            while len(_unlike) > KEPT_COMPARISONS:
                del _unlike[next(iter(_unlike))]
        return self._chosen(plan_id, kept[0])

    def _places(self, plan_id: int) -> dict[bytes, int]:
        """A hash of each change of a plan → its place, in order."""
        query = (
            select(ChangeRow.sequence, ChangeRow.payload)
            .where(ChangeRow.plan_id == plan_id)
            .order_by(ChangeRow.sequence)
        )
        with self._database.read() as connection:
            rows = connection.execution_options(yield_per=READ_BATCH).execute(query)
            return {
                blake2b(payload.encode(), digest_size=16).digest(): sequence for sequence, payload in rows
            }

    def _chosen(self, plan_id: int, places: Sequence[int]) -> ChosenChanges:
        def read(some: Sequence[int]) -> Iterator[StoredChange]:
            conditions = [ChangeRow.plan_id == plan_id, ChangeRow.sequence.in_(some)]
            return map(_stored_change, self._rows(conditions, len(some)))

        return ChosenChanges(read, places)

    def _rows(self, conditions: list[ColumnElement[bool]], limit: int) -> Sequence[Row[Any]]:
        columns = (
            ChangeRow.sequence,
            ChangeRow.payload,
            ChangeRow.name,
            OutcomeRow.result,
            OutcomeRow.message,
        )
        query = _with_outcomes(select(*columns))
        with self._database.read() as connection:
            return connection.execute(
                query.where(*conditions).order_by(ChangeRow.sequence).limit(limit)
            ).all()


class ChosenChanges:
    """Some changes of a stored plan, in order; never many in memory.

    A comparison reads them several times: few are kept.
    """

    def __init__(
        self, read: Callable[[Sequence[int]], Iterator[StoredChange]], sequences: Sequence[int]
    ) -> None:
        """Take what reads changes by their places, and the places."""
        self._read = read
        self._sequences = sequences
        self._kept: list[Change] | None = None

    def __len__(self) -> int:
        return len(self._sequences)

    def __iter__(self) -> Iterator[Change]:
        if len(self) > KEPT_CHANGES:
            return self._all()
        if self._kept is None:
            self._kept = list(self._all())
        return iter(self._kept)

    def _all(self) -> Iterator[Change]:
        for first in range(0, len(self._sequences), READ_BATCH):
            for stored in self._read(self._sequences[first : first + READ_BATCH]):
                yield stored.change


def _heads() -> Select[Any]:
    return (
        select(
            PlanRow.__table__,
            JobRunRow.job,
            JobRunRow.collection_run_id,
            CollectionRunRow.collection,
            CollectionRunRow.current_name,
            CollectionRunRow.run_id,
        )
        .join(JobRunRow, JobRunRow.id == PlanRow.job_run_id)
        .join(CollectionRunRow, CollectionRunRow.id == JobRunRow.collection_run_id)
        .where(PlanRow.complete)
    )


def _with_outcomes(query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    same = (OutcomeRow.plan_id == ChangeRow.plan_id) & (OutcomeRow.sequence == ChangeRow.sequence)
    return query.select_from(ChangeRow).outerjoin(OutcomeRow, same)


def _conditions(filter: ChangeFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if filter.search:
        conditions.append(ChangeRow.search.contains(searched(filter.search), autoescape=True))
    if filter.field:
        conditions.append(ChangeRow.payload.icontains(stored_field(filter.field), autoescape=True))
    if filter.action is not None:
        conditions.append(ChangeRow.action == filter.action.value)
    if filter.result == OPEN:
        conditions.append(OutcomeRow.result.is_(None))
    elif filter.result is not None:
        conditions.append(OutcomeRow.result == filter.result.value)
    return conditions


def _page(rows: Sequence[Row[Any]], *, more: bool, total: int) -> ChangePage:
    changes = tuple(map(_stored_change, rows))
    return ChangePage(changes, changes[-1].sequence if more else None, total)


def _stored_change(row: Row[Any]) -> StoredChange:
    outcome = None if row.result is None else Outcome(row.sequence, Result(row.result), row.message)
    return StoredChange(row.sequence, read_canonical(row.payload)._replace(name=row.name), outcome)
