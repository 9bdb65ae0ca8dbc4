"""Removals over several runs of real directories: only what the job knows, few at a time, nothing for an
empty source.
"""

from __future__ import annotations

from typing import Any

import ldap
import pytest

from directory_sync.errors import SchemaError
from directory_sync.plan.model import EMPTY_SOURCE, WhyLeftAlone
from directory_sync.run.result import JobState
from tests.scenarios.clock import Clock
from tests.scenarios.corner import FIELDS, PERSON, Corner, succeed

# -- known objects -------------------------------------------------------------------------------------------


def test_a_base_that_is_too_wide_removes_no_service_account(corner: Corner) -> None:
    """Accounts that the product never made stay, run after run, and each run names them; what it has made
    goes.
    """
    corner.people("from", "ann", "bob")
    corner.people("to", "svc-backup", "svc-mail", "bob")
    first = succeed(corner.run())
    assert [(item.why, item.count) for item in first.left_alone] == [(WhyLeftAlone.UNKNOWN, 2)]
    corner.gone("from", "ann", "bob")
    corner.people("from", "cas")
    limits = {"delete": "none"}
    assert succeed(corner.run(limits=limits)).statistics.deleted == 2
    assert corner.there() == {"svc-backup", "svc-mail", "cas"}
    assert [item.count for item in corner.preview(limits=limits).left_alone] == [2]


def test_what_was_created_is_known_though_no_run_has_met_it_since(corner: Corner) -> None:
    """Created in one run, without a record in the next: it goes."""
    corner.people("from", "ann", "bob")
    succeed(corner.run())
    corner.gone("from", "ann")
    assert succeed(corner.run()).statistics.deleted == 1
    assert corner.there() == {"bob"}


def test_another_object_of_the_same_name_is_not_known(corner: Corner) -> None:
    """Deleted and made again by hand: it is somebody else's now."""
    corner.people("from", "ann", "bob")
    succeed(corner.run())
    corner.gone("to", "ann")
    corner.person("to", "ann")
    corner.gone("from", "ann")
    assert succeed(corner.run()).statistics.deleted == 0
    assert corner.there() == {"ann", "bob"}


def test_a_renamed_object_stays_known(corner: Corner) -> None:
    """What stays when an object is renamed tells it apart, not its name."""
    corner.people("from", "ann", "bob")
    succeed(corner.run())
    corner.container.admin.rename_s(f"uid=ann,{corner.place('to')}", "uid=anna")
    corner.gone("from", "ann")
    assert succeed(corner.run()).statistics.deleted == 1
    assert corner.there() == {"bob"}


def test_a_stopped_or_previewed_plan_makes_nothing_known(corner: Corner) -> None:
    """Only what was applied, or had nothing to do, counts."""
    corner.people("from", "ann", "bob", *(f"n{i}" for i in range(5)))
    corner.people("to", "ann", "bob")
    assert corner.run(limits={"create": 1}).state is JobState.STOPPED_BY_LIMIT
    corner.preview()
    corner.gone("from", "ann", *(f"n{i}" for i in range(5)))
    assert succeed(corner.run()).statistics.deleted == 0
    # That run had nothing to do, and has matched bob.
    corner.gone("from", "bob")
    corner.people("from", "cas")
    assert succeed(corner.run()).statistics.deleted == 1
    assert corner.there() == {"ann", "cas"}


@pytest.mark.parametrize("changed", ["source", "destination", "collection", "job"])
def test_nothing_is_known_of_another_place(corner: Corner, changed: str) -> None:
    """Another source or destination, another collection or job of the same objects: it begins with
    nothing.
    """
    corner.people("from", "ann", "bob")
    succeed(corner.run())
    corner.gone("from", "ann")
    corner.container.add("ou=other", objectClass="organizationalUnit", ou="other")
    definition = corner.definition()
    job = definition.jobs[0]
    if changed == "source":
        corner.container.add("uid=bob,ou=other", objectClass=PERSON, uid="bob", cn="bob", sn="bob")
        definition = corner.definition(source={**job.source.model_dump(), "container": corner.place("other")})
    elif changed == "job":
        definition = corner.definition()
        definition = definition.model_copy(update={"jobs": [job.model_copy(update={"name": "others"})]})
    elif changed == "collection":
        definition = corner.definition(name="elsewhere")
    else:
        # The same definition, but the connection leads to another server.
        place = "directory_sync.endpoints.ldap.source.LdapSource.identity"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(place, property(lambda self: f"elsewhere {self.base}"))
            assert succeed(corner.run(definition)).statistics.deleted == 0
        return
    assert succeed(corner.run(definition)).statistics.deleted == 0
    assert corner.there() == {"ann", "bob"}


def test_rows_are_known_by_their_key(corner: Corner) -> None:
    """Rows of a file that the job did not write stay, those that it did go."""
    corner.people("from", "ann", "bob")
    (corner.folder / "out.csv").write_text("uid,cn\nzoe,Zoe\nbob,bob\n")
    job = {
        "destination": {"file": "out.csv"},
        "object": "row",
        "rdn": None,
        "fields": {"uid": {"from": "uid", "key": True}, "cn": "cn"},
    }
    succeed(corner.run(**job))
    corner.gone("from", "ann")
    assert succeed(corner.run(**job)).statistics.deleted == 1
    assert (corner.folder / "out.csv").read_text() == "uid,cn\nzoe,Zoe\nbob,bob\n"


def test_an_approved_plan_makes_known_what_it_was_made_of(corner: Corner) -> None:
    """What waits makes nothing known; once it has been applied, what was matched and created is."""
    corner.people("from", "ann", "bob")
    corner.people("to", "bob")
    policy = {"approvers": {"users": ["bea"]}}
    definition = corner.definition(approval=policy)
    waiting = corner.run(definition, trigger="manual")
    succeed(corner.approve(waiting))
    corner.gone("from", "ann", "bob")
    corner.people("from", "cas")
    assert succeed(corner.run(limits={"delete": "none"})).statistics.deleted == 2


# -- empty sources -------------------------------------------------------------------------------------------


def test_an_empty_source_stops(corner: Corner) -> None:
    """Few objects or many, whatever limits say: nothing is written."""
    corner.people("from", "ann", "bob")
    succeed(corner.run())
    corner.gone("from", "ann", "bob")
    result = corner.run(limits={"delete": "none"})
    assert result.state is JobState.STOPPED_BY_LIMIT
    assert [check.kind for check in result.limits if check.exceeded] == [EMPTY_SOURCE]
    assert corner.there() == {"ann", "bob"}


@pytest.mark.parametrize(
    "wrong",
    [
        "(objectClass=inetOrgPersn)",
        "(emplyeeType=staff)",
        "(|(objectClass=person)(!(titel=x)))",
        "(objectClass=usr)",
    ],
)
@pytest.mark.parametrize("side", ["source", "destination"])
def test_a_mistyped_filter_is_an_error(corner: Corner, wrong: str, side: str) -> None:
    """An attribute or class that the schema does not have selects nothing: the job fails before it reads."""
    corner.people("from", "ann")
    corner.people("to", "ann", "bob")
    job = corner.definition().jobs[0].model_dump(by_alias=True)
    result = corner.run(**{side: {**job[side], "filter": wrong}}, remove="all", limits={"delete": "none"})
    assert result.state is JobState.FAILED
    assert isinstance(result.error, SchemaError)
    assert corner.there() == {"ann", "bob"}


def group(corner: Corner, side: str, cn: str, *members: str) -> None:
    names = [f"uid={uid},{corner.place(side)}" for uid in members]
    corner.container.add(f"cn={cn},ou={side}", objectClass="groupOfNames", cn=cn, member=names)


def groups_job(corner: Corner, members: str = "member", **more: Any) -> dict[str, Any]:
    looked_up = {"members": members, "match": "uid", "within": corner.place("to")}
    return {
        "object": "group",
        "rdn": "cn",
        "fields": {"cn": {"from": "cn", "key": True}, "member": looked_up},
        "source": {
            "connection": "a",
            "container": corner.place("from"),
            "filter": "(objectClass=groupOfNames)",
        },
        "destination": {
            "connection": "b",
            "container": corner.place("to"),
            "filter": "(objectClass=groupOfNames)",
        },
        **more,
    }


def test_members_that_no_group_shows_any_more_stay(corner: Corner) -> None:
    """A login that lost the right to read members: every group seems empty, and none loses anybody."""
    people = [f"p{i}" for i in range(6)]
    for side in ("from", "to"):
        corner.people(side, *people)
        names = [f"uid={uid},{corner.place(side)}" for uid in people]
        for i in range(3):
            # Of a class that may be without members.
            corner.container.add(
                f"cn=g{i},ou={side}", objectClass="organizationalRole", cn=f"g{i}", roleOccupant=names
            )
    none = dict.fromkeys(("members", "memberships", "clear"), "none")
    role = "(objectClass=organizationalRole)"

    def job(members: str) -> dict[str, Any]:
        looked_up = {"members": members, "match": "uid", "within": corner.place("to")}
        return {
            "object": "group",
            "object_classes": ["organizationalRole"],
            "rdn": "cn",
            "missing_at_source": "skip",
            "fields": {"cn": {"from": "cn", "key": True}, "roleOccupant": looked_up},
            "source": {"connection": "a", "container": corner.place("from"), "filter": role},
            "destination": {"connection": "b", "container": corner.place("to"), "filter": role},
        }

    succeed(corner.run(limits=none, **job("roleOccupant")))
    # An attribute that no group has looks as `roleOccupant` does to a login without rights.
    result = corner.run(limits=none, **job("seeAlso"))
    assert result.state is JobState.STOPPED_BY_LIMIT
    assert [(check.kind, check.subject) for check in result.limits if check.exceeded] == [
        (EMPTY_SOURCE, "roleOccupant")
    ]


def test_members_are_counted_over_all_groups(corner: Corner) -> None:
    """One member of each group is little for a group and much for all of them."""
    people = [f"p{i}" for i in range(3)]
    for side in ("from", "to"):
        corner.people(side, *people)
        for i in range(30):
            group(corner, side, f"g{i}", *(people if side == "to" else people[:2]))
    result = corner.run(**groups_job(corner, missing_at_source="skip"))
    assert result.state is JobState.STOPPED_BY_LIMIT
    assert [
        (check.kind, check.planned, check.base, check.allowed) for check in result.limits if check.exceeded
    ] == [("memberships", 30, 90, 20)]
    again = corner.run(limits={"memberships": "40%"}, **groups_job(corner, missing_at_source="skip"))
    assert succeed(again).statistics.updated == 30


# -- the window ----------------------------------------------------------------------------------------------


def test_many_small_removals_are_one_large_one(corner: Corner, clock: Clock) -> None:
    """Five removals a run and one run after the other: within a day it is five percent altogether."""
    people = [f"p{i:03}" for i in range(100)]
    corner.people("from", *people, "stays")
    succeed(corner.run())
    corner.gone("from", *people[:5])
    assert succeed(corner.run()).statistics.deleted == 5
    corner.gone("from", *people[5:10])
    result = corner.run()
    assert result.state is JobState.STOPPED_BY_LIMIT
    (check,) = (check for check in result.limits if check.exceeded)
    assert (check.planned, check.recent, check.base, check.allowed) == (5, 5, 101, 5)
    assert succeed(corner.run(limit_window=0)).statistics.deleted == 5
    corner.gone("from", *people[10:14])
    assert corner.run().state is JobState.STOPPED_BY_LIMIT
    clock.advance(hours=25)
    assert succeed(corner.run()).statistics.deleted == 4
    assert len(corner.there()) == 87


def test_removed_members_count_in_the_window_too(corner: Corner) -> None:
    """A member of every group in one run and another one in the next."""
    people = [f"p{i}" for i in range(5)]
    for side in ("from", "to"):
        corner.people(side, *people)
        for i in range(20):
            group(corner, side, f"g{i}", *people)
    job = groups_job(corner, missing_at_source="skip")
    succeed(corner.run(**job))

    def lose(uid: str, groups: int) -> None:
        gone = f"uid={uid},{corner.place('from')}".encode()
        for i in range(groups):
            corner.container.admin.modify_s(
                f"cn=g{i},{corner.place('from')}", [(ldap.MOD_DELETE, "member", [gone])]
            )

    lose("p0", 15)
    assert succeed(corner.run(**job)).statistics.updated == 15
    lose("p1", 6)
    result = corner.run(**job)
    assert [(check.kind, check.planned, check.recent) for check in result.limits if check.exceeded] == [
        ("memberships", 6, 15)
    ]


def test_what_a_person_let_past_the_limit_does_not_count(corner: Corner) -> None:
    """Otherwise one waived plan would stop every removal of the day."""
    people = [f"p{i:03}" for i in range(40)]
    corner.people("from", *people)
    policy = {"approvers": {"users": ["bea"]}, "when": "over_limit"}
    definition = corner.definition(approval=policy)
    succeed(corner.run(definition))
    corner.gone("from", *people[:20])
    waiting = corner.run(definition, trigger="manual")
    succeed(corner.approve(waiting))
    corner.gone("from", people[20])
    result = succeed(corner.run(definition))
    check = next(check for check in result.limits if "delete" in check.kind)
    assert (check.planned, check.recent) == (1, 0)


# -- two branches of one directory ---------------------------------------------------------------------------


@pytest.mark.parametrize("match", ["refuse", "reuse"])
def test_a_record_of_the_source_is_never_written(corner: Corner, match: str) -> None:
    """Source and destination are siblings: new people get an object of their own, the record stays as it
    is.
    """
    corner.people("from", "ann")
    place = corner.definition().jobs[0].destination.model_dump()
    fields = {**FIELDS, "description": {"static": "copy"}}
    succeed(corner.run(destination={**place, "unmanaged_match": match}, fields=fields))
    assert corner.there() == {"ann"}
    assert "description" not in corner.container.values(f"uid=ann,{corner.place('from')}")
    assert (
        succeed(
            corner.run(destination={**place, "unmanaged_match": match}, fields=fields)
        ).statistics.unchanged
        == 1
    )


def test_overlapping_places_are_refused_before_anything_is_read(corner: Corner) -> None:
    """Two connections to one server: the definition does not tell, the servers do."""
    corner.people("from", "ann")
    place = corner.definition().jobs[0].destination.model_dump()
    result = corner.run(
        destination={**place, "container": corner.container.dn}, remove="all", limits={"delete": "none"}
    )
    assert result.state is JobState.FAILED
    assert "overlaps the source" in result.message
    assert result.statistics.read == 0


# -- what goes along -----------------------------------------------------------------------------------------


def test_a_container_that_holds_others_is_not_moved(corner: Corner) -> None:
    """A unit without a record would take everybody in it along, whom the job neither knows nor counts."""
    corner.container.add("ou=left", objectClass="organizationalUnit", ou="left")
    place = {
        "connection": "b",
        "container": corner.place("to"),
        "scope": "one",
        "filter": "(objectClass=organizationalUnit)",
    }
    corner.csv("ous.csv", "sales", "dev")
    job = {
        "source": {"file": "ous.csv"},
        "destination": place,
        "object": "organizationalUnit",
        "rdn": "ou",
        "fields": {"ou": {"from": "uid", "key": True}},
        "missing_at_source": {"move": corner.place("left")},
    }
    succeed(corner.run(**job))
    corner.container.add("uid=svc,ou=sales,ou=to", objectClass=PERSON, uid="svc", cn="svc", sn="svc")
    corner.csv("ous.csv", "dev")
    result = succeed(corner.run(**job))
    assert (result.statistics.moved, [item.why for item in result.left_alone]) == (
        0,
        [WhyLeftAlone.HOLDS_OTHERS],
    )
    assert corner.there("organizationalUnit") == {"to", "sales", "dev"}
    corner.container.admin.delete_s(f"uid=svc,ou=sales,{corner.place('to')}")
    assert succeed(corner.run(**job)).statistics.moved == 1


def test_copied_members_are_counted_over_all_groups_too(corner: Corner) -> None:
    """memberUid is copied, not looked up: a source that lost nearly all of them is stopped all the same."""
    uids = [f"u{i}" for i in range(20)]
    for i in range(10):
        corner.container.add(
            f"cn=g{i},ou=from", objectClass="posixGroup", cn=f"g{i}", gidNumber=f"{i}", memberUid=uids
        )
    selected = "(objectClass=posixGroup)"
    job = {
        "object": "group",
        "object_classes": ["posixGroup"],
        "rdn": "cn",
        "fields": {"cn": {"from": "cn", "key": True}, "gidNumber": "gidNumber", "memberUid": "memberUid"},
        "source": {"connection": "a", "container": corner.place("from"), "filter": selected},
        "destination": {"connection": "b", "container": corner.place("to"), "filter": selected},
    }
    succeed(corner.run(**job))
    for i in range(10):
        less = [(ldap.MOD_REPLACE, "memberUid", [uid.encode() for uid in uids[:15]])]
        corner.container.admin.modify_s(f"cn=g{i},{corner.place('from')}", less)
    result = corner.run(**job)
    assert result.state is JobState.STOPPED_BY_LIMIT
    assert [(check.kind, check.planned, check.base) for check in result.limits if check.exceeded] == [
        ("memberships", 50, 200)
    ]


def test_those_that_have_left_do_not_raise_what_may_leave(corner: Corner, clock: Clock) -> None:
    """Moved to a container within base: they are no part of what a percentage is of."""
    corner.container.add("ou=left,ou=to", objectClass="organizationalUnit", ou="left")
    people = [f"p{i:03}" for i in range(60)]
    move = {"missing_at_source": {"move": f"ou=left,{corner.place('to')}"}}
    succeed(corner.run(**corner.file_job(*people, **move)))
    assert (
        succeed(corner.run(limits={"move": "none"}, **corner.file_job(*people[:30], **move))).statistics.moved
        == 30
    )
    clock.advance(days=2)
    result = corner.run(**corner.file_job(*people[:20], **move))
    (check,) = (check for check in result.limits if check.exceeded)
    assert (check.planned, check.base) == (10, 30)


def test_entries_of_a_file_are_told_by_all_their_keys(corner: Corner) -> None:
    """Two keys name an entry: one that shares only the first of them was never matched."""

    def entry(company: str, number: str, cn: str) -> str:
        return (
            f"dn: cn={cn},dc=x\nobjectClass: inetOrgPerson\ncn: {cn}\nsn: {cn}\no: {company}\nemployeeNumber:"
            f" {number}\n\n"
        )

    (corner.folder / "out.ldif").write_text("version: 1\n\n" + entry("acme", "99", "manual"))
    (corner.folder / "in.csv").write_text("o,n,cn\nacme,1,ann\nacme,2,bob\n")
    job = {
        "source": {"file": "in.csv"},
        "destination": {"file": "out.ldif"},
        "rdn": "cn",
        "limits": {"delete": "none"},
        "fields": {
            "o": {"from": "o", "key": True},
            "employeeNumber": {"from": "n", "key": True},
            "cn": "cn",
            "sn": "cn",
            "dn": {"template": "cn={{ cn }},dc=x"},
        },
    }
    succeed(corner.run(**job))
    assert succeed(corner.run(**job)).statistics.deleted == 0
    (corner.folder / "in.csv").write_text("o,n,cn\nacme,1,ann\n")
    assert succeed(corner.run(**job)).statistics.deleted == 1
    assert [
        line for line in (corner.folder / "out.ldif").read_text().splitlines() if line.startswith("dn")
    ] == [
        "dn: cn=manual,dc=x",
        "dn: cn=ann,dc=x",
    ]
