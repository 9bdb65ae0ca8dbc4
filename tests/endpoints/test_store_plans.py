from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, func, insert, select, update

from directory_sync.endpoints.change import Action, Change, FieldChange, Outcome, Result
from directory_sync.errors import PlanAltered, PlanMismatch, StoreError
from directory_sync.plan import digest
from directory_sync.plan.canonical import canonical
from directory_sync.plan.digest import plan_digest
from directory_sync.store import plans
from directory_sync.store.store import Store
from directory_sync.store.tables import ChangeRow, PlanRow
from tests.scenarios.plans import DESTINATION, collection, creations, plan

HOSTILE = (
    Change(
        Action.UPDATE,
        "k\x00ey 'quoted'",
        "cn=caf\u00e9\\, bar\\2b\x00,dc=office",
        identity=b"\x00\xff" * 8,
        fields=(
            FieldChange("photo", (b"\xff\xd8\x00",), (b"\x00",), replace=True),
            FieldChange("member", (), ("cn=\u5927,dc=x".encode(),), late=True, partial=True),
            FieldChange("empty", (b"",), ()),
        ),
        after=("dc=office", "ou=\x00"),
    ),
    Change(Action.MOVE, "", "cn=a,dc=office", new_object="cn=a,ou=left,dc=office"),
    Change(Action.DELETE, "%s :name ?", "x" * 5000),
)


class Counted:
    """A sequence of changes that does something before it yields one of them."""

    def __init__(self, changes: tuple[Change, ...]) -> None:
        self._changes = changes

    def __len__(self) -> int:
        return len(self._changes)

    def __iter__(self) -> Iterator[Change]:
        for number, change in enumerate(self._changes):
            self.before(number)
            yield change

    def before(self, number: int) -> None:
        """Called with the place of the change that comes next."""


def job_run(store: Store, run_id: str = "run 1", name: str = "crew") -> int:
    """A new attempt at the job `people`."""
    run = store.runs.start(collection(name), run_id, trigger="manual", requester="ida", verified=False)
    return store.runs.start_job(run.id, "people").id


def stored_rows(store: Store) -> tuple[int, int]:
    """How many plans and changes there are, complete or not."""
    with store._database.read() as connection:
        return (
            connection.execute(select(func.count()).select_from(PlanRow)).scalar_one(),
            connection.execute(select(func.count()).select_from(ChangeRow)).scalar_one(),
        )


def test_a_plan_comes_back_as_it_was(store: Store) -> None:
    """Every byte of changes and header survives: binary values, control characters, very long and very odd
    ids.
    """
    saved = plan(HOSTILE)
    loaded = store.plans.load(store.plans.save(job_run(store), saved))
    assert tuple(loaded.plan.changes) == HOSTILE
    assert tuple(loaded.plan.changes) == HOSTILE, "it can be read again"
    assert loaded.plan.header() == saved.header()
    assert loaded.plan.problems == saved.problems
    assert loaded.plan.limits == saved.limits
    assert (loaded.state, loaded.apply_started, loaded.apply_finished) == ("stored", None, None)
    assert abs(datetime.now(UTC) - loaded.stored) < timedelta(minutes=1)


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 25])
def test_plans_of_any_length_keep_their_order(
    store: Store, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """Batches and pages, full or not, neither lose nor repeat a change."""
    monkeypatch.setattr(plans, "WRITE_BATCH", 10)
    monkeypatch.setattr(plans, "READ_BATCH", 5)
    loaded = store.plans.load(store.plans.save(job_run(store), plan(creations(count))))
    assert len(loaded.plan.changes) == count
    assert tuple(loaded.plan.changes) == creations(count)


def test_a_plan_that_changed_while_it_was_stored_is_refused(store: Store) -> None:
    """Changes that do not have the plan's digest are not kept."""
    digest = plan_digest("crew", "people", DESTINATION, creations(3))
    with pytest.raises(PlanMismatch, match="changed while it was being stored"):
        store.plans.save(job_run(store), plan(creations(2), digest=digest))
    assert stored_rows(store) == (0, 0)


def test_a_stored_plan_that_was_tampered_with_is_refused(store: Store) -> None:
    """A change that was altered, removed, added or exchanged in the database is found when the plan is
    loaded.

    So is a kind or a figure that people would be shown in another way than the changes have it.
    """
    other = canonical(creations(9)[8]).decode()
    header = plan(creations(3)).header()
    for tamper in (
        update(ChangeRow).where(ChangeRow.sequence == 1).values(payload=other),
        update(ChangeRow).where(ChangeRow.sequence == 1).values(action="delete"),
        update(PlanRow).values(
            header=header | {"statistics": header["statistics"] | {"created": 2, "deleted": 1}}
        ),
        update(PlanRow).values(header=header | {"changes": 2}),
        delete(ChangeRow).where(ChangeRow.sequence == 2),
        update(ChangeRow).where(ChangeRow.sequence == 2).values(sequence=7),
        update(PlanRow).values(digest="0" * 64),
        update(PlanRow).values(destination="ldap://elsewhere"),
    ):
        plan_id = store.plans.save(job_run(store), plan(creations(3)))
        store.plans.load(plan_id)
        with store._database.write() as connection:
            connection.execute(tamper.where(next(iter(tamper.table.columns)) == plan_id))
        with pytest.raises(PlanMismatch, match=f"Plan {plan_id} .* is not the one that was saved"):
            store.plans.load(plan_id)


def test_a_change_that_was_added_behind_the_last_one_is_found(store: Store) -> None:
    """It would be shown with the others, and never written."""
    plan_id = store.plans.save(job_run(store), plan(creations(3)))
    with store._database.write() as connection:
        row = (
            connection.execute(select(ChangeRow.__table__).where(ChangeRow.plan_id == plan_id).limit(1))
            .mappings()
            .one()
        )
        connection.execute(insert(ChangeRow), {**row, "sequence": 7})
    with pytest.raises(PlanAltered, match="of 4 changes, expected"):
        store.plans.load(plan_id)


def test_a_plan_is_verified_by_what_is_asked_about(store: Store) -> None:
    """A digest or figures of a request that are not the plan's are found, though the plan itself is what was
    saved.
    """
    saved = plan(creations(3))
    plan_id = store.plans.save(job_run(store), saved)
    statistics = saved.statistics.to_json()
    store.plans.verify(plan_id, digest=saved.digest, statistics=statistics)
    with pytest.raises(PlanAltered, match="is asked about"):
        store.plans.verify(plan_id, digest="0" * 64, statistics=statistics)
    with pytest.raises(PlanAltered, match="the figures created are not"):
        store.plans.verify(plan_id, digest=saved.digest, statistics=statistics | {"created": 2})
    with pytest.raises(PlanMismatch, match="There is no plan"):
        store.plans.verify(plan_id + 1, digest=saved.digest, statistics=statistics)


def test_a_plan_is_verified_by_the_version_of_its_digest(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later form of the digest leaves plans of the earlier one as they are; one that is not known is said
    to be newer.
    """
    saved = plan(creations(3))
    plan_id = store.plans.save(job_run(store), saved)
    monkeypatch.setitem(digest._PREFIXES, 2, b"directory-sync plan 2\n")
    store.plans.load(plan_id)
    set_version = update(PlanRow).where(PlanRow.id == plan_id)
    for version, problem in ((2, "is not the one that was saved"), (3, "was made by a newer version")):
        with store._database.write() as connection:
            connection.execute(set_version.values(digest_version=version))
        with pytest.raises(PlanMismatch, match=problem):
            store.plans.load(plan_id)


def test_a_plan_is_invisible_until_it_is_complete(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """While its changes are being stored nobody can load a plan; if that fails, nothing of it is left."""
    monkeypatch.setattr(plans, "WRITE_BATCH", 2)
    attempt = job_run(store)
    seen: list[tuple[int, int]] = []

    class Failing(Counted):
        def before(self, number: int) -> None:
            if number == 4:
                seen.append(stored_rows(store))
                with store._database.read() as connection:
                    plan_id = connection.execute(select(func.max(PlanRow.id))).scalar_one()
                with pytest.raises(PlanMismatch, match=f"There is no plan {plan_id}"):
                    store.plans.load(plan_id)
                assert store.runs.job_results("crew", "run 1")[0].plan_id is None
                raise OSError("disk gone")

    with pytest.raises(OSError, match="disk gone"):
        store.plans.save(attempt, plan(Failing(creations(6)), digest="0" * 64))
    assert seen == [(1, 4)]
    assert stored_rows(store) == (0, 0)


def test_others_can_write_while_a_plan_is_stored(store: Store) -> None:
    """No lock is held while the changes are computed: a lease can be taken in between."""
    attempt = job_run(store)

    class Slow(Counted):
        def before(self, number: int) -> None:
            if number == 2:
                began = time.monotonic()
                store.leases.acquire("r", ("dc=x",), holder="other", duration=timedelta(seconds=30)).release()
                assert time.monotonic() - began < 5

    changes = creations(3)
    store.plans.save(attempt, plan(Slow(changes), digest=plan_digest("crew", "people", DESTINATION, changes)))


def test_what_a_killed_process_left_is_removed_later(store: Store) -> None:
    """A plan that was never completed goes a day later, when another is stored; a complete one stays."""
    attempt = job_run(store)
    old = store.plans.save(attempt, plan(creations(2)))
    killed = store.plans.save(attempt, plan(creations(5)))
    young = store.plans.save(attempt, plan(creations(1)))
    with store._database.write() as connection:
        past = datetime.now(UTC) - plans.ABANDONED_AFTER - timedelta(minutes=1)
        connection.execute(update(PlanRow).where(PlanRow.id.in_([old, killed])).values(stored=past))
        connection.execute(update(PlanRow).where(PlanRow.id.in_([killed, young])).values(complete=False))
    store.plans.save(attempt, plan(creations(1)))
    assert stored_rows(store) == (3, 2 + 1 + 1)
    assert len(store.plans.load(old).plan.changes) == 2


def test_only_a_plan_that_was_begun_is_gone_on_with(store: Store) -> None:
    """A retry goes on with the job's last plan if writing had begun, was not finished, and is not too old."""
    day = timedelta(days=1)
    plan_id = store.plans.save(job_run(store), plan(creations(2)))
    assert store.plans.unfinished("crew", "run 1", "people", max_age=day) is None, "not begun"
    store.plans.start_applying(plan_id)
    assert store.plans.unfinished("crew", "run 1", "people", max_age=day) == plan_id
    assert store.plans.load(plan_id).state == "applying"
    for other in (("crew", "run 2", "people"), ("guests", "run 1", "people"), ("crew", "run 1", "groups")):
        assert store.plans.unfinished(*other, max_age=day) is None
    assert store.plans.unfinished("crew", "run 1", "people", max_age=timedelta(0)) is None, "too old"
    began = store.plans.load(plan_id).apply_started
    store.plans.start_applying(plan_id)
    assert store.plans.load(plan_id).apply_started == began, "a retry does not change when it began"
    later = store.plans.save(job_run(store), plan(creations(1)))
    assert store.plans.unfinished("crew", "run 1", "people", max_age=day) is None, "there is a newer plan"
    store.plans.start_applying(later)
    store.plans.finish(later, "success")
    assert store.plans.unfinished("crew", "run 1", "people", max_age=day) is None, "finished"
    assert store.plans.load(later).state == "success"


def test_the_first_outcome_stands(store: Store) -> None:
    """Outcomes are only ever added; one that is recorded again keeps its first result."""
    plan_id = store.plans.save(job_run(store), plan(creations(4)))
    assert store.plans.outcomes(plan_id) == {}
    store.plans.record_outcomes(plan_id, [])
    store.plans.record_outcomes(
        plan_id, [Outcome(2, Result.DONE), Outcome(0, Result.FAILED, "no\x00 access")]
    )
    store.plans.record_outcomes(
        plan_id, [Outcome(2, Result.FOUND_DONE, "later"), Outcome(1, Result.CONFLICT, "it has changed")]
    )
    assert store.plans.outcomes(plan_id) == {
        0: Outcome(0, Result.FAILED, "no\ufffd access"),
        1: Outcome(1, Result.CONFLICT, "it has changed"),
        2: Outcome(2, Result.DONE),
    }


def test_an_outcome_needs_a_change(store: Store) -> None:
    """The database refuses an outcome for a change that does not exist, and keeps none of its batch."""
    plan_id = store.plans.save(job_run(store), plan(creations(1)))
    with pytest.raises(StoreError, match=r"(?i)foreign key constraint"):
        store.plans.record_outcomes(plan_id, [Outcome(0, Result.DONE), Outcome(5, Result.DONE)])
    assert store.plans.outcomes(plan_id) == {}


def apply(
    store: Store, *changes: Change, run_id: str = "run 1", name: str = "crew", result: Result = Result.DONE
) -> int:
    """Store a plan and record the same outcome for all of it."""
    plan_id = store.plans.save(job_run(store, run_id, name), plan(changes))
    store.plans.record_outcomes(plan_id, [Outcome(number, result) for number in range(len(changes))])
    return plan_id


def test_the_history_of_an_object_follows_its_names(store: Store) -> None:
    """All that was done to an object is found under any id it had, newest first, with who asked for it."""
    old, new, newest = "cn=Fry,dc=office", "cn=Philip Fry,dc=office", "cn=Philip Fry,ou=left,dc=office"
    create = Change(Action.CREATE, "fry", old)
    rename = Change(Action.UPDATE, "fry", old, new_object=new)
    move = Change(Action.MOVE, "fry", new, new_object=newest)
    apply(store, create, Change(Action.CREATE, "leela", "cn=Leela,dc=office"))
    apply(store, rename, run_id="run 2")
    apply(store, move, run_id="run 3")
    for name in (old, new.upper(), newest):
        entries = store.history.of_object(name)
        assert [(entry.run_id, entry.change) for entry in entries] == [
            ("run 3", move),
            ("run 2", rename),
            ("run 1", create),
        ]
    entries = store.history.of_object(old)
    assert entries[0].requester == "ida"
    assert entries[0].outcome == Outcome(0, Result.DONE)
    assert (entries[0].collection, entries[0].job, entries[0].destination) == ("crew", "people", DESTINATION)
    assert len(store.history.of_object(old, limit=2)) == 2
    assert store.history.of_object(old, destination="ldap://elsewhere") == ()
    assert store.history.of_object("cn=Nobody,dc=office") == ()


def test_the_history_counts_only_the_collections_asked_for(store: Store) -> None:
    """What newer runs of others did takes no place from what is asked for."""
    change = Change(Action.UPDATE, "fry", "cn=Fry,dc=office")
    apply(store, change)
    for number in range(3):
        apply(store, change, run_id=f"run {number}", name="others")

    def found(*collections: str, limit: int) -> list[str]:
        entries = store.history.of_object(change.object, collections=collections, limit=limit)
        return [entry.collection for entry in entries]

    assert found("crew", limit=2) == ["crew"]
    assert found("crew", "others", limit=3) == ["others"] * 3
    assert found(limit=2) == []


def test_the_history_follows_the_identity(store: Store) -> None:
    """An object that somebody else renamed in between is recognised by what never changes about it."""
    first = Change(Action.UPDATE, "fry", "cn=Fry,dc=office", identity=b"\x01" * 16)
    second = Change(Action.UPDATE, "fry", "cn=Philip,dc=office", identity=b"\x01" * 16)
    apply(store, first, second, Change(Action.UPDATE, "leela", "cn=Leela,dc=office", identity=b"\x02" * 16))
    assert {entry.change for entry in store.history.of_object("cn=fry,dc=office")} == {first, second}


def test_the_history_does_not_follow_what_failed(store: Store) -> None:
    """A rename that failed is part of the object's history, but gives it no further name."""
    rename = Change(Action.UPDATE, "fry", "cn=Fry,dc=office", new_object="cn=Leela,dc=office")
    apply(store, rename, result=Result.FAILED)
    apply(store, Change(Action.UPDATE, "leela", "cn=Leela,dc=office"))
    assert [entry.change for entry in store.history.of_object("cn=Fry,dc=office")] == [rename]


def test_a_plan_without_outcomes_is_no_history(store: Store) -> None:
    """What was only planned was not done."""
    store.plans.save(job_run(store), plan(creations(1)))
    assert store.history.of_object(creations(1)[0].object) == ()
