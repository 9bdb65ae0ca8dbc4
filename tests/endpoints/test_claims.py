"""Claims over several runs of real directories: what another job has a record for is not removed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from directory_sync.definition.models import Collection
from directory_sync.endpoints.change import MarkKind
from directory_sync.plan.model import WhyLeftAlone
from directory_sync.run.collection import preview_collection
from directory_sync.run.result import JobResult, JobState
from directory_sync.store.store import Store
from tests.scenarios.clock import Clock
from tests.scenarios.corner import PERSON, Corner, succeed
from tests.scenarios.slapd import Slapd


def claimants(result: JobResult) -> list[str]:
    """Which jobs kept objects from being removed."""
    return [item.by for item in result.left_alone if item.why is WhyLeftAlone.CLAIMED]


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
    assert [
        (item.why, item.by, item.count) for item in result.left_alone if item.why is WhyLeftAlone.CLAIMED
    ] == [(WhyLeftAlone.CLAIMED, "hr.people", 1)]
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
    """A job that has not run completely for thirty days, is disabled, is no more, or creates nothing claims
    nothing.
    """
    corner.people("from", "ann", "bob")
    for name in ("corp", "hr"):
        succeed(corner.run(corner.definition(name=name)))
    other = corner.definition(name="hr")
    claiming, reading = (
        other.jobs[0],
        other.jobs[0].model_copy(update={"name": "reads", "missing_at_destination": "skip"}),
    )
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


def test_a_job_claims_what_it_reuses(corner: Corner) -> None:
    """An object outside its base that it has a record for, and writes to: it is not the other job's to
    remove.
    """
    corner.container.add("ou=wide", objectClass="organizationalUnit", ou="wide")
    hr = corner.definition(name="hr", **corner.file_job("ann", "eve", file="hr.csv"))
    apps = corner.file_job("ann", "bob", file="apps.csv", place="wide", where={"unmanaged_match": "reuse"})
    succeed(corner.run(hr))
    succeed(corner.run(corner.definition(name="apps", **apps)))
    corner.csv("hr.csv", "eve")
    assert claimants(succeed(corner.run(hr))) == ["apps.people"]
    assert corner.there() == {"ann", "eve"}


def test_a_claim_ends_when_the_object_has_left_and_its_record_too(corner: Corner) -> None:
    """Moved by hand into the other job's base: whose record is left decides."""
    corner.container.add("ou=two", objectClass="organizationalUnit", ou="two")
    one = corner.definition(name="one", **corner.file_job("ann", "eve", file="one.csv"))
    two = corner.definition(name="two", **corner.file_job("bob", file="two.csv", place="two"))
    succeed(corner.run(one))
    succeed(corner.run(two))
    corner.container.admin.rename_s(f"uid=ann,{corner.place('to')}", "uid=ann", corner.place("two"))
    corner.csv("one.csv", "eve")
    corner.csv("two.csv", "bob", "ann")
    succeed(corner.run(one))
    succeed(corner.run(two))
    corner.csv("two.csv", "bob")
    result = succeed(corner.run(two))
    assert (result.statistics.deleted, claimants(result)) == (1, [])


@pytest.mark.parametrize("case", ["in error", "twice"])
def test_a_record_that_cannot_be_used_claims_its_object_too(corner: Corner, case: str) -> None:
    """The source has it, whatever keeps the job from writing it."""
    succeed(corner.run(corner.definition(name="one", **corner.file_job("ann", "bob", file="one.csv"))))
    other = corner.file_job("ann", "bob", file="two.csv")
    if case == "in error":
        other["fields"]["mail"] = {"template": "{{ 'b@x' if uid == 'bob' else fail('no mail') }}"}
    else:
        corner.csv("two.csv", "ann", "ann", "bob")
    for _ in range(2):
        assert corner.run(corner.definition(name="two", **other)).state is JobState.SUCCESS_WITH_ERRORS
    corner.csv("one.csv", "bob")
    result = succeed(corner.run(corner.definition(name="one", **corner.file_job(file="one.csv"))))
    assert (result.statistics.deleted, claimants(result)) == (0, ["two.people"])


def test_a_preview_knows_what_the_jobs_before_it_give_up(corner: Corner) -> None:
    """Two jobs that lose the same record: the second one removes the object, in the run and in its
    preview.
    """

    def collection() -> Collection:
        jobs = [
            corner.definition(**corner.file_job(file=f"{name}.csv")).jobs[0].model_copy(update={"name": name})
            for name in ("one", "two")
        ]
        return corner.definition().model_copy(update={"jobs": jobs})

    for name in ("one", "two"):
        corner.csv(f"{name}.csv", "ann", "bob")
    for result in corner.run_all(collection()):
        succeed(result)
    for name in ("one", "two"):
        corner.csv(f"{name}.csv", "bob")
    both = collection()
    previews = preview_collection(
        both,
        both.jobs,
        deployment=corner.deployment,
        store=corner.store,
        progress=lambda job: lambda *_: None,
    )
    planned = [(each.job, each.statistics.deleted, claimants(each)) for each in previews]
    assert planned == [("one", 0, ["corp.two"]), ("two", 1, [])]
    assert [(each.job, each.statistics.deleted, claimants(each)) for each in corner.run_all(both)] == planned


@pytest.mark.parametrize("hidden", ["dn.base=", "dn.subtree="])
def test_a_claim_counts_whichever_login_made_it(
    new_slapd: Callable[..., Slapd], store: Store, tmp_path: Path, hidden: str
) -> None:
    """A job's login cannot tell which server it writes to, or which object: what it claims is left alone by
    others.
    """
    corner = Corner.alone(new_slapd, store, tmp_path, login="c", hidden=hidden)
    one = corner.definition(
        name="one", **corner.file_job("ann", "bob", file="one.csv", where={"connection": "c"})
    )
    two = corner.definition(name="two", **corner.file_job("ann", "bob", file="two.csv"))
    first, second = succeed(corner.run(one)), succeed(corner.run(two))
    assert first.destination != second.destination
    corner.csv("two.csv", "bob")
    assert claimants(succeed(corner.run(two))) == ["one.people"]
    # And it removes nothing itself, because it would not see everybody's claims.
    corner.csv("one.csv", "bob")
    why = WhyLeftAlone.PLACE_UNIDENTIFIED if hidden == "dn.base=" else WhyLeftAlone.UNIDENTIFIED
    assert [item.why for item in succeed(corner.run(one)).left_alone] == [why]
    assert corner.there() == {"ann", "bob"}
