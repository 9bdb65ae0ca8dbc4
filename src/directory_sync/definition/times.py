"""Times in a definition: durations, schedules, and the days between which a schedule counts."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer, PlainValidator, Tag, WithJsonSchema

from directory_sync.definition.basics import Model, by_shape

_DURATION_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DURATION = re.compile(r"^(?:\d+[smhdw])+$")


LONGEST_DURATION = timedelta(days=3650)
"""What is meant as never is left out; beyond some thousand years dates cannot be written."""


def parse_duration(value: object) -> timedelta:
    """Read `15m`, `2d` or `1h30m` (units s, m, h, d, w) as a positive duration."""
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str) or not _DURATION.match(value):
        raise ValueError("expected a duration such as 15m, 12h or 2d (units s, m, h, d, w)")
    try:
        duration = timedelta(
            **{
                _DURATION_UNITS[unit]: sum(
                    int(number) for number, u in re.findall(r"(\d+)([smhdw])", value) if u == unit
                )
                for unit in _DURATION_UNITS
            }
        )
    except OverflowError:
        raise ValueError("this duration is too long") from None
    if duration <= timedelta(0):
        raise ValueError("a duration must be longer than nothing")
    if duration > LONGEST_DURATION:
        raise ValueError(f"a duration may be {LONGEST_DURATION.days}d at most")
    return duration


def format_duration(duration: timedelta) -> str:
    """Write a duration so that `parse_duration` reads the same one back."""
    seconds, parts = int(duration.total_seconds()), []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        if seconds >= size:
            parts.append(f"{seconds // size}{unit}")
            seconds %= size
    return "".join(parts)


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": _DURATION.pattern, "examples": ["15m", "2d"]}),
]


def parse_window(value: object) -> timedelta:
    """Read a duration, or `0` for none at all."""
    if value in (0, "0", timedelta(0)) and not isinstance(value, bool):
        return timedelta(0)
    try:
        return parse_duration(value)
    except ValueError as error:
        raise ValueError(f"{error}, or 0 for none") from None


def format_window(window: timedelta) -> str | int:
    """Write a window so that `parse_window` reads the same one back."""
    return format_duration(window) if window else 0


Window = Annotated[
    timedelta,
    BeforeValidator(parse_window),
    PlainSerializer(format_window),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": _DURATION.pattern}, {"const": 0}], "examples": ["24h", 0]}
    ),
]


class Every(Model):
    """A fixed interval between two scheduled runs."""

    every: Duration = Field(description="Interval between two scheduled runs, for example `15m`.")


_SCHEDULE = by_shape(
    "a cron expression, a preset such as '@daily', {every: 15m}, a list of these, or null", str, every="Every"
)
Schedule = Annotated[Annotated[str, Tag("<text>")] | Annotated[Every, Tag("<Every>")], _SCHEDULE]
"""A cron expression or preset, or a fixed interval."""
Schedules = Annotated[
    Annotated[str, Tag("<text>")]
    | Annotated[Every, Tag("<Every>")]
    | Annotated[list[Schedule], Field(min_length=1), Tag("<list>")],
    _SCHEDULE,
]

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?P<time>[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?")


def parse_moment(value: object) -> date | datetime:
    """Read `2026-01-31`, `2026-01-31 18:00` or `2026-01-31T18:00:00+01:00` (ISO 8601, RFC 3339)."""
    if isinstance(value, date):
        return value
    match = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise ValueError("expected a date such as 2026-01-31 or a time such as 2026-01-31T18:00")
    try:
        return datetime.fromisoformat(match[0]) if match["time"] else date.fromisoformat(match[0])
    except ValueError:
        raise ValueError("there is no such date or time") from None


Moment = Annotated[
    datetime | date,
    PlainValidator(parse_moment),
    PlainSerializer(lambda moment: moment.isoformat(), return_type=str, when_used="json"),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": f"^{_MOMENT.pattern.replace('?P<time>', '')}$",
            "examples": ["2026-01-31"],
        }
    ),
]
