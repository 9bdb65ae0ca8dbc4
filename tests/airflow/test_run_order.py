"""Order, failure actions, gates and decisions: what Airflow makes of the wiring, against a model of ten
lines.

Sensor, operators, trigger and store are the real ones; only what lies behind them, planning and writing, is
made up.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from directory_sync.approval.people import Approver
from directory_sync.definition.models import Collection
from directory_sync.endpoints.change import Change
from directory_sync.plan.digest import plan_digest
from directory_sync.plan.model import Plan, Statistics
from directory_sync.store.store import Store
from tests.airflow.dag_runs import task_states
from tests.scenarios.plans import DESTINATION, creations
from tests.scenarios.requests import POLICY, decide

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from airflow.sdk import DAG

CASES = 28
BEA = Approver("user", "bea")
NOT_NEEDED, ELSEWHERE = "not needed", "elsewhere"
APPROVED = "approved"
ENDS = (APPROVED, APPROVED, APPROVED, "denied", "expired", "cancelled", "stale")
"""What may become of a request; most are approved."""


@dataclass(frozen=True)
class Step:
    """A job, and what will happen to it.

    Attributes:
        abort: its failure action.
        fails: before anything is asked or written.
        gate: None without a policy; else what becomes of its request, or why it files none.
        waits: `wait_for_approval`.
        apply_fails: what was approved cannot be carried out.
        late: the decision comes while the gate waits.
        lost: the task dies right after it has filed its request, and before it says so.
    """

    name: str
    abort: bool
    fails: bool = False
    gate: str | None = None
    waits: bool = False
    apply_fails: bool = False
    late: bool = False
    lost: bool = False


def expected(steps: list[Step]) -> tuple[dict[str, str], str]:
    """The rules of product.md: job states and the run's state."""
    states, stopped, broken_off = {}, False, False
    for number, step in enumerate(steps, 1):
        if stopped:
            states[step.name] = "not_run"
            continue
        if step.fails or (step.gate == APPROVED and step.apply_fails):
            states[step.name] = "failed"
        elif step.gate in {None, NOT_NEEDED, APPROVED}:
            states[step.name] = "success"
        else:
            states[step.name] = "waiting" if step.gate == ELSEWHERE else str(step.gate)
        known = step.fails or step.waits  # else the jobs after it have begun long before the decision
        stopped = known and (
            (step.abort and states[step.name] == "failed") or (step.waits and states[step.name] == "waiting")
        )
        if step.lost and step.abort and not step.waits and number < len(steps):
            # For Airflow the task has failed, so the jobs after it are not run; the request goes on.
            stopped = broken_off = True
    found = set(states.values()) | ({"failed"} if broken_off else set())
    kinds = ("failed", "waiting", "denied", "expired", "cancelled", "stale", "success")
    return states, next(kind for kind in kinds if kind in found)


def expected_tasks(step: Step, state: str) -> dict[str, str]:
    """What Airflow shows for a job that ended so."""
    if state == "not_run":
        job, gate, apply = "skipped", "skipped", "skipped"
    elif step.fails:
        job, gate, apply = "failed", "skipped", "skipped"  # the gate has looked: there is no request
    elif step.gate == APPROVED:
        job, gate, apply = "success", "success", "failed" if step.apply_fails else "success"
    else:
        job, gate, apply = "success", "skipped", "skipped"
    if step.lost and job == "success":
        job = "failed"
    tasks = {step.name: job, f"{step.name}.approval": gate, f"{step.name}.apply": apply}
    return tasks if step.gate is not None else {step.name: job}


def build(name: str, steps: list[Step]) -> DAG:
    """The DAG of a collection with these jobs."""
    from directory_sync.airflow.dag_factory import build_dag

    shape = {
        "source": {"file": "in.csv"},
        "destination": {"file": "out.csv"},
        "object": "row",
        "fields": {"id": {"from": "id", "key": True}},
    }
    jobs = [
        {
            **shape,
            "name": step.name,
            "on_failure": "abort" if step.abort else "continue",
            "wait_for_approval": step.waits,
            "approval": "none" if step.gate is None else {"approvers": {"users": ["bea"]}},
        }
        for step in steps
    ]
    return build_dag(Collection.model_validate({"name": name, "jobs": jobs}))


@dataclass
class Office:
    """Stands in for what lies behind the tasks, and decides on requests as the steps say.

    Attributes:
        steps: by job.
        ran: the jobs in the order in which they ran; `wrote`: those that have carried an approved plan out,
            or tried to.
    """

    url: str
    steps: dict[str, Step] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)
    wrote: list[str] = field(default_factory=list)
    deciding: list[threading.Thread] = field(default_factory=list)

    def run_job(self, snapshot: Any, job: Any, *, store: Any, gated: bool, **_: Any) -> Any:
        """Stands in for `directory_sync.run.job.run_job`."""
        from directory_sync.run.result import JobResult, JobState

        self.ran.append(job.name)
        step = self.steps[job.name]
        assert gated is (step.gate is not None)
        if not step.fails and step.gate == ELSEWHERE:
            elsewhere = self.file(store, f"{snapshot.run_id} before", snapshot.collection, job.name, 1)
        else:
            elsewhere = None
        attempt = store.runs.start_job(snapshot.id, job.name)
        state, request = JobState.SUCCESS, None
        if step.fails:
            state = JobState.FAILED
        elif step.gate == ELSEWHERE:
            state = JobState.WAITING
        elif step.gate not in {None, NOT_NEEDED}:
            state = JobState.WAITING
            expires = timedelta(seconds=0.3 if step.late else 0) if step.gate == "expired" else None
            request = self.file(store, snapshot.run_id, snapshot.collection, job.name, 2, attempt.id, expires)
        if not step.lost:
            store.runs.finish_job(attempt.id, state.value, request=elsewhere if request is None else request)
        if request is not None and not step.late:
            self.decide(store, request, step, snapshot.collection)
        elif request is not None:
            self.deciding.append(
                threading.Thread(target=self._decide_late, args=(request, step, snapshot.collection))
            )
            self.deciding[-1].start()
        if step.lost:
            raise SystemExit("killed")
        return JobResult(job=job.name, state=state, message="As the test says.", request=request)

    def apply_approved(self, snapshot: Any, job: Any, request: Any, *, store: Any, **_: Any) -> Any:
        """Stands in for `directory_sync.run.approved.apply_approved`."""
        from directory_sync.run.result import JobResult, JobState

        store.approvals.claim(request.id, expected_digest=request.digest)
        self.wrote.append(job.name)
        state = JobState.FAILED if self.steps[job.name].apply_fails else JobState.SUCCESS
        store.runs.finish_job(store.runs.start_job(snapshot.id, job.name, request=request.id).id, state.value)
        if not state.failed:
            store.approvals.mark_applied(request.id, {"state": state.value})
        return JobResult(job=job.name, state=state, message="As the test says.", request=request.id)

    @staticmethod
    def file(
        store: Store,
        run_id: str,
        collection: Collection,
        job: str,
        changes: int,
        attempt: int | None = None,
        expires: timedelta | None = None,
    ) -> int:
        """File a request for so many changes."""
        if attempt is None:
            run = store.runs.start(collection, run_id, trigger="manual", requester="ida", verified=True)
            attempt = store.runs.start_job(run.id, job).id
        made: tuple[Change, ...] = creations(changes)
        digest = plan_digest(collection.name, job, DESTINATION, made)
        plan = Plan(collection.name, job, DESTINATION, made, digest, Statistics(created=changes), changes)
        filed = store.filing.file(
            store.plans.save(attempt, plan), policy=POLICY, approvers=[BEA], expires_after=expires
        )
        return filed.id

    def decide(self, store: Store, request: int, step: Step, collection: Collection) -> None:
        """Let happen to a request what is to happen to it; time does the rest."""
        match step.gate:
            case "approved":
                decide(store, request)
            case "denied":
                decide(store, request, approve=False, reason="Not <now>.")
            case "cancelled":
                store.decisions.cancel(request, "ida", reason="Not needed.")
            case "stale":
                self.file(store, f"later than {request}", collection, step.name, 3)

    def _decide_late(self, request: int, step: Step, collection: Collection) -> None:
        time.sleep(0.15)
        with Store.open(self.url) as store:
            self.decide(store, request, step, collection)


@pytest.fixture
def office(store_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """What stands behind the tasks."""
    from directory_sync.run import approved, job

    office = Office(store_url)
    monkeypatch.setattr(job, "run_job", office.run_job)
    monkeypatch.setattr(approved, "apply_approved", office.apply_approved)
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__GATE_POLL_INTERVAL", "0.1")
    yield office
    for thread in office.deciding:
        thread.join()


def random_steps(generator: random.Random) -> list[Step]:
    """A collection, and what will happen to each of its jobs."""
    steps = [
        Step(
            f"job{number}",
            abort=generator.random() < 0.5,
            fails=generator.random() < 0.2,
            gate=generator.choice((None, NOT_NEEDED, ELSEWHERE, *ENDS)) if generator.random() < 0.6 else None,
            waits=generator.random() < 0.5,
            apply_fails=generator.random() < 0.4,
            late=generator.random() < 0.3,
            lost=generator.random() < 0.3,
        )
        for number in range(generator.choice((1, 2, 3, 3, 4)))
    ]
    return [step if step.gate in ENDS and not step.fails else replace(step, lost=False) for step in steps]


def test_random_collections_end_as_the_model_says(run_dag: Callable[..., DagRun], office: Office) -> None:
    """Whatever the failure actions, failures, policies and decisions: states of jobs, tasks and run, and what
    was written.
    """
    generator = random.Random(20261122)
    for case in range(CASES):
        steps = random_steps(generator)
        check(run_dag, office, f"order_{case}", steps)


def test_every_end_of_a_request_with_and_without_waiting(
    run_dag: Callable[..., DagRun], office: Office
) -> None:
    """Each decision once in the middle of a collection whose last job waits for it, and once without."""
    for number, end in enumerate((*dict.fromkeys(ENDS), NOT_NEEDED, ELSEWHERE)):
        one = Step("first", abort=True, gate=end, waits=True, late=bool(number % 2))
        for waits in (True, False):
            steps = [replace(one, waits=waits), Step("second", abort=True)]
            check(run_dag, office, f"end_{number}_{'waits' if waits else 'goes_on'}", steps)


def test_a_task_that_dies_after_filing_leaves_its_request(
    run_dag: Callable[..., DagRun], office: Office
) -> None:
    """Whatever becomes of the request, the job ends so; the jobs after it run, unless its failure action is
    *abort*.
    """
    for number, end in enumerate((APPROVED, "denied", "cancelled")):
        lost = Step("first", abort=False, gate=end, late=True, lost=True)
        check(run_dag, office, f"lost_{number}_alone", [lost])
        check(run_dag, office, f"lost_{number}_continue", [lost, Step("second", abort=True)])
        check(
            run_dag, office, f"lost_{number}_abort", [replace(lost, abort=True), Step("second", abort=True)]
        )
        check(
            run_dag,
            office,
            f"lost_{number}_waits",
            [replace(lost, abort=True, waits=True), Step("second", abort=True)],
        )


def check(run_dag: Callable[..., DagRun], office: Office, name: str, steps: list[Step]) -> None:
    """Run the steps, and compare everything with the model."""
    office.steps = {step.name: step for step in steps}
    office.ran.clear()
    office.wrote.clear()
    run = run_dag(build(name, steps))
    states, state = expected(steps)
    tasks = task_states(run)
    wanted: dict[str, str] = {}
    for step in steps:
        wanted |= expected_tasks(step, states[step.name])
    assert {task: tasks[task] for task in wanted} == wanted, steps
    assert str(run.state) == ("failed" if state == "failed" else "success"), steps
    assert office.ran == [step.name for step in steps if states[step.name] != "not_run"], steps
    assert set(office.wrote) == {
        job for job in office.ran if office.steps[job].gate == APPROVED and not office.steps[job].fails
    }
    with Store.open(office.url) as store:
        (recorded,) = [each for each in store.runs.recent(name) if each.run_id == run.run_id]
        stored = {each.job: each.state for each in store.runs.job_results(name, run.run_id)}
    assert recorded.state == state, steps
    assert stored == {job: each for job, each in states.items() if each != "not_run"}, steps
