"""A saved collection gets another name: what follows it, what stays, and what is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest

from directory_sync.approval.people import Person
from directory_sync.approval.request import Request
from directory_sync.endpoints.change import Action, Change, Outcome, Result
from directory_sync.errors import (
    CollectionChanged,
    CollectionInUse,
    CollectionNotFound,
    NameTaken,
)
from directory_sync.plan.past import NOTHING, Findings, Identities
from directory_sync.store.collection_names import SAVED, Origin
from directory_sync.store.collection_versions import SavedVersion
from directory_sync.store.known_objects import JobPlace, Learnt
from directory_sync.store.request_model import RequestFilter
from directory_sync.store.runs import Snapshot
from directory_sync.store.store import Store
from tests.scenarios.at_once import at_once
from tests.scenarios.clock import Clock
from tests.scenarios.plans import collection, plan
from tests.scenarios.requests import decide, file
from tests.scenarios.saved import text_of

IDA = Person("ida", frozenset({"Admin"}), verified=True)
DAY = timedelta(days=1)


def save(store: Store, name: str = "crew", expected: int = 0, **given: object) -> SavedVersion:
    """Save as Ida."""
    return store.collections.save(name, text_of(name, **given), expected=expected, by=IDA)


def rename(
    store: Store, name: str = "crew", to: str = "staff", expected: int = 1, running: tuple[str, ...] = ()
) -> SavedVersion:
    """Rename as Ida."""
    return store.collections.rename(name, to, text_of(to), expected=expected, by=IDA, running=running)


def run(store: Store, run_id: str = "r1", name: str = "crew", *, end: str = "success") -> Snapshot:
    """A run of the collection, which has ended."""
    found = store.runs.start(
        collection(name),
        run_id,
        trigger="manual",
        requester="ida",
        verified=True,
        origin=f"saved:{name}",
        version="1",
    )
    if end:
        store.runs.finish(name, run_id, end)
    return found


def place(name: str) -> JobPlace:
    """Where the collection's job writes."""
    return JobPlace(name, "people", "ldap://one", "ship")


def learn(store: Store, name: str, identity: bytes, began: Snapshot | None = None) -> None:
    """Have the job know an object."""
    findings = Findings(Identities.of([identity]), NOTHING, NOTHING, NOTHING)
    store.known.learn(place(name), Learnt(findings, began=None if began is None else began.started))


def known(store: Store, name: str) -> int:
    """How many objects the job knows."""
    return len(store.known.past(place(name), window=timedelta()).known.members)


def applied(store: Store, name: str, snapshot: Snapshot, *, result: bool = True) -> int:
    """A plan of the run that deletes an object; `result`: it was applied."""
    attempt = store.runs.start_job(snapshot.id, "people")
    changes = (Change(Action.DELETE, "fry", "cn=fry"),)
    plan_id = store.plans.save(attempt.id, plan(changes))
    store.plans.start_applying(plan_id)
    if result:
        store.plans.record_outcomes(plan_id, [Outcome(0, Result.DONE)])
        store.plans.finish(plan_id, "success")
    store.runs.finish_job(attempt.id, "success")
    return plan_id


def test_versions_runs_and_known_objects_follow(store: Store, clock: Clock) -> None:
    """By the new name everything is found, by the old one nothing; ids stay."""
    first = save(store)
    run(store)
    learn(store, "crew", b"1" * 16)
    clock.advance(hours=1)
    second = rename(store)
    assert (second.name, second.number, second.collection_id) == ("staff", 2, first.collection_id)
    assert [each.name for each in store.collections.versions("staff")] == ["staff", "crew"]
    assert store.collections.get("crew") is None
    assert store.collections.versions("crew") == []
    assert store.collections.renamed_to("crew") == "staff"
    assert store.collections.renamed_to("staff") is None
    assert [each.run_id for each in store.runs.recent("staff")] == ["r1"]
    assert store.runs.recent("staff")[0].collection == "crew"  # as Airflow knows it
    assert store.runs.recent("crew") == ()
    assert (known(store, "staff"), known(store, "crew")) == (1, 0)
    assert list(store.run_overview.latest()) == ["staff"]
    assert store.run_overview.latest()["staff"].dag_id == "crew"
    found = store.runs.find("crew", "r1")
    assert found is not None
    assert found.current_name == "staff"
    assert [each.name for each in store.collections.at(first.revision)] == ["crew"]
    assert [each.name for each in store.collections.at(second.revision)] == ["staff"]


def test_what_people_hear_of_runs_goes_by_the_new_name(store: Store, clock: Clock) -> None:
    """On Home and on a job's tab: who sees a later collection of the old name hears nothing of them."""
    save(store)
    attempt = store.runs.start_job(run(store, end="").id, "people")
    store.runs.finish_job(attempt.id, "failed")
    store.runs.finish("crew", "r1", "failed")
    clock.advance(hours=1)
    rename(store)
    save(store)

    [noted] = store.run_highlights.ended(["failed"], within=DAY, limit=5)
    assert (noted.collection, noted.dag_id) == ("staff", "crew")
    [job] = store.run_highlights.of_job("staff", "people", limit=5)
    assert (job.dag_id, job.run_id) == ("crew", "r1")
    assert store.run_highlights.of_job("crew", "people", limit=5) == ()


def test_removals_of_the_old_name_count_on(store: Store, clock: Clock) -> None:
    """A new name is no way around a limit."""
    save(store)
    snapshot = run(store, end="")
    applied(store, "crew", snapshot)
    store.runs.finish("crew", "r1", "success")
    before = store.known.past(JobPlace("crew", "people", _destination(store), "ship"), window=DAY).recent
    assert before
    rename(store)
    place_now = JobPlace("staff", "people", _destination(store), "ship")
    assert store.known.past(place_now, window=DAY).recent == before
    assert not store.known.past(JobPlace("crew", "people", _destination(store), "ship"), window=DAY).recent


def _destination(store: Store) -> str:
    return store.plan_pages.head(1).destination


def ended_request(store: Store) -> Request:
    """A request of the collection that was denied."""
    number = file(store).id
    decide(store, number, approve=False)
    return store.requests.get(number).request


def test_requests_follow_as_they_were_filed(store: Store) -> None:
    """Sealed as they were; found by the new name, and shown to who may see that."""
    request = ended_request(store)
    save(store)
    store.runs.finish(request.collection, request.run_id, "denied")
    rename(store)
    assert store.requests.collections() == ("staff",)
    (found,) = store.requests.all(RequestFilter(collections=("staff",))).requests
    assert (found.collection, found.current_name) == ("crew", "staff")
    assert not store.requests.all(RequestFilter(collections=("crew",))).requests
    store.requests.verify(found)
    # A later collection of the old name asks for the same plan: it was never denied there.
    assert store.requests.standing_denial("crew", "people", request.digest) is None


def test_a_pending_request_keeps_the_name(store: Store) -> None:
    """Also one that is approved and not applied."""
    number = file(store).id
    save(store)
    request = store.requests.get(number).request
    store.runs.finish(request.collection, request.run_id, "waiting")
    with pytest.raises(CollectionInUse, match=f"request {number}"):
        rename(store)
    decide(store, number, approve=True)
    with pytest.raises(CollectionInUse, match=f"request {number}"):
        rename(store)
    assert store.collections.get("crew") is not None


def test_a_run_that_goes_on_keeps_the_name(store: Store) -> None:
    """One that Airflow tells of, one that only the store knows, and an attempt that is at work."""
    save(store)
    with pytest.raises(CollectionInUse, match="run r9"):
        rename(store, running=("r9",))
    snapshot = run(store, end="")
    with pytest.raises(CollectionInUse, match="run r1 "):
        rename(store)
    store.ended_runs.note("crew", "r1")
    attempt = store.runs.start_job(snapshot.id, "people")
    with pytest.raises(CollectionInUse, match="run r1 "):
        rename(store)
    store.runs.finish_job(attempt.id, "failed")
    assert rename(store).name == "staff"


def test_a_run_that_begins_meanwhile_keeps_the_name_or_does_not_begin(store: Store) -> None:
    """One of the two is refused: no run goes on under a name that its collection no longer has."""
    for number in range(10):
        name = f"crew_{number}"
        save(store, name)
        renamed, began = at_once(
            lambda name=name: rename(store, name, f"{name}_renamed"),  # type: ignore[misc]
            lambda name=name: run(store, name=name, end=""),  # type: ignore[misc]
        )
        if isinstance(began, Snapshot):
            assert isinstance(renamed, CollectionInUse)
            assert store.collections.get(name) is not None
        else:
            assert isinstance(began, CollectionNotFound)
            assert isinstance(renamed, SavedVersion)
            assert store.runs.find(name, "r1") is None


def test_no_run_begins_of_what_was_deleted(store: Store) -> None:
    """Not even by a task that had read the definition before. One that had begun is joined, and can end."""
    save(store)
    began = run(store, end="")
    store.collections.delete("crew", expected=1, by=IDA)
    with pytest.raises(CollectionNotFound) as error:
        run(store, "r2")
    assert error.value.name == "crew"
    assert store.runs.find("crew", "r2") is None
    assert run(store, "r1").id == began.id


def test_what_is_half_written_is_settled_first(store: Store) -> None:
    """The next run finds it by the name that the plan was made under."""
    save(store)
    snapshot = run(store, end="")
    applied(store, "crew", snapshot, result=False)
    store.runs.finish("crew", "r1", "failed")
    with pytest.raises(CollectionInUse, match="settle"):
        rename(store)


def test_a_later_collection_of_the_old_name_shares_nothing(store: Store, clock: Clock) -> None:
    """Nor does it learn what a late task of an old run has found."""
    save(store)
    old = run(store)
    learn(store, "crew", b"1" * 16)
    clock.advance(hours=1)
    rename(store)
    clock.advance(hours=1)
    later = save(store)
    assert later.number == 1
    assert store.collections.renamed_to("crew") is None
    assert store.runs.recent("crew") == ()
    learn(store, "crew", b"2" * 16, began=old)
    assert known(store, "crew") == 0
    clock.advance(hours=1)
    learn(store, "crew", b"3" * 16, began=run(store, "r2"))
    assert (known(store, "crew"), known(store, "staff")) == (1, 1)
    # The same id in Airflow as a run of the collection that had the name before.
    run(store, "r3", "staff")
    run(store, "r3", "crew")
    assert {each.run_id for each in store.runs.recent("staff")} == {"r1", "r3"}


def test_the_past_of_one_that_had_the_name_before_stays(store: Store, clock: Clock) -> None:
    """What was deleted under the name is not renamed with what came after it."""
    save(store)
    run(store, "r1")
    clock.advance(hours=1)
    store.collections.delete("crew", expected=1, by=IDA)
    clock.advance(hours=1)
    save(store)
    run(store, "r2")
    rename(store)
    assert [each.run_id for each in store.runs.recent("staff")] == ["r2"]
    assert [each.run_id for each in store.runs.recent("crew")] == ["r1"]


def test_a_name_goes_there_and_back(store: Store, clock: Clock) -> None:
    """All of its past comes along both ways."""
    save(store)
    run(store)
    learn(store, "crew", b"1" * 16)
    clock.advance(hours=1)
    rename(store)
    run(store, "r2", "staff")
    clock.advance(hours=1)
    assert rename(store, "staff", "crew", 2).number == 3
    assert {each.run_id for each in store.runs.recent("crew")} == {"r1", "r2"}
    assert known(store, "crew") == 1
    assert store.collections.renamed_to("staff") == "crew"
    clock.advance(hours=1)
    learn(store, "crew", b"2" * 16, began=run(store, "r4"))
    assert known(store, "crew") == 2
    clock.advance(hours=1)
    assert rename(store, "crew", "team", 3).number == 4
    assert {each.run_id for each in store.runs.recent("team")} == {"r1", "r2", "r4"}


def test_names_with_another_past_are_refused(store: Store, clock: Clock) -> None:
    """One that another collection has, one that a file has, one that was deleted, and one that has run."""
    save(store)
    save(store, "staff")
    store.collections.claim_origin("phones", Origin("phones.yaml"))
    save(store, "gone")
    store.collections.delete("gone", expected=1, by=IDA)
    store.runs.start(
        collection("ran"), "r1", trigger="manual", requester="ida", verified=True, origin="ran.yaml"
    )
    for name in ("staff", "phones", "gone", "ran"):
        with pytest.raises(NameTaken):
            rename(store, to=name)
    assert store.collections.newest_revision() == 4
    assert rename(store, to="free").name == "free"


def test_another_version_than_the_one_that_was_seen_is_not_renamed(store: Store) -> None:
    """And what does not exist is not."""
    save(store)
    save(store, expected=1, title="T")
    with pytest.raises(CollectionChanged):
        rename(store, expected=1)
    with pytest.raises(CollectionNotFound):
        rename(store, "none")
    store.collections.claim_origin("crew", SAVED)


def test_a_run_of_the_old_name_finds_no_collection(store: Store) -> None:
    """Airflow may begin one before it has seen that the DAG is gone: it fails before it reads anything."""
    save(store)
    rename(store)
    with pytest.raises(CollectionNotFound):
        store.collections.claim_origin("crew", SAVED)
