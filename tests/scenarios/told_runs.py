"""Runs of a collection that tells people about them, in a store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from directory_sync.approval.people import Approver
from directory_sync.definition.models import Collection
from directory_sync.plan.model import RecordProblem, Statistics
from directory_sync.store.runs import Snapshot
from directory_sync.store.store import Store
from tests.scenarios.plans import collection, creations, plan
from tests.scenarios.requests import POLICY


def telling(
    when: str = "always",
    to: Sequence[Any] = ("it@corp.example",),
    *,
    jobs: Sequence[str] = ("people",),
    **keys: Any,
) -> Collection:
    """A collection that tells these people."""
    base = collection().model_dump(mode="json", by_alias=True)
    job = base["jobs"][0]
    return Collection.model_validate(
        {
            **base,
            "notifications": {"when": when, "to": list(to)},
            "jobs": [{**job, "name": name} for name in jobs],
            **keys,
        }
    )


@dataclass
class ToldRun:
    """A run in a store, whose jobs end as a test says."""

    store: Store
    definition: Collection = field(default_factory=telling)
    run_id: str = "scheduled__2026-11-20T08:00:00+00:00"
    trigger: str = "scheduled"
    preview_only: bool = False
    snapshot: Snapshot = field(init=False)

    def __post_init__(self) -> None:
        self.snapshot = self.store.runs.start(
            self.definition,
            self.run_id,
            trigger=self.trigger,
            requester="schedule" if self.trigger == "scheduled" else "ida",
            verified=True,
            preview_only=self.preview_only,
        )

    def end_job(
        self,
        state: str = "success",
        job: str = "people",
        *,
        problems: Sequence[RecordProblem] = (),
        message: str = "",
        planned: Statistics | None = None,
        **figures: int,
    ) -> None:
        """An attempt at a job ends."""
        attempt = self.store.runs.start_job(self.snapshot.id, job)
        self.store.runs.finish_job(
            attempt.id,
            state,
            statistics=Statistics(**figures),
            planned=planned,
            message=message,
            problems=problems,
        )

    def wait(self, job: str = "people", count: int = 2) -> int:
        """A job files a request, and waits for it; its number."""
        attempt = self.store.runs.start_job(self.snapshot.id, job)
        made = plan(creations(count))
        request = self.store.filing.file(
            self.store.plans.save(attempt.id, made), policy=POLICY, approvers=[Approver("user", "bea")]
        ).id
        self.store.runs.finish_job(
            attempt.id, "waiting", statistics=Statistics(read=7), planned=made.statistics, request=request
        )
        return request

    def close(self, state: str = "success", **jobs: str) -> None:
        """The run ends."""
        self.store.runs.finish(self.snapshot.collection.name, self.run_id, state, jobs=jobs or None)
