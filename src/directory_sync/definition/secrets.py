"""Which fields hold secrets, so that nothing that people read shows their values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from directory_sync.definition.checks.fields import source_fields
from directory_sync.definition.models import GeneratePassword, Job, Script, Template
from directory_sync.definition.passwords import is_password

IsSecret = Callable[[str], bool]
"""Says of a field's name whether its values must not be shown."""


def secret_fields(job: Job) -> IsSecret:
    """Which destination fields of a job are secret: marked as such, generated passwords, and password
    attributes.
    """
    marked = frozenset(name.lower() for name in marked_secret([job]))
    return lambda field: field.lower() in marked or is_password(field)


def marked_secret(jobs: Iterable[Job]) -> frozenset[str]:
    """The destination fields that jobs mark as secret, and generated passwords, as the jobs spell them."""
    return frozenset(
        name
        for job in jobs
        for name, mapping in job.fields.items()
        if mapping.secret or isinstance(mapping, GeneratePassword)
    )


def marked_secret_in(definition: Mapping[str, Any]) -> frozenset[str]:
    """The same of a stored definition, read as it is: one that this version's models refuse counts too."""
    return frozenset(
        name
        for job in definition.get("jobs") or ()
        for name, mapping in (job.get("fields") or {}).items()
        if isinstance(mapping, Mapping) and (mapping.get("secret") or "generate_password" in mapping)
    )


def secret_source_fields(job: Job, fields: Iterable[str]) -> IsSecret:
    """Which of the source fields that a job reads are secret: password attributes, and what its secret fields
    are made of.
    """
    secret = [mapping for name, mapping in job.fields.items() if mapping.secret or is_password(name)]
    if any(isinstance(mapping, Script) for mapping in secret):
        return lambda field: True  # a script may read anything
    named = {name.lower() for mapping in secret for _, name in source_fields(mapping)}
    # What a template names is looked for as text: rather one too many than one too few.
    templates = [mapping.template.lower() for mapping in secret if isinstance(mapping, Template)]
    named |= {field.lower() for field in fields if any(field.lower() in text for text in templates)}
    return lambda field: field.lower() in named or is_password(field)
