"""Whether a collection keeps to the deployment's rules for connections. Pure; `words` says what is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Collection as Roles
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from directory_sync.definition.models import (
    Collection,
    DirectoryDestination,
    Job,
    ObjectKind,
    UnmanagedMatch,
)
from directory_sync.definition.nodes import Path
from directory_sync.definition.passwords import is_password
from directory_sync.rights.connection_rules import ConnectionRules, DestinationRule, SideRule
from directory_sync.rights.kinds import asks_for, classes_of, foreign_classes, named_by
from directory_sync.rights.written import OBJECT_CLASS, Way, field_type, holds_entries, written_fields

Side = Literal["source", "destination"]


class RuleCode(StrEnum):
    """What a collection breaks a rule by."""

    ROLES = "roles"
    """None of the roles stored with it may use the connection on this side."""
    SPELLED_OTHERWISE = "spelled_otherwise"
    """The rules name a connection that a look-up may take for this one."""
    OBJECT = "object"
    """Jobs of this object type may not use it."""
    OBJECT_CLASSES = "object_classes"
    """The job gives new objects classes of other types, or whatever classes a record brings along."""
    OBJECT_FILTER = "object_filter"
    """Only some types may be written, and what the job manages may be of other types."""
    UNMANAGED_MATCH = "unmanaged_match"
    """The same: it may write to objects that its filter does not select."""
    NEVER_WRITE = "never_write"
    """The job writes a field that is never to be written."""
    ONLY_ADMINISTRATORS = "only_administrators"
    """There are no rules, so only administrators choose connections, and this one is new."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What names mean at a destination.

    Attributes:
        field: one name for a field, whichever of its names is given.
        classes: the classes of new objects of these types.
        named_by: the classes by which a filter finds objects of these types.
    """

    field: Callable[[str], str]
    classes: Callable[[Sequence[ObjectKind]], Sequence[str]]
    named_by: Callable[[Sequence[ObjectKind]], Sequence[str]]


UNASKED = Terms(field_type, classes_of, named_by)
"""As far as names are known without asking a directory: the usual ones, of any flavour."""


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """One rule that one job breaks.

    Attributes:
        code: which rule.
        job: the job's name.
        path: where in the collection.
        side: as what the connection is used.
        connection: its name; None for files of the data folder.
        subject: what is not allowed: the object type, a field, classes; of `SPELLED_OTHERWISE`, the rules'
            spelling.
        allowed: what is allowed instead: roles, object types, classes.
        way: how a field comes to be written.
    """

    code: RuleCode
    job: str
    path: Path
    side: Side
    connection: str | None
    subject: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    way: Way | None = None


def broken_rules(
    collection: Collection,
    rules: ConnectionRules | None,
    roles: Roles[str] | None,
    administrators: Roles[str],
) -> list[BrokenRule]:
    """Every rule that a collection breaks, of all its jobs, also of those that are not enabled: a terminal
    can preview those by their names.

    Args:
        collection: complete, with what templates gave.
        rules: the deployment's; None if it has none: then nothing is broken (but see `newly_chosen`).
        roles: those stored with the version of a saved collection; none if the person who saved it was not
            verified. None for a collection from a file, which is bound by object types and fields only.
        administrators: whose saved collections may use what the rules name no roles for.
    """
    if rules is None:
        return []
    return [
        found
        for index, job in enumerate(collection.jobs)
        for found in _of_job(job, ("jobs", index), rules, roles, administrators)
    ]


def newly_chosen(
    collection: Collection,
    before: Collection | None,
    roles: Roles[str],
    administrators: Roles[str],
) -> list[BrokenRule]:
    """Where a deployment has no rules: the places that a person chooses who is no administrator. Only asked
    when a collection is saved.

    Args:
        collection: what is to be saved.
        before: the newest saved version; None for a new collection. What it uses, on the same side, is not
            chosen again.
        roles: the person's.
        administrators: those who may choose.
    """
    if not set(roles).isdisjoint(administrators):
        return []
    known = set() if before is None else {(side, place) for _, _, side, place in _places(before)}
    return [
        BrokenRule(RuleCode.ONLY_ADMINISTRATORS, job.name, path, side, place, allowed=tuple(administrators))
        for job, path, side, place in _places(collection)
        if (side, place) not in known
    ]


def broken_when_saved(
    collection: Collection,
    rules: ConnectionRules | None,
    roles: Roles[str],
    administrators: Roles[str],
    *,
    before: Collection | None,
) -> list[BrokenRule]:
    """What keeps a person with these roles from saving a collection; see `broken_rules`, `newly_chosen`."""
    if rules is None:
        return newly_chosen(collection, before, roles, administrators)
    return broken_rules(collection, rules, roles, administrators)


def _places(collection: Collection) -> Iterator[tuple[Job, Path, Side, str | None]]:
    for index, job in enumerate(collection.jobs):
        for side, path, place in _sides(job, ("jobs", index)):
            yield job, path, side, place


def _sides(job: Job, at: Path) -> Iterator[tuple[Side, Path, str | None]]:
    """What a job uses: its sides, with the connection, or None for the data folder."""
    for side, endpoint in (("source", job.source), ("destination", job.destination)):
        connection = endpoint.connection
        path = (*at, side, *(() if connection is None else ("connection",)))
        yield ("source" if side == "source" else "destination"), path, connection


def _of_job(
    job: Job, at: Path, rules: ConnectionRules, roles: Roles[str] | None, administrators: Roles[str]
) -> Iterator[BrokenRule]:
    for side, path, place in _sides(job, at):
        rule: SideRule = getattr(rules.of(place), side)
        spelled = None if place is None else rules.spelled(place)
        if spelled is not None:
            yield BrokenRule(RuleCode.SPELLED_OTHERWISE, job.name, path, side, place, (spelled,))
            continue
        may = administrators if rule.roles is None else rule.roles
        if roles is not None and set(roles).isdisjoint(may):
            yield BrokenRule(RuleCode.ROLES, job.name, path, side, place, allowed=tuple(may))
        if rule.objects is not None and job.object not in rule.objects:
            allowed = tuple(kind.value for kind in rule.objects)
            yield BrokenRule(
                RuleCode.OBJECT, job.name, (*at, "object"), side, place, (job.object.value,), allowed
            )
        if isinstance(rule, DestinationRule):
            yield from broken_at_destination(job, at, rule)


def broken_at_destination(
    job: Job, at: Path, rule: DestinationRule, terms: Terms = UNASKED
) -> Iterator[BrokenRule]:
    """What a job breaks by what it writes.

    Asked before the destination is opened, and again, in its own terms, before anything is read there: only
    its schema knows all names of an attribute, and only its flavour which class makes an account.
    """
    if rule.objects is not None and holds_entries(job):
        yield from _of_classes(job, at, rule, rule.objects, terms)
    if rule.never_write:
        yield from _of_fields(job, at, rule, terms)


def _of_classes(
    job: Job, at: Path, rule: DestinationRule, kinds: Sequence[ObjectKind], terms: Terms
) -> Iterator[BrokenRule]:
    """Where only some object types may be written: whether the job stays with them."""
    place = job.destination.connection
    usable = (*terms.classes(kinds), *rule.object_classes)
    named = terms.named_by(kinds)

    def broken(code: RuleCode, path: Path, subject: Sequence[str], allowed: Sequence[str]) -> BrokenRule:
        return BrokenRule(code, job.name, (*at, *path), "destination", place, tuple(subject), tuple(allowed))

    if foreign := foreign_classes(job.object_classes or (), usable):
        yield broken(RuleCode.OBJECT_CLASSES, ("object_classes",), foreign, usable)
    for name in job.fields:
        if field_type(name) == field_type(OBJECT_CLASS):
            yield broken(RuleCode.OBJECT_CLASSES, ("fields", name), (), usable)
    if not isinstance(job.destination, DirectoryDestination):
        return
    if not asks_for(job.destination.filter, named):
        yield broken(RuleCode.OBJECT_FILTER, ("destination", "filter"), (), named)
    if job.destination.unmanaged_match is not UnmanagedMatch.REFUSE:
        yield broken(RuleCode.UNMANAGED_MATCH, ("destination", "unmanaged_match"), (), ())


def _of_fields(job: Job, at: Path, rule: DestinationRule, terms: Terms) -> Iterator[BrokenRule]:
    place = job.destination.connection
    never = set(map(terms.field, rule.never_write))
    # Directories take a password under several names, and which one is written is theirs to say.
    no_password = any(map(is_password, rule.never_write))
    for written in written_fields(job):
        broken = terms.field(written.field) in never
        broken |= written.way is Way.PASSWORD and no_password
        broken |= written.way is Way.ANY_NAME and bool(never)
        if broken:
            yield BrokenRule(
                RuleCode.NEVER_WRITE,
                job.name,
                (*at, *written.path),
                "destination",
                place,
                (written.field,),
                way=written.way,
            )
