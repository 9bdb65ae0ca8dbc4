"""Holds a filter against the schema: what the schema does not have selects nothing, and no one would notice;
and a password may have a name that only the schema knows.
"""

from __future__ import annotations

from collections.abc import Iterable

from directory_sync.definition import filters
from directory_sync.definition.problems import nearest
from directory_sync.endpoints.compared import refuse_comparison
from directory_sync.endpoints.ldap.schema import Schema
from directory_sync.errors import SchemaError

_CLASS_ATTRIBUTES = frozenset({"objectclass", "structuralobjectclass"})
_CATEGORY = "objectcategory"


def check_filter(filter: filters.Filter, schema: Schema, *, label: str) -> None:
    """Raise EndpointError if the filter compares a password, SchemaError if it names an attribute or object
    class that the schema does not have.

    To a server a part with an unknown name is undefined (RFC 4511, section 4.5.1.7): it selects nothing, and
    its opposite neither.
    """
    refuse_comparison(filter, schema.holds_password, label=label)
    for part in filters.items(filter):
        attribute = part.attribute
        if attribute is None:
            continue
        if schema.rule(attribute) is None:
            raise SchemaError(
                f"the filter {filters.to_text(filter)} names the attribute {attribute}, which the schema does"
                " not have.",
                endpoint=label,
                remedy=_nearest(attribute, schema.attribute_names()),
            )
        named = _class_named(part, schema.canonical(attribute))
        if named is not None and not schema.has_class(named):
            raise SchemaError(
                f"the filter {filters.to_text(filter)} names the object class {named}, which the schema does"
                " not have.",
                endpoint=label,
                remedy=_nearest(named, schema.class_names()),
            )


def _class_named(part: filters.Item, attribute: str) -> str | None:
    """The object class that a part of a filter asks for; None if it asks for none."""
    if not isinstance(part, filters.Equality | filters.Approx):
        return None
    text = part.value.decode(errors="replace").strip()
    if attribute in _CLASS_ATTRIBUTES:
        return text
    # Active Directory takes the short name of a class for its category (MS-ADTS 3.1.1.3.1.3.5), or the
    # category's DN.
    return text if attribute == _CATEGORY and "=" not in text else None


def _nearest(name: str, known: Iterable[str]) -> str:
    near = nearest(name, known)
    return f"Did you mean {near}?" if near else "Correct the filter in the definition."
