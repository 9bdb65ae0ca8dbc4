"""How the tasks of a collection's DAG are called.

A job's name holds no dot, so nothing here can clash with a job.
"""

from __future__ import annotations

CLOSE = "_close"
"""The task that closes the run."""


REPORT = "_report"
"""The task that lets people hear what is done while something waits for approval."""


AFTER_JOBS = "_after_jobs"
"""The group, and no task, of what no job comes after: approvals, applying, and closing the run."""


def decision_of(job: str) -> str:
    """The group, and no task, of what the jobs after a job wait for until its request is decided."""
    return f"_decision_{job}"


def approval_of(job: str) -> str:
    """The task that waits for the approval of a job's plan."""
    return f"{job}.approval"


def apply_of(job: str) -> str:
    """The task that carries the approved plan out."""
    return f"{job}.apply"


def settled_of(job: str) -> str:
    """The marker after a job that the jobs after it wait for until its request is decided."""
    return f"{job}.settled"


def success_of(job: str) -> str:
    """The marker after a job whose failure keeps the jobs after it from running."""
    return f"{job}.ok"
