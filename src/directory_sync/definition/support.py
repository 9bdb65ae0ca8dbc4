"""What definitions may say and this version does not support yet: one line of the table per feature, deleted
when it is built.

`validate` shows these as warnings; previews and runs refuse such a job before they read anything.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from directory_sync.definition import models
from directory_sync.definition.addresses import EXCEL
from directory_sync.definition.checks.fields import source_fields
from directory_sync.definition.checks.syntax import template_fields
from directory_sync.definition.models import (
    DisableMissing,
    FieldContainer,
    FileEndpoint,
    FileMode,
    GeneratePassword,
    Job,
    LookUp,
    MoveMissing,
    Script,
    SqlDestination,
    SqlSource,
    Template,
    TemplateContainer,
)
from directory_sync.definition.nodes import Path
from directory_sync.definition.passwords import is_password
from directory_sync.definition.places import Places
from directory_sync.definition.problems import Problem
from directory_sync.errors import UnsupportedError

_CONSEQUENCE = "preview and run will refuse the job"


@dataclass(frozen=True, slots=True)
class Feature:
    """Something that is not supported yet.

    Attributes:
        what: completes "… is not supported by this version".
        used: paths within a job at which it is asked for.
    """

    what: str
    used: Callable[[Job], Iterable[Path]]


def _when(path: Path, used: bool) -> list[Path]:
    return [path] if used else []


def _disable(job: Job) -> list[Path]:
    action = job.missing_at_source
    disables = (
        action == "disable"
        or isinstance(action, DisableMissing)
        or (isinstance(action, MoveMissing) and action.disable)
    )
    return _when(("missing_at_source",), disables)


def _steps(job: Job) -> list[Path]:
    action = job.missing_at_source
    later = isinstance(action, MoveMissing | DisableMissing) and action.delete is not None
    return _when(("missing_at_source", "delete"), later)


def _sql(job: Job) -> list[Path]:
    return _when(("source",), isinstance(job.source, SqlSource)) + _when(
        ("destination",), isinstance(job.destination, SqlDestination)
    )


def _files(wanted: Callable[[FileEndpoint], bool], key: str) -> Callable[[Job], list[Path]]:
    def used(job: Job) -> list[Path]:
        sides = {"source": job.source, "destination": job.destination}
        return [
            (side, key)
            for side, endpoint in sides.items()
            if isinstance(endpoint, FileEndpoint) and wanted(endpoint)
        ]

    return used


def _generated_passwords(job: Job) -> list[Path]:
    return [("fields", name) for name, mapping in job.fields.items() if isinstance(mapping, GeneratePassword)]


def _secrets(job: Job) -> list[Path]:
    return [("fields", name, "secret") for name, mapping in job.fields.items() if mapping.secret]


def _passwords(job: Job) -> list[Path]:
    """What writes a password attribute or reads one, also inside a template: in a file its values are no less
    secret.
    """
    found: list[Path] = []
    for name, mapping in job.fields.items():
        if isinstance(mapping, GeneratePassword):
            continue  # refused as such
        read = [field for _, field in source_fields(mapping)]
        if isinstance(mapping, Template):
            read += template_fields(mapping.template)
        if isinstance(mapping, LookUp):
            read += mapping.matches
        if any(map(is_password, (name, *read))):
            found.append(("fields", name))
    container = getattr(job.destination, "container", None)
    named = container.field if isinstance(container, FieldContainer) else ""
    computed = template_fields(container.template) if isinstance(container, TemplateContainer) else ()
    return found + _when(("destination", "container"), any(map(is_password, (named, *computed))))


NOT_YET = (
    Feature("reading only changed records", lambda job: _when(("records",), job.records != "all")),
    Feature("disabling objects", _disable),
    Feature("deleting after a grace period", _steps),
    Feature("returning: restore", lambda job: _when(("returning",), job.returning == "restore")),
    Feature("generated passwords", _generated_passwords),
    Feature("secret fields", _secrets),
    Feature("reading and writing passwords", _passwords),
    Feature("database tables and queries", _sql),
    Feature("Excel files", _files(lambda endpoint: endpoint.kind is EXCEL, "file")),
    Feature(
        "mode: replace and mode: append", _files(lambda endpoint: endpoint.mode is not FileMode.MERGE, "mode")
    ),
    Feature(
        "files on an object store", _files(lambda endpoint: endpoint.connection is not None, "connection")
    ),
)
"""Everything of a job that is not there yet."""


def unsupported(
    collection: models.Collection, *, script_modules: Collection[str], places: Places | None = None
) -> list[Problem]:
    """Warnings about everything in a collection that is not supported here.

    Args:
        collection: what to look at.
        script_modules: modules whose functions the deployment allows as scripts.
        places: where the keys stand (`Loaded.places`).
    """
    places = places or Places.none(collection.name)
    found: list[Problem] = []
    for index, job in enumerate(collection.jobs):
        found.extend(_of_job(job, ("jobs", index), places, script_modules))
    return found


def refuse_unsupported(
    collection: models.Collection,
    jobs: Iterable[Job],
    *,
    script_modules: Collection[str],
    places: Places | None = None,
) -> None:
    """Raise UnsupportedError if one of these jobs is not supported here."""
    places = places or Places.none(collection.name)
    found: list[Problem] = []
    for job in jobs:
        index = next(index for index, other in enumerate(collection.jobs) if other.name == job.name)
        found.extend(_of_job(job, ("jobs", index), places, script_modules))
    if found:
        raise UnsupportedError("\n".join(str(replace(problem, severity="error")) for problem in found))


def _of_job(job: Job, path: Path, places: Places, script_modules: Collection[str]) -> Iterator[Problem]:
    for feature in NOT_YET:
        for used in feature.used(job):
            yield _warning(places, (*path, *used), feature.what)
    for name, mapping in job.fields.items():
        if (
            isinstance(mapping, Script)
            and (module := mapping.script.rpartition(".")[0]) not in script_modules
        ):
            yield places.problem(
                (*path, "fields", name, "script"),
                f"the module {module} is not among the deployment's script_modules; {_CONSEQUENCE}",
                f"add {module} to the setting script_modules if its functions may be run",
                severity="warning",
            )


def _warning(places: Places, path: Path, what: str) -> Problem:
    return places.problem(
        path,
        f"this version does not support {what} yet; {_CONSEQUENCE}",
        "leave it out until a later version",
        severity="warning",
        at_key=True,
    )
