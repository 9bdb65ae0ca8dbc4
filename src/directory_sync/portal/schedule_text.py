"""When a collection runs by itself, as people say it."""

from __future__ import annotations

import functools

from cron_descriptor import (
    ExpressionDescriptor,
    FormatError,
    MissingFieldError,
    Options,
    WrongArgumentError,
)

from directory_sync.definition.models import Collection, Every, Schedule, format_duration
from directory_sync.definition.schedules import PRESETS, schedules_of

BY_HAND = "only by hand"


def schedule_text(collection: Collection) -> str:
    """The schedule in words, with its time zone where that is not UTC: `at 02:00, only on Monday`."""
    each = schedules_of(collection)
    if not each:
        return BY_HAND
    text = "; ".join(map(_one, each))
    return f"{text} ({collection.timezone})"


def _one(schedule: Schedule) -> str:
    if isinstance(schedule, Every):
        return f"every {format_duration(schedule.every)}"
    return _cron(schedule)


@functools.lru_cache(4_096)
def _cron(text: str) -> str:
    options = Options()
    options.use_24hour_time_format = True
    options.day_of_week_start_index_zero = True
    try:
        described = str(ExpressionDescriptor(PRESETS.get(text, text), options).get_full_description())
    except (FormatError, MissingFieldError, WrongArgumentError, ValueError, IndexError, KeyError):
        return text  # what a library cannot put into words is shown as it is
    return described[:1].lower() + described[1:]
