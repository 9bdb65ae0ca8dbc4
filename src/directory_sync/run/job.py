"""Runs or previews one job: lease, plan, limits, store, apply. Every way of running a job goes through here.

Nothing but a busy lease and a failing store is raised: what goes wrong with a job is part of its result, so that the command
line, the Airflow task, the page and the mail all say the same.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from directory_sync.apply.apply import ApplyResult, apply_plan
from directory_sync.definition.models import Collection, Job
from directory_sync.endpoints.change import Outcome
from directory_sync.errors import DirectorySyncError, IncompleteListing, LeaseError, LimitExceeded, StoreError
from directory_sync.plan.build import make_plan
from directory_sync.plan.limits import exceeded_text
from directory_sync.plan.model import ChangeSequence, LimitCheck, Plan, RecordProblem, Statistics
from directory_sync.plan.planning import Progress
from directory_sync.run.deployment import Deployment
from directory_sync.run.opening import Earlier, OpenJob, open_job, touched_areas
from directory_sync.store.runs import JobRun, Snapshot
from directory_sync.store.store import Store

log = logging.getLogger(__name__)


class JobState(StrEnum):
    """How a job ended."""

    SUCCESS = "success"
    SUCCESS_WITH_ERRORS = "success_with_errors"
    CONFLICTS = "conflicts"
    STOPPED_BY_LIMIT = "stopped_by_limit"
    INCOMPLETE = "incomplete_source"
    FAILED = "failed"
    PREVIEWED = "previewed"
    NOT_RUN = "not_run"

    @property
    def failed(self) -> bool:
        """Whether the job failed: counts for failure actions, the run's state and retries."""
        return self in (JobState.STOPPED_BY_LIMIT, JobState.INCOMPLETE, JobState.FAILED)


@dataclass(frozen=True, slots=True)
class JobResult:
    """What a job did, or would do.

    Attributes:
        job: its name.
        state: how it ended.
        statistics: counted after apply; in a preview what would be counted.
        digest: the plan's; empty if there was none.
        destination: identity of the place that is written to; empty if that was not reached.
        managed: number of objects that the destination's listing held.
        changes: the plan's changes; empty if there was none.
        outcomes: by place in the plan, of the changes that were not simply done.
        problems: records and objects that were not carried out.
        warnings, limits: the plan's.
        message: how it ended, as a sentence.
        error: what made it fail.
        plan_id: where the store holds the plan.
        duration: seconds.
    """

    job: str
    state: JobState
    statistics: Statistics = Statistics()
    digest: str = ""
    destination: str = ""
    managed: int = 0
    changes: ChangeSequence = ()
    outcomes: Mapping[int, Outcome] = field(default_factory=dict)
    problems: tuple[RecordProblem, ...] = ()
    warnings: tuple[str, ...] = ()
    limits: tuple[LimitCheck, ...] = ()
    message: str = ""
    error: DirectorySyncError | None = None
    plan_id: int | None = None
    duration: float = 0.0


def preview_job(
    collection: Collection,
    job: Job,
    *,
    deployment: Deployment,
    earlier: Sequence[Earlier] = (),
    progress: Progress = lambda stage, done, total: None,
    run_id: str = "preview",
) -> JobResult:
    """Plan a job as if the earlier plans had been carried out, and write nothing."""
    started = time.monotonic()
    try:
        with open_job(collection, job, deployment, run_id=run_id, earlier=earlier) as opened:
            plan = _make_plan(collection, job, opened, progress)
    except Exception as error:  # noqa: BLE001 - every failure is part of the result
        return _failure(job, error, started)
    return _planned(plan, started)


def run_job(
    snapshot: Snapshot,
    job: Job,
    *,
    deployment: Deployment,
    store: Store,
    holder: str,
    progress: Progress = lambda stage, done, total: None,
) -> JobResult:
    """Plan a job and carry the plan out, or go on with the plan that an earlier attempt of the same run left unfinished.

    Args:
        snapshot: the run it belongs to, from `Store.start_run`; its definition counts for the whole run.
        job: one of the snapshot's jobs.
        holder: how others are told who holds the lease.

    Raises:
        LeaseError: another run works on the same part of the destination; nothing was begun.
        StoreError: the store does not answer; what was written until then is found again by a retry.
    """
    started = time.monotonic()
    collection = snapshot.collection
    with contextlib.ExitStack() as stack:
        try:
            # The lease comes before the first record is read, and is kept until the last change is written.
            opened = stack.enter_context(open_job(collection, job, deployment, run_id=snapshot.run_id))
            areas = touched_areas(job, opened.destination)
            lease = stack.enter_context(
                store.acquire_lease(opened.destination.identity, areas, holder=holder, duration=deployment.lease_duration)
            )
        except (LeaseError, StoreError):
            raise
        except Exception as error:  # noqa: BLE001 - every failure is part of the result
            return _record(store, store.start_job(snapshot.id, job.name), _failure(job, error, started))
        attempt = store.start_job(snapshot.id, job.name)
        try:
            result = _plan_and_apply(snapshot, job, opened, deployment, store, attempt, lease.check, progress, started)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - every failure is part of the result
            result = _failure(job, error, started)
        return _record(store, attempt, result)


def render_changes(collection: Collection, job: Job, changes: ChangeSequence, deployment: Deployment) -> Iterator[str]:
    """Each change as LDIF change records, or a comment where its destination has no such form."""
    with open_job(collection, job, deployment, run_id="preview") as opened:
        for change in changes:
            yield opened.destination.render(change)


def _plan_and_apply(
    snapshot: Snapshot,
    job: Job,
    opened: OpenJob,
    deployment: Deployment,
    store: Store,
    attempt: JobRun,
    check: Callable[[], None],
    progress: Progress,
    started: float,
) -> JobResult:
    unfinished = _unfinished(snapshot, job, opened, deployment, store)
    if unfinished is not None:
        plan_id, plan = unfinished
    else:
        plan = _make_plan(snapshot.collection, job, opened, progress)
        plan_id = store.save_plan(attempt.id, plan)
        if plan.exceeded:
            store.finish_plan(plan_id, JobState.STOPPED_BY_LIMIT.value)
            nothing = replace(plan.statistics, created=0, updated=0, moved=0, disabled=0, deleted=0)
            return replace(_planned(plan, started), statistics=nothing, plan_id=plan_id)
    store.start_applying(plan_id)
    applied = apply_plan(
        plan.changes,
        opened.destination,
        plan_id=plan_id,
        store=store,
        check=check,
        resumed=unfinished is not None,
        progress=lambda done, total: progress("apply", done, total),
    )
    result = _applied(plan, plan_id, applied, started)
    if not (result.error is not None and result.error.transient):
        store.finish_plan(plan_id, result.state.value)
    return result


def _unfinished(snapshot: Snapshot, job: Job, opened: OpenJob, deployment: Deployment, store: Store) -> tuple[int, Plan] | None:
    """The plan that an earlier attempt began to carry out at this destination, and its id; None if there is none."""
    plan_id = store.unfinished_plan(snapshot.collection.name, snapshot.run_id, job.name, max_age=deployment.plan_max_age)
    if plan_id is None:
        return None
    plan, here = store.load_plan(plan_id).plan, opened.destination.identity
    if plan.destination != here:
        # The connection leads somewhere else now, where nothing of what was seen holds.
        store.finish_plan(plan_id, JobState.FAILED.value)
        log.warning(
            "The plan of an earlier attempt is for another destination, so a new one is made. job=%s planned=%s now=%s",
            job.name,
            plan.destination,
            here,
        )
        return None
    log.info("Going on with the plan that an earlier attempt left unfinished. job=%s digest=%s", job.name, plan.digest)
    return plan_id, plan


def _make_plan(collection: Collection, job: Job, opened: OpenJob, progress: Progress) -> Plan:
    plan = make_plan(collection, job, opened.source, opened.destination, opened.mapping, progress=progress)
    return replace(plan, warnings=opened.warnings + plan.warnings)


def _planned(plan: Plan, started: float) -> JobResult:
    """The result of a plan that is not carried out: a preview, or one that goes past a limit."""
    error = LimitExceeded(exceeded_text(plan.limits)) if plan.exceeded else None
    return JobResult(
        job=plan.job,
        state=JobState.STOPPED_BY_LIMIT if error else JobState.PREVIEWED,
        statistics=plan.statistics,
        digest=plan.digest,
        destination=plan.destination,
        managed=plan.managed,
        changes=plan.changes,
        problems=plan.problems,
        warnings=plan.warnings,
        limits=plan.limits,
        message=str(error) if error else "Nothing was written.",
        error=error,
        duration=time.monotonic() - started,
    )


def _applied(plan: Plan, plan_id: int, applied: ApplyResult, started: float) -> JobResult:
    """The result of a plan that was carried out, or begun."""
    done = applied.statistics
    statistics = replace(
        done,
        read=plan.statistics.read,
        unchanged=plan.statistics.unchanged,
        skipped=plan.statistics.skipped,
        errors=plan.statistics.errors + done.errors,
    )
    if applied.error is not None:
        state, message = JobState.FAILED, str(applied.error)
    elif statistics.errors:
        records = "1 record" if statistics.errors == 1 else f"{statistics.errors} records"
        state, message = JobState.SUCCESS_WITH_ERRORS, f"Done, but {records} could not be carried out."
    elif done.conflicts:
        state = JobState.CONFLICTS
        message = f"Done, but {done.conflicts} objects had changed meanwhile and were left alone. Run the job again."
    else:
        state, message = JobState.SUCCESS, "Done."
    return JobResult(
        job=plan.job,
        state=state,
        statistics=statistics,
        digest=plan.digest,
        destination=plan.destination,
        managed=plan.managed,
        changes=plan.changes,
        outcomes=applied.outcomes,
        problems=plan.problems,
        warnings=plan.warnings,
        limits=plan.limits,
        message=message,
        error=applied.error,
        plan_id=plan_id,
        duration=time.monotonic() - started,
    )


def _failure(job: Job, error: Exception, started: float) -> JobResult:
    """The result of a job that an exception ended."""
    if not isinstance(error, DirectorySyncError):
        # Our own mistake: the traceback belongs into the log, and nothing else may be lost for it.
        log.error("The job failed unexpectedly. job=%s", job.name, exc_info=error)
        text = f"unexpected {type(error).__name__}: {error}. See the log, and report this."
        wrapped = DirectorySyncError(text)
        wrapped.__cause__ = error
        error = wrapped
    return JobResult(
        job=job.name,
        state=JobState.INCOMPLETE if isinstance(error, IncompleteListing) else JobState.FAILED,
        message=str(error),
        error=error,
        duration=time.monotonic() - started,
    )


def _record(store: Store, attempt: JobRun, result: JobResult) -> JobResult:
    store.finish_job(
        attempt.id,
        result.state.value,
        statistics=result.statistics,
        message=result.message,
        warnings=result.warnings,
        problems=result.problems,
    )
    return result
