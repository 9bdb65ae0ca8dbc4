"""Which fields hold secrets, so that nothing that people read shows their values."""

from __future__ import annotations

from directory_sync.definition.models import GeneratePassword, Job
from directory_sync.definition.support import PASSWORD_ATTRIBUTES

HIDDEN = "***"
"""Stands for a secret value."""


def is_password(field: str) -> bool:
    """Whether a field holds passwords, whatever a definition says; attribute options (`;binary`) do not matter."""
    return field.lower().partition(";")[0] in PASSWORD_ATTRIBUTES


def secret_fields(job: Job) -> frozenset[str]:
    """Lower-case names of the destination fields of a job whose values must not be shown."""
    return frozenset(
        name.lower()
        for name, mapping in job.fields.items()
        if mapping.secret or isinstance(mapping, GeneratePassword) or is_password(name)
    )
