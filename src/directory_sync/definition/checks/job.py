"""Checks of a job's settings that belong to neither endpoint nor field."""

from __future__ import annotations

from collections.abc import Iterator

from directory_sync.definition.models import ApprovalPolicy, Job
from directory_sync.definition.nodes import Path
from directory_sync.definition.places import Places
from directory_sync.definition.problems import Problem


def check_job(job: Job, policy: ApprovalPolicy | None, path: Path, places: Places) -> Iterator[Problem]:
    """Check a job; `policy` is the approval policy that counts for it."""
    if job.wait_for_approval and policy is None:
        yield places.problem(
            (*path, "wait_for_approval"),
            "has no effect: the job needs no approval",
            "give it an approval policy, or leave this out",
            severity="warning",
            at_key=True,
        )
