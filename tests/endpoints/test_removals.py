"""Removals over several runs of real directories: only what the job knows, few at a time, nothing for an empty source."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ldap
import pytest

from directory_sync.definition.models import Collection
from directory_sync.endpoints.change import MarkKind
from directory_sync.endpoints.protocol import ConnectionInfo
from directory_sync.errors import SchemaError
from directory_sync.plan.model import EMPTY_SOURCE, WhyLeftAlone
from directory_sync.run.approved import apply_approved
from directory_sync.run.deployment import Deployment
from directory_sync.run.job import preview_job, run_job
from directory_sync.run.result import JobResult, JobState
from directory_sync.store.store import Store
from tests.endpoints.conftest import Container
from tests.scenarios import directories
from tests.scenarios.clock import Clock
from tests.scenarios.requests import decide

PERSON = "inetOrgPerson"
FIELDS: dict[str, Any] = {"uid": {"from": "uid", "key": True}, "cn": "cn", "sn": "sn", "mail": "mail"}


@dataclass
class Corner:
    """Two containers of one server, `ou=from` and `ou=to`, and the store that runs leave their records in."""

    container: Container
    store: Store
    folder: Path
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def get(self, connection_id: str) -> ConnectionInfo:
        return directories.slapd_connection(self.container.slapd, connection_id, page_size=50)

    def place(self, side: str) -> str:
        return f"ou={side},{self.container.dn}"

    def person(self, side: str, uid: str, **values: directories.Values) -> str:
        return self.container.add(f"uid={uid},ou={side}", objectClass=PERSON, uid=uid, **{"cn": uid, "sn": uid, **values})

    def people(self, side: str, *names: str, **values: directories.Values) -> None:
        for name in names:
            self.person(side, name, **values)

    def gone(self, side: str, *names: str) -> None:
        """Delete people behind the product's back."""
        for name in names:
            self.container.admin.delete_s(f"uid={name},{self.place(side)}")

    def there(self, kind: str = PERSON) -> set[str]:
        """First names of RDNs at the destination."""
        found = self.container.admin.search_s(self.place("to"), ldap.SCOPE_SUBTREE, f"(objectClass={kind})", ["1.1"])
        return {dn.partition(",")[0].partition("=")[2] for dn, _ in found}

    def definition(self, name: str = "corp", *, approval: Any = "none", limits: Any = None, **job: Any) -> Collection:
        one = {
            "name": "people",
            "source": {"connection": "a", "container": self.place("from"), "filter": f"(objectClass={PERSON})"},
            "destination": {"connection": "b", "container": self.place("to"), "filter": f"(objectClass={PERSON})"},
            "object": PERSON,
            "rdn": "uid",
            "missing_at_source": "delete",
            "fields": FIELDS,
            **job,
        }
        return Collection.model_validate({"name": name, "approval": approval, "limits": limits or {}, "jobs": [one]})

    def run(self, definition: Collection | None = None, *, trigger: str = "terminal", **job: Any) -> JobResult:
        definition = definition or self.definition(**job)
        snapshot = self.store.start_run(definition, f"{next(self.numbers)}", trigger=trigger, requester="ida", verified=True)
        result = run_job(snapshot, definition.jobs[0], deployment=self.deployment, store=self.store, holder="test")
        self.store.finish_run(definition.name, snapshot.run_id, result.state.value)
        return result

    def preview(self, **job: Any) -> JobResult:
        definition = self.definition(**job)
        return preview_job(definition, definition.jobs[0], deployment=self.deployment, store=self.store)

    @property
    def deployment(self) -> Deployment:
        return Deployment(self, self.folder)


@pytest.fixture
def corner(container: Container, store: Store, tmp_path: Path) -> Corner:
    """Empty containers, an empty store."""
    for side in ("from", "to"):
        container.add(f"ou={side}", objectClass="organizationalUnit", ou=side)
    return Corner(container, store, tmp_path)


def succeed(result: JobResult) -> JobResult:
    """The result of a job that did what it should."""
    assert result.state is JobState.SUCCESS, (result.message, result.problems)
    return result


# -- known objects ----------------------------------------------------------------------------------------------------


def test_a_base_that_is_too_wide_removes_no_service_account(corner: Corner) -> None:
    """Accounts that the product never made stay, run after run, and each run names them; what it has made goes."""
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
    """Another source or destination, another collection or job of the same objects: it begins with nothing."""
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
    assert waiting.state is JobState.WAITING
    assert waiting.request is not None
    decide(corner.store, waiting.request, "bea")
    request = corner.store.get_request(waiting.request).request
    snapshot = corner.store.find_run("corp", request.run_id)
    assert snapshot is not None
    succeed(
        apply_approved(snapshot, definition.jobs[0], request, deployment=corner.deployment, store=corner.store, holder="test")
    )
    corner.gone("from", "ann", "bob")
    corner.people("from", "cas")
    assert succeed(corner.run(limits={"delete": "none"})).statistics.deleted == 2


# -- claims -----------------------------------------------------------------------------------------------------------


def test_two_collections_with_one_container_leave_each_others_people(corner: Corner) -> None:
    """Each knows what it has matched, but what the other has records for is the other's."""
    corner.people("from", "ann", "bob")
    corner.container.add("ou=hr", objectClass="organizationalUnit", ou="hr")
    corner.people("hr", "cas", "dan")
    hr = {"source": {"connection": "a", "container": corner.place("hr"), "filter": f"(objectClass={PERSON})"}}
    for _ in range(2):
        succeed(corner.run(corner.definition()))
        succeed(corner.run(corner.definition(name="hr", **hr)))
    assert corner.there() == {"ann", "bob", "cas", "dan"}
    # Both sources have had bob; when one of them loses him he stays, as long as the other has him.
    corner.people("hr", "bob")
    succeed(corner.run(corner.definition(name="hr", **hr)))
    corner.gone("from", "bob")
    result = succeed(corner.run(corner.definition()))
    assert [(item.why, item.by, item.count) for item in result.left_alone if item.why is WhyLeftAlone.CLAIMED] == [
        (WhyLeftAlone.CLAIMED, "hr.people", 1)
    ]
    assert corner.there() == {"ann", "bob", "cas", "dan"}
    corner.gone("hr", "bob")
    assert succeed(corner.run(corner.definition(name="hr", **hr))).statistics.deleted == 1
    assert corner.there() == {"ann", "cas", "dan"}


def test_the_authority_removes_what_others_claim_and_says_so(corner: Corner) -> None:
    """Under `remove: all`, with the other job's name on the change."""
    corner.people("from", "ann", "bob")
    succeed(corner.run(corner.definition(name="hr")))
    corner.gone("from", "bob")
    preview = corner.preview(remove="all", limits={"delete": "none"})
    (change,) = preview.changes
    assert [(mark.kind, mark.subject) for mark in change.marks] == [
        (MarkKind.NEVER_MATCHED, ""),
        (MarkKind.CLAIMED_BY, "hr.people"),
    ]
    assert succeed(corner.run(remove="all", limits={"delete": "none"})).statistics.deleted == 1


@pytest.mark.parametrize("ended", ["old", "disabled", "no longer defined", "creates nothing"])
def test_a_claim_ends(corner: Corner, clock: Clock, ended: str) -> None:
    """A job that has not run completely for thirty days, is disabled, is no more, or creates nothing claims nothing."""
    corner.people("from", "ann", "bob")
    for name in ("corp", "hr"):
        succeed(corner.run(corner.definition(name=name)))
    other = corner.definition(name="hr")
    claiming, reading = other.jobs[0], other.jobs[0].model_copy(update={"name": "reads", "missing_at_destination": "skip"})
    match ended:
        case "old":
            clock.advance(days=31)
        case "disabled":
            jobs = [reading, claiming.model_copy(update={"enabled": False})]
            succeed(corner.run(other.model_copy(update={"jobs": jobs})))
        case "no longer defined":
            succeed(corner.run(other.model_copy(update={"jobs": [reading]})))
        case _:
            succeed(corner.run(corner.definition(name="hr", missing_at_destination="skip")))
    corner.gone("from", "bob")
    assert succeed(corner.run(corner.definition(name="corp"))).statistics.deleted == 1


def test_a_claim_lasts_for_thirty_days(corner: Corner, clock: Clock) -> None:
    """What another job had a record for yesterday is not removed today."""
    corner.people("from", "ann", "bob")
    for name in ("corp", "hr"):
        succeed(corner.run(corner.definition(name=name)))
    clock.advance(days=29)
    corner.gone("from", "bob")
    result = succeed(corner.run(corner.definition(name="corp")))
    assert (result.statistics.deleted, [item.by for item in result.left_alone]) == (0, ["hr.people"])


# -- empty sources ----------------------------------------------------------------------------------------------------


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
    "wrong", ["(objectClass=inetOrgPersn)", "(emplyeeType=staff)", "(|(objectClass=person)(!(titel=x)))", "(objectClass=usr)"]
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
        "source": {"connection": "a", "container": corner.place("from"), "filter": "(objectClass=groupOfNames)"},
        "destination": {"connection": "b", "container": corner.place("to"), "filter": "(objectClass=groupOfNames)"},
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
            corner.container.add(f"cn=g{i},ou={side}", objectClass="organizationalRole", cn=f"g{i}", roleOccupant=names)
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
    assert [(check.kind, check.subject) for check in result.limits if check.exceeded] == [(EMPTY_SOURCE, "roleOccupant")]


def test_members_are_counted_over_all_groups(corner: Corner) -> None:
    """One member of each group is little for a group and much for all of them."""
    people = [f"p{i}" for i in range(3)]
    for side in ("from", "to"):
        corner.people(side, *people)
        for i in range(30):
            group(corner, side, f"g{i}", *(people if side == "to" else people[:2]))
    result = corner.run(**groups_job(corner, missing_at_source="skip"))
    assert result.state is JobState.STOPPED_BY_LIMIT
    assert [(check.kind, check.planned, check.base, check.allowed) for check in result.limits if check.exceeded] == [
        ("memberships", 30, 90, 20)
    ]
    again = corner.run(limits={"memberships": "40%"}, **groups_job(corner, missing_at_source="skip"))
    assert succeed(again).statistics.updated == 30


# -- the window -------------------------------------------------------------------------------------------------------


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
            corner.container.admin.modify_s(f"cn=g{i},{corner.place('from')}", [(ldap.MOD_DELETE, "member", [gone])])

    lose("p0", 15)
    assert succeed(corner.run(**job)).statistics.updated == 15
    lose("p1", 6)
    result = corner.run(**job)
    assert [(check.kind, check.planned, check.recent) for check in result.limits if check.exceeded] == [("memberships", 6, 15)]


def test_what_a_person_let_past_the_limit_does_not_count(corner: Corner) -> None:
    """Otherwise one waived plan would stop every removal of the day."""
    people = [f"p{i:03}" for i in range(40)]
    corner.people("from", *people)
    policy = {"approvers": {"users": ["bea"]}, "when": "over_limit"}
    definition = corner.definition(approval=policy)
    succeed(corner.run(definition))
    corner.gone("from", *people[:20])
    waiting = corner.run(definition, trigger="manual")
    assert waiting.state is JobState.WAITING
    assert waiting.request is not None
    decide(corner.store, waiting.request, "bea")
    request = corner.store.get_request(waiting.request).request
    snapshot = corner.store.find_run("corp", request.run_id)
    assert snapshot is not None
    succeed(
        apply_approved(snapshot, definition.jobs[0], request, deployment=corner.deployment, store=corner.store, holder="test")
    )
    corner.gone("from", people[20])
    result = succeed(corner.run(definition))
    check = next(check for check in result.limits if "delete" in check.kind)
    assert (check.planned, check.recent) == (1, 0)


# -- two branches of one directory ------------------------------------------------------------------------------------


@pytest.mark.parametrize("match", ["refuse", "reuse"])
def test_a_record_of_the_source_is_never_written(corner: Corner, match: str) -> None:
    """Source and destination are siblings: new people get an object of their own, the record stays as it is."""
    corner.people("from", "ann")
    place = corner.definition().jobs[0].destination.model_dump()
    fields = {**FIELDS, "description": {"static": "copy"}}
    succeed(corner.run(destination={**place, "unmanaged_match": match}, fields=fields))
    assert corner.there() == {"ann"}
    assert "description" not in corner.container.values(f"uid=ann,{corner.place('from')}")
    assert succeed(corner.run(destination={**place, "unmanaged_match": match}, fields=fields)).statistics.unchanged == 1


def test_overlapping_places_are_refused_before_anything_is_read(corner: Corner) -> None:
    """Two connections to one server: the definition does not tell, the servers do."""
    corner.people("from", "ann")
    place = corner.definition().jobs[0].destination.model_dump()
    result = corner.run(destination={**place, "container": corner.container.dn}, remove="all", limits={"delete": "none"})
    assert result.state is JobState.FAILED
    assert "overlaps the source" in result.message
    assert result.statistics.read == 0
