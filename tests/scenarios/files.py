"""Files as endpoints without a job around them, opened as a run opens them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from directory_sync.definition.models import FileEndpoint, Job
from directory_sync.endpoints import registry
from directory_sync.run.deployment import Deployment
from tests.scenarios.no_connections import NoConnections


def file_source(definition: FileEndpoint, folder: Path) -> Any:
    """The source for a file."""
    job = SimpleNamespace(name="people", source=definition)
    return registry.open_source(cast(Job, job), Deployment(NoConnections(), folder))


def file_destination(
    definition: FileEndpoint,
    folder: Path,
    *,
    keys: Sequence[str],
    fields: Sequence[str],
    naming_attribute: str,
) -> Any:
    """The destination for a file."""
    job = SimpleNamespace(
        name="people",
        destination=definition,
        keys=keys,
        fields=dict.fromkeys(fields),
        naming_attribute=naming_attribute,
    )
    return registry.open_destination(cast(Job, job), Deployment(NoConnections(), folder))
