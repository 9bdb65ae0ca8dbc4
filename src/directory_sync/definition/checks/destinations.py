"""Checks of where a job writes: containers and base, the managed set, what happens to objects whose record is
gone.
"""

from __future__ import annotations

from collections.abc import Iterator

from directory_sync.definition.checks.sources import check_file
from directory_sync.definition.checks.syntax import (
    attribute_wrong,
    dn_wrong,
    filter_wrong,
    template_wrong,
)
from directory_sync.definition.models import (
    DirectoryDestination,
    DirectorySource,
    DisableMissing,
    FieldContainer,
    FileEndpoint,
    FileMode,
    Job,
    MoveMissing,
    ObjectKind,
    Scope,
    SqlDestination,
    TemplateContainer,
)
from directory_sync.definition.nodes import Path
from directory_sync.definition.places import Places
from directory_sync.definition.problems import Problem
from directory_sync.definition.regions import Region
from directory_sync.dn import comparable, inside

_CAN_BE_DISABLED = {ObjectKind.USER, ObjectKind.INET_ORG_PERSON, ObjectKind.MAIL_USER}


def check_destination(job: Job, path: Path, places: Places) -> Iterator[Problem]:
    """Check a job's destination and what it does with missing records there."""
    destination, at = job.destination, (*path, "destination")
    if isinstance(destination, DirectoryDestination):
        yield from _check_directory(job, destination, path, places)
    else:
        yield from _check_table(job, destination, path, places)
    if isinstance(destination, FileEndpoint):
        yield from check_file(destination, at, places)
        if destination.filter is not None:
            message = "chooses records of a source; everything in a destination's file is managed"
            yield places.problem((*at, "filter"), message, "leave it out", at_key=True)
        yield from _check_mode(job, destination, at, places)
    yield from _check_missing_at_source(job, path, places)
    yield from _check_overlap(job, at, places)


def _check_overlap(job: Job, at: Path, places: Places) -> Iterator[Problem]:
    """A job must not remove, as objects without a record, what are records of its own source."""
    source, destination = job.source, job.destination
    if isinstance(source, FileEndpoint) and isinstance(destination, FileEndpoint):
        if (source.file, source.connection) == (destination.file, destination.connection):
            yield places.problem(
                (*at, "file"),
                "is the source's file too; preview and run will refuse the job",
                "write to another file",
                severity="error" if job.missing_at_source != "skip" else "warning",
            )
        return
    if (
        job.missing_at_source == "skip"
        or not isinstance(source, DirectorySource)
        or not isinstance(destination, DirectoryDestination)
        or source.connection != destination.connection
    ):
        return
    fixed = destination.container if isinstance(destination.container, str) else None
    base = destination.base or fixed
    here, there = comparable(source.container), comparable(base) if base is not None else None
    if not here or not there:
        return
    selected = Region(tuple(reversed(here)), source.scope)
    key = "container" if destination.base is None else "base"
    if selected.overlaps(Region(tuple(reversed(there)), destination.scope)):
        yield places.problem(
            (*at, key),
            "overlaps the source's container: records of the source could be removed as objects whose record"
            " is missing",
            "choose containers of which neither holds the other, or write missing_at_source: skip",
        )
    if isinstance(job.missing_at_source, MoveMissing) and (moved := comparable(job.missing_at_source.move)):
        target = tuple(reversed(moved))
        if selected.holds((*target, None)):
            yield places.problem(
                (*at[:-1], "missing_at_source", "move"),
                "is read by the source: what is moved there would become a record",
                "choose a container that the source does not read",
            )


def _check_mode(job: Job, destination: FileEndpoint, at: Path, places: Places) -> Iterator[Problem]:
    """What a mode does with records that the file holds already must agree with what the job does with
    missing ones.
    """
    if destination.mode is FileMode.APPEND and job.missing_at_source != "skip":
        message = "append removes nothing, but missing_at_source does"
        yield places.problem(
            (*at, "mode"), message, "write missing_at_source: skip, or mode: merge", at_key=True
        )


def _check_directory(
    job: Job, destination: DirectoryDestination, path: Path, places: Places
) -> Iterator[Problem]:
    at = (*path, "destination")
    yield from _check_container(job, destination, at, places)
    if destination.base is not None and (wrong := dn_wrong(destination.base)):
        yield places.problem((*at, "base"), *wrong)
    if destination.filter is not None and (wrong := filter_wrong(destination.filter)):
        yield places.problem((*at, "filter"), *wrong)
    if destination.filter is None and job.missing_at_source != "skip":
        yield places.problem(
            (*at, "filter"),
            "is missing: missing_at_source would concern everything there",
            "say by a filter which objects are managed, as in (objectClass=user)",
        )
    if destination.scope is Scope.BASE and job.missing_at_destination == "create":
        yield places.problem(
            (*at, "scope"),
            "new objects would never be found again with scope base",
            "write subtree or one, or missing_at_destination: skip",
        )
    if job.object is ObjectKind.ROW:
        yield places.problem(
            (*path, "object"),
            "a directory holds no rows",
            "write the kind of object, as in user, inetOrgPerson or group",
        )
    for index, name in enumerate(job.object_classes or ()):
        if wrong := attribute_wrong(name):
            yield places.problem(
                (*path, "object_classes", index), "is not the name of an object class", wrong[1]
            )
    if job.rdn is not None and (wrong := attribute_wrong(job.rdn)):
        yield places.problem((*path, "rdn"), *wrong)


def _check_container(
    job: Job, destination: DirectoryDestination, at: Path, places: Places
) -> Iterator[Problem]:
    container = destination.container
    if isinstance(container, str):
        if wrong := dn_wrong(container):
            yield places.problem((*at, "container"), *wrong)
        yield from _check_base(job, container, destination, at, places)
        if destination.move_existing:
            yield places.problem(
                (*at, "move_existing"),
                "needs a container that is computed",
                "write container: {field: NAME} or {template: TEXT}, or leave move_existing out",
            )
        return
    if isinstance(container, TemplateContainer) and (wrong := template_wrong(container.template, names=True)):
        yield places.problem((*at, "container", "template"), *wrong)
    if destination.base is None:
        kind = "field" if isinstance(container, FieldContainer) else "template"
        yield places.problem(
            (*at, "base"),
            "is missing",
            f"give the DN below which existing objects are looked for: the container is a {kind}",
        )


def _check_base(
    job: Job, container: str, destination: DirectoryDestination, at: Path, places: Places
) -> Iterator[Problem]:
    """Objects that a job creates must be among those that it looks at the next time."""
    here, base = comparable(container), comparable(destination.base) if destination.base is not None else None
    if not here or not base or job.missing_at_destination == "skip":
        return
    hint = "give a container inside base, or another base"
    if not inside(here, base):
        yield places.problem(
            (*at, "container"), "is outside of base, so new objects would never be found again", hint
        )
    elif destination.scope is Scope.ONE and here != base:
        yield places.problem(
            (*at, "container"),
            "is deeper than base with scope one, so new objects would never be found again",
            "write scope: subtree, or the same base",
        )


def _check_table(
    job: Job, destination: SqlDestination | FileEndpoint, path: Path, places: Places
) -> Iterator[Problem]:
    if isinstance(destination, SqlDestination) and job.object is not ObjectKind.ROW:
        yield places.problem((*path, "object"), "a table holds rows", "write object: row")
    is_ldif = isinstance(destination, FileEndpoint) and destination.has_entries
    if is_ldif and "dn" not in {name.lower() for name in job.fields}:
        yield places.problem(
            (*path, "fields"),
            "an LDIF file needs a field dn",
            'map it, as in dn: {template: "cn={{ cn }},ou=People,dc=example"}',
            at_key=True,
        )
    if is_ldif and job.object_classes is not None and "objectclass" in {name.lower() for name in job.fields}:
        message = "counts only for records without a value for objectClass, which is mapped"
        yield places.problem(
            (*path, "object_classes"), message, "map only one of them", severity="warning", at_key=True
        )
    for key, value in (("rdn", job.rdn), ("object_classes", job.object_classes)):
        if value is not None and not is_ldif:
            yield places.problem(
                (*path, key),
                "has no effect: the destination is no directory",
                "leave it out",
                severity="warning",
                at_key=True,
            )


def _check_moved_to(
    moved: str, destination: DirectoryDestination, at: Path, places: Places
) -> Iterator[Problem]:
    """What lies where objects without a record are moved to counts as having left, so a job's own place is no
    such place.
    """
    target = comparable(moved)
    fixed = destination.container if isinstance(destination.container, str) else None
    for key, value in (("container", fixed), ("base", destination.base)):
        if value is not None and target and (own := comparable(value)) and inside(own, target):
            yield places.problem(
                at,
                f"holds the destination's {key}: what is there counts as having left, so nothing would ever"
                " be moved",
                "choose a container of its own for those that have left",
            )
            return


def _check_missing_at_source(job: Job, path: Path, places: Places) -> Iterator[Problem]:
    action, at = job.missing_at_source, (*path, "missing_at_source")
    moves = isinstance(action, MoveMissing)
    disables = (
        action == "disable"
        or isinstance(action, DisableMissing)
        or (isinstance(action, MoveMissing) and action.disable)
    )
    if isinstance(action, MoveMissing) and (wrong := dn_wrong(action.move)):
        yield places.problem((*at, "move"), *wrong)
    elif isinstance(action, MoveMissing) and isinstance(job.destination, DirectoryDestination):
        yield from _check_moved_to(action.move, job.destination, (*at, "move"), places)
    if not isinstance(job.destination, DirectoryDestination):
        if moves or disables:
            yield places.problem(
                at, "only objects of a directory can be moved or disabled", "write delete or skip"
            )
    elif disables and job.object not in _CAN_BE_DISABLED:
        yield places.problem(
            at,
            f"an object of the kind {job.object.value} cannot be disabled",
            'write delete, skip, or {move: "DN"} without disable',
        )
    if job.returning == "restore" and not (moves or disables):
        yield places.problem(
            (*path, "returning"),
            "has no effect: nothing is moved or disabled",
            "leave it out",
            severity="warning",
            at_key=True,
        )
