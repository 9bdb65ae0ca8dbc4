"""Checks of the field mapping: names, keys, mandatory fields of the kind, and each transformation."""

from __future__ import annotations

import re
from collections.abc import Iterator

from directory_sync.definition.attribute_names import one_type
from directory_sync.definition.checks.syntax import attribute_wrong, dn_wrong, template_fields, template_wrong
from directory_sync.definition.models import (
    AnyField,
    Copy,
    DirectoryDestination,
    DirectorySource,
    FieldContainer,
    FieldMapping,
    FileEndpoint,
    GeneratePassword,
    Job,
    Join,
    Left,
    LookUp,
    Map,
    Members,
    ObjectKind,
    OnMissing,
    Resolve,
    Static,
    Substring,
    Template,
    Transformation,
)
from directory_sync.definition.nodes import Path
from directory_sync.definition.places import Places
from directory_sync.definition.problems import Code, Problem, suggest

VARIABLES = ("NOW", "TODAY", "COLLECTION", "JOB", "RUN", "HOST")
"""Names that static texts may hold between percent signs."""

MANDATORY: dict[ObjectKind, tuple[str, ...]] = {
    ObjectKind.USER: (),
    ObjectKind.INET_ORG_PERSON: ("cn", "sn"),
    ObjectKind.CONTACT: ("cn",),
    ObjectKind.GROUP: ("cn",),
    ObjectKind.ORGANIZATIONAL_UNIT: ("ou",),
    ObjectKind.MAIL_USER: ("cn", "mail"),
    ObjectKind.MAIL_CONTACT: ("cn", "mail"),
    ObjectKind.ROW: (),
}
"""Fields without which an object of the kind cannot be created, whatever the server; the naming attribute
comes on top.
"""

_VARIABLE = re.compile(r"%([A-Z][A-Z0-9_]*)%")
_NEVER_A_KEY: dict[type[FieldMapping], str] = {
    GeneratePassword: "a generated password",
    Members: "the members of a group",
    Static: "a fixed text",
}


def check_fields(job: Job, path: Path, places: Places) -> Iterator[Problem]:
    """Check a job's field mapping."""
    at = (*path, "fields")
    yield from _check_names(job, at, places)
    yield from _check_mandatory(job, at, places)
    if not job.keys:
        yield places.problem(
            at,
            "no field is a key",
            "mark the field by which records and objects are matched, as in {from: employeeID, key: true}",
            at_key=True,
            code=Code.NO_KEY,
        )
    for name, mapping in job.fields.items():
        yield from _check_key(mapping, (*at, name), places)
        yield from _check_source_names(job, mapping, (*at, name), places)
        yield from _check_transformation(job, mapping, (*at, name), places)
        yield from _check_exact(mapping, (*at, name), places)
    container = getattr(job.destination, "container", None)
    if (
        isinstance(container, FieldContainer)
        and isinstance(job.source, DirectorySource)
        and (wrong := attribute_wrong(container.field))
    ):
        yield places.problem((*path, "destination", "container", "field"), *wrong)


def _check_names(job: Job, at: Path, places: Places) -> Iterator[Problem]:
    first: dict[str, str] = {}
    has_attributes = isinstance(job.destination, DirectoryDestination) or _is_ldif(job)
    for name in job.fields:
        one = _one_name(name) if has_attributes else name.lower()
        other = first.setdefault(one, name)
        if other != name:
            line = places.key((*at, other)).line
            hint = (
                "names differ by more than case"
                if other.lower() == name.lower()
                else "the two are names of one attribute"
            )
            yield places.problem(
                (*at, name), f"is the same field as {other} in line {line}", hint, at_key=True
            )
        if not isinstance(job.destination, DirectoryDestination):
            continue
        if wrong := attribute_wrong(name):
            yield places.problem((*at, name), *wrong, at_key=True)
        elif name.lower().removeprefix("oid.") in ("objectclass", "2.5.4.0"):
            yield places.problem(
                (*at, name),
                "the object classes are not a field",
                "give object_classes in the job",
                at_key=True,
            )
        elif name.lower() == "dn":
            yield places.problem(
                (*at, name),
                "the DN is not a field",
                "it comes from destination's container and rdn",
                at_key=True,
            )


def _one_name(name: str) -> str:
    """The same for all names of an attribute, with its options; `binary` is only about transfer (RFC
    4522).
    """
    base, *options = name.lower().split(";")
    return ";".join((one_type(base), *sorted(option for option in options if option != "binary")))


def _is_ldif(job: Job) -> bool:
    return isinstance(job.destination, FileEndpoint) and job.destination.has_entries


def _check_mandatory(job: Job, at: Path, places: Places) -> Iterator[Problem]:
    is_ldif = _is_ldif(job)
    if job.missing_at_destination != "create" or not (
        is_ldif or isinstance(job.destination, DirectoryDestination)
    ):
        return
    mapped = {one_type(name) for name in job.fields}
    # Other classes have other mandatory fields, which only the destination's schema knows.
    wanted = () if job.object_classes else MANDATORY[job.object]
    for name in wanted:
        if name not in mapped:
            yield places.problem(
                at, f"{name} is missing: every {job.object.value} needs it", f"map {name}", at_key=True
            )
    naming = job.naming_attribute
    if not is_ldif and naming.lower() not in {*map(str.lower, job.fields), *wanted}:
        hint = f"map {naming}, or name another naming attribute by rdn, or write missing_at_destination: skip"
        yield places.problem(at, f"{naming} is missing: it names new objects", hint, at_key=True)


def _check_key(mapping: AnyField, at: Path, places: Places) -> Iterator[Problem]:
    if not mapping.key:
        return
    if what := _NEVER_A_KEY.get(type(mapping)):
        yield places.problem(
            (*at, "key"), f"{what} cannot tell records apart", "make another field the key", at_key=True
        )
    if mapping.keep_if_empty:
        yield places.problem(
            (*at, "keep_if_empty"), "a key is never empty", "leave keep_if_empty out", at_key=True
        )
    if mapping.secret:
        yield places.problem(
            (*at, "secret"), "a key is shown in plans and reports", "make another field the key", at_key=True
        )


def _check_source_names(job: Job, mapping: AnyField, at: Path, places: Places) -> Iterator[Problem]:
    """Source fields of a directory, and fields that are looked up in one, are attributes."""
    names: list[tuple[Path, str]] = []
    if isinstance(job.source, DirectorySource):
        names = [((*at, *key), name) for key, name in source_fields(mapping)]
        if isinstance(mapping, Template):
            names = [((*at, "template"), name) for name in template_fields(mapping.template)]
    if isinstance(mapping, LookUp):
        in_list = not isinstance(mapping.match, str)
        names += [
            ((*at, "match", *((index,) if in_list else ())), name)
            for index, name in enumerate(mapping.matches)
        ]
    for path, name in names:
        if wrong := attribute_wrong(name):
            yield places.problem(path, *wrong)


def source_fields(mapping: FieldMapping) -> list[tuple[Path, str]]:
    """The source fields that a mapping names, each with the path of the key; variables of templates are not
    among them.
    """
    match mapping:
        case Copy(from_=name):
            return [(("from",), name)]
        case Join(join=names):
            return [(("join", index), name) for index, name in enumerate(names)]
        case Left(left=name):
            return [(("left",), name)]
        case Substring(substring=name):
            return [(("substring",), name)]
        case Map(map=name):
            return [(("map",), name)]
        case Resolve(resolve=name):
            return [(("resolve",), name)]
        case Members(members=name):
            return [(("members",), name)]
        case _:
            return []


def _check_transformation(job: Job, mapping: AnyField, at: Path, places: Places) -> Iterator[Problem]:
    match mapping:
        case Static():
            yield from _check_variables(mapping, at, places)
        case Template():
            if wrong := template_wrong(mapping.template):
                yield places.problem((*at, "template"), *wrong)
        case Map():
            if not mapping.values and mapping.default is None:
                yield places.problem(
                    (*at, "values"),
                    "is empty, and there is no default",
                    "give at least one code and its value",
                )
        case GeneratePassword():
            yield from _check_password(mapping, at, places)
        case Resolve() | Members():
            yield from _check_look_up(job, mapping, at, places)
    if isinstance(mapping, Transformation) and mapping.on_missing is OnMissing.EMPTY and mapping.key:
        message = "a key is never empty"
        yield places.problem((*at, "on_missing"), message, "write on_missing: skip or fail", at_key=True)


def _check_exact(mapping: AnyField, at: Path, places: Places) -> Iterator[Problem]:
    if not mapping.exact:
        return
    if isinstance(mapping, LookUp | GeneratePassword):
        what = "generated" if isinstance(mapping, GeneratePassword) else "looked up at the destination"
        message = f"there is no spelling at the source: the value is {what}"
        yield places.problem((*at, "exact"), message, "leave it out", at_key=True)
    elif mapping.new_only:
        message = (
            "has no effect: the field is written only when the object is created, as the source spells it"
        )
        yield places.problem(
            (*at, "exact"), message, "leave exact or new_only out", severity="warning", at_key=True
        )


def _check_password(mapping: GeneratePassword, at: Path, places: Places) -> Iterator[Problem]:
    rule = mapping.generate_password
    if not (rule.upper or rule.lower or rule.digits or rule.symbols):
        hint = "switch on upper, lower or digits, or give symbols"
        yield places.problem((*at, "generate_password"), "no characters are left to make a password of", hint)
    if not mapping.new_only:
        yield places.problem(at, "every run would set a new password", "write new_only: true", at_key=True)


def _check_look_up(job: Job, mapping: Resolve | Members, at: Path, places: Places) -> Iterator[Problem]:
    if mapping.within is not None and (wrong := dn_wrong(mapping.within)):
        yield places.problem((*at, "within"), *wrong)
    if len({name.lower() for name in mapping.matches}) < len(mapping.matches):
        yield places.problem((*at, "match"), "names a field twice", "name each field once", at_key=True)
    if not isinstance(job.destination, DirectoryDestination):
        what = "members" if isinstance(mapping, Members) else "resolve"
        message = f"{what} looks objects up in a directory, and the destination is none"
        yield places.problem(at, message, "copy the field by from")
    elif isinstance(mapping, Members) and job.object is not ObjectKind.GROUP:
        yield places.problem(
            at, f"only a group has members, not a {job.object.value}", "write object: group, or copy by from"
        )


def _check_variables(mapping: Static, at: Path, places: Places) -> Iterator[Problem]:
    texts = [mapping.static] if isinstance(mapping.static, str) else mapping.static
    for index, text in enumerate(texts):
        path = (*at, "static") if isinstance(mapping.static, str) else (*at, "static", index)
        for name in dict.fromkeys(_VARIABLE.findall(text)):
            if name not in VARIABLES:
                # Only a warning: %USERNAME% and the like are real values in Active Directory.
                hint = suggest(
                    name, VARIABLES, f"there are: {', '.join(f'%{known}%' for known in VARIABLES)}"
                )
                yield places.problem(
                    path, f"%{name}% is no variable and stays as it is", hint, severity="warning"
                )
