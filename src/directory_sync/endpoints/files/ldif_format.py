"""Writing LDIF (RFC 2849): single values, content records and change records.

Reading it is in `ldif_reading`.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import pairwise

from directory_sync.dn import format_rdn, naming_values, parent_of, parse
from directory_sync.endpoints.change import Action, Change, FieldChange
from directory_sync.endpoints.contract import LdifForm
from directory_sync.endpoints.exchanges import Part
from directory_sync.endpoints.files.names import DN_FIELD, NAMES, same_text

LINE_LENGTH = 76

_SAFE = re.compile(rb"(?![ :<])[\x20-\x7e]*(?<! )\Z")
# SAFE-STRING of RFC 2849 allows most control characters; they are left out, because LDIF is printed to
# terminals.


def value_line(name: str, value: bytes) -> str:
    """`name: value`, in base64 where it has to be, folded, with a line feed."""
    text = (
        f"{name}: {value.decode('ascii')}"
        if _SAFE.match(value)
        else f"{name}:: {b64encode(value).decode('ascii')}"
    )
    if len(text) <= LINE_LENGTH:
        return text.rstrip(" ") + "\n"
    rest = text[LINE_LENGTH:]
    width = LINE_LENGTH - 1
    return (
        "\n ".join([text[:LINE_LENGTH], *(rest[at : at + width] for at in range(0, len(rest), width))]) + "\n"
    )


def content_record(dn: str, attributes: Mapping[str, Sequence[bytes]]) -> str:
    """An entry, objectClass first, with the blank line behind it."""
    ordered = sorted(attributes.items(), key=lambda item: item[0].lower() != "objectclass")
    lines = [value_line("dn", dn.encode())]
    lines.extend(value_line(name, value) for name, values in ordered for value in values)
    return "".join(lines) + "\n"


def ldif_form() -> LdifForm:
    """How changes to an LDIF file are written."""
    return LdifForm(partial(change_records, pseudo_fields=(DN_FIELD,)), NAMES)


def change_records(change: Change, part: Part = Part.WHOLE, *, pseudo_fields: Iterable[str] = ()) -> str:
    """A change as records that `ldapmodify` carries out; several for one that renames and modifies.

    `pseudo_fields` are left out: fields that are no attributes (lower case).
    """
    hidden = set(pseudo_fields)
    fields = [field for field in change.fields if field.field.lower() not in hidden]
    # A file may name what is not there yet, so a new entry has everything at once.
    late = [field for field in fields if field.late and change.action is not Action.CREATE]
    fields = [field for field in fields if field not in late]
    if change.action is Action.DELETE:
        records = [_record(change.object, "delete", [])]
    elif change.action is Action.CREATE:
        values = [value_line(field.field, value) for field in fields for value in field.new]
        records = [_record(change.final_object, "add", values)]
    else:
        records = []
        if change.new_object is not None and change.new_object != change.object:
            steps = [change.object, *(() if change.via is None else (change.via,)), change.new_object]
            records += [_rename_record(old, new) for old, new in pairwise(steps)]
            fields = _without_naming_values(fields, change.object, change.new_object)
        records += _modify_record(change.final_object, fields)
    first = records[:1] if change.via is not None else records
    second, last = records[len(first) :], _modify_record(change.final_object, late)
    return "".join(
        {Part.WHOLE: [*first, *second, *last], Part.FIRST: first, Part.SECOND: second, Part.LATE: last}[part]
    )


def _modify_record(dn: str, fields: Iterable[FieldChange]) -> list[str]:
    lines = [line for field in fields for line in _modification(field)]
    return [_record(dn, "modify", lines)] if lines else []


def _record(dn: str, kind: str, lines: Sequence[str]) -> str:
    return "".join([value_line("dn", dn.encode()), f"changetype: {kind}\n", *lines, "\n"])


def _rename_record(old: str, new: str) -> str:
    new_rdn, *above = map(format_rdn, parse(new))
    old_parent, new_parent = parent_of(old) or "", ",".join(above)
    lines = [value_line("newrdn", new_rdn.encode()), "deleteoldrdn: 1\n"]
    if not NAMES.same(old_parent, new_parent):
        lines.append(value_line("newsuperior", new_parent.encode()))
    return _record(old, "modrdn", lines)


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


def _modification(field: FieldChange) -> list[str]:
    if field.replace:
        return [f"replace: {field.field}\n", *(value_line(field.field, value) for value in field.new), "-\n"]
    lines: list[str] = []
    for operation, values in (("delete", field.removed), ("add", field.added)):
        if values:
            lines += [
                f"{operation}: {field.field}\n",
                *(value_line(field.field, value) for value in values),
                "-\n",
            ]
    return lines
