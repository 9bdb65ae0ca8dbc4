"""New objects are drafted in one process or in several: the plan is the same."""

from __future__ import annotations

import os

import pytest

from directory_sync.errors import IncompleteListing
from directory_sync.plan import creating
from directory_sync.plan.listing import read_sides
from directory_sync.plan.model import Plan
from tests.scenarios.memory_directory import MemoryDirectory
from tests.scenarios.planning import destination_of, one_job, plan_of, source_of

COUNT = 40


def _plan(source: MemoryDirectory) -> Plan:
    return plan_of(
        one_job(rdn="cn"),
        source,
        destination_of(there={"uid": "there", "mail": "m@x"}),
        read_sides=read_sides,
    )


def _source() -> MemoryDirectory:
    """New people, of whom every fifth has nothing that could name an object."""
    names = ({} if number % 5 == 0 else {"cn": f"né {number}"} for number in range(COUNT))
    people = (
        {"uid": f"u{number}", "mail": [f"a{number}@x", f"b{number}@x"], **name}
        for number, name in enumerate(names)
    )
    return source_of({"uid": "there", "mail": "new@x", "cn": "there"}, *people)


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_a_plan_does_not_depend_on_the_number_of_processes(
    monkeypatch: pytest.MonkeyPatch, processes: int
) -> None:
    """Changes, their order, the digest, the refused records and the statistics are those of a single
    process.
    """
    alone = _plan(_source())
    monkeypatch.setattr(creating, "_MANY", 1)
    monkeypatch.setattr(creating, "_usable_cpus", lambda: processes)
    shared = _plan(_source())
    assert alone.statistics.created == COUNT - COUNT // 5
    assert len(alone.problems) == COUNT // 5
    assert (list(shared.changes), shared.digest) == (list(alone.changes), alone.digest)
    assert (shared.problems, shared.warnings, shared.statistics) == (
        alone.problems,
        alone.warnings,
        alone.statistics,
    )


def test_a_process_that_dies_ends_the_planning(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan that lacks what one process had to draft is no plan."""
    monkeypatch.setattr(creating, "_MANY", 1)
    monkeypatch.setattr(creating, "_usable_cpus", lambda: 2)
    parent = os.getpid()
    draft = creating._creation

    def dies(*arguments: object) -> object:
        if os.getpid() != parent:
            os._exit(9)
        return draft(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(creating, "_creation", dies)
    with pytest.raises(IncompleteListing, match="ended unexpectedly"):
        _plan(_source())
