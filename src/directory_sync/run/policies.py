"""What counts for a job: its policy, tightened by the deployment's minimum, and its limits.

A run goes by the definition that it began with. Where the definition has been tightened since, the stricter
of the two counts, in the policy and in every limit: neither a run that was begun early, nor one that is
brought back later, gets past a new rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from directory_sync.approval.minimum import tighten
from directory_sync.approval.policy import EffectivePolicy
from directory_sync.approval.strictest import strictest
from directory_sync.definition.models import ApprovalPolicy, Collection, Job, Limits, Removal


@dataclass(frozen=True, slots=True)
class JobRules:
    """What counts for one job in one run.

    Attributes:
        policy: None if none of its plans needs approval.
        limits: of each version of the definition that counts; a plan has to stay within all of them. Kinds of
            change that one of them does not name have the defaults there, so that they cannot be put together
            into one.
        window: how long ago removals count too, the longest of all versions.
        remove: what may be removed: everything only if every version says so.
        asks_over_limit: a plan that goes past a limit is asked for instead of being stopped, in every
            version.
    """

    policy: EffectivePolicy | None
    limits: tuple[Limits, ...]
    window: timedelta
    remove: Removal
    asks_over_limit: bool


def policy_for(collection: Collection, job: Job, minimum: ApprovalPolicy | None) -> EffectivePolicy | None:
    """The policy that counts for a job; None if none of its plans ever needs approval.

    Args:
        collection: the job's.
        job: the job.
        minimum: the deployment's (setting `approval_minimum`), or None.
    """
    return tighten(minimum, collection.policy_of(job))


def rules_for(
    began: Collection, now: Collection | None, job: Job, minimum: ApprovalPolicy | None
) -> JobRules:
    """The strictest of what a run began with and what the definition says now.

    Args:
        began: the run's snapshot.
        now: as it is loaded now; None, or one without this job, adds nothing.
        job: the snapshot's.
        minimum: the deployment's, or None.
    """
    versions = [(began, job)]
    if now is not None:
        versions += [(now, each) for each in now.jobs if each.name == job.name]
    policies = [policy_for(collection, each, minimum) for collection, each in versions]
    limits = [collection.limits_of(each) for collection, each in versions]
    return JobRules(
        policy=strictest(policies[-1], policies[0]),
        window=max(collection.window_of(each) for collection, each in versions),
        remove=Removal.ALL if all(each.remove is Removal.ALL for _, each in versions) else Removal.KNOWN,
        limits=tuple(each for i, each in enumerate(limits) if each not in limits[:i]),
        asks_over_limit=all(policy is not None and policy.when == "over_limit" for policy in policies),
    )


def surely_asks(policy: EffectivePolicy | None) -> bool:
    """Whether every plan that changes anything needs approval in a run that the schedule did not start."""
    return (
        policy is not None
        and policy.when in ("always", "manual")
        and not policy.changes
        and not policy.fields
    )
