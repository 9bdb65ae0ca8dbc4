"""Plans that are carried out later than they were made: what has been learnt meanwhile counts, and nothing
newer is undone.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from directory_sync.endpoints.ldap.destination import LdapDestination
from directory_sync.errors import AlreadyDecided, EndpointUnavailable
from directory_sync.plan.model import WhyLeftAlone
from directory_sync.run.result import JobState
from tests.scenarios.corner import Corner, succeed
from tests.scenarios.requests import decide

POLICY = {"approvers": {"users": ["bea"]}}
DELETES = {**POLICY, "changes": ["delete"]}


class _Cut:
    """Lets so many changes be written, then the server is gone."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
        whole = LdapDestination.write

        def write(destination: LdapDestination, changes: Any, **more: Any) -> Iterator[Any]:
            yield from whole(destination, itertools.islice(changes, after), **more)
            raise EndpointUnavailable("gone.", endpoint=destination.label)

        self._patch = monkeypatch
        monkeypatch.setattr(LdapDestination, "write", write)

    def mend(self) -> None:
        self._patch.undo()


def test_a_removal_that_waits_gives_way_to_a_claim(corner: Corner) -> None:
    """Another job has got the record of somebody whose removal waits for approval: the removal is a
    conflict.
    """
    one = corner.definition(name="one", approval=DELETES, **corner.file_job("ann", "eve", file="one.csv"))
    succeed(corner.run(one, trigger="manual"))
    succeed(corner.run(corner.definition(name="two", **corner.file_job("bob", file="two.csv"))))
    corner.csv("one.csv", "eve")
    waiting = corner.run(one, trigger="manual")
    corner.csv("two.csv", "bob", "ann")
    succeed(corner.run(corner.definition(name="two", **corner.file_job(file="two.csv"))))
    result = corner.approve(waiting)
    assert result.state is JobState.CONFLICTS
    (outcome,) = result.outcomes.values()
    assert "job two.people has a record for it now" in outcome.message
    assert corner.there() == {"ann", "bob", "eve"}


def test_what_was_agreed_to_with_its_mark_is_done(corner: Corner) -> None:
    """A claim that the plan itself shows is no news."""
    succeed(corner.run(corner.definition(name="two", **corner.file_job("ann", "bob", file="two.csv"))))
    one = corner.file_job("eve", file="one.csv", remove="all", limits={"delete": "none"})
    waiting = corner.run(corner.definition(name="one", approval=DELETES, **one), trigger="manual")
    result = succeed(corner.approve(waiting))
    assert result.statistics.deleted == 2
    assert corner.there() == {"eve"}


def test_an_approved_plan_of_an_older_definition_takes_no_claims(corner: Corner) -> None:
    """A job was added to the collection since: what that one claims it goes on claiming."""
    corner.container.add("ou=two", objectClass="organizationalUnit", ou="two")
    hr = corner.definition(name="hr", **corner.file_job("ann", "eve", file="hr.csv"))
    succeed(corner.run(hr))
    gated = corner.definition(approval=POLICY, **corner.file_job("gus", file="gated.csv", place="two"))
    waiting = corner.run(gated, trigger="manual")
    added = corner.definition(**corner.file_job("ann", "bob", file="added.csv")).jobs[0]
    added = added.model_copy(update={"name": "added", "approval": "none"})
    both = gated.model_copy(update={"jobs": [*gated.jobs, added]})
    assert [each.state for each in corner.run_all(both)] == [JobState.WAITING, JobState.SUCCESS]
    succeed(corner.approve(waiting))
    corner.csv("hr.csv", "eve")
    left = succeed(corner.run(hr)).left_alone
    assert [item.by for item in left if item.why is WhyLeftAlone.CLAIMED] == ["corp.added"]


def test_a_retry_does_not_go_on_with_a_plan_that_was_overtaken(
    corner: Corner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run breaks off before it deletes, the record returns, another run sees that: the retry plans anew."""
    job = corner.file_job("ann", "bob", "cas")
    succeed(corner.run(**job))
    corner.csv("people.csv", "bob", "cas")
    cut = _Cut(monkeypatch, 0)
    assert corner.run(trigger="scheduled", run_id="first", **job).state is JobState.FAILED
    cut.mend()
    corner.csv("people.csv", "ann", "bob", "cas")
    succeed(corner.run(trigger="scheduled", run_id="second", **job))
    assert succeed(corner.again("corp", "first")).statistics.deleted == 0
    assert corner.there() == {"ann", "bob", "cas"}


def test_a_retry_that_was_not_overtaken_goes_on(corner: Corner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise nothing would ever be resumed."""
    job = corner.file_job("ann", "bob", "cas")
    cut = _Cut(monkeypatch, 2)
    first = corner.run(trigger="scheduled", run_id="first", **job)
    assert first.state is JobState.FAILED
    cut.mend()
    again = succeed(corner.again("corp", "first"))
    assert (again.digest, again.statistics.created) == (first.digest, 3)


def test_an_approved_plan_that_broke_off_is_not_taken_up_after_a_newer_one(
    corner: Corner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its request ends with conflicts: a newer run has seen the record back."""
    definition = corner.definition(approval=DELETES, **corner.file_job("ann", "bob", "cas"))
    succeed(corner.run(definition, trigger="manual"))
    corner.csv("people.csv", "bob", "cas")
    waiting = corner.run(definition, trigger="manual")
    assert waiting.request is not None
    cut = _Cut(monkeypatch, 0)
    assert corner.approve(waiting).state is JobState.FAILED
    cut.mend()
    corner.csv("people.csv", "ann", "bob", "cas")
    newer = succeed(corner.run(definition, trigger="manual", run_id="newer"))
    assert newer.statistics.unchanged == 3
    result = corner.carry_out(waiting.request)
    assert result.state is JobState.CONFLICTS
    assert all(
        "run newer has planned the job since" in outcome.message for outcome in result.outcomes.values()
    )
    assert corner.there() == {"ann", "bob", "cas"}


def test_a_newer_plan_that_a_limit_stops_ends_what_waits(corner: Corner) -> None:
    """What waits asks for what the source no longer says; nobody can agree to it any more."""
    job = corner.file_job("ann", *(f"p{i}" for i in range(9)), limits={"delete": 3})
    definition = corner.definition(approval=POLICY, **job)
    succeed(corner.approve(corner.run(definition, trigger="manual")))
    corner.csv("people.csv", *(f"p{i}" for i in range(9)))
    waiting = corner.run(definition, trigger="manual")
    assert waiting.request is not None
    corner.csv("people.csv", "ann", "p0")
    assert corner.run(definition, trigger="manual").state is JobState.STOPPED_BY_LIMIT
    with pytest.raises(AlreadyDecided, match="stale"):
        decide(corner.store, waiting.request, "bea")


def test_what_is_learnt_of_an_older_plan_ends_no_claim(
    corner: Corner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record was gone when it was made and is back: the job goes on claiming the object."""
    one = corner.definition(name="one", approval=POLICY, **corner.file_job("ann", "bob", file="one.csv"))
    succeed(corner.approve(corner.run(one, trigger="manual")))
    two = corner.definition(name="two", **corner.file_job("ann", "bob", file="two.csv"))
    succeed(corner.run(two))
    corner.csv("one.csv", "bob", "new")
    waiting = corner.run(one, trigger="manual")
    assert waiting.request is not None
    cut = _Cut(monkeypatch, 0)
    assert corner.approve(waiting).state is JobState.FAILED
    cut.mend()
    corner.csv("one.csv", "ann", "bob")
    succeed(corner.run(one, trigger="manual"))
    assert corner.carry_out(waiting.request).state is JobState.CONFLICTS
    corner.csv("two.csv", "bob")
    left = succeed(corner.run(two)).left_alone
    assert [item.by for item in left if item.why is WhyLeftAlone.CLAIMED] == ["one.people"]


@pytest.mark.parametrize("met", [True, False], ids=["met again", "records gone"])
def test_what_a_plan_created_before_it_broke_off_is_known_when_it_was_met(
    corner: Corner, monkeypatch: pytest.MonkeyPatch, met: bool
) -> None:
    """Only the names of its objects are on record, and somebody else may have that name by now: told, not
    removed.
    """
    job = corner.file_job("ann", "bob", "cas", "dan", limits={"delete": "none"})
    cut = _Cut(monkeypatch, 2)
    assert corner.run(**job).state is JobState.FAILED
    cut.mend()
    made = corner.there()
    assert len(made) == 2
    if met:
        succeed(corner.run(**job))
    corner.csv("people.csv", *({"ann", "bob", "cas", "dan"} - made))
    result = succeed(corner.run(**job))
    assert result.statistics.deleted == (2 if met else 0)
    assert corner.there() == {"ann", "bob", "cas", "dan"} - (made if met else set())
    assert met or any(all(name in warning for name in made) for warning in result.warnings)


def test_what_another_source_made_before_it_broke_off_is_not_known(
    corner: Corner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of another source nothing is known, whole plan or broken one."""
    cut = _Cut(monkeypatch, 2)
    assert corner.run(**corner.file_job("ann", "bob", "cas", file="old.csv")).state is JobState.FAILED
    cut.mend()
    made = corner.there()
    result = succeed(corner.run(**corner.file_job("eve", file="new.csv", limits={"delete": "none"})))
    assert result.statistics.deleted == 0
    assert corner.there() == {*made, "eve"}
