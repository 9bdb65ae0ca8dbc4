"""Which classes the objects of a type have, whatever the flavour of directory, and whether a job stays with
types that a rule allows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from directory_sync.definition.attribute_names import one_type
from directory_sync.definition.filters import And, Equality, Filter, FilterError, Or, parse
from directory_sync.definition.models import ObjectKind

_PERSON = ("top", "person", "organizationalPerson")
_ACCOUNT = (*_PERSON, "user", "inetOrgPerson")
_CONTACT = (*_PERSON, "contact", "inetOrgPerson")
CLASSES: Mapping[ObjectKind, tuple[str, ...]] = {
    ObjectKind.USER: _ACCOUNT,
    ObjectKind.INET_ORG_PERSON: _ACCOUNT,
    ObjectKind.MAIL_USER: _ACCOUNT,
    ObjectKind.CONTACT: _CONTACT,
    ObjectKind.MAIL_CONTACT: _CONTACT,
    ObjectKind.GROUP: ("top", "group", "groupOfNames"),
    ObjectKind.ORGANIZATIONAL_UNIT: ("top", "organizationalUnit"),
    ObjectKind.ROW: (),
}
"""Object type → the classes of new objects in any flavour of directory."""
NAMED_BY: Mapping[ObjectKind, tuple[str, ...]] = {
    ObjectKind.USER: ("user", "inetOrgPerson"),
    ObjectKind.INET_ORG_PERSON: ("inetOrgPerson",),
    ObjectKind.MAIL_USER: ("user", "inetOrgPerson"),
    ObjectKind.CONTACT: ("contact", "inetOrgPerson"),
    ObjectKind.MAIL_CONTACT: ("contact", "inetOrgPerson"),
    ObjectKind.GROUP: ("group", "groupOfNames"),
    ObjectKind.ORGANIZATIONAL_UNIT: ("organizationalUnit",),
    ObjectKind.ROW: (),
}
"""Object type → the class by which a filter finds its objects: the last one in each flavour."""


def classes_of(kinds: Collection[ObjectKind]) -> list[str]:
    """The classes of new objects of these types, in any flavour."""
    return list(dict.fromkeys(name for kind in kinds for name in CLASSES[kind]))


def named_by(kinds: Collection[ObjectKind]) -> list[str]:
    """The classes by which a filter finds objects of these types, in any flavour."""
    return list(dict.fromkeys(name for kind in kinds for name in NAMED_BY[kind]))


def foreign_classes(classes: Collection[str], allowed: Collection[str]) -> list[str]:
    """Those of the classes that are not allowed."""
    known = {name.lower() for name in allowed}
    return [name for name in classes if name.strip().lower() not in known]


def asks_for(filter: str | None, classes: Collection[str]) -> bool:
    """Whether everything that a filter selects has one of these classes."""
    if filter is None:
        return False
    try:
        tree = parse(filter)
    except FilterError:
        return False
    return _demands(tree, {name.lower().encode() for name in classes})


def _demands(filter: Filter, classes: Collection[bytes]) -> bool:
    match filter:
        case Equality(attribute, value):
            return one_type(attribute) == "objectclass" and value.strip().lower() in classes
        case And(filters):
            return any(_demands(each, classes) for each in filters)
        case Or(filters):
            return bool(filters) and all(_demands(each, classes) for each in filters)
        case _:
            return False
