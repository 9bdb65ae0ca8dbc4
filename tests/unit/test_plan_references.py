"""Members and references: each is found by its key, also while the plan itself changes what they name."""

from __future__ import annotations

from typing import Any

from directory_sync.endpoints.contract import FieldRule
from tests.scenarios.planning import actions, carry_out, destination_of, one_job, plan_of, source_of

GROUP: dict[str, Any] = {
    "uid": {"from": "uid", "key": True},
    "cn": "cn",
    "member": {"members": "member", "match": "uid"},
}


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
    named = {
        change.key: item.new for change in plan.changes for item in change.fields if item.field == "manager"
    }
    assert named == {"c": (b"cn=A,dc=x",), "e": (b"cn=D,dc=x",)}
    assert carry_out(plan, destination) == []
    assert actions(plan_of(one_job(MANAGED), source, destination)) == []


def test_a_reference_waits_for_the_rename_of_what_it_names() -> None:
    """Servers carry out what is underway in any order, and some refuse a name that is not there yet."""
    source = source_of(
        {"uid": "a", "cn": "A", "number": "1", "manager": "n=1,dc=s"},
        {"uid": "b", "cn": "New", "number": "2"},
    )
    destination = destination_of(A={"uid": "a", "number": "1"}, Old={"uid": "b", "number": "2"})
    plan = plan_of(one_job(MANAGED), source, destination)
    assert [(change.key, change.after) for change in plan.changes] == [("b", ()), ("a", ("cn=New,dc=x",))]


def test_an_object_that_names_itself_is_named_after_it_is_there() -> None:
    """A new object cannot be created with a reference to itself where servers check references."""
    source = source_of({"uid": "a", "cn": "A", "number": "1", "manager": "n=0,dc=s"})
    (change,) = plan_of(one_job(MANAGED), source, destination_of()).changes
    assert [(item.field, item.late) for item in change.fields if item.field == "manager"] == [
        ("manager", True)
    ]
    assert change.after == ()


# -- several match fields ------------------------------------------------------------------------------------

MIXED: dict[str, Any] = {
    "uid": {"from": "uid", "key": True},
    "cn": "cn",
    "member": {"members": "member", "match": ["uid", "code"]},
}


def test_members_of_two_kinds_are_found_by_the_first_field_that_fits() -> None:
    """People by `uid` and groups by `code` in one group; who is no member any more goes, for everyone could
    be told.
    """
    source = source_of({"uid": "g", "cn": "G", "member": ["n=1,dc=p", "n=2,dc=p"]})
    source.entries |= {"n=1,dc=p": {"uid": [b"p1"], "code": [b"x"]}, "n=2,dc=p": {"code": [b"inner"]}}
    destination = destination_of(
        {
            "cn=P1,dc=y": {"uid": "p1"},
            "cn=X,dc=y": {"code": "x"},
            "cn=P2,dc=y": {"uid": "p2"},
            "cn=Inner,dc=y": {"code": "INNER"},
        },
        G={"uid": "g", "member": ["cn=P1,dc=y", "cn=P2,dc=y"]},
    )
    plan = plan_of(one_job(MIXED), source, destination)
    (change,) = plan.changes
    assert (change.fields[0].old, change.fields[0].new) == ((b"cn=P2,dc=y",), (b"cn=Inner,dc=y",))
    assert plan.warnings == ()
    assert carry_out(plan, destination) == []
    assert actions(plan_of(one_job(MIXED), source, destination)) == []


def test_a_member_without_counterpart_under_the_first_field_is_looked_for_under_the_next() -> None:
    """Only who is found under none of the fields is missing, and only then no one is removed."""
    source = source_of({"uid": "g", "cn": "G", "member": ["n=1,dc=p"]})
    source.entries["n=1,dc=p"] = {"uid": [b"unknown"], "code": [b"c1"]}
    destination = destination_of(
        {"cn=One,dc=y": {"code": "c1"}, "cn=Old,dc=y": {"uid": "o"}}, G={"uid": "g", "member": "cn=Old,dc=y"}
    )
    (change,) = plan_of(one_job(MIXED), source, destination).changes
    assert (change.fields[0].old, change.fields[0].new) == ((b"cn=Old,dc=y",), (b"cn=One,dc=y",))
    source.entries["n=1,dc=p"]["code"] = [b"c2"]
    plan = plan_of(one_job(MIXED), source, destination)
    assert actions(plan) == []
    assert "no counterpart" in plan.warnings[0]


def test_several_counterparts_under_the_first_field_are_an_error_of_that_value() -> None:
    """The next field is not asked, for the member does have counterparts; no one is removed."""
    source = source_of({"uid": "g", "cn": "G", "member": ["n=1,dc=p"]})
    source.entries["n=1,dc=p"] = {"uid": [b"p"], "code": [b"c"]}
    destination = destination_of(
        {"cn=A,dc=y": {"uid": "p"}, "cn=B,dc=y": {"uid": "p"}, "cn=C,dc=y": {"code": "c"}},
        G={"uid": "g", "member": "cn=C,dc=y"},
    )
    plan = plan_of(one_job(MIXED), source, destination)
    assert actions(plan) == []
    assert "more than one counterpart" in plan.problems[0].message


def test_nested_groups_that_this_plan_creates_are_found_by_either_field() -> None:
    """What the plan itself creates, renames and deletes counts under each of the fields."""
    source = source_of(
        {"uid": "outer", "cn": "Outer", "code": "o", "member": ["n=1,dc=s", "n=2,dc=s"]},
        {"cn": "Inner", "uid": "inner", "code": "i"},
        {"cn": "Renamed", "uid": "r", "code": "new"},
    )
    fields = {**MIXED, "code": "code", "member": {"members": "member", "match": ["code", "uid"]}}
    destination = destination_of(Old={"uid": "r", "code": "old"})
    plan = plan_of(one_job(fields), source, destination)
    members = {
        change.key: item.new for change in plan.changes for item in change.fields if item.field == "member"
    }
    assert members == {"outer": (b"cn=Inner,dc=x", b"cn=Renamed,dc=x")}
    assert carry_out(plan, destination) == []
    assert actions(plan_of(one_job(fields), source, destination)) == []


def test_resolve_takes_a_list_too() -> None:
    """A manager who is known by the second field only is found."""
    source = source_of({"uid": "a", "cn": "A", "number": "1", "manager": "n=9,dc=p"})
    source.entries["n=9,dc=p"] = {"uid": [b"boss"]}
    fields = {**MANAGED, "manager": {"resolve": "manager", "match": ["number", "uid"]}}
    destination = destination_of({"cn=Boss,dc=y": {"uid": "boss"}}, A={"uid": "a", "number": "1"})
    (change,) = plan_of(one_job(fields), source, destination).changes
    assert change.fields[0].new == (b"cn=Boss,dc=y",)
