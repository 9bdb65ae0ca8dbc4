"""One attempt at a job, whether it makes a plan or applies one that was approved: its endpoints are opened,
its lease is taken, and how it ends is on record.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from directory_sync.definition.models import Job
from directory_sync.endpoints.contract import Destination
from directory_sync.errors import LeaseError, StoreError
from directory_sync.plan.planning import Progress
from directory_sync.run.deployment import Deployment
from directory_sync.run.opening import touched_areas
from directory_sync.run.pulse import Pulse
from directory_sync.run.result import JobResult, failure, record
from directory_sync.store.leases import Lease
from directory_sync.store.runs import JobRun, Snapshot
from directory_sync.store.store import Store

_Opened = TypeVar("_Opened")


@dataclass(frozen=True, slots=True)
class Attempt:
    """What an attempt is made with.

    Attributes:
        snapshot, job: the run, and one of its jobs.
        holder: how others are told who holds the lease.
        started: `time.monotonic()` when it began.
        request: the request whose plan it applies.
    """

    snapshot: Snapshot
    job: Job
    deployment: Deployment
    store: Store
    holder: str
    started: float
    request: int | None = None

    def run(
        self,
        open: Callable[[contextlib.ExitStack], tuple[_Opened, Destination]],
        work: Callable[[_Opened, Lease, Pulse], JobResult],
        *,
        progress: Progress,
        prepare: Callable[[_Opened, Lease], None] = lambda opened, lease: None,
        raised: tuple[type[Exception], ...] = (),
    ) -> JobResult:
        """Open, take the lease, work, and record the result; what goes wrong is part of it.

        Args:
            open: opens what the work needs, and says where it writes.
            work: is done under the lease, and tells the pulse how far it is.
            progress: hears that too.
            prepare: is done before, and belongs to no attempt.
            raised: errors of the work that are recorded and raised.

        Raises:
            LeaseError: another run works on the same part of the destination; nothing was begun.
            StoreError: the store does not answer.
        """
        with contextlib.ExitStack() as stack:
            try:
                # The lease comes before the first record is read, and is kept until the last change is
                # written.
                opened, destination = open(stack)
                lease = stack.enter_context(
                    self.store.leases.acquire(
                        destination.identity,
                        touched_areas(self.job, destination),
                        holder=self.holder,
                        duration=self.deployment.lease_duration,
                    )
                )
            except (LeaseError, StoreError):
                raise
            except Exception as error:  # noqa: BLE001 - every failure is part of the result
                return self.failed(error)
            prepare(opened, lease)
            attempt = self._begin(lease)
            try:
                with Pulse(self.store, self.snapshot, attempt, progress) as pulse:
                    result = work(opened, lease, pulse)
            except StoreError:
                raise
            except raised as error:
                record(self.store, attempt, failure(self.job, error, self.started))
                raise
            except Exception as error:  # noqa: BLE001 - every failure is part of the result
                result = failure(self.job, error, self.started)
            return record(self.store, attempt, result)

    def failed(self, error: Exception) -> JobResult:
        """Record an attempt that did not come to its work."""
        return record(self.store, self._begin(None), failure(self.job, error, self.started))

    def _begin(self, lease: Lease | None) -> JobRun:
        return self.store.runs.start_job(self.snapshot.id, self.job.name, request=self.request, lease=lease)
