"""What a name says of an object's fields, where the name itself is mapped (the `dn` of an LDIF file) and
decides.

Such an object holds the values of its name, whether its record repeats them or not: that is no difference,
and a change shows what will be there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from directory_sync.endpoints.change import FieldChange
from directory_sync.endpoints.contract import FieldRule
from directory_sync.endpoints.ldap.matching import case_ignore
from directory_sync.plan.layout import Layout

Named = Sequence[tuple[str, bytes]]
"""As `Names.fixed_values` gives them."""


def with_names(fields: Sequence[FieldChange], named: Named) -> list[FieldChange]:
    """The fields of a new object, with the values of its name."""
    completed = list(fields)
    for type_, value in named:
        place = next(
            (place for place, change in enumerate(completed) if change.field.lower() == type_.lower()), None
        )
        if place is None:
            completed.append(FieldChange(type_, (), (value,)))
        else:
            change = completed[place]
            completed[place] = change._replace(new=tuple(sorted(_with(change.new, value))))
    return completed


def with_kept_names(
    fields: Sequence[FieldChange],
    present: Sequence[Sequence[bytes]],
    layout: Layout,
    *,
    before: Named,
    after: Named,
) -> list[FieldChange]:
    """The changed fields of an object as they will be, given the values that its name has and will have.

    Args:
        fields: what differs between record and object.
        present: the object's values of all fields of the layout.
        layout: the job's.
        before, after: the values of the name now and afterwards.
    """
    changed = {change.field.lower(): change for change in fields}
    types = dict.fromkeys(type_.lower() for type_, _ in (*after, *before))
    for index, name in enumerate(layout.fields):
        if name.lower() not in types:
            continue
        mine = [value for type_, value in after if type_.lower() == name.lower()]
        gone = [value for type_, value in before if type_.lower() == name.lower() and not _holds(mine, value)]
        change = changed.pop(name.lower(), None)
        new = (
            list(change.new)
            if change is not None
            else [value for value in present[index] if not _holds(gone, value)]
        )
        for value in mine:
            # In the spelling that is there, for that is not touched.
            new = _with(new, next((held for held in present[index] if _same(held, value)), value))
        if set(new) != set(present[index]):
            changed[name.lower()] = _change(name, layout.rules[index], present[index], new)
    order = {name.lower(): place for place, name in enumerate(layout.fields)}
    return sorted(changed.values(), key=lambda change: order.get(change.field.lower(), len(order)))


def _change(name: str, rule: FieldRule, old: Iterable[bytes], new: Iterable[bytes]) -> FieldChange:
    return FieldChange(name, tuple(sorted(old)), tuple(sorted(new)), replace=not rule.equality)


def _with(values: Iterable[bytes], value: bytes) -> list[bytes]:
    held = list(values)
    return held if _holds(held, value) else [*held, value]


def _holds(values: Iterable[bytes], value: bytes) -> bool:
    return any(_same(held, value) for held in values)


def _same(one: bytes, other: bytes) -> bool:
    # Nearly all naming attributes are compared like this (RFC 4519).
    return case_ignore(one) == case_ignore(other)
