"""The tasks of a collection's DAG and the order between them: Airflow's own trigger rules make the
collection's rules true.

`ONE_DONE` on one predecessor runs a job after it succeeded or failed, and skips the job if it was skipped: so
each job comes after exactly one task. Waiting for approval is off to the side, and holds no one up who does
not ask for it.

Groups fold the tasks that are no jobs to one row of Airflow's grid. They change no task id, and a group never
stands both before and after a job: Airflow refuses that.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import BaseOperator, TaskGroup, TriggerRule

from directory_sync.airflow import task_ids
from directory_sync.airflow.apply_operator import ApplyOperator
from directory_sync.airflow.close_run import CloseRunOperator
from directory_sync.airflow.gate import ApprovalSensor
from directory_sync.airflow.operators import SyncJobOperator
from directory_sync.airflow.report_run import ReportOperator
from directory_sync.airflow.settled import SettledOperator
from directory_sync.definition.documents import Document
from directory_sync.definition.export import complete, digest_of
from directory_sync.definition.models import Collection, FailureAction, Job
from directory_sync.definition.saved_documents import text_digest

_RETRY_DELAY = timedelta(minutes=1)
_MAX_RETRY_DELAY = timedelta(minutes=15)
_APPLY_RETRIES = 2
_PATIENCE = 60
"""Tries of a task that only asks the store: with the pauses in between more than half a day, so that an
outage costs nothing.
"""


def add_tasks(collection: Collection, document: Document | None, *, gated: Callable[[Job], bool]) -> None:
    """Add a collection's tasks to the DAG that is being built.

    Args:
        collection: its definition.
        document: what the definition was read from, or None.
        gated: whether a job's plans may need approval.
    """
    definition: dict[str, Any] = {
        "collection": collection,
        "definition_digest": digest_of(complete(collection)),
        **({} if document is None else _read_from(document)),
    }
    gates = [job.name for job in collection.enabled_jobs if gated(job)]
    waited_for = {job.name for job in collection.enabled_jobs[:-1] if job.wait_for_approval} & set(gates)
    reported = collection.notifications is not None and bool(gates)
    # Closing alone needs no group.
    many = reported or len(gates) > len(waited_for)
    after = _group(task_ids.AFTER_JOBS, "Approvals and end of run") if many else None
    close = CloseRunOperator(
        task_id=task_ids.CLOSE,
        task_group=after,
        **definition,
        trigger_rule=TriggerRule.ALL_DONE,
        retries=2,
        retry_delay=_RETRY_DELAY,
    )
    previous: BaseOperator | None = None
    jobs: list[BaseOperator] = []
    for job in collection.enabled_jobs:
        task = SyncJobOperator(
            task_id=job.name,
            job=job.name,
            **definition,
            trigger_rule=TriggerRule.ALL_SUCCESS if previous is None else TriggerRule.ONE_DONE,
            retries=job.retries,
            retry_delay=_RETRY_DELAY,
            retry_exponential_backoff=2.0,
            max_retry_delay=_MAX_RETRY_DELAY,
        )
        if previous is not None:
            previous >> task
        task >> close
        jobs.append(task)
        decision = None
        if job.name in waited_for:
            decision = _group(task_ids.decision_of(job.name), f"Approval of {job.name}")
        apply = _add_gate(definition, job, task, decision or after) if job.name in gates else None
        if apply is not None:
            apply >> close
        previous = task if job is collection.enabled_jobs[-1] else _add_marker(job, task, apply, decision)
    if reported:
        report = ReportOperator(
            task_id=task_ids.REPORT,
            task_group=after,
            **definition,
            # When all jobs are done, but for what waits next to them.
            trigger_rule=TriggerRule.ALL_DONE,
            retries=2,
            retry_delay=_RETRY_DELAY,
        )
        jobs >> report >> close


def _read_from(document: Document) -> dict[str, str]:
    return {
        "origin": document.origin,
        "version": document.version,
        "text_digest": text_digest(document),
    }


def _group(group_id: str, title: str) -> TaskGroup:
    return TaskGroup(group_id, prefix_group_id=False, group_display_name=title, tooltip=title)


def _add_gate(
    definition: dict[str, Any], job: Job, task: SyncJobOperator, group: TaskGroup | None
) -> ApplyOperator:
    """The gate of a job, and after it the task that applies what was approved; both are skipped if
    nothing is to be.
    """
    gate = ApprovalSensor(
        task_id=task_ids.approval_of(job.name),
        task_group=group,
        job=job.name,
        # Also after a job whose task has failed: it may have been killed when its request was filed already.
        trigger_rule=TriggerRule.ONE_DONE,
        retries=_PATIENCE,
        retry_delay=_RETRY_DELAY,
        retry_exponential_backoff=2.0,
        max_retry_delay=_MAX_RETRY_DELAY,
    )
    apply = ApplyOperator(
        task_id=task_ids.apply_of(job.name),
        task_group=group,
        job=job.name,
        **definition,
        # Someone has agreed to it, and going on with the same plan is safe: a lost worker is no reason to
        # leave it half done.
        retries=max(job.retries, _APPLY_RETRIES),
        retry_delay=_RETRY_DELAY,
        retry_exponential_backoff=2.0,
        max_retry_delay=_MAX_RETRY_DELAY,
    )
    task >> gate >> apply
    return apply


def _add_marker(
    job: Job, task: SyncJobOperator, apply: ApplyOperator | None, group: TaskGroup | None
) -> BaseOperator:
    """What the next job comes after: it succeeds when that job may run, and is skipped, or not run, when it
    may not.
    """
    abort = job.on_failure is FailureAction.ABORT
    marker: BaseOperator
    if apply is not None and job.wait_for_approval:
        marker = SettledOperator(
            task_id=task_ids.settled_of(job.name),
            task_group=group,
            job=job.name,
            abort=abort,
            trigger_rule=TriggerRule.ALL_DONE,
            retries=_PATIENCE,
            retry_delay=_RETRY_DELAY,
            retry_exponential_backoff=2.0,
            max_retry_delay=_MAX_RETRY_DELAY,
        )
        [task, apply] >> marker
    elif abort:
        marker = EmptyOperator(task_id=task_ids.success_of(job.name))
        task >> marker
    else:
        return task
    return marker
