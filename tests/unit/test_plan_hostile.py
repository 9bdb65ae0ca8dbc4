"""Sources and destinations that try to make a plan lose, double or wrongly delete an object."""

from __future__ import annotations

from typing import Any

import pytest

from directory_sync.endpoints.change import Action
from directory_sync.endpoints.contract import Record
from directory_sync.endpoints.evidence import Ending
from tests.scenarios.memory_directory import MemoryDirectory
from tests.scenarios.planning import FIELDS, actions, carry_out, destination_of, one_job, plan_of, source_of


class BrokenRows(MemoryDirectory):
    """A source whose last record could be read in part only."""

    def read(self, fields: Any) -> Any:
        listing = Ending(super().read(fields))
        *whole, last = (record for batch in listing for record in batch)
        yield [*whole, Record(last.id, last.values, "line 7: too few columns. Correct it.")]
        return listing.said


@pytest.mark.parametrize(
    "key",
    [
        {"template": "E{{ number }}"},
        {"join": ["site", "number"]},
        {"map": "number", "values": {}, "default": "?"},
    ],
    ids=lambda key: next(iter(key)),
)
def test_a_key_made_of_parts_of_a_broken_record_is_not_readable(key: dict[str, Any]) -> None:
    """What a broken row lacks may be a part of its key: it may stand for any missing object, so none is
    deleted.
    """
    source = source_of({"cn": "B", "site": "x"})
    broken = BrokenRows(source.entries, base="dc=s", name="source")
    fields = {"uid": {**key, "key": True}, "cn": "cn"}
    plan = plan_of(one_job(fields, missing_at_source="delete"), broken, destination_of(A={"uid": "E1"}))
    assert actions(plan) == []
    assert any("nothing is deleted" in warning for warning in plan.warnings)


def test_a_broken_record_protects_the_object_of_its_key() -> None:
    """A copied key is certain: only its own object counts as present."""
    source = source_of({"uid": "a"})
    broken = BrokenRows(source.entries, base="dc=s", name="source")
    plan = plan_of(
        one_job(missing_at_source="delete"), broken, destination_of(A={"uid": "a"}, B={"uid": "b"})
    )
    assert actions(plan) == [("delete", "b")]


def test_spaces_are_no_key() -> None:
    """A record whose key is spaces only may stand for any object; an object whose key is spaces only is left
    alone.
    """
    plan = plan_of(
        one_job(missing_at_source="delete"),
        source_of({"uid": "  ", "cn": "A"}),
        destination_of(A={"uid": "a"}),
    )
    assert actions(plan) == []
    assert any("nothing is deleted" in warning for warning in plan.warnings)
    plan = plan_of(
        one_job(missing_at_source="delete"), source_of(), destination_of(A={"uid": " "}, B={"uid": "b"})
    )
    assert actions(plan) == [("delete", "b")]


@pytest.mark.parametrize("blank", ["\t", "\r", "\u00a0", "\u200b", " \u3000 "])
@pytest.mark.parametrize("there", [True, False])
def test_blanks_around_a_key_are_no_part_of_it(blank: str, there: bool) -> None:
    """Whichever side has them, it is the same object, and nothing is created next to it or deleted."""
    padded, plain = f"{blank}a{blank}", "a"
    at_source, at_destination = (plain, padded) if there else (padded, plain)
    source, destination = source_of({"uid": at_source, "cn": "A"}), destination_of(A={"uid": at_destination})
    assert actions(plan_of(one_job(missing_at_source="delete"), source, destination)) == []
    source = source_of({"uid": at_source, "cn": "A"}, {"uid": f"a{blank}", "cn": "B"})
    plan = plan_of(one_job(missing_at_source="delete"), source, destination)
    assert (actions(plan), len(plan.problems)) == ([], 2)


OCTETS = {
    "nul": b"a\0b",
    "no UTF-8": b"\xff\xfe",
    "composed": b"\xc3\xa9",
    "decomposed": b"e\xcc\x81",
    "long": b"x" * 5000,
}


@pytest.mark.parametrize("value", OCTETS.values(), ids=OCTETS.keys())
def test_any_octets_can_be_a_key(value: bytes) -> None:
    """NUL, invalid UTF-8, long and composed values match exactly their own object."""
    source = source_of({"uid": value, "cn": "New"})
    destination = destination_of(Old={"uid": value}, Other={"uid": b"other"})
    plan = plan_of(one_job(missing_at_source="delete"), source, destination)
    assert sorted(change.action for change in plan.changes) == [Action.DELETE, Action.UPDATE]
    assert carry_out(plan, destination) == []
    assert actions(plan_of(one_job(missing_at_source="delete"), source, destination)) == []


def test_an_object_matched_by_its_second_key_value_is_not_missing() -> None:
    """One value of a multi-valued key is enough; and two records for one object touch nothing."""
    source = source_of({"uid": "b", "cn": "A"})
    destination = destination_of(A={"uid": ["a", "b", "c"]}, Z={"uid": ["y", "z"]})
    assert actions(plan_of(one_job(missing_at_source="delete"), source, destination)) == [("delete", "y")]
    both = source_of({"uid": "b", "cn": "X"}, {"uid": "c", "cn": "Y"})
    plan = plan_of(one_job(missing_at_source="delete"), both, destination)
    assert actions(plan) == [("delete", "y")]
    assert len(plan.problems) == 2


TWO_KEYS = {"uid": {"from": "uid", "key": True}, "o": {"from": "o", "key": True}, "cn": "cn"}


def test_two_key_fields_match_together() -> None:
    """Each combination is a key of its own; values cannot be shifted from one field into the other."""
    source = source_of({"uid": "ab", "o": "c", "cn": "1"}, {"uid": "a", "o": "bc", "cn": "2"})
    destination = destination_of()
    definition = one_job(TWO_KEYS, missing_at_source="delete")
    assert carry_out(plan_of(definition, source, destination), destination) == []
    assert actions(plan_of(definition, source, destination)) == []
    del source.entries["n=0,dc=s"]
    plan = plan_of(definition, source, destination)
    assert [(change.action.value, change.object) for change in plan.changes] == [("delete", "cn=1,dc=x")]


def test_an_object_with_too_many_key_combinations_is_not_created_again() -> None:
    """Which keys it stands for cannot be told, so no new object may get one of them."""
    many = [f"v{i}" for i in range(9)]
    destination = destination_of(A={"uid": many, "o": many})
    plan = plan_of(
        one_job(TWO_KEYS, missing_at_source="delete"),
        source_of({"uid": "v1", "o": "v2", "cn": "B"}),
        destination,
    )
    assert actions(plan) == []
    assert plan.problems


def test_one_unmanaged_object_is_not_reused_for_two_records() -> None:
    """Two changes to one object would undo each other at every run."""
    destination = destination_of({"cn=A,dc=y": {"cn": "A", "uid": ["a", "b"]}})
    source = source_of({"uid": "a", "cn": "A1"}, {"uid": "b", "cn": "A2"})
    plan = plan_of(one_job(destination={"unmanaged_match": "reuse"}), source, destination)
    assert actions(plan) == []
    assert len(plan.problems) == 2


# -- containers ----------------------------------------------------------------------------------------------

COMPUTED: dict[str, Any] = {"container": {"field": "ou"}, "base": "dc=x"}


def test_a_record_without_a_container_fails_alone() -> None:
    """It cannot be created, but its existing object is updated, and the others are created."""
    source = source_of(
        {"uid": "a", "cn": "A"}, {"uid": "b", "cn": "B", "ou": "dc=x"}, {"uid": "c", "cn": "C", "mail": "c@x"}
    )
    plan = plan_of(one_job(destination=COMPUTED), source, destination_of(C={"uid": "c"}))
    assert actions(plan) == [("create", "b"), ("update", "c")]
    assert [problem.key for problem in plan.problems] == ["a"]
    assert "container" in plan.problems[0].message


@pytest.mark.parametrize("move", [False, True])
def test_a_computed_container_cannot_lead_out_of_the_base(move: bool) -> None:
    """A source field must not place or move an object where the job would never find it again, or where it
    may do harm.
    """
    source = source_of({"uid": "a", "cn": "A", "ou": "dc=y"}, {"uid": "b", "cn": "B", "ou": "dc=y"})
    destination = destination_of({"dc=y": {"dc": "y"}}, A={"uid": "a"})
    plan = plan_of(one_job(destination={**COMPUTED, "move_existing": move}), source, destination)
    assert actions(plan) == []
    assert sorted(problem.key for problem in plan.problems) == (["a", "b"] if move else ["b"])
    assert all("outside" in problem.message for problem in plan.problems)


def test_objects_below_the_container_of_missing_ones_stay_there() -> None:
    """Whoever sorts the departed into sub-containers does not find them moved back."""
    destination = destination_of(
        {
            "ou=left,dc=x": {"ou": "left"},
            "ou=2025,ou=left,dc=x": {"ou": "2025"},
            "cn=B,ou=2025,ou=left,dc=x": {"cn": "B", "uid": "b"},
        },
        A={"uid": "a"},
    )
    plan = plan_of(one_job(missing_at_source={"move": "ou=left,dc=x"}), source_of(), destination)
    assert [change.new_object for change in plan.changes] == ["cn=A,ou=left,dc=x"]


def test_a_returning_record_is_reported() -> None:
    """`returning: report`, the default: an object that was moved away and whose record is back is named, and
    stays.
    """
    destination = destination_of(
        {"ou=left,dc=x": {"ou": "left"}, "cn=A,ou=left,dc=x": {"cn": "A", "uid": "a"}}
    )
    plan = plan_of(
        one_job(missing_at_source={"move": "ou=left,dc=x"}), source_of({"uid": "a", "cn": "A"}), destination
    )
    assert actions(plan) == []
    assert [
        warning for warning in plan.warnings if "cn=A,ou=left,dc=x" in warning and "record is back" in warning
    ]


def test_a_child_that_moves_along_with_its_container_is_not_moved_itself() -> None:
    """The container is renamed, and the computed container of what is in it is the new name: one rename does
    it all.
    """
    fields = {"uid": {"from": "uid", "key": True}, "ou": "ou"}
    definition = one_job(
        fields,
        object="organizationalUnit",
        destination={**COMPUTED, "container": {"field": "place"}, "move_existing": True},
    )
    source = source_of(
        {"uid": "u", "ou": "new", "place": "dc=x"}, {"uid": "v", "ou": "in", "place": "ou=new,dc=x"}
    )
    destination = destination_of(
        {"ou=old,dc=x": {"ou": "old", "uid": "u"}, "ou=in,ou=old,dc=x": {"ou": "in", "uid": "v"}}
    )
    plan = plan_of(definition, source, destination)
    assert plan.problems == ()
    assert actions(plan) == [("update", "u")]


def test_limits_are_not_passed_by_spreading_over_kinds() -> None:
    """Deletes and moves count together where nothing is said, and FIELDS that are cleared count by field."""
    objects = {f"P{i}": {"uid": f"p{i}", "mail": f"p{i}@x"} for i in range(40)}
    source = source_of(
        *({"uid": f"p{i}", "cn": f"P{i}"} for i in range(40)), {"uid": "q", "cn": "Q", "mail": "q@x"}
    )
    plan = plan_of(one_job(FIELDS, limits={}), source, destination_of(**objects))
    assert [(check.kind, check.subject, check.planned, check.allowed) for check in plan.exceeded] == [
        ("clear", "mail", 40, 20)
    ]
