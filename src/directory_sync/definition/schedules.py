"""What a schedule means: presets, five-field cron expressions, whether one is right, and from when until when
it counts.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from directory_sync.definition.problems import suggest

if TYPE_CHECKING:
    from directory_sync.definition.models import Collection, Schedule

PRESETS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 */3 *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
"""Preset → cron expression."""

_CRON = re.compile(r"[0-9A-Za-z*/,#-]+(?: [0-9A-Za-z*/,#-]+){4}")
_EXAMPLE = (
    "write five fields (minute, hour, day, month, weekday) as in '0 2 * * *', a preset such as '@daily', or"
    " {every: 15m}"
)


def cron_expression(schedule: str) -> str:
    """The cron expression of a schedule that `schedule_problem` finds nothing wrong with."""
    return PRESETS.get(schedule, " ".join(schedule.split()))


@lru_cache(maxsize=256)
def schedule_problem(schedule: str) -> tuple[str, str] | None:
    """What is wrong with a cron expression or preset, and what would be right; None if nothing is."""
    if schedule.startswith("@"):
        if schedule in PRESETS:
            return None
        return "unknown preset", suggest(schedule, PRESETS, f"there are: {', '.join(PRESETS)}")
    expression = cron_expression(schedule)
    # Seconds, years and the random R of croniter are no business of a schedule that people shall be able to
    # read.
    if (
        len(schedule) > 200
        or not _CRON.fullmatch(expression)
        or re.search(r"(?<![A-Za-z])[HhRr](?![A-Za-z])", expression)
    ):
        return "is not a cron expression", _EXAMPLE
    from croniter import croniter
    from croniter.croniter import CroniterBadDateError

    try:
        croniter(expression, datetime(2026, 1, 1, tzinfo=UTC)).get_next(datetime)
    except CroniterBadDateError:
        return "never fires: there is no such day", _EXAMPLE
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError):
        return "is not a cron expression", _EXAMPLE
    return None


def schedules_of(collection: Collection) -> list[Schedule]:
    """All schedules of a collection; none for one that runs by hand."""
    if collection.schedule is None:
        return []
    return collection.schedule if isinstance(collection.schedule, list) else [collection.schedule]


def start_of(collection: Collection) -> datetime | None:
    """The moment before which nothing fires: a date means its first moment in the collection's time zone."""
    return _moment(collection.start, time.min, collection.timezone)


def end_of(collection: Collection) -> datetime | None:
    """The moment after which nothing fires: a date means its last moment, so the collection still fires on
    that day.
    """
    return _moment(collection.end, time.max, collection.timezone)


def _moment(value: datetime | date | None, time_of_day: time, timezone: str) -> datetime | None:
    if value is None:
        return None
    moment = value if isinstance(value, datetime) else datetime.combine(value, time_of_day)
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(timezone))
