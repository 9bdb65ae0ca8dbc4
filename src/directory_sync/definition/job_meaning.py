"""What a job does, with everything that it inherits: versions in which that is equal leave it unchanged."""

from __future__ import annotations

from typing import Any

from directory_sync.definition.models import Collection, Job, format_limit
from directory_sync.definition.times import format_window


def as_it_counts(collection: Collection, job: Job) -> dict[str, Any]:
    """A job's definition with what it inherits from its collection, defaults included."""
    policy = collection.policy_of(job)
    return job.model_dump(mode="json", by_alias=True) | {
        "limits": {
            kind.value: format_limit(limit) for kind, limit in sorted(collection.limits_of(job).items())
        },
        "approval": None if policy is None else policy.model_dump(mode="json", by_alias=True),
        # The order of fields decides the parts of a row's key, and what equals another does not tell of it.
        "order_of_fields": list(job.fields),
        "limit_window": format_window(collection.window_of(job)),
        "timezone": collection.timezone,
    }
