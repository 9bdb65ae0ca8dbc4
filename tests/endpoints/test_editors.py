"""The person who saved what a job does is one of its requesters, until another person has approved it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from directory_sync.approval.people import Person
from directory_sync.approval.request import Request
from directory_sync.collections import renaming, saving
from directory_sync.collections.saving import SavingRules
from directory_sync.collections.unapproved import JobHistory
from directory_sync.definition.export import complete
from directory_sync.definition.loading import load
from directory_sync.definition.models import Collection
from directory_sync.errors import CollectionInUse, NotAllowed, PlanAltered, RunInAirflow
from directory_sync.requests import decisions
from directory_sync.requests.filing import ask_for_waiver
from directory_sync.run.deployment import Deployment
from directory_sync.run.job import start_of
from directory_sync.run.newest_version import newest_version
from directory_sync.run.policies import rules_for
from directory_sync.run.result import JobResult, JobState
from directory_sync.run.terminal import definition_of_airflow
from directory_sync.store.runs import Snapshot
from directory_sync.store.store import Store
from tests.scenarios.no_connections import NoConnections
from tests.scenarios.office import Office, collection
from tests.scenarios.tampering import alter_request

ALICE, BEN, CLEO, ZOE = (
    Person(name, frozenset({"Admin"}), verified=True) for name in ("alice", "ben", "cleo", "zoe")
)
RULES = SavingRules(administrators=("Admin",))
POLICY = {"approvers": {"roles": ["Admin"]}}


@dataclass
class Saved:
    """The office's collection, saved in the store."""

    office: Office
    name: str = "office"

    def save(self, person: Person, **job: Any) -> int:
        """Save the collection with this job; `_top` holds keys of the collection. Its number."""
        top = job.pop("_top", {})
        text = yaml.safe_dump(
            complete(collection(**{"approval": POLICY} | job)) | {"name": self.name} | top, sort_keys=False
        )
        newest = self.office.store.collections.get(self.name)
        expected = 0 if newest is None else newest.number
        store = self.office.store
        return saving.save(store, RULES, person, self.name, text, expected=expected).version.number

    def delete(self, person: Person) -> None:
        newest = self.office.store.collections.get(self.name)
        assert newest is not None
        store = self.office.store
        saving.delete(store, RULES, person, self.name, expected=newest.number, running=())

    def restore(self, person: Person, number: int) -> None:
        newest = self.office.store.collections.get(self.name)
        expected = 0 if newest is None else newest.number
        saving.restore(self.office.store, RULES, person, self.name, number, expected=expected)

    def rename(self, person: Person, to: str) -> None:
        """Give it another name, once its runs have ended."""
        store = self.office.store
        newest = store.collections.get(self.name)
        assert newest is not None
        for run in store.runs.recent(self.name):
            store.runs.finish(run.collection, run.run_id, "success")
        renaming.rename(store, RULES, person, self.name, to, expected=newest.number, running=())
        self.name = to

    def start(self, *, trigger: str = "scheduled", requester: str = "", version: int = 0) -> Snapshot:
        """A run of Airflow by the newest version, or by another one."""
        store = self.office.store
        newest = store.collections.get(self.name)
        assert newest is not None
        loaded = load(newest.document)
        document = loaded.document
        definition = loaded.collection
        if version:
            found = store.collections.version(self.name, version)
            assert found is not None
            definition = Collection.model_validate(yaml.safe_load(found.text))
            document = replace(document, version=str(version))
        self.office.runs += 1
        return store.runs.start(
            definition,
            f"run {self.office.runs}",
            trigger=trigger,
            requester=requester,
            verified=True,
            origin=document.origin,
            version=document.version,
        )

    def run(self, snapshot: Snapshot) -> JobResult:
        now = newest_version(self.office.store, self.name, self.office.deployment.templates)
        return self.office.run(snapshot, now=now)

    def ask(self, *, staff: str, **start: Any) -> Request:
        """The request of a run that makes a plan of its own."""
        self.office.staff(staff)
        return self.office.request(self.run(self.start(**start)))

    def approve(self, request: Request, person: Person) -> None:
        decisions.approve(self.office.store, request.id, person, digest=request.digest)

    def settle(self, request: Request, person: Person) -> None:
        """Approve a request, and have its run apply it."""
        self.approve(request, person)
        run = self.office.store.runs.find(self.name, request.run_id)
        assert run is not None
        assert self.office.apply(run, request.id).state is JobState.SUCCESS


@pytest.fixture
def saved(office: Office) -> Saved:
    return Saved(office)


@pytest.fixture
def saved_anywhere(store: Store, tmp_path: Path) -> Saved:
    """The same on each database."""
    folder = tmp_path / "data"
    folder.mkdir()
    return Saved(Office(folder, store, Deployment(connections=NoConnections(), data_folder=folder)))


def refused(saved: Saved, request: Request, person: Person) -> str:
    """Why the person may not decide; and they may not, nor is it in their inbox."""
    view = saved.office.store.requests.get(request.id)
    said = decisions.powers(view, person).decide
    with pytest.raises(NotAllowed):
        saved.approve(request, person)
    with pytest.raises(NotAllowed):
        decisions.deny(saved.office.store, request.id, person, digest=request.digest, reason="no")
    assert saved.office.store.requests.count_inbox(person.name, person.roles) == 0
    return said


def test_the_person_who_saved_it_cannot_approve_what_the_schedule_planned(saved: Saved) -> None:
    """Nor under another spelling of the name; another person can. The request names the version."""
    saved.save(ALICE)
    request = saved.ask(staff="fry")
    assert request.saved is not None
    assert request.saved.version == 1
    said = refused(saved, request, ALICE)
    assert said == (
        "You saved version 1 of this collection, and no one else has approved the job since then, so another"
        " person has to decide."
    )
    for spelling in ("Alice", "ALICE", "álice", " alice"):
        refused(saved, request, Person(spelling, ALICE.roles, verified=True))
    assert saved.office.store.requests.count_inbox("ben", BEN.roles) == 1
    saved.approve(request, BEN)
    assert saved.office.store.requests.get(request.id).request.state == "approved"


def test_once_another_person_has_approved_the_author_may_approve(saved_anywhere: Saved) -> None:
    """Also later versions that leave the job unchanged bring no one back."""
    saved = saved_anywhere
    saved.save(ALICE)
    saved.settle(saved.ask(staff="fry"), BEN)
    saved.settle(saved.ask(staff="leela"), ALICE)
    saved.save(CLEO, _top={"title": "Telephones"})
    request = saved.ask(staff="amy")
    assert request.saved is not None
    assert (request.saved.version, request.saved.edits) == (2, ())
    saved.approve(request, CLEO)


def test_a_harmless_edit_by_another_person_hides_no_one(saved: Saved) -> None:
    """Alice's edit is unapproved, though Ben saved the newest version: he may decide, she may not."""
    saved.save(CLEO)
    saved.settle(saved.ask(staff="fry"), ZOE)
    saved.save(ALICE, missing_at_source="skip")
    saved.save(BEN, missing_at_source="skip", _top={"description": "Much nicer."})
    request = saved.ask(staff="leela")
    refused(saved, request, ALICE)
    saved.approve(request, BEN)


def test_all_who_edited_since_the_last_approval_count(saved: Saved) -> None:
    """One approval by another person ends it for all of them."""
    saved.save(CLEO)
    saved.save(ALICE, missing_at_source="skip")
    saved.save(BEN, remove="known")
    request = saved.ask(staff="fry")
    for person in (ALICE, BEN, CLEO):
        refused(saved, request, person)
    saved.settle(request, ZOE)
    saved.settle(saved.ask(staff="leela"), ALICE)


def test_an_approval_of_an_earlier_version_does_not_count(saved: Saved) -> None:
    """The run had the version before the edit: what it planned says nothing of the edit."""
    saved.save(CLEO)
    run = saved.start()
    saved.save(ALICE, description="Another job.")
    saved.office.staff("fry")
    saved.settle(saved.office.request(saved.run(run)), ZOE)
    refused(saved, saved.ask(staff="leela"), ALICE)


def test_denied_expired_and_undecided_requests_free_no_one(saved: Saved) -> None:
    """Nor does a plan that was approved, and then replaced by another one before it was written."""
    saved.save(ALICE, approval={**POLICY, "expires": "1h"})
    store = saved.office.store
    denied = saved.ask(staff="fry")
    decisions.deny(store, denied.id, BEN, digest=denied.digest, reason="Not these.")
    expired = saved.ask(staff="zapp")
    assert store.request_upkeep.expire(store.now() + timedelta(hours=2)) == (expired.id,)
    undecided = saved.ask(staff="leela")
    replaced = saved.ask(staff="amy")
    saved.approve(replaced, BEN)
    refused(saved, request := saved.ask(staff="kif"), ALICE)
    states = [store.requests.get(each.id).request.state for each in (denied, expired, undecided, replaced)]
    assert states == ["denied", "expired", "stale", "stale"]
    assert request.pending


def test_own_approval_under_self_approval_frees_no_one(saved: Saved) -> None:
    """The policy let her approve her own edit. Under a stricter policy that is not another person."""
    saved.save(ALICE, approval={**POLICY, "self_approval": "allow"})
    request = saved.ask(staff="fry")
    assert saved.office.store.requests.count_inbox("alice", ALICE.roles) == 1
    saved.settle(request, ALICE)
    saved.save(BEN)
    request = saved.ask(staff="leela")
    refused(saved, request, ALICE)
    refused(saved, request, BEN)
    saved.approve(request, CLEO)


@pytest.mark.parametrize("renamed", [False, True])
def test_making_it_again_hides_no_one(saved_anywhere: Saved, renamed: bool) -> None:
    """Numbers begin again where it was deleted, under whatever name. Who edited the one before since it was
    last approved counts too, because the new one may have it from there.
    """
    saved = saved_anywhere
    saved.save(CLEO)
    saved.settle(saved.ask(staff="fry"), ZOE)
    saved.save(ALICE, missing_at_source="skip")
    if renamed:
        saved.rename(BEN, "desk")
    saved.delete(ALICE)
    saved.save(BEN, missing_at_source="skip")
    request = saved.ask(staff="leela")
    refused(saved, request, ALICE)
    refused(saved, request, BEN)
    saved.approve(request, CLEO)


def test_a_run_that_still_has_what_was_deleted_frees_no_one(saved: Saved) -> None:
    """It begins after the new version 1 was saved, with the old version 1 in hand: an approval of its plan is
    none of what Alice saved.
    """
    saved.save(BEN)
    before = saved.office.store.collections.get("office")
    assert before is not None
    saved.delete(BEN)
    saved.save(ALICE, missing_at_source="skip")
    run = saved.office.store.runs.start(
        Collection.model_validate(yaml.safe_load(before.text)),
        "late",
        trigger="scheduled",
        requester="",
        verified=True,
        origin="saved:office",
        version="1",
    )
    saved.office.staff("fry")
    request = saved.office.request(saved.run(run))
    refused(saved, request, ALICE)
    saved.settle(request, ZOE)
    refused(saved, saved.ask(staff="leela"), ALICE)


def test_restoring_counts_as_saving(saved: Saved) -> None:
    """An earlier version, even an approved one, is an edit of what is there now."""
    saved.save(CLEO, limits={"delete": "none"})
    saved.settle(saved.ask(staff="fry"), ZOE)
    saved.save(ALICE, limits={"delete": "none"}, missing_at_source="skip")
    saved.settle(saved.ask(staff="leela"), ZOE)
    saved.restore(ALICE, 1)
    refused(saved, saved.ask(staff="amy"), ALICE)


def test_restoring_what_another_person_saved_hides_no_one(saved_anywhere: Saved) -> None:
    """Alice saved it, it was deleted, and Ben brings it back: both count."""
    saved = saved_anywhere
    saved.save(ALICE)
    saved.delete(CLEO)
    saved.restore(BEN, 1)
    request = saved.ask(staff="fry")
    refused(saved, request, ALICE)
    refused(saved, request, BEN)
    saved.approve(request, CLEO)


def test_a_job_by_another_name_is_still_the_work_of_its_authors(saved_anywhere: Saved) -> None:
    """Ben only renames what Alice saved: neither may approve. What was approved by the old name counts for
    what was saved until then, and for no more.
    """
    saved = saved_anywhere
    saved.save(CLEO)
    saved.save(ALICE, missing_at_source="skip")
    saved.save(BEN, missing_at_source="skip", name="telephones")
    request = saved.ask(staff="fry")
    for person in (ALICE, BEN, CLEO):
        refused(saved, request, person)
    saved.settle(request, ZOE)
    saved.save(ALICE, missing_at_source="skip", name="numbers")
    request = saved.ask(staff="leela")
    refused(saved, request, ALICE)
    saved.approve(request, BEN)


def test_what_is_approved_of_a_later_collection_of_the_old_name_frees_no_one(saved_anywhere: Saved) -> None:
    """It says the same, has versions of the same numbers, and is another collection all the same."""
    saved = saved_anywhere
    saved.save(ALICE)
    saved.rename(BEN, "desk")
    later = Saved(saved.office)
    later.save(CLEO)
    request = later.ask(staff="fry")
    assert request.saved is not None
    assert [edit.by for edit in request.saved.authors] == ["cleo", "alice"]  # it may be made of the first one
    later.settle(request, ZOE)
    request = saved.ask(staff="leela")
    refused(saved, request, ALICE)
    saved.settle(request, ZOE)
    saved.settle(saved.ask(staff="amy"), ALICE)
    later.approve(later.ask(staff="kif"), CLEO)


@pytest.mark.parametrize("written", ["%COLLECTION%", "staff"])
def test_who_renames_what_writes_the_name_is_an_author(saved: Saved, written: str) -> None:
    """The job writes something else from then on. Of other jobs, who renames the collection is none."""
    fields = {"user": {"from": "user", "key": True}, "name": {"static": f"cn={written},ou=groups"}}
    saved.save(CLEO, fields=fields)
    saved.settle(saved.ask(staff="fry"), ZOE)
    saved.rename(ALICE, "admins")
    request = saved.ask(staff="leela")
    if written == "%COLLECTION%":
        changes = saved.office.store.plans.load(request.plan_id).plan.changes
        assert "cn=admins" in str(list(changes))
        refused(saved, request, ALICE)
        saved.settle(request, CLEO)
        request = saved.ask(staff="amy")
    saved.approve(request, ALICE)


@pytest.mark.parametrize("again", ["deleted", "copied", "twice"])
def test_no_way_of_renaming_a_job_loses_its_authors(saved: Saved, again: str) -> None:
    """Not if the collection is deleted between, nor if another name comes between or the copy stays."""
    saved.save(ALICE, name="old", missing_at_source="skip")
    match again:
        case "deleted":
            saved.delete(BEN)
        case "copied":
            job = collection(name="old", missing_at_source="skip", approval=POLICY).jobs[0]
            both = [
                job.model_dump(mode="json", exclude_unset=True) | {"name": name} for name in ("old", "phones")
            ]
            saved.save(BEN, _top={"jobs": both})
        case _:
            saved.save(BEN, name="between", missing_at_source="skip")
    saved.save(BEN, missing_at_source="skip")
    request = saved.ask(staff="fry")
    refused(saved, request, ALICE)
    refused(saved, request, BEN)


def test_a_job_that_does_something_else_by_another_name_is_a_new_one(saved: Saved) -> None:
    """Only the person who made it is its author."""
    saved.save(ALICE, name="old", missing_at_source="skip")
    saved.save(BEN, missing_at_source="delete")
    request = saved.ask(staff="fry")
    refused(saved, request, BEN)
    saved.approve(request, ALICE)


def test_the_order_of_fields_is_part_of_the_job(saved: Saved) -> None:
    """It decides the parts of a row's key."""
    fields = {"user": {"from": "user", "key": True}, "name": {"from": "name", "key": True}}
    saved.save(CLEO, fields=fields)
    saved.settle(saved.ask(staff="fry"), ZOE)
    saved.save(ALICE, fields=dict(reversed(fields.items())))
    refused(saved, saved.ask(staff="leela"), ALICE)


@pytest.mark.parametrize(
    "edit", [{"limit_window": "1h"}, {"timezone": "Europe/Berlin"}, {"limits": {"delete": 7}}], ids=str
)
def test_what_the_job_inherits_is_part_of_it(saved: Saved, edit: Any) -> None:
    """A person who changes only keys of the collection changes the job by that."""
    saved.save(CLEO)
    saved.settle(saved.ask(staff="fry"), ZOE)
    saved.save(ALICE, _top=edit)
    refused(saved, saved.ask(staff="leela"), ALICE)


def test_a_waiver_is_not_for_the_person_who_edited_the_limit(saved: Saved) -> None:
    """Alice raised it, not far enough; of the waiver she is a requester too, whatever the policy says."""
    staff = [f"person{number:02}" for number in range(30)]
    saved.office.write("phones.csv", *staff)
    saved.office.staff(*staff[:1])
    saved.save(CLEO, limits={"delete": 5})
    saved.save(ALICE, limits={"delete": 20}, approval={**POLICY, "self_approval": "allow"})
    run = saved.start()
    stopped = saved.run(run)
    assert stopped.state is JobState.STOPPED_BY_LIMIT
    waiver = _waiver(saved, run, stopped)
    refused(saved, waiver, ALICE)
    assert waiver.saved is not None
    assert [edit.by for edit in waiver.saved.authors] == ["alice", "cleo"]
    saved.approve(waiver, BEN)
    assert saved.run(saved.start()).state is JobState.SUCCESS


def test_a_request_shows_what_protects_less_since_the_last_approval(saved: Saved) -> None:
    """A limit that was raised, and a policy that was removed from another job, with version and person."""
    saved.save(CLEO)
    saved.settle(saved.ask(staff="fry"), ZOE)
    saved.save(ALICE, limits={"delete": "none"})
    saved.save(BEN, limits={"delete": "none"}, approval={**POLICY, "changes": ["delete"]})
    saved.save(BEN, limits={"delete": "none"}, approval=POLICY)
    request = saved.ask(staff="leela")
    assert request.saved is not None
    codes = [
        (edit.version, edit.by, [change["code"] for change in edit.weakening]) for edit in request.saved.edits
    ]
    assert codes == [(4, "ben", []), (3, "ben", ["policy_loosened"]), (2, "alice", ["limit_removed"])]


def test_the_policy_that_was_removed_by_making_it_again_is_shown(saved: Saved) -> None:
    """It was deleted and saved without what protected; the new version 1 says what is different."""
    saved.save(CLEO, limits={"delete": 3})
    saved.delete(ALICE)
    saved.save(ALICE, limits={"delete": 9})
    request = saved.ask(staff="leela")
    assert request.saved is not None
    assert [change["code"] for change in request.saved.edits[0].weakening] == ["limit_raised"]


@pytest.mark.parametrize("change", ["policy", "job"])
def test_an_undecided_request_ends_when_the_saved_policy_changes(saved: Saved, change: str) -> None:
    """In the same step, whichever way the policy changes; an edit of something else leaves it."""
    saved.save(CLEO)
    request = saved.ask(staff="fry")
    saved.save(CLEO, description="More words.", _top={"title": "Telephones"})
    assert saved.office.store.requests.get(request.id).request.pending
    match change:
        case "policy":
            saved.save(ALICE, approval={**POLICY, "require": 2})
        case _:
            saved.save(ALICE, name="telephones")
    view = saved.office.store.requests.get(request.id)
    assert (view.request.state, view.events[-1].policy_change) == ("stale", 3)
    with pytest.raises(Exception, match="is stale"):
        saved.approve(request, ZOE)
    assert "Plan again" in decisions.powers(view, ZOE).decide
    assert saved.office.store.requests.pending("office", "phones") is None
    assert saved.office.store.requests.count_inbox("zoe", ZOE.roles) == 0


def test_what_is_to_be_applied_keeps_the_collection(saved_anywhere: Saved) -> None:
    """Nothing goes before a request is decided, and an approved one applied."""
    saved = saved_anywhere
    saved.save(CLEO)
    request = saved.ask(staff="fry")
    for state in ("pending", "approved"):
        with pytest.raises(CollectionInUse) as refused:
            saved.office.store.collections.delete("office", expected=1, by=ALICE)
        assert refused.value.requests == (request.id,)
        if state == "pending":
            saved.approve(request, ZOE)
    run = saved.office.store.runs.find("office", request.run_id)
    assert run is not None
    assert saved.office.apply(run, request.id).state is JobState.SUCCESS
    saved.delete(ALICE)


def test_an_approved_request_outlives_a_change_of_the_policy(saved: Saved) -> None:
    """It was decided under the policy that it was filed with."""
    saved.save(CLEO)
    run = saved.start()
    saved.office.staff("fry")
    request = saved.office.request(saved.run(run))
    saved.approve(request, ZOE)
    saved.save(ALICE, approval={**POLICY, "require": 2})
    assert saved.office.apply(run, request.id).state is JobState.SUCCESS


def test_a_policy_that_is_saved_while_a_run_plans_counts(
    saved: Saved, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run has begun to file its request under the one before: nothing is filed under that."""
    saved.save(CLEO)
    run = saved.start()
    saved.office.staff("fry")
    _meanwhile(saved, monkeypatch, lambda: saved.save(ALICE, approval={**POLICY, "require": 2}))
    result = saved.run(run)
    assert (result.state, result.request) == (JobState.FAILED, None)
    assert "version 2, which alice saved" in result.message
    assert saved.office.store.requests.pending("office", "phones") is None


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (lambda saved: saved.save(ALICE), "another approval policy or other limits"),
        (lambda saved: saved.save(ALICE, approval=None, limits={"create": 1}), "other limits"),
        (lambda saved: saved.delete(ALICE), "was deleted while this run planned"),
        (lambda saved: saved.save(ALICE, approval=None, description="Another job."), ""),
    ],
    ids=["policy", "limit", "deleted", "nothing_that_counts"],
)
def test_what_is_saved_while_a_run_plans_keeps_it_from_writing_without_approval(
    saved: Saved, act: Callable[[Saved], object], says: str
) -> None:
    """Planning may take long, and a person who sets a policy, or deletes the collection, means it."""
    saved.save(CLEO, approval=None)
    run = saved.start()
    saved.office.staff("fry")
    now = newest_version(saved.office.store, "office", saved.office.deployment.templates)
    done: list[object] = []

    def progress(_stage: str, _number: int, _total: int | None) -> None:
        if not done:
            done.append(act(saved))

    result = saved.office.run(run, now=now, progress=progress)
    assert done
    assert (result.state, result.plan_id is None) == (
        (JobState.FAILED, True) if says else (JobState.SUCCESS, False)
    )
    assert says in result.message
    assert saved.office.phones() == (set() if says else {"fry"})


def test_a_version_that_is_saved_while_a_run_plans_makes_its_author_a_requester(
    saved: Saved, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It leaves the policy: the request is filed, and knows of it."""
    saved.save(CLEO)
    saved.office.staff("fry")
    run = saved.start()
    _meanwhile(saved, monkeypatch, lambda: saved.save(ALICE, description="Another job."))
    request = saved.office.request(saved.run(run))
    refused(saved, request, ALICE)


def test_who_saved_it_cannot_be_taken_out_of_a_request(saved: Saved) -> None:
    """The seal covers it: no one can decide then."""
    saved.save(ALICE)
    request = saved.ask(staff="fry")
    alter_request(saved.office.store, request.id, saved={"version": 1, "edits": []})
    for person in (ALICE, BEN):
        with pytest.raises(PlanAltered):
            saved.approve(request, person)


def test_under_manual_a_job_that_was_edited_asks_once(saved: Saved) -> None:
    """Restored to what was applied long ago, too: that is an edit."""
    manual = {**POLICY, "when": "manual"}
    saved.save(CLEO, approval=manual)
    saved.office.staff("fry")
    assert _edited(saved)
    run = saved.start()
    request = saved.office.request(saved.run(run))
    saved.approve(request, ZOE)
    saved.office.apply(run, request.id)
    assert not _edited(saved)
    saved.office.staff("leela")
    assert saved.run(saved.start()).state is JobState.SUCCESS
    saved.save(ALICE, approval=manual, missing_at_source="skip")
    assert _edited(saved)
    saved.restore(ALICE, 1)
    assert _edited(saved)
    refused(saved, saved.ask(staff="amy"), ALICE)


@pytest.mark.parametrize(
    "top",
    [{"schedule": "* * * * *"}, {"schedule": "@daily", "start": "2020-01-01"}, {"timezone": "Asia/Tokyo"}],
)
def test_under_manual_a_schedule_that_was_changed_asks_once(saved: Saved, top: dict[str, Any]) -> None:
    """Else who may not start a run without approval would let the schedule fire in a minute. They are a
    requester, too.
    """
    manual = {**POLICY, "when": "manual"}
    saved.save(CLEO, approval=manual, _top={"schedule": "@daily"})
    saved.office.staff("fry")
    run = saved.start()
    request = saved.office.request(saved.run(run))
    saved.approve(request, ZOE)
    saved.office.apply(run, request.id)
    assert not _edited(saved)
    saved.save(ALICE, approval=manual, _top={"schedule": "@daily", **top})
    assert _edited(saved)
    run = saved.start()
    saved.office.staff("leela")
    request = saved.office.request(saved.run(run))
    refused(saved, request, ALICE)
    saved.approve(request, BEN)
    saved.office.apply(run, request.id)
    assert not _edited(saved)
    saved.office.staff("amy")
    assert saved.run(saved.start()).state is JobState.SUCCESS


def test_a_schedule_makes_no_requester_where_every_run_asks(saved: Saved) -> None:
    """Someone else agrees to each plan in any case."""
    saved.save(CLEO, _top={"schedule": "@daily"})
    saved.approve(saved.ask(staff="fry"), ZOE)
    saved.save(ALICE, _top={"schedule": "@hourly"})
    saved.approve(saved.ask(staff="leela"), ALICE)


def test_a_terminal_asks_by_the_saved_collection_too(saved: Saved) -> None:
    """An exported file that could write without approval is refused; one that asks asks others than those
    who saved the collection.
    """
    saved.save(ALICE)
    store, lax, exported = saved.office.store, collection(approval="none"), collection(approval=POLICY)
    with pytest.raises(RunInAirflow, match="it is saved in the store"):
        definition_of_airflow(store, lax, lax.jobs, None)
    now = definition_of_airflow(store, exported, exported.jobs, None)
    run = saved.office.start(trigger="terminal", requester="root", approval=POLICY)
    request = saved.office.request(saved.office.run(run, now=now))
    assert request.saved is not None
    assert request.saved.version is None
    refused(saved, request, ALICE)


def test_a_collection_from_a_file_has_no_editors(saved: Saved) -> None:
    """Also where a saved collection had its name before."""
    saved.save(ALICE)
    saved.delete(ALICE)
    request = saved.office.request(saved.office.run(saved.office.start(approval=POLICY)))
    assert request.saved is None
    saved.approve(request, ALICE)


def test_an_editor_may_withdraw_the_request(saved: Saved) -> None:
    """As its requester may."""
    saved.save(ALICE)
    request = saved.ask(staff="fry")
    decisions.cancel(saved.office.store, request.id, ALICE, reason="Wrong.")
    assert saved.office.store.requests.get(request.id).request.state == "cancelled"


def test_no_one_is_asked_who_saved_it(saved: Saved) -> None:
    """By user name: she has no mail of it, and with no one left the next level is due at once."""
    policy = {
        "approvers": {"users": ["alice"]},
        "escalation": {"after": "2d", "levels": [{"users": ["ben"]}]},
    }
    saved.save(ALICE, approval=policy)
    request = saved.ask(staff="fry")
    view = saved.office.store.requests.get(request.id)
    assert view.assignees == ()
    assert request.escalates == request.filed
    with pytest.raises(NotAllowed):
        saved.approve(request, ALICE)


def _edited(saved: Saved) -> bool:
    run = saved.start()
    job = run.collection.job("phones")
    rules = rules_for(run.collection, None, job, None)
    return start_of(saved.office.store, run, job, rules, saved.office.deployment).edited


def _meanwhile(saved: Saved, monkeypatch: pytest.MonkeyPatch, act: Callable[[], Any]) -> None:
    """Do something at the last moment before a request is filed."""
    filing, done = saved.office.store.filing, []
    file = filing.file

    def later(*args: Any, **given: Any) -> Any:
        if not done:
            done.append(act())
        return file(*args, **given)

    monkeypatch.setattr(filing, "file", later)


def _waiver(saved: Saved, run: Snapshot, stopped: JobResult) -> Request:
    assert stopped.plan_id is not None
    store = saved.office.store
    history = JobHistory(store, run, "phones", saved.office.deployment.templates)
    job = run.collection.job("phones")
    filed = ask_for_waiver(
        store,
        run,
        stopped.plan_id,
        store.plans.load(stopped.plan_id).plan,
        policy=rules_for(run.collection, history.newest_collection, job, None).policy,
        administrators=["Admin"],
        asked_by="zoe",
        reason="Closed.",
        saved=history.saved_definition(),
        newest=history.newest_revision,
    )
    return store.requests.get(filed.id).request
