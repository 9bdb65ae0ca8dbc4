"""The patterns of a plan's changes: made while the plan is stored, read by those who look at it.

Plans of earlier versions have none. Those of small ones are worked out when someone looks; of large ones
that takes too long, and nothing is known.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from directory_sync.definition.models import Collection
from directory_sync.endpoints.change import Change
from directory_sync.errors import PlanMismatch
from directory_sync.plan.canonical import StoredForm, read_canonical
from directory_sync.plan.model import PlanEvidence
from directory_sync.plan.patterns.model import Patterns
from directory_sync.plan.patterns.subject import Subject
from directory_sync.plan.patterns.summing import Summing, patterns_of
from directory_sync.store.database import Database
from directory_sync.store.plan_integrity import altered, require_patterns
from directory_sync.store.seals import patterns_seal
from directory_sync.store.tables import (
    ChangeRow,
    CollectionRunRow,
    DefinitionRow,
    JobRunRow,
    PlanPatternsRow,
    PlanRow,
)

WORKED_OUT = 5_000
"""Changes of a plan of an earlier version whose patterns are worked out when they are asked for."""
_READ_BATCH = 500


class PlanPatterns:
    """Queries about the patterns of plans."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, plan_id: int) -> Patterns | None:
        """The patterns of a plan; None if it is of an earlier version and has very many changes.

        Raises PlanMismatch if there is no such plan, PlanAltered if its patterns are not those that were
        saved.
        """
        query = (
            select(
                PlanRow.digest, PlanRow.header, PlanRow.job_run_id, JobRunRow.job, PlanPatternsRow.__table__
            )
            .join(JobRunRow, JobRunRow.id == PlanRow.job_run_id)
            .outerjoin(PlanPatternsRow, PlanPatternsRow.plan_id == PlanRow.id)
            .where(PlanRow.id == plan_id, PlanRow.complete)
        )
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise PlanMismatch(f"There is no plan {plan_id} in the {self._database.label}.")
        if row.lines is not None:
            return self._stored(plan_id, row)
        if row.header["changes"] > WORKED_OUT:
            return None
        evidence = PlanEvidence.from_json(row.header.get("evidence"))
        subject = subject_of(self._database, row.job_run_id, row.job, evidence)
        return patterns_of(self._changes(plan_id), subject)

    def _stored(self, plan_id: int, row: Row[Any]) -> Patterns:
        require_patterns(self._database, plan_id, row.digest, row)
        try:
            places = zlib.decompress(row.places)
            found = Patterns.from_json(row.lines, places)
        except (zlib.error, KeyError, TypeError, ValueError):
            raise altered(self._database, plan_id, "the patterns of its changes are others") from None
        return found

    def _changes(self, plan_id: int) -> list[Change]:
        query = (
            select(ChangeRow.payload, ChangeRow.name)
            .where(ChangeRow.plan_id == plan_id)
            .order_by(ChangeRow.sequence)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [read_canonical(payload)._replace(name=name) for payload, name in rows]


class SavedPatterns:
    """The patterns of a plan that is being stored."""

    def __init__(self, database: Database, plan_id: int, subject: Subject) -> None:
        self._database = database
        self._plan_id = plan_id
        self._summing = Summing(subject)

    def passing(self, forms: Iterator[StoredForm]) -> Iterator[StoredForm]:
        """The same changes, each noted as it passes."""
        note = self._summing.add_form
        for form in forms:
            note(form)
            yield form

    def finish(self, digest: str) -> dict[str, Any]:
        """The row of `PlanPatternsRow`, once all changes are stored."""
        patterns = self._summing.finish(self._changes_at)
        lines, places = patterns.to_json(), zlib.compress(patterns.places, 1)
        return {
            "plan_id": self._plan_id,
            "lines": lines,
            "places": places,
            "seal": patterns_seal(digest, lines, places),
        }

    def _changes_at(self, places: Sequence[int]) -> dict[int, Change]:
        found: dict[int, Change] = {}
        for first in range(0, len(places), _READ_BATCH):
            query = select(ChangeRow.sequence, ChangeRow.payload, ChangeRow.name).where(
                ChangeRow.plan_id == self._plan_id,
                ChangeRow.sequence.in_(places[first : first + _READ_BATCH]),
            )
            with self._database.read() as connection:
                for sequence, payload, name in connection.execute(query):
                    found[sequence] = read_canonical(payload)._replace(name=name)
        return found


def insert_patterns(connection: Connection, row: dict[str, Any]) -> None:
    """Store what `SavedPatterns.finish` gave."""
    connection.execute(insert(PlanPatternsRow), row)


def subject_of(database: Database, job_run_id: int, job: str, evidence: PlanEvidence | None) -> Subject:
    """What patterns depend on, by the definition that a job's run began with, and its plan's evidence."""
    query = (
        select(DefinitionRow.definition)
        .join(CollectionRunRow, CollectionRunRow.definition_key == DefinitionRow.key)
        .join(JobRunRow, JobRunRow.collection_run_id == CollectionRunRow.id)
        .where(JobRunRow.id == job_run_id)
    )
    with database.read() as connection:
        definition = connection.execute(query).scalar_one()
    return Subject.of(Collection.model_validate(definition).job(job), evidence)
