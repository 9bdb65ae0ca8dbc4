"""Schedules as people choose them: every, daily, weekly, monthly, or a cron expression, several at once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from directory_sync.definition.schedules import PRESETS
from directory_sync.forms.controls import (
    MISSING,
    Control,
    Converted,
    Field,
    Fixed,
    Group,
    Input,
    Rows,
    Single,
    Ticks,
    Variant,
    Variants,
)
from directory_sync.forms.shown import Choice, Part, Place, Posted
from directory_sync.forms.values import Bare
from directory_sync.forms.words import DURATION_HELP

_DAYS = {
    "1": "Monday",
    "2": "Tuesday",
    "3": "Wednesday",
    "4": "Thursday",
    "5": "Friday",
    "6": "Saturday",
    "0": "Sunday",
}
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})")
_TYPED = re.compile(r"(daily|weekly|monthly)(?: on ([^ ]*))? at (.*)", re.DOTALL)
"""How a time or day that is none is kept as it was typed: no definition with it is right."""
_SIMPLE = re.compile(r"(\d{1,2}) (\d{1,2}) (\*|\d{1,2}) \* (\*|[0-6](?:,[0-6])*)")
_NIGHT = "02:00"
_EXAMPLE = (
    "write five fields (minute, hour, day, month, weekday) as in 0 2 * * 1-5, or a preset such as @daily"
)


@dataclass(frozen=True, slots=True)
class _AsSent(Control):
    """An input that may have been emptied: then it is empty, and not what stands there by default.

    Attributes:
        control: the input.
        nothing: what it gives when it is empty.
    """

    control: Control
    nothing: str | tuple[()] = ""

    def show(self, place: Place, data: Any) -> Part:
        """The input."""
        return self.control.show(place, data)

    def read(self, place: Place, data: Any, posted: Posted) -> Any:
        """What is in it."""
        result = self.control.read(place, data, posted)
        return self.nothing if result is MISSING else result


def schedule_control() -> Control:
    """The input of a collection's schedule."""
    time = Field("at", "Time", _AsSent(Single()), "As in `02:00`.", required=True, default=_NIGHT)
    kinds = (
        _kind(
            "every",
            "Every",
            Field("every", "Interval", _AsSent(Single(Input.DURATION)), DURATION_HELP, default="1h"),
        ),
        _kind("daily", "Daily", time),
        _kind(
            "weekly",
            "Weekly",
            Field(
                "days",
                "Days",
                _AsSent(Ticks(tuple(Choice(*each) for each in _DAYS.items())), ()),
                default=["1"],
            ),
            time,
        ),
        _kind(
            "monthly",
            "Monthly",
            Field("day", "Day of the month", _AsSent(Single(Input.NUMBER)), default="1"),
            time,
        ),
        _kind(
            "cron",
            "Cron",
            Field(
                "cron",
                "Cron expression",
                Single(),
                "Five fields (minute, hour, day, month, weekday), as in `0 2 * * 1-5`, or a preset:"
                f" {', '.join(f'`{preset}`' for preset in PRESETS)}.",
            ),
        ),
    )
    row = Converted(Variants(kinds, _kind_of, "None"), _shape_of, _schedule_of)
    return Converted(Rows(row, "schedule"), _rows_of, _schedules_of)


def _kind(key: str, label: str, *fields: Field) -> Variant:
    return Variant(key, label, Group((Field("kind", "", Fixed(key)), *fields)))


def _kind_of(shape: Any) -> str | None:
    return str(shape["kind"]) if isinstance(shape, dict) and "kind" in shape else None


def _shape_of(schedule: Any) -> Any:
    """An item of a definition's schedule as a row of the form; itself if it is none."""
    if isinstance(schedule, dict) and list(schedule) == ["every"]:
        return {"kind": "every", "every": schedule["every"]}
    if not isinstance(schedule, str):
        return schedule
    if typed := _TYPED.fullmatch(schedule):
        kind, days, at = typed.groups(default="")
        if kind == "weekly":
            return {"kind": kind, "days": [day for day in days.split(",") if day], "at": at}
        return {"kind": kind, "at": at, **({"day": days} if kind == "monthly" else {})}
    expression = PRESETS.get(schedule, schedule)
    found = _SIMPLE.fullmatch(" ".join(expression.split()))
    if not found or int(found[1]) > 59 or int(found[2]) > 23:
        return {"kind": "cron", "cron": schedule}
    at, day, days = f"{int(found[2]):02}:{int(found[1]):02}", found[3], found[4]
    if day == days == "*":
        return {"kind": "daily", "at": at}
    if day == "*":
        return {"kind": "weekly", "days": days.split(","), "at": at}
    if days == "*":
        return {"kind": "monthly", "day": day, "at": at}
    return {"kind": "cron", "cron": schedule}


def _schedule_of(shape: Any, before: Any) -> Any:  # noqa: ARG001 - what a conversion is given
    """A row as the definition has it: what cannot be a time, or lacks a part, is written as it was typed, and
    is an error then.
    """
    if not isinstance(shape, dict):
        return shape
    kind = shape.get("kind")
    if kind == "every":
        return {"every": shape.get("every", Bare("1h"))}
    if kind == "cron":
        return shape.get("cron") or MISSING
    at = shape.get("at", _NIGHT)
    days = ",".join(shape.get("days", ["1"])) if kind == "weekly" else ""
    if kind == "monthly":
        days = "".join(str(shape.get("day", "1")).split())
    if _wrong_in(str(kind), days, at):
        return f"{kind}{f' on {days}' if days else ''} at {at}"
    hour, _, minute = at.partition(":")
    weekdays = days if kind == "weekly" else "*"
    return f"{int(minute)} {int(hour)} {days if kind == 'monthly' else '*'} * {weekdays}"


def wrong_in_words(schedule: str) -> tuple[str, str]:
    """What a form says of a schedule that is none: what is wrong with what was typed, and what would be
    right.
    """
    if typed := _TYPED.fullmatch(schedule):
        found = _wrong_in(*typed.groups(default=""))
        if found is not None:
            return found
    return f"{schedule[:100]} is not a cron expression that ever fires", _EXAMPLE


def _wrong_in(kind: str, days: str, at: str) -> tuple[str, str] | None:
    clock = _CLOCK.fullmatch(at)
    if not at:
        return "There is no time of day", "write 00:00 to 23:59"
    if not clock or int(clock[1]) > 23 or int(clock[2]) > 59:
        return f"{at[:100]} is not a time of day", "write 00:00 to 23:59"
    if kind == "monthly" and not (re.fullmatch(r"[0-9]{1,2}", days) and 1 <= int(days) <= 31):
        wrong = f"{days[:100]} is not a day of a month" if days else "There is no day of the month"
        return wrong, "write a number from 1 to 31"
    if kind == "weekly" and not (days and all(day in _DAYS for day in days.split(","))):
        return "No day of the week is ticked", "tick at least one"
    return None


def _rows_of(schedule: Any) -> Any:
    if schedule is MISSING or schedule is None:
        return MISSING
    return schedule if isinstance(schedule, list) else [schedule]


def _schedules_of(rows: Any, before: Any) -> Any:
    if rows is MISSING:
        return MISSING if before is MISSING else None
    return rows[0] if len(rows) == 1 and not isinstance(before, list) else rows
