"""A run that is killed at any moment and tried again ends as it should: nothing twice, nothing lost, nothing
untrue.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import ldap
import pytest
from sqlalchemy import delete, func, select, update

from directory_sync.endpoints.change import Action, Result
from directory_sync.endpoints.contract import ConnectionInfo
from directory_sync.errors import LeaseError, LeaseLost
from directory_sync.run.deployment import Deployment
from directory_sync.run.job import run_job
from directory_sync.run.result import JobResult, JobState
from directory_sync.store.store import Store
from directory_sync.store.tables import LeaseRow, OutcomeRow, PlanRow
from tests.scenarios import directories, turnover
from tests.scenarios.forked_child import ForkedChild
from tests.scenarios.new_store import new_store
from tests.scenarios.slapd import Slapd, SlapdMissing, slapd_root

LEASE = timedelta(seconds=0.8)
KILLS, KILLS_IN_A_RUN = 26, 3
PR_SET_CHILD_SUBREAPER = 36


@dataclass
class World:
    """Two servers and a store."""

    source: Slapd
    destination: Slapd
    url: str
    folder: Path

    def get(self, connection_id: str) -> ConnectionInfo:
        slapd = self.source if connection_id == "source" else self.destination
        return directories.slapd_connection(slapd, connection_id)

    @property
    def deployment(self) -> Deployment:
        return Deployment(self, self.folder, lease_duration=LEASE)

    def reset(self) -> None:
        admin = directories.administrator(self.destination)
        for dn, _ in reversed(admin.search_s(self.destination.suffix, ldap.SCOPE_SUBTREE, attrlist=["1.1"])):
            admin.delete_s(dn)
        for dn, values in turnover.destination().items():
            admin.add_s(dn, [(name, [value.encode() for value in held]) for name, held in values.items()])
        admin.unbind_s()

    def content(self) -> dict[str, dict[str, list[str]]]:
        return comparable(
            {
                dn: {k: [v.decode() for v in held] for k, held in values.items()}
                for dn, values in self.entries()
            }
        )

    def entries(self, *attributes: str) -> list[tuple[str, dict[str, list[bytes]]]]:
        admin = directories.administrator(self.destination)
        found = admin.search_s(self.destination.suffix, ldap.SCOPE_SUBTREE, attrlist=list(attributes) or None)
        admin.unbind_s()
        return found  # type: ignore[no-any-return]

    def identities(self) -> dict[bytes, bytes]:
        """uid → entryUUID."""
        found = [values for _, values in self.entries("uid", "entryUUID") if "uid" in values]
        uids = [values["uid"][0] for values in found]
        assert len(uids) == len(set(uids)), "an object is there twice"
        return {values["uid"][0]: values["entryUUID"][0] for values in found}

    def run(self, run_id: str, store: Store, tell: Callable[[str], None]) -> list[JobResult]:
        """Run both jobs, waiting for the lease of whoever was killed; trying again where that is told to
        help.
        """
        definition = turnover.collection()
        snapshot = store.runs.start(definition, run_id, trigger="test", requester="test", verified=False)
        results: list[JobResult] = []
        for job in snapshot.collection.jobs:
            deadline = time.monotonic() + 20

            def progress(stage: str, done: int, total: int | None, job: str = job.name) -> None:
                tell(f"{job} {stage}")

            while True:
                assert time.monotonic() < deadline
                try:
                    result = run_job(
                        snapshot,
                        job,
                        deployment=self.deployment,
                        store=store,
                        holder=f"pid {os.getpid()}",
                        progress=progress,
                    )
                except LeaseError:
                    time.sleep(0.02)
                    continue
                if result.error is None or not result.error.transient:
                    break
            results.append(result)
        return results


def comparable(entries: Any) -> dict[str, dict[str, list[str]]]:
    """Entries by normalised DN, with sorted values."""

    def form(dn: str) -> str:
        return str(ldap.dn.dn2str(ldap.dn.str2dn(dn))).lower()

    references = {"member", "manager"}
    return {
        form(dn): {
            name: sorted(form(v) if name in references else v for v in held) for name, held in values.items()
        }
        for dn, values in entries.items()
    }


@pytest.fixture(autouse=True)
def adopting() -> Iterator[None]:
    """Children of a killed child become ours, so that none can hide as a zombie of somebody else."""
    prctl = ctypes.CDLL(None).prctl
    assert prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    yield
    prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Slapd, Slapd]]:
    try:
        slapd_root()
    except SlapdMissing as missing:
        pytest.skip(str(missing))
    with Slapd(turnover.SOURCE) as source, Slapd(turnover.DESTINATION) as destination:
        for slapd, entries in ((source, turnover.source()), (destination, turnover.destination())):
            slapd.stop()
            slapd.load(directories.ldif(*entries.items()))
            slapd.start()
        yield source, destination


@pytest.fixture
def world(servers: tuple[Slapd, Slapd], tmp_path: Path) -> World:
    """The servers, a destination as it was, and a new store."""
    url = new_store(tmp_path / "store.db")
    world = World(*servers, url, tmp_path)
    world.reset()
    return world


def work_on(world: World, run_id: str) -> Callable[[Callable[[str], None]], None]:
    """What a child does: the whole run, telling also when it stores a plan."""

    def work(tell: Callable[[str], None]) -> None:
        with Store.open(world.url) as store:
            save = store.plans.save

            def save_plan(job_run_id: int, plan: Any) -> int:
                tell(f"{plan.job} save")
                return save(job_run_id, plan)

            store.plans.save = save_plan  # type: ignore[method-assign]
            results = world.run(run_id, store, tell)
            assert all(result.state is JobState.SUCCESS for result in results), [
                result.message for result in results
            ]

    return work


STAGES = (
    ("people read source", 0.05),
    ("people read destination", 0.05),
    ("people look up", 0.03),
    ("people save", 0.05),
    ("people save", 0.25),
    ("people apply", 0.12),
    ("people apply", 0.12),
    ("people apply", 0.12),
    ("groups read source", 0.05),
    ("groups save", 0.08),
    ("groups apply", 0.03),
)
"""Where the child is killed: this stage, and at most so many seconds later."""


def test_a_run_that_is_killed_again_and_again_ends_as_if_nothing_had_happened(world: World) -> None:
    """Killed while reading, planning, storing and applying: the end is what the rules say, whatever had been
    done.
    """
    choose = random.Random(20261122)
    killed: Counter[str] = Counter()
    expected = comparable(turnover.expected())
    for number in itertools.count():
        world.reset()
        before = world.identities()
        run_id = f"run {number}"
        for _ in range(KILLS_IN_A_RUN):
            stage, longest = choose.choice(STAGES)
            delay = choose.uniform(0, longest)
            attempt = ForkedChild(work_on(world, run_id))
            if attempt.wait_for(stage):
                time.sleep(delay)
                with suppress(ProcessLookupError):
                    os.kill(attempt.pid, signal.SIGKILL)
            status = attempt.end()
            assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, stage
            killed[stage] += os.WIFSIGNALED(status)
        with Store.open(world.url) as store:
            results = world.run(run_id, store, lambda text: None)
            assert [result.state for result in results] == [JobState.SUCCESS] * 2, [
                result.message for result in results
            ]
            check_store(store)
        assert world.content() == expected
        after = world.identities()
        stayed = {uid for uid in before if uid not in {b"p%d" % number for number in turnover.LEAVERS}}
        assert {uid: after[uid] for uid in stayed} == {uid: before[uid] for uid in stayed}, (
            "an object was made anew"
        )
        if killed.total() >= KILLS:
            break
    assert killed["people apply"] >= 5, killed


def check_store(store: Store) -> None:
    """Every plan that was begun was carried out whole, and every change of it is recorded as done; the lease
    is free.
    """
    with store._database.read() as connection:
        plans = connection.execute(
            select(PlanRow.id, PlanRow.apply_finished).where(
                PlanRow.complete, PlanRow.apply_started.is_not(None)
            )
        ).all()
        leases = connection.scalar(select(func.count()).select_from(LeaseRow))
    assert leases == 0
    assert all(finished is not None for _, finished in plans)
    for id, _ in plans:
        changes, outcomes = list(store.plans.load(id).plan.changes), store.plans.outcomes(id)
        assert outcomes.keys() == set(range(len(changes)))
        untrue = [
            outcome for outcome in outcomes.values() if outcome.result not in (Result.DONE, Result.FOUND_DONE)
        ]
        assert untrue == [], untrue
        removals = {
            place
            for place, change in enumerate(changes)
            if change.action in (Action.DELETE, Action.DISABLE, Action.MOVE)
        }
        images = {image.sequence: image for image in store.before_images.of_plan(id)}
        assert images.keys() == removals, "what was removed is not kept as it was"
        assert all(image.values["objectClass"] for image in images.values())


def test_what_was_written_and_not_recorded_is_found(world: World) -> None:
    """Killed after the last write and before the first outcome was recorded: all is found done, and nothing
    is written again.
    """
    with Store.open(world.url) as store:
        world.run("unrecorded", store, lambda text: None)
        before = world.destination.dump()
        assert world.content() == comparable(turnover.expected())
        with store._database.write() as connection:
            connection.execute(delete(OutcomeRow))
            connection.execute(update(PlanRow).values(apply_finished=None))
        results = world.run("unrecorded", store, lambda text: None)
        outcomes = [outcome for result in results for outcome in result.outcomes.values()]
        assert [outcome for outcome in outcomes if outcome.result is not Result.FOUND_DONE] == []
        assert len(outcomes) == sum(len(result.changes) for result in results) > 200
        assert world.destination.dump() == before
        check_store(store)


def test_a_process_that_was_stopped_past_its_lease_writes_nothing_more(world: World) -> None:
    """Stopped while it applies and resumed when its lease has ended: not one entry changes; a retry carries
    the rest out.
    """

    def work(tell: Callable[[str], None]) -> None:
        def tell_and_stop(text: str) -> None:
            # Between an answer and the next send, so that what is sent next is sent after the stop.
            if text == "people apply" and not stopped:
                stopped.append(text)
                tell(text)
                os.kill(os.getpid(), signal.SIGSTOP)

        stopped: list[str] = []
        definition = turnover.collection()
        with Store.open(world.url) as store:
            snapshot = store.runs.start(
                definition, "stopped", trigger="test", requester="test", verified=False
            )
            job = snapshot.collection.jobs[0]
            result = run_job(
                snapshot,
                job,
                deployment=world.deployment,
                store=store,
                holder="stopped",
                progress=lambda stage, done, total: tell_and_stop(f"people {stage}"),
            )
            tell(type(result.error).__name__)

    attempt = ForkedChild(work)
    assert attempt.wait_for("people apply")
    os.waitpid(attempt.pid, os.WUNTRACED)
    with Store.open(world.url) as store:
        destination = directories.destination(world.get("destination"), f"ou=people,{turnover.DESTINATION}")
        area = (destination.identity, destination.areas)
        destination.close()
        with pytest.raises(LeaseError, match="stopped works on"):
            store.leases.acquire(*area, holder="other", duration=LEASE)
        time.sleep(LEASE.total_seconds() * 1.2)
        with store.leases.acquire(*area, holder="other", duration=timedelta(seconds=60)):
            before = world.destination.dump()
            os.kill(attempt.pid, signal.SIGCONT)
            assert attempt.wait_for(LeaseLost.__name__)
            assert attempt.end() == 0
            assert world.destination.dump() == before
        assert world.content() != comparable(turnover.expected())
        results = world.run("stopped", store, lambda text: None)
        assert [result.state for result in results] == [JobState.SUCCESS] * 2, [
            result.message for result in results
        ]
        check_store(store)
    assert world.content() == comparable(turnover.expected())


def test_a_plan_is_not_carried_out_at_another_destination(world: World) -> None:
    """When the connection leads to another server before the retry, nothing of the old plan is written
    there.
    """
    elsewhere = turnover.expected()
    with Store.open(world.url) as store, Slapd(turnover.DESTINATION) as other:
        world.run("elsewhere", store, lambda text: None)
        with store._database.write() as connection:
            connection.execute(delete(OutcomeRow))
            connection.execute(update(PlanRow).values(apply_finished=None))
        other.stop()
        other.load(directories.ldif(*elsewhere.items()))
        other.start()
        moved = replace(world, destination=other)
        before = other.dump()
        results = moved.run("elsewhere", store, lambda text: None)
        assert [(result.state, len(result.changes)) for result in results] == [(JobState.SUCCESS, 0)] * 2
        assert other.dump() == before
