"""What a job did, or would do: its state, figures and plan, as every way of running it tells it."""

from __future__ import annotations

import errno
import logging
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from directory_sync.apply.apply import ApplyResult
from directory_sync.approval.request import MessageCode
from directory_sync.definition.models import Job
from directory_sync.endpoints.change import Outcome
from directory_sync.errors import DirectorySyncError, IncompleteListing, LimitExceeded, RunStopped
from directory_sync.plan.limits import exceeded_text
from directory_sync.plan.model import (
    ChangeSequence,
    LeftAlone,
    LimitCheck,
    Plan,
    PlanEvidence,
    RecordProblem,
    Statistics,
)
from directory_sync.plan.past import Findings
from directory_sync.run.task_ends import REMOVED
from directory_sync.run.verdict import Forecast
from directory_sync.store.runs import JobRun
from directory_sync.store.store import Store

log = logging.getLogger(__name__)

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class JobState(StrEnum):
    """How a job ended.

    The last five: its plan waits for approval, or was not approved, so nothing was written.
    `stopped`: a person has stopped the run; of its plan nothing, a part, or all but a part was written.
    """

    SUCCESS = "success"
    SUCCESS_WITH_ERRORS = "success_with_errors"
    CONFLICTS = "conflicts"
    STOPPED_BY_LIMIT = "stopped_by_limit"
    INCOMPLETE = "incomplete_source"
    FAILED = "failed"
    PREVIEWED = "previewed"
    NOT_RUN = "not_run"
    STOPPED = "stopped"
    WAITING = "waiting"
    DENIED = "denied"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    STALE = "stale"

    @property
    def failed(self) -> bool:
        """Whether the job did not come to its end: counts for failure actions, the run's state and
        retries.
        """
        return self in (JobState.STOPPED_BY_LIMIT, JobState.INCOMPLETE, JobState.FAILED, JobState.STOPPED)

    @property
    def only_planned(self) -> bool:
        """Whether a plan was made, of which nothing was written."""
        return self in (JobState.PREVIEWED, JobState.STOPPED_BY_LIMIT, *NOT_APPROVED)


def has_failed(state: str) -> bool:
    """Whether the job of a run failed, by a `JobState` or one of `task_ends`."""
    return state == REMOVED or (state in set(JobState) and JobState(state).failed)


NOT_APPROVED = (JobState.WAITING, JobState.DENIED, JobState.EXPIRED, JobState.CANCELLED, JobState.STALE)
"""States of a job whose plan was not applied because of what was said, or not said, about it; the run has
the first.
"""


def state_of_run(states: Iterable[JobState], *, preview_only: bool = False) -> JobState:
    """The state of a whole run whose jobs ended so.

    Jobs that were not run say nothing; it was stopped if one of them was, and has failed if one of them has.
    """
    found = set(states) - {JobState.NOT_RUN}
    if JobState.STOPPED in found:
        return JobState.STOPPED
    if any(state.failed for state in found):
        return JobState.FAILED
    if preview_only:
        return JobState.PREVIEWED
    if found - {JobState.SUCCESS, *NOT_APPROVED}:
        return JobState.SUCCESS_WITH_ERRORS
    return next((state for state in NOT_APPROVED if state in found), JobState.SUCCESS)


def state_of_stopped_run(states: Iterable[JobState], *, preview_only: bool = False) -> JobState:
    """The state of a run that a person has stopped: as of any other one if the stop came too late for all of
    its jobs.
    """
    found = set(states)
    if found & {JobState.NOT_RUN, JobState.CANCELLED}:
        return JobState.STOPPED
    return state_of_run(found, preview_only=preview_only)


@dataclass(frozen=True, slots=True)
class JobResult:
    """What a job did, or would do.

    Attributes:
        job: its name.
        state: how it ended.
        statistics: counted after apply; in a preview what would be counted.
        planned: what the plan would do, where nothing of it was written: in a preview, while it waits, or as
            a limit has stopped it; None otherwise.
        digest: the plan's; empty if there was none.
        destination: identity of the place that is written to; empty if that was not reached.
        managed: number of objects that the destination's listing held.
        changes: the plan's changes; empty if there was none.
        outcomes: by place in the plan, of the changes that were not simply done.
        problems: records and objects that were not processed.
        warnings, limits, left_alone, findings, evidence: the plan's.
        message: how it ended, as a sentence; `code`: what it says.
        error: what made it fail.
        plan_id: where the store holds the plan.
        request: the request for approval that the plan waits for, or that has let it be applied.
        forecast: in a preview, what a run that begins now would do with the plan; None otherwise.
        duration: seconds.
    """

    job: str
    state: JobState
    statistics: Statistics = Statistics()
    planned: Statistics | None = None
    digest: str = ""
    destination: str = ""
    managed: int = 0
    changes: ChangeSequence = ()
    outcomes: Mapping[int, Outcome] = field(default_factory=dict)
    problems: tuple[RecordProblem, ...] = ()
    warnings: tuple[str, ...] = ()
    limits: tuple[LimitCheck, ...] = ()
    left_alone: tuple[LeftAlone, ...] = ()
    findings: Findings = field(default_factory=Findings)
    evidence: PlanEvidence | None = None
    message: str = ""
    code: MessageCode = MessageCode.OTHER
    error: DirectorySyncError | None = None
    plan_id: int | None = None
    request: int | None = None
    forecast: Forecast | None = None
    duration: float = 0.0


def planned(plan: Plan, started: float) -> JobResult:
    """The result of a plan that is not applied: a preview, or one that goes past a limit."""
    error = LimitExceeded(exceeded_text(plan.limits)) if plan.exceeded else None
    return JobResult(
        job=plan.job,
        state=JobState.STOPPED_BY_LIMIT if error else JobState.PREVIEWED,
        statistics=plan.statistics,
        planned=plan.statistics,
        digest=plan.digest,
        destination=plan.destination,
        managed=plan.managed,
        changes=plan.changes,
        problems=plan.problems,
        warnings=plan.warnings,
        limits=plan.limits,
        left_alone=plan.left_alone,
        findings=plan.findings,
        evidence=plan.evidence,
        message=str(error) if error else "Nothing was written.",
        error=error,
        duration=time.monotonic() - started,
    )


def stopped(plan: Plan, plan_id: int, started: float) -> JobResult:
    """The result of a plan that is not applied because it goes past a limit."""
    return replace(planned(plan, started), statistics=_nothing_written(plan), plan_id=plan_id)


def waiting(plan: Plan, plan_id: int, request: int, message: str, started: float) -> JobResult:
    """The result of a plan that is not applied before someone has agreed to it."""
    return not_approved(plan, plan_id, request, JobState.WAITING, message, started)


def not_approved(
    plan: Plan, plan_id: int, request: int, state: JobState, message: str, started: float
) -> JobResult:
    """The result of a plan that is not applied because of what was said, or not said, about a request for
    it.
    """
    result = replace(planned(plan, started), state=state, statistics=_nothing_written(plan), error=None)
    return replace(result, message=message, plan_id=plan_id, request=request)


def _nothing_written(plan: Plan) -> Statistics:
    return replace(plan.statistics, created=0, updated=0, moved=0, disabled=0, deleted=0)


def applied(plan: Plan, plan_id: int, outcome: ApplyResult, started: float) -> JobResult:
    """The result of a plan that was applied, or begun."""
    done = outcome.statistics
    statistics = replace(
        done,
        read=plan.statistics.read,
        unchanged=plan.statistics.unchanged,
        skipped=plan.statistics.skipped,
        errors=plan.statistics.errors + done.errors,
    )
    code = MessageCode.OTHER
    if isinstance(outcome.error, RunStopped):
        state, message = JobState.STOPPED, str(outcome.error)
    elif outcome.error is not None:
        state, message = JobState.FAILED, str(outcome.error)
    elif statistics.errors:
        records = "1 record" if statistics.errors == 1 else f"{statistics.errors} records"
        state, message = JobState.SUCCESS_WITH_ERRORS, f"Done, but {records} could not be processed."
    elif done.conflicts:
        state = JobState.CONFLICTS
        objects = "1 object" if done.conflicts == 1 else f"{done.conflicts} objects"
        left = "was left alone" if done.conflicts == 1 else "were left alone"
        message = f"Done, but {objects} had changed meanwhile and {left}. Run the job again."
    else:
        state, message, code = JobState.SUCCESS, "Done.", MessageCode.DONE
    return JobResult(
        job=plan.job,
        state=state,
        statistics=statistics,
        digest=plan.digest,
        destination=plan.destination,
        managed=plan.managed,
        changes=plan.changes,
        outcomes=outcome.outcomes,
        problems=plan.problems,
        warnings=plan.warnings,
        limits=plan.limits,
        left_alone=plan.left_alone,
        evidence=plan.evidence,
        message=message,
        code=code,
        error=outcome.error,
        plan_id=plan_id,
        duration=time.monotonic() - started,
    )


def failure(job: Job, error: Exception, started: float) -> JobResult:
    """The result of a job that an exception ended."""
    error = _explained(error)
    if not isinstance(error, DirectorySyncError):
        # Our own mistake: the traceback belongs into the log, and nothing else may be lost for it.
        log.error("The job failed unexpectedly. job=%s", job.name, exc_info=error)
        text = f"unexpected {type(error).__name__}: {error}. See the log, and report this."
        wrapped = DirectorySyncError(text)
        wrapped.__cause__ = error
        error = wrapped
    state = JobState.FAILED
    if isinstance(error, RunStopped):
        state = JobState.STOPPED
    elif isinstance(error, IncompleteListing):
        state = JobState.INCOMPLETE
    return JobResult(
        job=job.name,
        state=state,
        message=str(error),
        error=error,
        duration=time.monotonic() - started,
    )


def _explained(error: Exception) -> Exception:
    """What a lack of disk or memory means to a user; any other error is returned as it is."""
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        explained = DirectorySyncError(
            f"A temporary file in {tempfile.gettempdir()} could not be written: {error.strerror}. The job"
            " stopped before it wrote anything. Make room there, or let TMPDIR name a folder that has more,"
            " and run the job again."
        )
    elif isinstance(error, MemoryError):
        explained = DirectorySyncError(
            "The memory that this process may use is not enough for the job. Allow it more, or split the job"
            " by a filter, and run it again."
        )
    else:
        return error
    explained.transient = True
    explained.__cause__ = error
    return explained


def record(store: Store, attempt: JobRun, result: JobResult) -> JobResult:
    """Note in the store how an attempt ended."""
    store.runs.finish_job(
        attempt.id,
        result.state.value,
        statistics=result.statistics,
        planned=result.planned,
        message=result.message,
        warnings=result.warnings,
        problems=result.problems,
        request=result.request,
        code=result.code,
    )
    if result.state is JobState.WAITING and result.request is not None:
        # It may have been decided since it was filed, when this job was not known to wait for it.
        store.approvals.settle_waiting(result.request)
    return result
