"""Limits in a definition: the most changes of a kind that one run may make."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema

from directory_sync.definition.basics import Model


class LimitError(ValueError):
    """It cannot be read as a limit."""


class LimitKind(StrEnum):
    """What a limit counts."""

    CREATE = "create"
    UPDATE = "update"
    CLEAR = "clear"
    DELETE = "delete"
    DISABLE = "disable"
    MOVE = "move"
    MEMBERS = "members"
    MEMBERSHIPS = "memberships"


class Limit(Model):
    """The most changes of one kind: a percentage, a number, both (the smaller counts), or no limit at all."""

    percent: Annotated[float, Field(ge=0, le=100)] | None = None
    count: Annotated[int, Field(ge=0)] | None = None


_PERCENT = re.compile(r"\d{1,3}(\.\d{1,15})?%")
_COUNT = re.compile(r"\d{1,15}")


def parse_limit(value: object) -> Limit:
    """Read `10%`, `500`, `[10%, 500]` or `none`.

    Nothing at all (an empty value) is refused: a limit is only lifted by saying so.
    """
    if isinstance(value, Limit):
        return value
    if value == "none":
        return Limit()
    percent: float | None = None
    count: int | None = None
    for part in value if isinstance(value, list | tuple) and value else (value,):
        text = str(part) if isinstance(part, str | int) and not isinstance(part, bool) else ""
        if _PERCENT.fullmatch(text) and percent is None and float(text[:-1]) <= 100:
            percent = float(text[:-1])
        elif _COUNT.fullmatch(text) and count is None:
            count = int(text)
        else:
            raise LimitError(
                "expected a number, a percentage up to 100% such as 10%, a list of both as [10%, 200], or"
                " none"
            )
    return Limit(percent=percent, count=count)


def format_limit(limit: Limit) -> str | int | list[str | int]:
    """Write a limit so that `parse_limit` reads the same one back."""
    percent = None
    if limit.percent is not None:
        digits = repr(limit.percent)
        percent = (
            f"{format(limit.percent, '.15f').rstrip('0') if 'e' in digits else digits.removesuffix('.0')}%"
        )
    if percent is None:
        return "none" if limit.count is None else limit.count
    return percent if limit.count is None else [percent, limit.count]


_PERCENT_SCHEMA = {"type": "string", "pattern": rf"^{_PERCENT.pattern}$"}
_COUNT_SCHEMA = {"type": "integer", "minimum": 0}
_LIMIT_SCHEMA = {
    "anyOf": [
        _COUNT_SCHEMA,
        _PERCENT_SCHEMA,
        {"const": "none"},
        {"type": "array", "items": {"anyOf": [_COUNT_SCHEMA, _PERCENT_SCHEMA]}, "minItems": 1, "maxItems": 2},
    ],
    "examples": [500, "10%", ["10%", 200], "none"],
}
AnyLimit = Annotated[
    Limit, PlainValidator(parse_limit), PlainSerializer(format_limit), WithJsonSchema(_LIMIT_SCHEMA)
]
Limits = dict[LimitKind, AnyLimit]
