"""Values as they are written into a definition's text: quoted where YAML needs it, on one line where that
reads well, with the words that people would choose.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

import yaml

WIDTH = 100
"""Columns up to which lists and small mappings stand on one line."""

Value = None | bool | int | str | Sequence["Value"] | Mapping[str, "Value"]
"""What a definition may hold; numbers and truth values are written as such."""


class Bare(str):
    """A text that is written without quotes where that is read back as the same: a date, a number as it was
    typed, a duration.
    """

    __slots__ = ()


_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_RESOLVER = yaml.resolver.Resolver()
_UNSAFE_IN_FLOW = re.compile(r"[,\[\]{}]")
_UNSAFE_START = frozenset("-?:,[]{}#&*!|>'\"%@` \t")
_ESCAPED = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ufeff\t]")


def plain(value: Value) -> Any:
    """The value as it is read back: texts, lists and mappings."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    return [plain(inner) for inner in value]


def is_single(value: Value) -> TypeGuard[bool | int | str | None]:
    """Whether it is one text, number or truth value, or nothing."""
    return value is None or isinstance(value, bool | int | str)


def is_list(value: Value) -> TypeGuard[Sequence[Value]]:
    """Whether it is a list; a text is none."""
    return isinstance(value, Sequence) and not isinstance(value, str)


def scalar(value: bool | int | str | None, *, flow: bool = False, style: str = "") -> str:
    """One value on one line.

    Args:
        value: what is written.
        flow: it stands inside `[…]` or `{…}`, where more has to be quoted.
        style: the quotes that stood there before, kept where that is possible; empty for none.
    """
    if value is None:
        return "null"
    if not isinstance(value, str):
        return str(plain(value))
    if _ESCAPED.search(value) or style == '"':
        return _double(value)
    if style == "'":
        return _single(value)
    if _is_plain(value, flow=flow) and (isinstance(value, Bare) or not _is_typed(value)):
        return str(value)
    return _single(value) if '"' in value or "\\" in value else _double(value)


def inline(value: Value, *, flow: bool = False) -> str:
    """Any value on one line, as `[a, b]` and `{a: b}`."""
    if isinstance(value, Mapping):
        return (
            "{" + ", ".join(f"{scalar(k, flow=True)}: {inline(v, flow=True)}" for k, v in value.items()) + "}"
        )
    if is_list(value):
        return "[" + ", ".join(inline(item, flow=True) for item in value) + "]"
    assert is_single(value)
    return scalar(value, flow=flow)


def as_json(value: Value) -> str:
    """Any value on one line, as JSON has it; without characters that no definition may hold as such."""
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))


def after_key(value: Value, *, column: int, indent: int, newline: str, style: str = "") -> str:
    """What stands after `key:` in a block mapping, with the blank or line break before it.

    Args:
        value: what is written.
        column: at which the colon ends, for the length of the line.
        indent: of the key.
        newline: the text's line break.
        style: as in `scalar`.
    """
    if isinstance(value, str) and not style and _fits_block(value):
        inner = newline + " " * (indent + 2)
        chomp = "" if value.endswith("\n") else "-"
        return f" |{chomp}" + "".join(
            inner + line if line else newline for line in value.removesuffix("\n").split("\n")
        )
    if is_single(value):
        return f" {scalar(value, style=style)}"
    if _is_small(value, WIDTH - column):
        return f" {inline(value)}"
    inner = newline + " " * (indent + 2)
    if isinstance(value, Mapping):
        return "".join(f"{inner}{pair(k, v, indent=indent + 2, newline=newline)}" for k, v in value.items())
    assert isinstance(value, Sequence)
    return "".join(f"{inner}{item(each, indent=indent + 2, newline=newline)}" for each in value)


def pair(key: str, value: Value, *, indent: int, newline: str) -> str:
    """A key and its value in a block mapping whose keys stand at `indent`."""
    name = scalar(key)
    column = indent + len(name) + 1
    return f"{name}:{after_key(value, column=column, indent=indent, newline=newline)}"


def item(value: Value, *, indent: int, newline: str, style: str = "") -> str:
    """A dash and an item in a block list whose dashes stand at `indent`; `style` as in `scalar`."""
    if is_single(value):
        return f"- {scalar(value, style=style)}"
    if isinstance(value, Mapping) and value and not _is_small(value, WIDTH - indent - 2):
        inner = newline + " " * (indent + 2)
        return "- " + inner.join(pair(k, v, indent=indent + 2, newline=newline) for k, v in value.items())
    return f"- {inline(value)}"


def _is_small(value: Value, room: int) -> bool:
    """Whether it stands on one line: a single value, and what is short and holds nothing nested deeply."""
    if is_single(value) or not value:
        return True
    if isinstance(value, Mapping):
        if len(value) > 3 or any(
            _has_mapping(inner) or _needs_flow_quotes(inner) for inner in value.values()
        ):
            return False
    elif is_list(value) and any(_depth(inner) > 1 for inner in value):
        return False
    return len(inline(value)) + 1 <= room


def _has_mapping(value: Value) -> bool:
    return (isinstance(value, Mapping) and bool(value)) or (is_list(value) and any(map(_has_mapping, value)))


def _depth(value: Value) -> int:
    if isinstance(value, Mapping):
        return 1 + max(map(_depth, value.values()), default=0)
    if is_list(value):
        return 1 + max(map(_depth, value), default=0)
    return 0


def _needs_flow_quotes(value: Value) -> bool:
    """A DN, say: it reads better on a line of its own."""
    return isinstance(value, str) and _is_plain(value, flow=False) and not _is_plain(value, flow=True)


def _fits_block(value: str) -> bool:
    """Whether a text of several lines can be written as such, below a `|`."""
    lines = value.removesuffix("\n").split("\n")
    return (
        len(lines) > 1
        and not value.endswith("\n\n")
        and lines[0][:1] not in ("", " ")
        and not any(_ESCAPED.search(line) or line != line.rstrip() for line in lines)
    )


def _is_plain(value: str, *, flow: bool) -> bool:
    if value in _NULLS or value != value.strip() or "\ufffe" in value:
        return False
    if value[0] in _UNSAFE_START and not (value[0] in "-?:" and value[1:2] not in ("", " ")):
        return False
    if value in ("---", "...") or value.startswith(("--- ", "... ")):
        return False
    if ": " in value or " #" in value or value.endswith(":"):
        return False
    if " *" in value:  # a cron expression: YAML would take it, people put it into quotes
        return False
    if value[0] in "-?:" and flow:
        return False
    return not (flow and (_UNSAFE_IN_FLOW.search(value) or ":" in value))


def _is_typed(value: str) -> bool:
    """Whether YAML would take a plain text for a number, a date or a truth value."""
    tag: str = _RESOLVER.resolve(  # type: ignore[no-untyped-call]
        yaml.ScalarNode, value, (True, False)
    )
    return tag != "tag:yaml.org,2002:str"


def _single(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _double(value: str) -> str:
    def escape(match: re.Match[str]) -> str:
        character = match[0]
        short = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character)
        return short or (f"\\x{ord(character):02x}" if ord(character) < 0x100 else f"\\u{ord(character):04x}")

    return '"' + _ESCAPED.sub(escape, value.replace("\\", "\\\\").replace('"', '\\"')) + '"'
