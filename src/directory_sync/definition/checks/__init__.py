"""Everything about a collection that can be checked without a connection and that its models alone cannot
say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from directory_sync.definition.checks.collection import check_collection, check_job, check_policy
from directory_sync.definition.checks.destinations import check_destination
from directory_sync.definition.checks.fields import check_fields
from directory_sync.definition.checks.sources import check_source
from directory_sync.definition.models import ApprovalPolicy, Collection
from directory_sync.definition.places import Places
from directory_sync.definition.problems import Problem


def check(
    collection: Collection, places: Places | None = None, jobs: Sequence[int] | None = None
) -> list[Problem]:
    """Find errors and warnings.

    Args:
        collection: what to check.
        places: where the collection's keys stand; without it, problems name the collection instead of a file.
        jobs: the place in the file of each of the collection's jobs, if some were left out.
    """
    places = places or Places.none(collection.name)
    return list(_check(collection, places, jobs or range(len(collection.jobs))))


def _check(collection: Collection, places: Places, jobs: Sequence[int]) -> Iterator[Problem]:
    yield from check_collection(collection, places, jobs)
    if isinstance(collection.approval, ApprovalPolicy):
        fields = {name for job in collection.jobs if job.approval is None for name in job.fields}
        yield from check_policy(collection.approval, ("approval",), fields, places)
    for index, job in zip(jobs, collection.jobs, strict=True):
        path = ("jobs", index)
        yield from check_source(job, path, places)
        yield from check_destination(job, path, places)
        yield from check_fields(job, path, places)
        yield from check_job(job, collection.policy_of(job), path, places)
        if isinstance(job.approval, ApprovalPolicy):
            yield from check_policy(job.approval, (*path, "approval"), set(job.fields), places)
