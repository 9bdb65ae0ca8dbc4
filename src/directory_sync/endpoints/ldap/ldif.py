"""Operations as LDIF change records (RFC 2849) that an independent tool can carry out."""

from __future__ import annotations

from collections.abc import Iterable

from directory_sync.endpoints.change import Change
from directory_sync.endpoints.contract import LdifForm
from directory_sync.endpoints.exchanges import Part
from directory_sync.endpoints.files.ldif_format import value_line
from directory_sync.endpoints.ldap.flavours import GENERIC
from directory_sync.endpoints.ldap.operations import Add, Delete, Modify, Operation, Rename, operations
from directory_sync.endpoints.ldap.schema import WRITE_ONLY, Schema, base_name


def render_change(change: Change, schema: Schema, part: Part) -> str:
    """A change, or a part of it.

    Values that follow what they name are left out: a server that lets them follow would refuse.
    """
    fields = tuple(field for field in change.fields if not (field.late and field.old))
    needed = operations(change._replace(fields=fields), schema, assertion=False, identity_field=None)
    first = needed.main[:1] if change.via is not None else needed.main
    second, late = needed.main[len(first) :], needed.late
    return render(
        {Part.WHOLE: (*first, *second, *late), Part.FIRST: first, Part.SECOND: second, Part.LATE: late}[part]
    )


def ldif_form() -> LdifForm:
    """How changes to a directory are written where its schema is not known: values are compared octet by
    octet then.
    """
    schema = Schema({}, behaviour=GENERIC, endpoint="")
    return LdifForm(lambda change, part: render_change(change, schema, part), schema.names)


def render(rendered: Iterable[Operation]) -> str:
    """Change records, each with a blank line behind it.

    Passwords are left out, with a comment that says so.
    """
    return "".join(
        f"{value_line('dn', operation.dn.encode())}{''.join(_lines(operation))}\n" for operation in rendered
    )


def _lines(operation: Operation) -> Iterable[str]:
    match operation:
        case Add(_, attributes):
            yield "changetype: add\n"
            for name, values in attributes:
                if base_name(name) in WRITE_ONLY:
                    yield _hidden(name)
                else:
                    yield from (value_line(name, value) for value in values)
        case Modify(_, modifications):
            yield "changetype: modify\n"
            for part in modifications:
                if base_name(part.attribute) in WRITE_ONLY:
                    yield _hidden(part.attribute)
                    continue
                yield f"{part.kind}: {part.attribute}\n"
                yield from (value_line(part.attribute, value) for value in part.values)
                yield "-\n"
        case Rename(_, new_rdn, new_superior, _):
            yield "changetype: modrdn\n"
            yield value_line("newrdn", new_rdn.encode())
            yield "deleteoldrdn: 1\n"
            if new_superior is not None:
                yield value_line("newsuperior", new_superior.encode())
        case Delete():
            yield "changetype: delete\n"


def _hidden(attribute: str) -> str:
    return f"# {attribute}: its value is not shown\n"
