"""A change as the LDAP operations that carry it out, and what they assert where that is asked for.

Pure: nothing is sent here.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ldap.filter import escape_filter_chars

from directory_sync.dn import naming_values, split
from directory_sync.endpoints.change import Action, Change, FieldChange, Values
from directory_sync.endpoints.contract import FieldRule
from directory_sync.endpoints.ldap.schema import Schema
from directory_sync.errors import SchemaError

_ASSERTED_VALUES = 200
_ASSERTED_LENGTH = 2048


@dataclass(frozen=True, slots=True)
class Modification:
    """One part of a modify operation (RFC 4511, section 4.6)."""

    kind: Literal["add", "delete", "replace"]
    attribute: str
    values: Values


@dataclass(frozen=True, slots=True)
class Add:
    """Create an object (RFC 4511, section 4.7)."""

    dn: str
    attributes: tuple[tuple[str, Values], ...]


@dataclass(frozen=True, slots=True)
class Modify:
    """Change attributes (RFC 4511, section 4.6).

    `assertion` is a filter that must hold (RFC 4528), or None.
    """

    dn: str
    modifications: tuple[Modification, ...]
    assertion: str | None = None


@dataclass(frozen=True, slots=True)
class Rename:
    """Give an object a new name, new container, or both (RFC 4511, section 4.9); the old naming values go."""

    dn: str
    new_rdn: str
    new_superior: str | None
    new_dn: str
    assertion: str | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete an object (RFC 4511, section 4.8)."""

    dn: str
    assertion: str | None = None


Operation = Add | Modify | Rename | Delete


@dataclass(frozen=True, slots=True)
class Operations:
    """What a change needs.

    Attributes:
        main: applied one after the other.
        late: applied after all other changes, because its values name objects that point back at this
            one.
    """

    main: tuple[Operation, ...]
    late: tuple[Operation, ...] = ()


def operations(change: Change, schema: Schema, *, assertion: bool, identity_field: str | None) -> Operations:
    """Translate a change.

    Args:
        change: what is to be written.
        schema: the server's.
        assertion: every operation asserts what was seen (RFC 4528); else the old values that it names are its
            only condition.
        identity_field: the attribute of `change.identity`.
    """
    identity = (
        [equals(identity_field, change.identity)]
        if assertion and identity_field and change.identity is not None
        else []
    )
    rules = Rules(schema)
    if change.action is Action.CREATE:
        return _creation(change, rules)
    if change.action is Action.DELETE:
        seen = _holds_old(change.fields, rules) if assertion else ()
        return Operations((Delete(change.object, _all_of([*identity, *seen]) if assertion else None),))
    main: list[Operation] = []
    fields = fields_after_rename(change, schema)
    if change.new_object is not None and change.new_object != change.object:
        # All that was seen is asserted before the first step, so that a conflict leaves nothing half done.
        seen = _holds_old(change.fields, rules) if assertion else ()
        condition = _all_of([*identity, *seen]) if assertion else None
        names = (change.object, *(() if change.via is None else (change.via,)), change.new_object)
        for old, new in itertools.pairwise(names):
            main.append(_rename(old, new, schema, condition))
            condition = _all_of(identity) if assertion else None
    early = [field for field in fields if not field.late]
    modifications = tuple(part for field in early for part in _modifications(field, rules))
    if modifications:
        kept = _stays(early, rules) if assertion else ()
        main.append(
            Modify(change.final_object, modifications, _all_of([*identity, *kept]) if assertion else None)
        )
    late = tuple(part for field in fields if field.late for part in _modifications(field, rules))
    return Operations(tuple(main), (Modify(change.final_object, late),) if late else ())


def without(operation: Operation, values: Collection[bytes]) -> Operation | None:
    """A modification that neither adds nor takes away these values; None if nothing is left of it."""
    if not isinstance(operation, Modify):
        return operation
    parts = (
        replace(part, values=tuple(each for each in part.values if each not in values))
        for part in operation.modifications
    )
    left = tuple(part for part in parts if part.values)
    return replace(operation, modifications=left) if left else None


class Rules:
    """The schema's field rules; what the schema does not know is treated as plain text that can be told
    apart.
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    def of(self, attribute: str) -> FieldRule:
        """The rule of an attribute."""
        return self._schema.rule(attribute) or FieldRule(attribute)

    def canonical(self, attribute: str) -> str:
        """One name for an attribute, whichever of its names is given."""
        return self._schema.canonical(attribute)

    def transferred(self, attribute: str) -> str:
        """An attribute's description as it is written with."""
        return self._schema.transferred(attribute)

    def write_only(self, attribute: str) -> bool:
        """Whether the attribute's values can be written, but not read or compared."""
        return self._schema.holds_password(attribute)

    def assertable(self, attribute: str) -> bool:
        """Whether a filter can ask for one of the attribute's values."""
        return self._schema.assertable(attribute)

    def demanded(self, attribute: str, object_classes: Sequence[str]) -> bool:
        """Whether objects of these classes must have the attribute."""
        try:
            return self.canonical(attribute) in map(self.canonical, self._schema.mandatory(object_classes))
        except SchemaError:
            return False

    def keys(self, attribute: str, values: Iterable[bytes]) -> set[bytes]:
        """The values' normalised forms."""
        normalise = self.of(attribute).normalise
        return {normalise(value) for value in values}


def _creation(change: Change, rules: Rules) -> Operations:
    attributes: dict[str, list[bytes]] = {}
    spelled: dict[str, str] = {}
    late = []
    for field in change.fields:
        if not field.new:
            continue
        # What the object cannot be created without (a `groupOfNames` needs a member) cannot wait.
        if field.late and not rules.demanded(field.field, _classes(change)):
            late.append(Modification("add", rules.transferred(field.field), field.new))
        else:
            name = spelled.setdefault(field.field.lower(), field.field)
            attributes[name] = [*attributes[name], *field.new] if name in attributes else list(field.new)
    # A server may refuse an object that does not hold its own naming values (RFC 4511, section 4.7).
    for attribute, value in naming_values(change.final_object):
        if value in attributes.get(attribute, ()):
            continue
        name = next(
            (known for known in attributes if rules.canonical(known) == rules.canonical(attribute)), attribute
        )
        if not rules.keys(name, [value]) <= rules.keys(name, attributes.get(name, ())):
            attributes.setdefault(name, []).append(value)
    written = tuple((rules.transferred(name), tuple(values)) for name, values in attributes.items())
    add = Add(change.final_object, written)
    return Operations((add,), (Modify(change.final_object, tuple(late)),) if late else ())


def _classes(change: Change) -> list[str]:
    return [
        value.decode(errors="replace")
        for field in change.fields
        if field.field.lower() == "objectclass"
        for value in field.new
    ]


def _rename(old: str, new: str, schema: Schema, assertion: str | None) -> Rename:
    _, old_parent = split(old)
    new_rdn, new_parent = split(new)
    superior = None if schema.names.same(old_parent, new_parent) else new_parent
    return Rename(old, new_rdn, superior, new, assertion)


def fields_after_rename(change: Change, schema: Schema, name: str | None = None) -> tuple[FieldChange, ...]:
    """The change's fields with `old` as it is once the object has its new name, or this one.

    A rename removes the old naming values and adds the new ones by itself (deleteoldrdn, RFC 4511, section
    4.9); saying so again would fail.
    """
    name = name or change.final_object
    if name == change.object:
        return change.fields
    rules = Rules(schema)
    old_values, new_values = list(naming_values(change.object)), list(naming_values(name))
    result = []
    for field in change.fields:
        canonical = rules.canonical(field.field)
        before = [value for name, value in old_values if rules.canonical(name) == canonical]
        after = [value for name, value in new_values if rules.canonical(name) == canonical]
        if (before or after) and not field.partial:
            normalise = rules.of(field.field).normalise
            goes = {normalise(value) for value in before} - {normalise(value) for value in after}
            present = {normalise(value): value for value in field.old if normalise(value) not in goes}
            wanted = {normalise(value): value for value in field.new}
            old_keys = set(map(normalise, before))
            for value in after:
                if normalise(value) in old_keys:
                    # A rename that changes only the spelling writes the value as it stands in the new name.
                    present[normalise(value)] = value
                # In the spelling of the new values, so that it counts as there.
                present.setdefault(normalise(value), wanted.get(normalise(value), value))
            result.append(field._replace(old=tuple(present.values())))
        else:
            result.append(field)
    return tuple(result)


def _modifications(field: FieldChange, rules: Rules) -> list[Modification]:
    if field.replace or rules.write_only(field.field):
        return (
            []
            if field.old == field.new != ()
            else [Modification("replace", rules.transferred(field.field), field.new)]
        )
    name, removed, added = rules.transferred(field.field), field.removed, field.added
    parts = []
    if removed:
        parts.append(Modification("delete", name, removed))
    if added:
        parts.append(Modification("add", name, added))
    return parts


# -- assertions ----------------------------------------------------------------------------------------------


def equals(attribute: str, value: bytes) -> str:
    """An equality filter for any octets (RFC 4515)."""
    if value.isascii() and value.replace(b"-", b"").isalnum():
        # Nearly every UUID and key.
        return f"({attribute}={value.decode()})"
    return f"({attribute}={escape_filter_chars(value.decode('latin-1'), escape_mode=1)})"


def any_of(filters: Sequence[str]) -> str:
    """A filter that holds if one of these does."""
    return filters[0] if len(filters) == 1 else f"(|{''.join(filters)})"


def _all_of(filters: Sequence[str]) -> str | None:
    if not filters:
        return None
    return filters[0] if len(filters) == 1 else f"(&{''.join(filters)})"


def _holds_old(fields: Iterable[FieldChange], rules: Rules) -> list[str]:
    """Filters that say: the object still holds what was seen."""
    found: list[str] = []
    for field in fields:
        if rules.write_only(field.field):
            continue
        if field.old:
            found.extend(_values(field.field, field.old, rules))
        elif not field.partial:
            found.append(f"(!({field.field}=*))")
    return found[:_ASSERTED_VALUES]


def _stays(fields: Iterable[FieldChange], rules: Rules) -> list[str]:
    """What deleting the old values does not prove by itself: values that stay, and attributes that were
    absent.
    """
    found: list[str] = []
    for field in fields:
        if field.partial or rules.write_only(field.field):
            continue
        if not field.old:
            found.append(f"(!({field.field}=*))")
        elif field.replace:
            found.append(f"({field.field}=*)")
        else:
            removed = set(field.removed)
            found.extend(_values(field.field, [value for value in field.old if value not in removed], rules))
    return found[:_ASSERTED_VALUES]


def _values(attribute: str, values: Iterable[bytes], rules: Rules) -> Iterator[str]:
    if not rules.assertable(attribute):
        yield f"({attribute}=*)"
        return
    for value in values:
        if 0 < len(value) <= _ASSERTED_LENGTH:
            yield equals(attribute, value)
