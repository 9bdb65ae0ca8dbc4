"""What a job does, with everything that it inherits: versions in which that is equal leave it unchanged."""

from __future__ import annotations

from typing import Any

from directory_sync.definition.models import Collection, Job, format_limit
from directory_sync.definition.times import format_window

NAME_OF_COLLECTION = "%COLLECTION%"
"""The variable of static texts that stands for the name of the collection."""


def as_it_counts(collection: Collection, job: Job) -> dict[str, Any]:
    """A job's definition with what it inherits from its collection, defaults included."""
    policy = collection.policy_of(job)
    own = job.model_dump(mode="json", by_alias=True)
    # Where it is written, another name of the collection writes something else.
    name = {"collection": collection.name} if _holds(own["fields"], NAME_OF_COLLECTION) else {}
    return {
        **own,
        **name,
        "limits": {
            kind.value: format_limit(limit) for kind, limit in sorted(collection.limits_of(job).items())
        },
        "approval": None if policy is None else policy.model_dump(mode="json", by_alias=True),
        # The order of fields decides the parts of a row's key, and what equals another does not tell of it.
        "order_of_fields": list(job.fields),
        "limit_window": format_window(collection.window_of(job)),
        "timezone": collection.timezone,
    }


def _holds(value: Any, text: str) -> bool:
    """Whether a text is part of any text in this."""
    if isinstance(value, dict):
        return any(_holds(each, text) for each in value.values())
    if isinstance(value, list):
        return any(_holds(each, text) for each in value)
    return isinstance(value, str) and text in value
