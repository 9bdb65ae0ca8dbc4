"""What a plan that broke off has written is found by looking, and counts as if it had been recorded."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from directory_sync.definition.models import Collection
from directory_sync.endpoints.change import Result
from directory_sync.endpoints.ldap.destination import LdapDestination
from directory_sync.errors import EndpointUnavailable, StoreError
from directory_sync.run.deployment import Deployment
from directory_sync.run.job import run_job
from directory_sync.run.result import JobResult, JobState
from directory_sync.run.settling import Settlement, Why, settle_all
from directory_sync.store.plans import Plans
from directory_sync.store.request_applying import RequestApplying
from directory_sync.store.store import Store
from directory_sync.store.tables import JobRunRow, LeaseRow, PlanRow
from tests.scenarios.clock import Clock
from tests.scenarios.corner import Corner, succeed
from tests.scenarios.no_connections import NoConnections
from tests.scenarios.slapd import Slapd

POLICY: dict[str, Any] = {"approvers": {"users": ["bea"]}}
GONE = timedelta(days=8)


class _Unrecorded:
    """No outcome can be recorded, nor how anything ended: as when the process were killed after its last
    write.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch

        def full(*_: Any, **__: Any) -> None:
            raise StoreError("store: disk full. Make room on the disk and try again; nothing is lost.")

        for part, name in ((Plans, "record_outcomes"), (Plans, "finish"), (RequestApplying, "mark_applied")):
            monkeypatch.setattr(part, name, full)

    def mend(self) -> None:
        self._patch.undo()


def told(store: Store, plan: int) -> Counter[Result]:
    return Counter(outcome.result for outcome in store.plans.outcomes(plan).values())


def settle(corner: Corner, **more: Any) -> Settlement:
    return settle_all(corner.store, corner.deployment, holder="test", **more)


def plan_of(store: Store, plan: int) -> Any:
    with store._database.read() as connection:
        return connection.execute(select(PlanRow.__table__).where(PlanRow.id == plan)).one()


# -- removals ------------------------------------------------------------------------------------------------


def test_deletions_are_settled_and_counted(corner: Corner, monkeypatch: pytest.MonkeyPatch) -> None:
    """They leave what the job knows, and count among the removals of the past day."""
    names = [f"p{number}" for number in range(40)]
    limits = {"delete": "25"}
    definition = corner.definition(limits=limits, **corner.file_job(*names))
    succeed(corner.run(definition))
    cut = _Unrecorded(monkeypatch)
    corner.csv("people.csv", *names[20:])
    broken = corner.run(definition)
    assert broken.state is JobState.FAILED
    cut.mend()
    assert corner.there() == set(names[20:])
    before = corner.container.slapd.dump()
    (settled,) = settle(corner).settled
    assert corner.container.slapd.dump() == before
    # All of it is done, so the plan was carried out to its end.
    assert (settled.state, told(corner.store, 2)) == (JobState.SUCCESS, {Result.FOUND_DONE: 20})
    corner.csv("people.csv", *names[30:])
    stopped = corner.run(definition)
    assert stopped.state is JobState.STOPPED_BY_LIMIT, stopped.message
    assert stopped.limits[0].recent == 20


def test_removals_that_nobody_can_look_at_count_too(corner: Corner, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan that stays open may have removed everything: a window that did not count it would be no
    window.
    """
    names = [f"p{number}" for number in range(40)]
    definition = corner.definition(limits={"delete": "25"}, **corner.file_job(*names))
    succeed(corner.run(definition))
    cut = _Unrecorded(monkeypatch)
    corner.csv("people.csv", *names[20:])
    corner.run(definition)
    cut.mend()

    def away(*_: Any, **__: Any) -> Any:
        raise EndpointUnavailable("gone.", endpoint="connection b")

    monkeypatch.setattr(LdapDestination, "look", away)
    corner.csv("people.csv", *names[30:])
    assert corner.run(definition).state is JobState.STOPPED_BY_LIMIT


def test_a_moved_object_was_not_deleted(corner: Corner, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked for by what names it permanently too."""
    corner.container.add("ou=else", objectClass="organizationalUnit", ou="else")
    definition = corner.definition(**corner.file_job("ann", "bob", "eve"), limits={"delete": "none"})
    succeed(corner.run(definition))
    monkeypatch.setattr(LdapDestination, "write", _dies)
    corner.csv("people.csv", "eve")
    corner.run(definition)
    monkeypatch.undo()
    corner.container.admin.rename_s(
        f"uid=ann,{corner.place('to')}", "uid=ann", f"ou=else,{corner.container.dn}"
    )
    corner.gone("to", "bob")
    (settled,) = settle(corner).settled
    assert settled.state is JobState.FAILED
    outcomes = {
        change.key: corner.store.plans.outcomes(2)[number]
        for number, change in enumerate(_changes(corner.store, 2))
    }
    assert outcomes["ann"].result is Result.NOT_DONE
    assert f"it is now uid=ann,ou=else,{corner.container.dn}" in outcomes["ann"].message
    assert outcomes["bob"].result is Result.FOUND_DONE


def _dies(*_: Any, **__: Any) -> Any:
    raise EndpointUnavailable("gone.", endpoint="connection b")


def _changes(store: Store, plan: int) -> Any:
    return store.plans.load(plan).plan.changes


def test_what_was_changed_since_is_uncertain(corner: Corner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the old nor the new value is there: that is said, and nothing is claimed.

    Blanks and case are no difference.
    """
    for name in ("ann", "bob", "eve", "gus"):
        corner.person("from", name, mail=f"{name}@new.example", sn=f"New {name}")
        corner.person("to", name, mail=f"{name}@old.example", sn=f"Old {name}")
    monkeypatch.setattr(LdapDestination, "write", _dies)
    assert corner.run().state is JobState.FAILED
    monkeypatch.undo()
    admin = corner.container.admin
    for name, mail, sn in (
        ("ann", "ann@new.example", "New ann"),
        ("bob", "BOB@NEW.example", "new  BOB"),
        ("eve", "eve@third.example", "Old eve"),
    ):
        dn = f"uid={name},{corner.place('to')}"
        admin.modify_s(dn, [(2, "mail", [mail.encode()]), (2, "sn", [sn.encode()])])
    (settled,) = settle(corner).settled
    outcomes = {
        change.key: corner.store.plans.outcomes(1)[number]
        for number, change in enumerate(_changes(corner.store, 1))
    }
    assert {key: outcome.result.value for key, outcome in outcomes.items()} == {
        "ann": "found_done",
        "bob": "found_done",
        "eve": "uncertain",
        "gus": "not_done",
    }
    assert "it cannot be told whether this was written: mail is not as it was" in outcomes["eve"].message
    assert "third" not in outcomes["eve"].message
    assert settled.state is JobState.FAILED
    succeed(corner.run())
    assert plan_of(corner.store, 1).state == "failed"


# -- who settles ---------------------------------------------------------------------------------------------


def test_two_settlers_do_not_contradict_each_other(corner: Corner, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of them closes the plan, the other is told; every change has one outcome."""
    definition = corner.definition(**corner.file_job(*(f"p{number}" for number in range(60))))
    cut = _Unrecorded(monkeypatch)
    corner.run(definition)
    cut.mend()
    ends: list[Settlement] = []
    barrier = threading.Barrier(4)

    def work() -> None:
        barrier.wait()
        ends.append(settle(corner))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(ends) == 4
    assert sum(len(end.settled) for end in ends) == 1
    assert told(corner.store, 1) == {Result.FOUND_DONE: 60}
    assert settle(corner) == Settlement()


def test_a_plan_whose_holder_is_alive_is_not_closed(corner: Corner, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process whose lease lasts is alive, by the store's clock; when it is over, the plan is settled."""
    definition = corner.definition(**corner.file_job("ann"))
    cut = _Unrecorded(monkeypatch)
    corner.run(definition)
    cut.mend()
    store = corner.store
    lease = store.leases.acquire("another place", ("x",), holder="h", duration=timedelta(seconds=60))
    with store._database.write() as connection:
        connection.execute(update(JobRunRow).values(state="running", finished=None, lease=lease.token))
    (left,) = settle(corner).left
    assert (left.why, store.plans.count_outcomes(1)) == (Why.HELD, 0)
    with store._database.write() as connection:
        connection.execute(update(LeaseRow).values(expires=store.now() - timedelta(seconds=1)))
    assert len(settle(corner).settled) == 1
    lease.release()


def test_after_a_week_it_is_uncertain_for_good(corner: Corner, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory that nobody can look at keeps no plan open without end."""
    definition = corner.definition(**corner.file_job("ann", "bob"))
    cut = _Unrecorded(monkeypatch)
    corner.run(definition)
    cut.mend()
    monkeypatch.setattr(LdapDestination, "look", _dies)
    (left,) = settle(corner).left
    assert left.why is Why.NOT_SEEN
    with corner.store._database.write() as connection:
        connection.execute(update(PlanRow).values(apply_started=corner.store.now() - GONE))
    (settled,) = settle(corner).settled
    assert (settled.state, told(corner.store, 1)) == (JobState.FAILED, {Result.UNCERTAIN: 2})
    assert "for 7 days the object could not be read" in corner.store.plans.outcomes(1)[0].message


# -- approval ------------------------------------------------------------------------------------------------


def test_an_approved_plan_of_airflow_is_kept_for_its_retry(
    corner: Corner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as its run goes on, nobody else closes it; the retry looks first and does the rest."""
    definition = corner.definition(approval=POLICY, **corner.file_job("ann", "bob"))
    waiting = corner.run(definition, trigger="manual")
    cut = _Unrecorded(monkeypatch)
    assert corner.approve(waiting).state is JobState.FAILED
    cut.mend()
    corner.gone("to", "bob")  # it had not come so far
    (left,) = settle(corner).left
    assert (left.why, corner.store.plans.count_outcomes(1)) == (Why.MAY_GO_ON, 0)
    assert waiting.request is not None
    result = succeed(corner.carry_out(waiting.request))
    assert (result.statistics.created, told(corner.store, 1)) == (2, {Result.FOUND_DONE: 1, Result.DONE: 1})
    assert corner.there() == {"ann", "bob"}


def test_an_approved_plan_whose_run_is_over_ends_with_its_request(
    corner: Corner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No retry comes: the request says that its plan was carried out in part, and is not open any more."""
    definition = corner.definition(approval=POLICY, **corner.file_job("ann", "bob"))
    waiting = corner.run(definition, trigger="manual")
    cut = _Unrecorded(monkeypatch)
    corner.approve(waiting)
    cut.mend()
    corner.gone("to", "bob")
    (settled,) = settle(corner, is_over=lambda plan: True).settled
    assert settled.state is JobState.FAILED
    assert waiting.request is not None
    request = corner.store.requests.get(waiting.request).request
    assert request.state == "applied"
    assert request.result is not None
    assert request.result["state"] == "failed"
    assert "1 were found done afterwards, 1 were not made" in request.result["message"]
    again = corner.carry_out(waiting.request)
    assert (again.state, corner.there()) == (JobState.FAILED, {"ann"})


def test_an_overtaken_approved_plan_tells_what_it_did_before_the_rest_is_called_a_conflict(
    corner: Corner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a newer run found there is recorded as written by the plan; only what was not made is a
    conflict.
    """
    definition = corner.definition(approval=POLICY, **corner.file_job("ann", "bob", "eve"))
    waiting = corner.run(definition, trigger="manual")
    cut = _Unrecorded(monkeypatch)
    corner.approve(waiting)
    cut.mend()
    corner.gone("to", "eve")
    newer = corner.run(definition, trigger="manual", run_id="newer")
    assert newer.state is JobState.WAITING
    assert told(corner.store, 1) == {Result.FOUND_DONE: 2}
    assert waiting.request is not None
    result = corner.carry_out(waiting.request)
    assert result.state is JobState.CONFLICTS
    assert told(corner.store, 1) == {Result.FOUND_DONE: 2, Result.CONFLICT: 1}
    assert (result.statistics.created, corner.there()) == (2, {"ann", "bob"})


def test_what_was_approved_for_a_terminal_is_kept_for_it(
    corner: Corner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--approved` goes on with it, within the time in which a plan may be taken up again; then it ends."""
    definition = corner.definition(approval=POLICY, **corner.file_job("ann", "bob"))
    waiting = corner.run(definition)
    cut = _Unrecorded(monkeypatch)
    corner.approve(waiting)
    cut.mend()
    # Also a plan that was made long before it was approved.
    with corner.store._database.write() as connection:
        connection.execute(update(PlanRow).values(stored=corner.store.now() - GONE))
    (left,) = settle(corner, is_over=lambda plan: True).left
    assert left.why is Why.MAY_GO_ON
    assert f"--approved {waiting.request} goes on with it" in left.message
    with corner.store._database.write() as connection:
        connection.execute(update(PlanRow).values(apply_started=corner.store.now() - timedelta(hours=7)))
    (settled,) = settle(corner).settled
    assert settled.state is JobState.SUCCESS
    assert waiting.request is not None
    assert corner.store.requests.get(waiting.request).request.state == "applied"


# -- files ---------------------------------------------------------------------------------------------------


class _Office:
    """A job between two files, without a server."""

    def __init__(self, store: Store, folder: Path, file: str) -> None:
        self.store, self.folder = store, folder
        fields: dict[str, Any] = {"uid": {"from": "uid", "key": True}, "cn": "cn"}
        if file.endswith(".ldif"):
            fields |= {"sn": "cn", "dn": {"template": "uid={{ record.uid }},dc=x"}}
        job = {
            "name": "phones",
            "source": {"file": "staff.csv"},
            "destination": {"file": file},
            "object": "row" if file.endswith(".csv") else "inetOrgPerson",
            "missing_at_source": "delete",
            "limits": {"delete": "none"},
            "fields": fields,
        }
        self.definition = Collection.model_validate({"name": "corp", "jobs": [job]})
        self.deployment = Deployment(NoConnections(), folder)

    def run(self, run_id: str, **staff: str) -> JobResult:
        (self.folder / "staff.csv").write_text(
            "uid,cn\n" + "".join(f"{uid},{cn}\n" for uid, cn in staff.items())
        )
        snapshot = self.store.runs.start(
            self.definition, run_id, trigger="terminal", requester="t", verified=False
        )
        return run_job(
            snapshot, self.definition.jobs[0], deployment=self.deployment, store=self.store, holder="test"
        )


@pytest.mark.parametrize("file", ["phones.csv", "phones.ldif"])
@pytest.mark.parametrize("replaced", [True, False])
def test_a_file_was_written_as_a_whole_or_not_at_all(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, *, replaced: bool
) -> None:
    """Looking into it tells which; what was deleted is not known any more, what was created is."""
    office = _Office(store, tmp_path, file)
    first = office.run("one", ann="Ann", bob="Bob", eve="Eve")
    assert first.state is JobState.SUCCESS, (first.message, first.problems)
    cut = _Unrecorded(monkeypatch)
    if not replaced:
        monkeypatch.setattr("directory_sync.endpoints.files.rewriting.replace_content", _dies)
    assert office.run("two", ann="Anna", bob="Bob", gus="Gus").state is JobState.FAILED
    cut.mend()
    before = (tmp_path / file).read_bytes()
    (settled,) = settle_all(store, office.deployment, holder="test").settled
    assert (tmp_path / file).read_bytes() == before
    expected = {Result.FOUND_DONE: 3} if replaced else {Result.NOT_DONE: 3}
    assert (told(store, 2), settled.state) == (expected, JobState.SUCCESS if replaced else JobState.FAILED)
    last = office.run("three", ann="Anna", bob="Bob")
    assert last.state is JobState.SUCCESS, last.message
    # Gus, if the plan that broke off has created him, is the job's own, and Eve, if it has not deleted her.
    assert last.statistics.deleted == 1
    content = (tmp_path / file).read_bytes()
    assert [name in content for name in (b"Anna", b"Bob", b"Eve", b"Gus")] == [True, True, False, False]


def test_a_file_that_is_not_there_tells_nothing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that is not mounted does not mean that its rows were deleted."""
    office = _Office(store, tmp_path, "phones.csv")
    office.run("one", ann="Ann", bob="Bob", eve="Eve")
    cut = _Unrecorded(monkeypatch)
    office.run("two", ann="Ann", bob="Bob")
    cut.mend()
    (tmp_path / "phones.csv").rename(tmp_path / "elsewhere.csv")
    (left,) = settle_all(store, office.deployment, holder="test").left
    assert (left.why, store.plans.count_outcomes(2)) == (Why.NOT_SEEN, 0)
    (tmp_path / "elsewhere.csv").rename(tmp_path / "phones.csv")
    assert len(settle_all(store, office.deployment, holder="test").settled) == 1
    assert told(store, 2) == {Result.FOUND_DONE: 1}


def test_an_entry_of_a_file_that_was_renamed_was_not_deleted(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is known by its key, whatever its name is by now."""
    office = _Office(store, tmp_path, "phones.ldif")
    office.run("one", ann="Ann", bob="Bob", eve="Eve")
    cut = _Unrecorded(monkeypatch)
    monkeypatch.setattr("directory_sync.endpoints.files.rewriting.replace_content", _dies)
    office.run("two", ann="Ann", bob="Bob")
    cut.mend()
    file = tmp_path / "phones.ldif"
    file.write_bytes(file.read_bytes().replace(b"dn: uid=eve,dc=x", b"dn: cn=Eve,dc=x"))
    settle_all(store, office.deployment, holder="test")
    assert told(store, 2) == {Result.NOT_DONE: 1}


def test_a_run_in_between_is_closed_by_its_age_where_it_held_nothing(
    store: Store, tmp_path: Path, clock: Clock
) -> None:
    """Runs of versions that noted no lease, and previews, count as left after a day."""
    office = _Office(store, tmp_path, "phones.csv")
    snapshot = store.runs.start(office.definition, "old", trigger="terminal", requester="t", verified=False)
    store.runs.start_job(snapshot.id, "phones")
    assert settle_all(store, office.deployment, holder="test") == Settlement()
    clock.advance(days=1, minutes=1)
    end = settle_all(store, office.deployment, holder="test")
    assert (len(end.attempts), len(end.runs)) == (1, 1)
    assert [run.state for run in store.runs.recent()] == ["failed"]


# -- what is no proof ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("deletes", [True, False], ids=["deletions", "creations"])
def test_a_login_that_sees_nothing_proves_nothing(
    new_slapd: Callable[..., Slapd],
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    deletes: bool,
) -> None:
    """Whoever may not read an object is told that there is none: neither that it was deleted, nor that it was
    not created.
    """
    corner = Corner.alone(
        new_slapd, store, tmp_path, login="blind", hidden="dn.children=", attribute="entry", below="ou=to,"
    )
    names = [f"p{number}" for number in range(12)]
    definition = corner.definition(limits={"delete": "none"}, **corner.file_job(*names))
    if deletes:
        succeed(corner.run(definition))
        corner.csv("people.csv", names[0])
    cut = _Unrecorded(monkeypatch)
    assert corner.run(definition).state is JobState.FAILED
    cut.mend()
    corner.connections["b"] = corner.connections["blind"]
    found = settle(corner, is_over=lambda plan: True)
    plan = found.settled[0].plan.id if found.settled else found.left[0].plan.id
    assert told(store, plan) == {Result.UNCERTAIN: 11 if deletes else 12}
    assert [each.state for each in found.settled] == [JobState.FAILED]


def test_what_others_made_is_not_known_as_created(corner: Corner, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan that broke off wanted to make it; somebody else did, just so.

    Its record goes, and the object stays.
    """
    definition = corner.definition(limits={"delete": "none"}, **corner.file_job("ann", "bob"))
    corner.person("to", "eve", cn="eve")
    corner.csv("people.csv", "ann", "bob", "eve")
    cut = _Unrecorded(monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr(LdapDestination, "write", lambda *_, **__: iter(()))
        with pytest.raises(StoreError):
            corner.run(definition)
    cut.mend()
    for name in ("ann", "bob"):
        corner.person("to", name)
    settle(corner, is_over=lambda plan: True)
    corner.csv("people.csv", "eve")
    succeed(corner.run(definition))
    assert corner.there() == {"ann", "bob", "eve"}


def test_a_process_that_was_held_up_does_not_undo_what_was_settled(
    corner: Corner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its plan has been closed by somebody else meanwhile: it ends as lost, and learns nothing."""
    definition = corner.definition(**corner.file_job("ann", "bob"))
    finish = Plans.finish

    def late(self: Plans, plan_id: int, state: str) -> bool:
        assert finish(self, plan_id, "failed")
        return finish(self, plan_id, state)

    monkeypatch.setattr(Plans, "finish", late)
    result = corner.run(definition)
    assert result.state is JobState.FAILED
    assert "settled" in result.message
    assert plan_of(corner.store, 1).state == "failed"
