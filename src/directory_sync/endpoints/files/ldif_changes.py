"""The changes to an LDIF file as change records. Values are compared as they are: there is no schema."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from itertools import pairwise

from directory_sync.dn import format_rdn, naming_values, parent_of, parse
from directory_sync.endpoints.change import Action, Change, FieldChange
from directory_sync.endpoints.contract import LdifForm
from directory_sync.endpoints.exchanges import Part
from directory_sync.endpoints.files.names import DN_FIELD, NAMES, same_text
from directory_sync.endpoints.ldap.operations import Add, Delete, Modification, Modify, Operation, Rename
from directory_sync.endpoints.ldif import render


def ldif_form() -> LdifForm:
    """How changes to an LDIF file are written."""
    return LdifForm(partial(change_records, pseudo_fields=(DN_FIELD,)), NAMES)


def change_records(change: Change, part: Part = Part.WHOLE, *, pseudo_fields: Iterable[str] = ()) -> str:
    """A change as records that `ldapmodify` applies; several for one that renames and modifies.

    `pseudo_fields` are left out: fields that are no attributes (lower case).
    """
    hidden = set(pseudo_fields)
    fields = [field for field in change.fields if field.field.lower() not in hidden]
    # A file may name what is not there yet, so a new entry has everything at once.
    late = [field for field in fields if field.late and change.action is not Action.CREATE]
    fields = [field for field in fields if field not in late]
    if change.action is Action.DELETE:
        records: list[Operation] = [Delete(change.object)]
    elif change.action is Action.CREATE:
        records = [Add(change.final_object, tuple((field.field, field.new) for field in fields))]
    else:
        records = []
        if change.new_object is not None and change.new_object != change.object:
            steps = [change.object, *(() if change.via is None else (change.via,)), change.new_object]
            records += [_rename(old, new) for old, new in pairwise(steps)]
            fields = _without_naming_values(fields, change.object, change.new_object)
        records += _modify(change.final_object, fields)
    first = records[:1] if change.via is not None else records
    second, last = records[len(first) :], _modify(change.final_object, late)
    return render(
        {Part.WHOLE: [*first, *second, *last], Part.FIRST: first, Part.SECOND: second, Part.LATE: last}[part]
    )


def _modify(dn: str, fields: Iterable[FieldChange]) -> list[Operation]:
    parts = tuple(part for field in fields for part in _modifications(field))
    return [Modify(dn, parts)] if parts else []


def _rename(old: str, new: str) -> Rename:
    new_rdn, *above = map(format_rdn, parse(new))
    old_parent, new_parent = parent_of(old) or "", ",".join(above)
    return Rename(old, new_rdn, None if NAMES.same(old_parent, new_parent) else new_parent, new)


def _without_naming_values(fields: Sequence[FieldChange], old: str, new: str) -> list[FieldChange]:
    # Renaming with deleteoldrdn takes the old naming value away and adds the new one; saying so again would
    # fail.
    gone, come = naming_values(old), naming_values(new)
    kept = []
    for field in fields:
        mine_gone = [value for name, value in gone if name.lower() == field.field.lower()]
        mine_come = [value for name, value in come if name.lower() == field.field.lower()]
        kept.append(
            FieldChange(
                field.field,
                tuple(v for v in field.old if not any(same_text(v, g) for g in mine_gone)),
                tuple(v for v in field.new if not any(same_text(v, c) for c in mine_come)),
                replace=field.replace and not mine_gone and not mine_come,
            )
        )
    return kept


def _modifications(field: FieldChange) -> list[Modification]:
    if field.replace:
        return [Modification("replace", field.field, field.new)]
    parts = (
        Modification("delete", field.field, field.removed),
        Modification("add", field.field, field.added),
    )
    return [part for part in parts if part.values]
