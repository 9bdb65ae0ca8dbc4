"""Operations as LDIF change records (RFC 2849) that an independent tool can carry out."""

from __future__ import annotations

from collections.abc import Iterable

from directory_sync.endpoints.files.ldif_format import value_line
from directory_sync.endpoints.ldap.operations import Add, Delete, Modify, Operation, Rename
from directory_sync.endpoints.ldap.schema import WRITE_ONLY, base_name


def render(operations: Iterable[Operation]) -> str:
    """Change records, each with a blank line behind it. Passwords are left out, with a comment that says so."""
    return "".join(f"{value_line('dn', operation.dn.encode())}{''.join(_lines(operation))}\n" for operation in operations)


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
