"""The patterns of plans, stored with them, on SQLite and PostgreSQL alike."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import delete, select, update

from directory_sync.definition.models import Job
from directory_sync.endpoints.change import Action, Change, FieldChange
from directory_sync.errors import PlanAltered, PlanMismatch
from directory_sync.plan.patterns.subject import Subject
from directory_sync.plan.patterns.summing import patterns_of
from directory_sync.store import plan_patterns
from directory_sync.store.store import Store
from directory_sync.store.tables import PlanPatternsRow
from tests.scenarios.plans import collection, creations
from tests.scenarios.requests import stored_plan

JOB: Job = collection().job("people")


def renamed(count: int) -> list[Change]:
    """So many people of whom each gets another surname, and as many of whom each gets another city."""
    changes = []
    for number in range(count):
        object = f"cn=person {number},ou=people,dc=office"
        surname = FieldChange("sn", (b"a%d" % number,), (b"b%d" % (7 * number),))
        city = FieldChange("l", (b"Hamburg",), (b"Berlin",))
        changes.append(Change(Action.UPDATE, f"s{number}", object, fields=(surname,), name=f"S {number}"))
        changes.append(Change(Action.UPDATE, f"c{number}", object, fields=(city,), name=f"C {number}"))
    return changes


def alter(store: Store, plan_id: int, **columns: Any) -> None:
    """Replace columns of a plan's patterns."""
    with store._database.write() as connection:
        here = PlanPatternsRow.plan_id == plan_id
        connection.execute(update(PlanPatternsRow).where(here).values(**columns))


def test_patterns_are_stored_with_the_plan(store: Store) -> None:
    """What is read is what the changes by themselves come to, names included."""
    changes = (*creations(3), *renamed(20))
    found = store.plan_patterns.of(stored_plan(store, changes))
    assert found == patterns_of(changes, Subject.of(JOB))
    assert found is not None
    assert [line.count for line in found.lines] == [20, 20, 3]
    assert found.lines[0].examples[0].name == "S 0"


def test_an_empty_plan_has_no_patterns(store: Store) -> None:
    """There is nothing to sum up, and that is known."""
    found = store.plan_patterns.of(stored_plan(store, ()))
    assert found is not None
    assert (found.lines, found.other, found.total) == ((), None, 0)


def test_no_plan(store: Store) -> None:
    """A plan that is not there is an error that says so."""
    with pytest.raises(PlanMismatch, match="no plan 99"):
        store.plan_patterns.of(99)


@pytest.mark.parametrize("what", ["lines", "places", "of another plan"])
def test_altered_patterns_are_noticed(store: Store, what: str) -> None:
    """Approvers read patterns first: where they are others than those that were saved, no one sees them, and
    no one can decide.
    """
    plan_id, other = stored_plan(store, renamed(6)), stored_plan(store, renamed(5))
    with store._database.read() as connection:
        rows = {
            row.plan_id: row._asdict() for row in connection.execute(select(PlanPatternsRow.__table__)).all()
        }
    if what == "lines":
        rows[plan_id]["lines"]["lines"][0]["count"] = 1
        alter(store, plan_id, lines=rows[plan_id]["lines"])
    elif what == "places":
        alter(store, plan_id, places=b"nonsense")
    else:
        alter(store, plan_id, **{name: rows[other][name] for name in ("lines", "places", "seal")})
    with pytest.raises(PlanAltered, match="patterns"):
        store.plan_patterns.of(plan_id)
    with pytest.raises(PlanAltered, match="patterns"):
        store.plans.load(plan_id)
    assert store.plan_patterns.of(other)


def test_plans_of_earlier_versions(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """They have no patterns. Those of a small one are worked out, of a large one nothing is known."""
    plan_id = stored_plan(store, renamed(6))
    saved = store.plan_patterns.of(plan_id)
    with store._database.write() as connection:
        connection.execute(delete(PlanPatternsRow))
    assert store.plans.load(plan_id).plan.changes
    assert store.plan_patterns.of(plan_id) == saved
    monkeypatch.setattr(plan_patterns, "WORKED_OUT", 11)
    assert store.plan_patterns.of(plan_id) is None


def test_a_line_opens_into_its_objects(store: Store) -> None:
    """The changes of a line come page by page in the plan's order; searching looks among them only."""
    plan_id = stored_plan(store, renamed(6))
    found = store.plan_patterns.of(plan_id)
    assert found is not None
    among = found.among(found.lines[0].number)
    first = store.plan_pages.page(plan_id, among=among, limit=4)
    second = store.plan_pages.page(plan_id, among=among, limit=4, after=first.next)
    assert [each.sequence for each in (*first.changes, *second.changes)] == [0, 2, 4, 6, 8, 10]
    assert (first.total, second.total, second.next) == (6, 6, None)
    assert store.plan_pages.page(plan_id, among=among, search="hamburg").total == 0
    assert store.plan_pages.page(plan_id, among=among, search="person 3").total == 1
    assert store.plan_pages.page(plan_id, among=found.among(17)).changes == ()
