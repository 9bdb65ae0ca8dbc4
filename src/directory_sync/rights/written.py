"""What a job writes at its destination, as far as its definition says: every field, in whatever way."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from directory_sync.definition.attribute_names import one_type
from directory_sync.definition.models import DisableMissing, FileEndpoint, Job, MoveMissing, SqlDestination
from directory_sync.definition.nodes import Path
from directory_sync.definition.passwords import is_password

OBJECT_CLASS = "objectClass"
_DN = "dn"
"""In an LDIF file a field like others; in a directory it is none (`definition.checks.fields`)."""
DISABLING = (
    "userAccountControl",  # Active Directory
    "nsAccountLock",  # 389 Directory Server, FreeIPA
    "pwdAccountLockedTime",  # OpenLDAP (slapo-ppolicy)
    "ds-pwp-account-disabled",  # OpenDJ
    "loginDisabled",  # eDirectory
)
"""Attributes by which directories disable an account. A definition does not say which one is used."""


class Way(StrEnum):
    """How a job comes to write a field."""

    FIELD = "field"
    """It maps it."""
    PASSWORD = "password"  # noqa: S105 - the word, not one
    """It maps a password; directories take it under several names."""
    NAMING = "naming"
    """The field names its objects."""
    CLASSES = "classes"
    """It gives new objects their classes."""
    ANY_NAME = "any_name"
    """It maps the DN itself, so that any field may name its entries."""
    DISABLING = "disabling"
    """It disables objects, or enables them again."""


@dataclass(frozen=True, slots=True)
class Written:
    """One field that a job writes.

    Attributes:
        field: as the definition spells it, or the attribute's usual name where the definition names none.
        way: how.
        path: where in the job that is said.
    """

    field: str
    way: Way
    path: Path


def written_fields(job: Job) -> Iterator[Written]:
    """Every field that a job may write."""
    creates = job.missing_at_destination == "create"
    # What an object is only found by has the same value on both sides, but for its spelling.
    written = [name for name, mapping in job.fields.items() if creates or not mapping.key or mapping.exact]
    for name in written:
        yield Written(name, Way.PASSWORD if is_password(name) else Way.FIELD, ("fields", name))
    if not holds_entries(job):
        return
    if isinstance(job.destination, FileEndpoint):
        for name in job.fields:
            if field_type(name) == _DN:
                yield Written(name, Way.ANY_NAME, ("fields", name))
    naming = job.naming_attribute
    if creates or any(field_type(name) == field_type(naming) for name in written):
        at = ("rdn",) if job.rdn is not None else ("object",)
        yield Written(naming, Way.NAMING, at)
        # What names an object in Active Directory is its `name` too (MS-ADTS 3.1.1.1.4).
        yield Written("name", Way.NAMING, at)
    if job.object_classes is not None:
        yield Written(OBJECT_CLASS, Way.CLASSES, ("object_classes",))
    elif creates:
        yield Written(OBJECT_CLASS, Way.CLASSES, ("missing_at_destination",))
    if _disables(job):
        for name in DISABLING:
            yield Written(name, Way.DISABLING, ("missing_at_source",))


def holds_entries(job: Job) -> bool:
    """Whether the destination holds entries, which have classes and names, rather than rows."""
    destination = job.destination
    if isinstance(destination, FileEndpoint):
        return destination.has_entries
    return not isinstance(destination, SqlDestination)


@lru_cache(4096)
def field_type(name: str) -> str:
    """A field's name as it is compared: whatever its case, options, blanks around it, a leading `OID.`, and
    whichever of its usual names is given.
    """
    plain = unicodedata.normalize("NFKC", name).partition(";")[0].strip().casefold()
    return one_type(plain.removeprefix("oid."))


def _disables(job: Job) -> bool:
    action = job.missing_at_source
    return (
        action == "disable"
        or isinstance(action, DisableMissing)
        or (isinstance(action, MoveMissing) and action.disable)
    )
