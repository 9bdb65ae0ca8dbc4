"""Sources and destinations that try to make a plan lose, double or wrongly delete an object."""

from __future__ import annotations

from typing import Any

import pytest

from directory_sync.endpoints.change import Action
from directory_sync.endpoints.protocol import FieldRule, Record
from directory_sync.plan.overlay import PlannedEffects, overlaid_destination
from tests.scenarios.memory_directory import MemoryDirectory
from tests.scenarios.planning import FIELDS, actions, carry_out, destination_of, one_job, plan_of, source_of


class BrokenRows(MemoryDirectory):
    """A source whose last record could be read in part only."""

    def read(self, fields: Any) -> Any:
        *whole, last = (record for batch in super().read(fields) for record in batch)
        yield [*whole, Record(last.id, last.values, "line 7: too few columns. Correct it.")]


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
    """What a broken row lacks may be a part of its key: it may stand for any missing object, so none is deleted."""
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
    plan = plan_of(one_job(missing_at_source="delete"), broken, destination_of(A={"uid": "a"}, B={"uid": "b"}))
    assert actions(plan) == [("delete", "b")]


def test_spaces_are_no_key() -> None:
    """A record whose key is spaces only may stand for any object; an object whose key is spaces only is left alone."""
    plan = plan_of(one_job(missing_at_source="delete"), source_of({"uid": "  ", "cn": "A"}), destination_of(A={"uid": "a"}))
    assert actions(plan) == []
    assert any("nothing is deleted" in warning for warning in plan.warnings)
    plan = plan_of(one_job(missing_at_source="delete"), source_of(), destination_of(A={"uid": " "}, B={"uid": "b"}))
    assert actions(plan) == [("delete", "b")]


OCTETS = {"nul": b"a\0b", "no UTF-8": b"\xff\xfe", "composed": b"\xc3\xa9", "decomposed": b"e\xcc\x81", "long": b"x" * 5000}


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
    plan = plan_of(one_job(TWO_KEYS, missing_at_source="delete"), source_of({"uid": "v1", "o": "v2", "cn": "B"}), destination)
    assert actions(plan) == []
    assert plan.problems


def test_one_unmanaged_object_is_not_reused_for_two_records() -> None:
    """Two changes to one object would undo each other at every run."""
    destination = destination_of({"cn=A,dc=y": {"cn": "A", "uid": ["a", "b"]}})
    source = source_of({"uid": "a", "cn": "A1"}, {"uid": "b", "cn": "A2"})
    plan = plan_of(one_job(destination={"unmanaged_match": "reuse"}), source, destination)
    assert actions(plan) == []
    assert len(plan.problems) == 2


# -- containers -------------------------------------------------------------------------------------------------------

COMPUTED: dict[str, Any] = {"container": {"field": "ou"}, "base": "dc=x"}


def test_a_record_without_a_container_fails_alone() -> None:
    """It cannot be created, but its existing object is updated, and the others are created."""
    source = source_of({"uid": "a", "cn": "A"}, {"uid": "b", "cn": "B", "ou": "dc=x"}, {"uid": "c", "cn": "C", "mail": "c@x"})
    plan = plan_of(one_job(destination=COMPUTED), source, destination_of(C={"uid": "c"}))
    assert actions(plan) == [("create", "b"), ("update", "c")]
    assert [problem.key for problem in plan.problems] == ["a"]
    assert "container" in plan.problems[0].message


@pytest.mark.parametrize("move", [False, True])
def test_a_computed_container_cannot_lead_out_of_the_base(move: bool) -> None:
    """A source field must not place or move an object where the job would never find it again, or where it may do harm."""
    source = source_of({"uid": "a", "cn": "A", "ou": "dc=y"}, {"uid": "b", "cn": "B", "ou": "dc=y"})
    destination = destination_of({"dc=y": {"dc": "y"}}, A={"uid": "a"})
    plan = plan_of(one_job(destination={**COMPUTED, "move_existing": move}), source, destination)
    assert actions(plan) == []
    assert [problem.key for problem in plan.problems] == (["a", "b"] if move else ["b"])
    assert all("outside" in problem.message for problem in plan.problems)


def test_objects_below_the_container_of_missing_ones_stay_there() -> None:
    """Whoever sorts the departed into sub-containers does not find them moved back."""
    destination = destination_of(
        {"ou=left,dc=x": {"ou": "left"}, "ou=2025,ou=left,dc=x": {"ou": "2025"}, "cn=B,ou=2025,ou=left,dc=x": {"cn": "B", "uid": "b"}},
        A={"uid": "a"},
    )
    plan = plan_of(one_job(missing_at_source={"move": "ou=left,dc=x"}), source_of(), destination)
    assert [change.new_object for change in plan.changes] == ["cn=A,ou=left,dc=x"]


def test_a_returning_record_is_reported() -> None:
    """`returning: report`, the default: an object that was moved away and whose record is back is named, and stays."""
    destination = destination_of({"ou=left,dc=x": {"ou": "left"}, "cn=A,ou=left,dc=x": {"cn": "A", "uid": "a"}})
    plan = plan_of(one_job(missing_at_source={"move": "ou=left,dc=x"}), source_of({"uid": "a", "cn": "A"}), destination)
    assert actions(plan) == []
    (warning,) = plan.warnings
    assert "cn=A,ou=left,dc=x" in warning
    assert "back" in warning


# -- members ----------------------------------------------------------------------------------------------------------

GROUP: dict[str, Any] = {"uid": {"from": "uid", "key": True}, "cn": "cn", "member": {"members": "member", "match": "uid"}}


def test_a_delimiter_splits_members_of_a_single_valued_source() -> None:
    """A column such as `p1;p2` names two members."""
    source = source_of({"uid": "g", "cn": "G", "who": "p1; p2"})
    source.rules["who"] = FieldRule("who", single=True)
    fields = {**GROUP, "member": {"members": "who", "match": "uid", "delimiter": ";"}}
    destination = destination_of({"cn=P1,dc=y": {"uid": "p1"}, "cn=P2,dc=y": {"uid": "p2"}}, G={"uid": "g"})
    (change,) = plan_of(one_job(fields), source, destination).changes
    assert change.fields[0].new == (b"cn=P1,dc=y", b"cn=P2,dc=y")


def test_the_same_member_by_two_names_is_one_member() -> None:
    """Two source entries with the same match value, and one entry in two spellings, give one member."""
    source = source_of({"uid": "g", "cn": "G", "member": ["n=1,dc=p", "N=1,DC=P", "n=2,dc=p"]})
    source.entries |= {"n=1,dc=p": {"uid": [b"p1"]}, "n=2,dc=p": {"uid": [b"P1"]}}
    destination = destination_of({"cn=P1,dc=y": {"uid": "p1"}}, G={"uid": "g"})
    (change,) = plan_of(one_job(GROUP), source, destination).changes
    assert change.fields[0].new == (b"cn=P1,dc=y",)
    destination.entries["cn=G,dc=x"]["member"] = [b"CN=p1,DC=Y"]
    assert actions(plan_of(one_job(GROUP), source, destination)) == []


def test_a_large_group_changes_by_its_differences() -> None:
    """Of 5,000 members only those that come and go are in the plan."""
    source = source_of({"uid": "g", "cn": "G", "member": [f"n={i},dc=p" for i in range(1, 5001)]})
    source.entries |= {f"n={i},dc=p": {"uid": [b"p%d" % i]} for i in range(5001)}
    destination = destination_of(G={"uid": "g", "member": [f"cn=P{i},dc=y" for i in range(5000)]})
    destination.entries |= {f"cn=P{i},dc=y": {"uid": [b"p%d" % i]} for i in range(5001)}
    (change,) = plan_of(one_job(GROUP), source, destination).changes
    assert (change.fields[0].old, change.fields[0].new) == ((b"cn=P0,dc=y",), (b"cn=P5000,dc=y",))


def test_within_narrows_the_destination_only() -> None:
    """Of two objects with a member's key the one in the container is meant."""
    source = source_of({"uid": "g", "cn": "G", "member": "n=1,dc=p"})
    source.entries["n=1,dc=p"] = {"uid": [b"p1"]}
    destination = destination_of({"cn=P1,dc=y": {"uid": "p1"}, "cn=P1,dc=z": {"uid": "p1"}}, G={"uid": "g"})
    fields = {**GROUP, "member": {**GROUP["member"], "within": "dc=z"}}
    (change,) = plan_of(one_job(fields), source, destination).changes
    assert change.fields[0].new == (b"cn=P1,dc=z",)


MANAGED: dict[str, Any] = {
    "uid": {"from": "uid", "key": True},
    "cn": "cn",
    "number": "number",
    "manager": {"resolve": "manager", "match": "number"},
}


def test_references_follow_a_match_field_that_this_plan_changes() -> None:
    """Whoever exchanges numbers in the same plan is found under the new ones, not mistaken for the other."""
    source = source_of(
        {"uid": "a", "cn": "A", "number": "2"},
        {"uid": "b", "cn": "B", "number": "1"},
        {"uid": "c", "cn": "C", "number": "3", "manager": "n=0,dc=s"},
        {"uid": "d", "cn": "D", "number": "9"},
        {"uid": "e", "cn": "E", "number": "5", "manager": "n=3,dc=s"},
    )
    destination = destination_of(
        A={"uid": "a", "number": "1"},
        B={"uid": "b", "number": "2"},
        C={"uid": "c", "number": "3"},
        D={"uid": "d", "number": "4"},
        E={"uid": "e", "number": "5"},
    )
    plan = plan_of(one_job(MANAGED), source, destination)
    named = {change.key: item.new for change in plan.changes for item in change.fields if item.field == "manager"}
    assert named == {"c": (b"cn=A,dc=x",), "e": (b"cn=D,dc=x",)}
    assert carry_out(plan, destination) == []
    assert actions(plan_of(one_job(MANAGED), source, destination)) == []


def test_a_reference_waits_for_the_rename_of_what_it_names() -> None:
    """Servers carry out what is underway in any order, and some refuse a name that is not there yet."""
    source = source_of({"uid": "a", "cn": "A", "number": "1", "manager": "n=1,dc=s"}, {"uid": "b", "cn": "New", "number": "2"})
    destination = destination_of(A={"uid": "a", "number": "1"}, Old={"uid": "b", "number": "2"})
    plan = plan_of(one_job(MANAGED), source, destination)
    assert [(change.key, change.after) for change in plan.changes] == [("b", ()), ("a", ("cn=New,dc=x",))]


def test_an_object_that_names_itself_is_named_after_it_is_there() -> None:
    """A new object cannot be created with a reference to itself where servers check references."""
    source = source_of({"uid": "a", "cn": "A", "number": "1", "manager": "n=0,dc=s"})
    (change,) = plan_of(one_job(MANAGED), source, destination_of()).changes
    assert [(item.field, item.late) for item in change.fields if item.field == "manager"] == [("manager", True)]
    assert change.after == ()


# -- previews on top of each other ------------------------------------------------------------------------------------


def effects_of(plan: Any, destination: MemoryDirectory) -> PlannedEffects:
    effects = PlannedEffects()
    effects.add(plan.changes, destination)
    return effects


def listed(destination: Any) -> dict[str, bytes]:
    return {record.id: record.values["uid"][0] for batch in destination.read(["uid"]) for record in batch}


def test_a_later_job_sees_an_object_whose_old_name_a_new_one_gets() -> None:
    """The renamed object is still there, beside the one that takes its name."""
    source = source_of({"uid": "a", "cn": "B"}, {"uid": "new", "cn": "A"})
    destination = destination_of(A={"uid": "a"})
    plan = plan_of(one_job(), source, destination)
    seen = overlaid_destination(destination, effects_of(plan, destination))
    assert listed(seen) == {"cn=B,dc=x": b"a", "cn=A,dc=x": b"new"}
    assert dict(seen.index("uid", None)) == {"cn=B,dc=x": [b"a"], "cn=A,dc=x": [b"new"]}
    assert {record.id for record in seen.find("uid", [b"a"], ["uid"])} == {"cn=B,dc=x"}


def test_a_later_job_finds_members_by_a_value_that_an_earlier_one_gives() -> None:
    """An object that gets its match field by an update is found by it, and no longer by the old value."""
    source = source_of({"uid": "a", "cn": "A", "mail": "new@x"}, {"uid": "b", "cn": "B", "mail": "b@x"})
    destination = destination_of(A={"uid": "a"}, B={"uid": "b", "mail": "old@x"})
    effects = effects_of(plan_of(one_job(), source, destination), destination)
    seen = overlaid_destination(destination, effects)
    assert dict(seen.index("mail", None)) == {"cn=A,dc=x": [b"new@x"], "cn=B,dc=x": [b"b@x"]}
    assert [record.id for record in seen.find("mail", [b"b@x"], ["mail"])] == ["cn=B,dc=x"]
    assert list(seen.find("mail", [b"old@x"], ["mail"])) == []


def test_what_an_earlier_job_renames_and_a_later_one_deletes_is_gone() -> None:
    """Under its old name and under its new one."""
    destination = destination_of(A={"uid": "a"})
    renaming = plan_of(one_job(), source_of({"uid": "a", "cn": "B"}), destination)
    effects = effects_of(renaming, destination)
    seen = overlaid_destination(destination, effects)
    deleting = plan_of(one_job(missing_at_source="delete"), source_of(), seen)
    assert [change.object for change in deleting.changes] == ["cn=B,dc=x"]
    effects.add(deleting.changes, destination)
    assert (seen.exists("cn=A,dc=x"), seen.exists("cn=B,dc=x")) == (False, False)
    assert listed(seen) == {}


def test_a_later_job_sees_what_is_in_a_renamed_container() -> None:
    """Everything below it has its new name."""
    fields = {"uid": {"from": "uid", "key": True}, "ou": "ou"}
    definition = one_job(fields, object="organizationalUnit")
    destination = destination_of({"ou=old,dc=x": {"ou": "old", "uid": "u"}, "cn=A,ou=old,dc=x": {"cn": "A", "uid": "a"}})
    plan = plan_of(definition, source_of({"uid": "u", "ou": "new"}), destination)
    seen = overlaid_destination(destination, effects_of(plan, destination))
    assert listed(seen) == {"ou=new,dc=x": b"u", "cn=A,ou=new,dc=x": b"a"}
    assert dict(seen.index("uid", None)).keys() == {"ou=new,dc=x", "cn=A,ou=new,dc=x"}
    assert (seen.exists("cn=A,ou=old,dc=x"), seen.exists("cn=A,ou=new,dc=x")) == (False, True)


def test_a_child_that_moves_along_with_its_container_is_not_moved_itself() -> None:
    """The container is renamed, and the computed container of what is in it is the new name: one rename does it all."""
    fields = {"uid": {"from": "uid", "key": True}, "ou": "ou"}
    definition = one_job(fields, object="organizationalUnit", destination={**COMPUTED, "container": {"field": "place"}, "move_existing": True})
    source = source_of({"uid": "u", "ou": "new", "place": "dc=x"}, {"uid": "v", "ou": "in", "place": "ou=new,dc=x"})
    destination = destination_of({"ou=old,dc=x": {"ou": "old", "uid": "u"}, "ou=in,ou=old,dc=x": {"ou": "in", "uid": "v"}})
    plan = plan_of(definition, source, destination)
    assert plan.problems == ()
    assert actions(plan) == [("update", "u")]


def test_limits_are_not_passed_by_spreading_over_kinds() -> None:
    """Deletes and moves count together where nothing is said, and FIELDS that are cleared count by field."""
    objects = {f"P{i}": {"uid": f"p{i}", "mail": f"p{i}@x"} for i in range(40)}
    source = source_of(*({"uid": f"p{i}", "cn": f"P{i}"} for i in range(40)))
    plan = plan_of(one_job(FIELDS, limits={}), source, destination_of(**objects))
    assert [(check.kind, check.subject, check.planned, check.allowed) for check in plan.exceeded] == [("clear", "mail", 40, 20)]
