"""Writing LDIF (RFC 2849): single values, entries, and operations as change records that an independent tool
can apply.

Reading it is in `files/ldif_reading`.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence

from directory_sync.definition.passwords import is_password
from directory_sync.endpoints.ldap.operations import Add, Delete, Modify, Operation, Rename

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
    """An entry, objectClass first, with the blank line after it."""
    ordered = sorted(attributes.items(), key=lambda item: item[0].lower() != "objectclass")
    lines = [value_line("dn", dn.encode())]
    lines.extend(value_line(name, value) for name, values in ordered for value in values)
    return "".join(lines) + "\n"


def render(rendered: Iterable[Operation]) -> str:
    """Change records, each with a blank line after it.

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
                if is_password(name):
                    yield _hidden(name)
                else:
                    yield from (value_line(name, value) for value in values)
        case Modify(_, modifications):
            yield "changetype: modify\n"
            for part in modifications:
                if is_password(part.attribute):
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
