"""What a schedule text means: presets, five-field cron expressions, and whether one is right."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache

from directory_sync.definition.problems import suggest

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
