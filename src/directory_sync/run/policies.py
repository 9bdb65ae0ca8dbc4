"""Which approval policy counts for a job: its own or its collection's, tightened by the deployment's minimum."""

from __future__ import annotations

from directory_sync.approval.minimum import tighten
from directory_sync.approval.policy import EffectivePolicy
from directory_sync.definition.models import ApprovalPolicy, Collection, Job


def policy_for(collection: Collection, job: Job, minimum: ApprovalPolicy | None) -> EffectivePolicy | None:
    """The policy that counts for a job; None if none of its plans ever needs approval.

    Args:
        collection: the job's.
        job: the job.
        minimum: the deployment's (setting `approval_minimum`), or None.
    """
    return tighten(minimum, collection.policy_of(job))
