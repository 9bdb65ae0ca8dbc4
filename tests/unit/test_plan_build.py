"""Plans: what a job would change follows from the two sides by the rules, and nothing else is ever
touched.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from directory_sync.definition.models import Collection, Job
from directory_sync.endpoints.change import Action
from directory_sync.endpoints.contract import FieldRule
from directory_sync.errors import IncompleteListing, SchemaError
from directory_sync.plan.build import make_plan
from directory_sync.plan.mapping.transform import compile_mapping
from directory_sync.plan.model import Plan
from directory_sync.plan.overlay import PlannedEffects, overlaid_destination, overlaid_source
from tests.scenarios.examples import examples
from tests.scenarios.memory_directory import MemoryDirectory, fold
from tests.scenarios.reading import read_here

DN_RULE = FieldRule("member", reference=True, normalise=fold)
FIELDS: dict[str, Any] = {"uid": {"from": "uid", "key": True}, "cn": "cn", "mail": "mail"}


def collection(fields: Mapping[str, Any] = FIELDS, **job: Any) -> Collection:
    destination = {"connection": "d", "container": "dc=x", "filter": "(uid=*)", **job.pop("destination", {})}
    one = {
        "name": "people",
        "source": {"connection": "s", "container": "dc=s"},
        "destination": destination,
        "object": "user",
        "fields": dict(fields),
        "remove": "all",
        **job,
    }
    limits = {"delete": "none", "clear": "none", "members": "none", "move": "none"}
    return Collection.model_validate({"name": "corp", "limits": limits, "jobs": [one]})


def source_of(*records: Mapping[str, Any]) -> MemoryDirectory:
    entries = {
        f"n={i},dc=s": {
            name: [
                v.encode() if isinstance(v, str) else v
                for v in (value if isinstance(value, list) else [value])
            ]
            for name, value in record.items()
        }
        for i, record in enumerate(records)
    }
    return MemoryDirectory(entries, base="dc=s", name="source", rules={"member": DN_RULE, "manager": DN_RULE})


def destination_of(**objects: Mapping[str, Any]) -> MemoryDirectory:
    entries = {
        f"cn={name},dc=x": {
            "cn": [name.encode()],
            **{
                key: [v.encode() for v in (value if isinstance(value, list) else [value])]
                for key, value in held.items()
            },
        }
        for name, held in objects.items()
    }
    return MemoryDirectory(entries, name="destination", rules={"member": DN_RULE, "manager": DN_RULE})


def plan_of(definition: Collection, source: MemoryDirectory, destination: MemoryDirectory) -> Plan:
    job = definition.jobs[0]
    return make_plan(definition, job, source, destination, mapping_of(job, destination), read_sides=read_here)


def mapping_of(job: Job, destination: MemoryDirectory) -> Any:
    return compile_mapping(
        job,
        source_fields_known=None,
        single=lambda name: bool((rule := destination.rule(name)) and rule.single),
        naming_fields=destination.names.made_of(job.naming_attribute),
        variables={
            "NOW": "now",
            "TODAY": "today",
            "COLLECTION": "corp",
            "JOB": "people",
            "RUN": "1",
            "HOST": "h",
        },
        scripts={},
    )


def actions(plan: Plan) -> list[tuple[str, str]]:
    return [(change.action.value, change.key) for change in plan.changes]


def carry_out(plan: Plan, destination: MemoryDirectory) -> list[str]:
    """Apply all changes; the messages of those that did not go through."""
    return [
        o.message for o in destination.write(enumerate(plan.changes), before_send=lambda: None) if o.message
    ]


def test_new_changed_and_same_records() -> None:
    """A record without an object creates it, a differing value updates it, and the same values do nothing."""
    source = source_of(
        {"uid": "a", "cn": "A", "mail": "a@x"},
        {"uid": "b", "cn": "B", "mail": "new@x"},
        {"uid": "c", "cn": "C", "mail": "c@x"},
    )
    destination = destination_of(B={"uid": "b", "mail": "old@x"}, C={"uid": "c", "mail": "c@x"})
    plan = plan_of(collection(), source, destination)
    assert actions(plan) == [("create", "a"), ("update", "b")]
    assert plan.statistics.unchanged == 1
    assert plan.statistics.read == 3


def test_values_are_compared_by_the_schemas_rules() -> None:
    """What the schema takes for the same, also for keys, is no change."""
    plan = plan_of(
        collection(),
        source_of({"uid": "A", "cn": "b", "mail": "M@X"}),
        destination_of(B={"uid": "a", "mail": "m@x"}),
    )
    assert actions(plan) == []
    assert plan.statistics.unchanged == 1


def test_duplicates_at_the_source_touch_nothing() -> None:
    """Two records with one key, also in different case, are errors; their object is neither updated nor
    deleted.
    """
    source = source_of({"uid": "a", "cn": "A1"}, {"uid": "A", "cn": "A2"})
    plan = plan_of(collection(missing_at_source="delete"), source, destination_of(A={"uid": "a"}))
    assert actions(plan) == []
    assert [problem.key for problem in plan.problems] == ["a", "A"]


def test_duplicates_at_the_destination_touch_nothing() -> None:
    """One record that matches two objects is an error on that record."""
    plan = plan_of(
        collection(missing_at_source="delete"),
        source_of({"uid": "a", "cn": "A"}),
        destination_of(A={"uid": "a"}, B={"uid": "a"}),
    )
    assert actions(plan) == []
    assert len(plan.problems) == 1


@pytest.mark.parametrize(
    ("template", "problems", "skipped"),
    [("{{ fail('no good') }}", 1, 0), ("{{ skip('not today') }}", 0, 1)],
)
def test_unusable_records_count_as_present(template: str, problems: int, skipped: int) -> None:
    """The object of a record that fails or is cancelled is not deleted."""
    fields = {**FIELDS, "mail": {"template": template}}
    plan = plan_of(
        collection(fields, missing_at_source="delete"),
        source_of({"uid": "a", "cn": "A"}),
        destination_of(A={"uid": "a"}),
    )
    assert actions(plan) == []
    assert (plan.statistics.errors, plan.statistics.skipped) == (problems, skipped)


def test_a_record_without_a_key_blocks_all_removals() -> None:
    """It may stand for any of the missing ones."""
    source = source_of({"cn": "nobody"}, {"uid": "a", "cn": "A"})
    destination = destination_of(A={"uid": "a"}, B={"uid": "b"})
    plan = plan_of(collection(missing_at_source="delete"), source, destination)
    assert actions(plan) == []
    assert any("nothing is deleted" in warning for warning in plan.warnings)


def test_a_key_with_several_values_protects_every_object_it_may_stand_for() -> None:
    """Which one is meant is unclear, so none of them is deleted."""
    source = source_of({"uid": ["a", "b"], "cn": "AB"})
    destination = destination_of(A={"uid": "a"}, B={"uid": "b"}, C={"uid": "c"})
    plan = plan_of(collection(missing_at_source="delete"), source, destination)
    assert actions(plan) == [("delete", "c")]


@pytest.mark.parametrize("side", ["source", "destination"])
def test_an_incomplete_listing_gives_no_plan(side: str) -> None:
    """Nothing is concluded from what a cut listing lacks."""
    source = source_of({"uid": "a", "cn": "A"}, {"uid": "b", "cn": "B"})
    destination = destination_of(A={"uid": "a"}, B={"uid": "b"}, C={"uid": "c"})
    (source if side == "source" else destination).cut_after = 1
    with pytest.raises(IncompleteListing, match="was cut"):
        plan_of(collection(missing_at_source="delete"), source, destination)


def test_an_object_outside_the_managed_set_is_refused_or_reused_but_never_deleted() -> None:
    """Same key elsewhere: refused by default; `reuse` updates it."""
    destination = MemoryDirectory({"cn=A,dc=y": {"cn": [b"A"], "uid": [b"a"]}}, name="destination")
    source = source_of({"uid": "a", "cn": "A", "mail": "a@x"})
    plan = plan_of(collection(missing_at_source="delete"), source, destination)
    assert actions(plan) == []
    assert "unmanaged_match: reuse" in plan.problems[0].message
    plan = plan_of(collection(destination={"unmanaged_match": "reuse"}), source, destination)
    assert actions(plan) == [("update", "a")]
    assert plan.warnings


def test_a_changed_name_renames_and_a_chain_of_names_is_ordered() -> None:
    """B takes C's old name after C has given it up."""
    source = source_of({"uid": "b", "cn": "C"}, {"uid": "c", "cn": "D"})
    destination = destination_of(B={"uid": "b"}, C={"uid": "c"})
    plan = plan_of(collection(), source, destination)
    assert [change.new_object for change in plan.changes] == ["cn=D,dc=x", "cn=C,dc=x"]
    assert carry_out(plan, destination) == []
    assert set(destination.entries) == {"cn=C,dc=x", "cn=D,dc=x"}


def test_two_records_that_would_become_one_object_are_errors() -> None:
    """Neither is created; which one should win is not ours to say."""
    plan = plan_of(
        collection(), source_of({"uid": "a", "cn": "Same"}, {"uid": "b", "cn": "same"}), destination_of()
    )
    assert actions(plan) == []
    assert len(plan.problems) == 2


def test_absent_values_clear_unless_told_otherwise() -> None:
    """`keep_if_empty` leaves a value alone, `new_only` never updates."""
    destination = destination_of(A={"uid": "a", "mail": "a@x", "title": "T", "note": "N"})
    fields = {
        **FIELDS,
        "title": {"from": "title", "keep_if_empty": True},
        "note": {"from": "note", "new_only": True},
    }
    plan = plan_of(collection(fields), source_of({"uid": "a", "cn": "A", "note": "other"}), destination)
    (change,) = plan.changes
    assert [(item.field, item.old, item.new) for item in change.fields] == [("mail", (b"a@x",), ())]


def test_a_mandatory_field_is_not_cleared() -> None:
    """The record is an error that says what to do."""
    destination = destination_of(A={"uid": "a", "mail": "a@x"})
    destination.mandatory_fields = frozenset({"mail"})
    plan = plan_of(collection(), source_of({"uid": "a", "cn": "A"}), destination)
    assert actions(plan) == []
    assert "keep_if_empty" in plan.problems[0].message


def test_volatile_fields_ride_along_but_are_no_reason() -> None:
    """`%NOW%` is written only with another change."""
    fields = {**FIELDS, "note": {"static": "at %NOW%"}}
    destination = destination_of(A={"uid": "a", "note": "before"}, B={"uid": "b", "note": "before"})
    plan = plan_of(
        collection(fields),
        source_of({"uid": "a", "cn": "A"}, {"uid": "b", "cn": "B", "mail": "b@x"}),
        destination,
    )
    (change,) = plan.changes
    assert [item.field for item in change.fields] == ["mail", "note"]


def test_fields_that_the_schema_lacks_are_refused_before_reading() -> None:
    """The error names the field and both sides' labels."""
    source = source_of()
    source.cut_after = 0
    with pytest.raises(SchemaError, match="nosuchfield"):
        plan_of(collection({**FIELDS, "nosuchfield": "cn"}), source, destination_of())
    source.known = ("uid", "cn", "email")
    with pytest.raises(SchemaError, match=r"no field mail.*There are: uid, cn, email"):
        plan_of(collection(), source, destination_of())


def test_missing_objects_are_deleted_or_moved() -> None:
    """As `missing_at_source` says; what has been moved already stays."""
    destination = destination_of(A={"uid": "a"}, Left={"uid": "left-container"})
    destination.entries["cn=B,cn=Left,dc=x"] = {"cn": [b"B"], "uid": [b"b"]}
    source = source_of({"uid": "left-container", "cn": "Left"})
    plan = plan_of(collection(missing_at_source={"move": "cn=Left,dc=x"}), source, destination)
    assert [(c.action, c.object, c.new_object) for c in plan.changes] == [
        (Action.MOVE, "cn=A,dc=x", "cn=A,cn=Left,dc=x")
    ]
    plan = plan_of(collection(missing_at_source="delete"), source, destination)
    assert sorted(actions(plan)) == [("delete", "a"), ("delete", "b")]


def test_limits_count_the_whole_plan() -> None:
    """One limit over, and the plan says so; nothing has been written."""
    definition = collection(missing_at_source="delete").model_copy(update={"limits": {}})
    destination = destination_of(**{f"P{i}": {"uid": f"p{i}"} for i in range(20)})
    plan = plan_of(definition, source_of({"uid": "p0", "cn": "P0"}), destination)
    assert [limit.kind for limit in plan.exceeded] == ["delete+disable+move"]
    assert destination.log == []


GROUP_FIELDS: dict[str, Any] = {
    "uid": {"from": "uid", "key": True},
    "cn": "cn",
    "member": {"members": "member", "match": "uid"},
}


def groups_source() -> MemoryDirectory:
    source = source_of({"uid": "g", "cn": "G", "member": ["n=1,dc=p", "n=2,dc=p"]})
    source.entries |= {"n=1,dc=p": {"uid": [b"p1"]}, "n=2,dc=p": {"uid": [b"p2"]}}
    return source


def test_members_are_found_by_their_key() -> None:
    """Members are added and removed one by one, and never created."""
    destination = destination_of(G={"uid": "g", "member": ["cn=P1,dc=y", "cn=P9,dc=y"]})
    destination.entries |= {f"cn=P{i},dc=y": {"uid": [b"p%d" % i]} for i in (1, 2, 9)}
    plan = plan_of(collection(GROUP_FIELDS), groups_source(), destination)
    (change,) = plan.changes
    (member,) = change.fields
    assert (member.old, member.new, member.partial) == ((b"cn=P9,dc=y",), (b"cn=P2,dc=y",), True)


def test_a_member_that_cannot_be_found_blocks_removals() -> None:
    """The one that is not found may be the one that would be removed."""
    destination = destination_of(G={"uid": "g", "member": ["cn=P1,dc=y", "cn=P9,dc=y"]})
    destination.entries |= {f"cn=P{i},dc=y": {"uid": [b"p%d" % i]} for i in (1, 9)}
    plan = plan_of(collection(GROUP_FIELDS), groups_source(), destination)
    assert actions(plan) == []
    assert any("no one is removed" in warning for warning in plan.warnings)


def test_an_ambiguous_member_is_an_error_on_that_value() -> None:
    """Two objects with the member's key: neither is added, no one is removed, the record says so."""
    destination = destination_of(G={"uid": "g", "member": ["cn=P9,dc=y"]})
    destination.entries |= {
        "cn=P1,dc=y": {"uid": [b"p1"]},
        "cn=Q1,dc=y": {"uid": [b"p1"]},
        "cn=P2,dc=y": {"uid": [b"p2"]},
    }
    plan = plan_of(collection(GROUP_FIELDS), groups_source(), destination)
    (change,) = plan.changes
    assert (change.fields[0].old, change.fields[0].new) == ((), (b"cn=P2,dc=y",))
    assert "more than one counterpart" in plan.problems[0].message


MANAGED: dict[str, Any] = {
    "uid": {"from": "uid", "key": True},
    "cn": "cn",
    "manager": {"resolve": "manager", "match": "uid"},
}


def test_managers_are_created_before_those_who_report_to_them() -> None:
    """A reference to an object of the same plan waits for it; in a circle it is written late."""
    source = source_of(
        {"uid": "a", "cn": "A", "manager": "n=1,dc=s"},
        {"uid": "b", "cn": "B", "manager": "n=2,dc=s"},
        {"uid": "c", "cn": "C"},
    )
    destination = destination_of()
    plan = plan_of(collection(MANAGED), source, destination)
    assert [change.key for change in plan.changes] == ["c", "b", "a"]
    assert carry_out(plan, destination) == []
    source.entries["n=2,dc=s"]["manager"] = [b"n=0,dc=s"]
    plan = plan_of(collection(MANAGED), source, destination_of())
    late = [change.key for change in plan.changes if any(item.late for item in change.fields)]
    assert len(late) == 1


def test_a_manager_who_is_renamed_is_found_under_the_new_name() -> None:
    """A reference to an object that the same plan renames names it as it will be; one that follows by itself
    is no change.
    """
    source = source_of({"uid": "a", "cn": "A", "manager": "n=1,dc=s"}, {"uid": "b", "cn": "New"})
    destination = destination_of(A={"uid": "a"}, Old={"uid": "b"})
    plan = plan_of(collection(MANAGED), source, destination)
    assert [item.new for change in plan.changes for item in change.fields if item.field == "manager"] == [
        (b"cn=New,dc=x",)
    ]
    destination.entries["cn=A,dc=x"]["manager"] = [b"cn=Old,dc=x"]
    plan = plan_of(collection(MANAGED), source, destination)
    assert actions(plan) == [("update", "b")]


def test_later_jobs_see_what_earlier_ones_plan() -> None:
    """Members that an earlier job will create are found, and an object that it will delete is not."""
    people = collection(missing_at_source="delete")
    source = source_of({"uid": "p1", "cn": "P1"}, {"uid": "p2", "cn": "P2"})
    destination = destination_of(P9={"uid": "p9"})
    first = plan_of(people, source, destination)
    assert sorted(actions(first)) == [("create", "p1"), ("create", "p2"), ("delete", "p9")]
    effects = PlannedEffects()
    effects.add(first.changes, destination)
    groups = collection(GROUP_FIELDS)
    other = MemoryDirectory({}, base="ou=groups,dc=x", name="destination", rules=destination.rules)
    other.entries = {**destination.entries, "ou=groups,dc=x": {}}
    job = Job.model_validate(
        {
            **groups.jobs[0].model_dump(by_alias=True),
            "destination": {"connection": "d", "container": "ou=groups,dc=x"},
        }
    )
    mapping = mapping_of(job, other)
    plan = make_plan(
        groups, job, groups_source(), overlaid_destination(other, effects), mapping, read_sides=read_here
    )
    (change,) = plan.changes
    assert [item.new for item in change.fields if item.field == "member"] == [(b"cn=P1,dc=x", b"cn=P2,dc=x")]
    seen = {record.id for batch in overlaid_source(destination, effects).read(["uid"]) for record in batch}
    assert seen == {"cn=P1,dc=x", "cn=P2,dc=x"}


NAMES = st.sampled_from(["Ann", "Bob", "Cid", "Dee", "Eve", "José", "a,b+c"])
VALUES = st.lists(st.sampled_from(["x", "X", "y", "z w", "ü"]), max_size=2)
RECORDS = st.dictionaries(st.sampled_from("abcdef"), st.tuples(NAMES, VALUES), max_size=6)


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(RECORDS, RECORDS, st.sampled_from(["skip", "delete"]))
def test_after_a_plan_is_carried_out_the_next_one_is_empty(
    source_records: Any, objects: Any, missing: str
) -> None:
    """Plan, apply, plan: nothing is left to do but what the first plan called a problem.

    Planning itself changes nothing.
    """
    source = source_of(*({"uid": key, "cn": cn, "mail": mail} for key, (cn, mail) in source_records.items()))
    destination = MemoryDirectory(name="destination")
    for key, (cn, mail) in objects.items():
        id = destination.names.new("cn", {"cn": [cn.encode()]}, "dc=x")
        destination.entries.setdefault(
            id,
            {
                "cn": [cn.encode()],
                "uid": [key.encode()],
                **({"mail": [m.encode() for m in mail]} if mail else {}),
            },
        )
    before = copy.deepcopy(destination.entries)
    definition = collection(missing_at_source=missing)
    plan = plan_of(definition, source, destination)
    assert destination.entries == before
    carry_out(plan, destination)
    again = plan_of(definition, source, destination)
    assert list(again.changes) == []
    assert len(again.problems) == len(plan.problems)


def test_a_name_that_stays_taken_is_refused_and_so_is_who_waits_for_it() -> None:
    """C keeps its name, so B cannot have it and keeps its own, so A cannot have that; nobody else is held
    up.
    """
    source = source_of({"uid": "a", "cn": "B"}, {"uid": "b", "cn": "C"}, {"uid": "d", "cn": "D2"})
    destination = destination_of(A={"uid": "a"}, B={"uid": "b"}, C={"uid": "c"}, D={"uid": "d"})
    plan = plan_of(collection(), source, destination)
    assert actions(plan) == [("update", "d")]
    assert sorted(problem.key for problem in plan.problems) == ["a", "b"]
    assert "cn=C,dc=x is another object's name" in next(p.message for p in plan.problems if p.key == "b")
    plan = plan_of(collection(missing_at_source="delete"), source, destination)
    assert carry_out(plan, destination) == []
    assert set(destination.entries) == {"cn=B,dc=x", "cn=C,dc=x", "cn=D2,dc=x"}


def test_a_name_that_an_unmanaged_object_has_is_refused() -> None:
    """Objects that the filter does not select count too."""
    destination = destination_of()
    destination.entries["cn=A,dc=x"] = {"cn": [b"A"]}
    destination.hidden = {"cn=A,dc=x"}
    plan = plan_of(collection(), source_of({"uid": "a", "cn": "A"}), destination)
    assert actions(plan) == []
    assert "another object's name" in plan.problems[0].message


def test_the_same_state_gives_the_same_digest() -> None:
    """The digest depends on what would be changed, not on the order in which it was read."""
    records = [{"uid": key, "cn": key.upper(), "mail": ["b@x", "a@x"]} for key in "abc"]
    first = plan_of(collection(), source_of(*records), destination_of())
    second = plan_of(collection(), source_of(*reversed(records)), destination_of())
    assert first.digest == second.digest
    third = plan_of(collection(), source_of(*records[:2]), destination_of())
    assert third.digest != first.digest
