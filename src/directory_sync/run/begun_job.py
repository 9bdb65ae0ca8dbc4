"""A job at work: what it needs until its result is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from directory_sync.approval.request import Request
from directory_sync.definition.models import Job
from directory_sync.plan.model import Plan
from directory_sync.run.apply_step import apply_and_record
from directory_sync.run.deployment import Deployment
from directory_sync.run.opening import OpenJob
from directory_sync.run.policies import JobRules
from directory_sync.run.pulse import Pulse
from directory_sync.run.result import JobResult
from directory_sync.store.runs import TERMINAL, Snapshot
from directory_sync.store.store import Store


@dataclass(frozen=True, slots=True)
class BegunJob:
    """What a job works with, from its lease to its result.

    Attributes:
        snapshot: the run.
        job: one of its jobs.
        rules: policy and limits that count.
        opened: source, destination and mapping.
        check: raises when nothing more may be written (`Lease.check`).
        pulse: hears how far it is, and whether a person has stopped the run.
        started: `time.monotonic()` when it began.
        by_hand: a person has made the job run in a run that others started; see `replanning`.
    """

    snapshot: Snapshot
    job: Job
    rules: JobRules
    opened: OpenJob
    deployment: Deployment
    store: Store
    check: Callable[[], None]
    pulse: Pulse
    started: float
    by_hand: bool = False

    @property
    def at_terminal(self) -> bool:
        """Whether it is run from a terminal, which leaves the requests of Airflow's runs alone."""
        return self.snapshot.trigger == TERMINAL

    def unfinished_plan(self) -> int | None:
        """The plan that an earlier attempt of this run began to apply and that may still be finished."""
        return unfinished_plan(self.store, self.snapshot, self.job, self.deployment)

    def apply(
        self, plan_id: int, plan: Plan, *, request: Request | None, planned: datetime | None = None
    ) -> JobResult:
        """Write a plan's changes; see `apply_step.apply_and_record`.

        `planned`: when an earlier attempt made the plan.
        """
        return apply_and_record(
            plan_id,
            plan,
            self.opened.destination,
            job=self.job,
            snapshot=self.snapshot,
            store=self.store,
            request=request,
            resumed=planned is not None,
            check=self.check,
            pulse=self.pulse,
            started=self.started,
            planned=planned,
        )


def unfinished_plan(store: Store, snapshot: Snapshot, job: Job, deployment: Deployment) -> int | None:
    """The plan that an earlier attempt of a run began to apply and that may still be finished."""
    return store.plans.unfinished(
        snapshot.collection.name, snapshot.run_id, job.name, max_age=deployment.plan_max_age
    )
