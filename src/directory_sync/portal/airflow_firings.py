"""When schedules fire: what Airflow goes by, and what a page tells of the next firings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from airflow.exceptions import AirflowTimetableInvalid
from airflow.sdk.timezone import coerce_datetime
from airflow.timetables.base import TimeRestriction
from airflow.timetables.trigger import CronTriggerTimetable
from pendulum import DateTime

from directory_sync.definition.models import Collection, Every, format_duration
from directory_sync.definition.schedules import cron_expression, end_of, schedules_of, start_of

MICROSECOND = timedelta(microseconds=1)
_MONDAY = date(1970, 1, 5)


def in_utc(moment: datetime) -> DateTime:
    """The same moment as Airflow counts."""
    return coerce_datetime(moment).in_timezone("UTC")


class Cron:
    """Fires by a cron expression or a preset such as `@daily`, by the clock on the wall."""

    def __init__(self, expression: str, timezone: str) -> None:
        self._timetable = CronTriggerTimetable(expression, timezone=timezone)
        self.description = self._timetable.description or expression

    def first(self, moment: DateTime) -> DateTime:
        """The first firing at or after a moment."""
        # Catching up from a moment is Airflow's public way to ask for the first firing after it.
        restriction = TimeRestriction(earliest=moment, latest=None, catchup=True)
        info = self._timetable.next_dagrun_info(last_automated_data_interval=None, restriction=restriction)
        if info is None:
            raise AirflowTimetableInvalid(f"cron expression {self._timetable.summary!r} never fires")
        return info.run_after

    def latest_within(self, start: DateTime, end: DateTime) -> DateTime | None:
        """The last firing in a closed interval."""
        found, moment = None, self.first(start)
        while moment <= end:
            found, moment = moment, self.first(moment + MICROSECOND)
        return found

    def validate(self) -> None:
        """Raise AirflowTimetableInvalid if the expression is none."""
        self._timetable.validate()


@dataclass(frozen=True, slots=True)
class Interval:
    """Fires at a fixed distance, counted from a moment, whatever summer time does."""

    every: timedelta
    origin: DateTime

    def first(self, moment: DateTime) -> DateTime:
        """The first firing at or after a moment."""
        return self._firing(math.ceil(self._elapsed(moment)))

    def latest_within(self, start: DateTime, end: DateTime) -> DateTime | None:
        """The last firing in a closed interval."""
        moment = self._firing(math.floor(self._elapsed(end)))
        return moment if moment >= start else None

    def _elapsed(self, moment: DateTime) -> float:
        """Time since the origin, in intervals."""
        return (moment - self.origin).total_seconds() / self.every.total_seconds()

    def _firing(self, number: int) -> DateTime:
        return self.origin + self.every * number

    @property
    def description(self) -> str:
        """In words, for the UI."""
        return f"Every {format_duration(self.every)}"

    def validate(self) -> None:
        """Raise AirflowTimetableInvalid if the interval is none."""
        if self.every <= timedelta(0):
            raise AirflowTimetableInvalid(f"an interval must be longer than nothing, not {self.every}")


def firings(
    schedules: Sequence[str | timedelta], timezone: str, start: DateTime | None
) -> tuple[Cron | Interval, ...]:
    """What fires: cron expressions or presets by the clocks of a time zone, intervals counted from the start,
    without one from midnight on a Monday.
    """
    origin = start or in_utc(datetime.combine(_MONDAY, time.min, ZoneInfo(timezone)))
    return tuple(
        Interval(schedule, origin)
        if isinstance(schedule, timedelta)
        else Cron(cron_expression(schedule), timezone)
        for schedule in schedules
    )


def next_firings(collection: Collection, after: datetime, count: int) -> tuple[datetime, ...]:
    """The next firings of a collection that is switched on, at most `count` of them, in its time zone."""
    schedules = [each.every if isinstance(each, Every) else each for each in schedules_of(collection)]
    start, end = start_of(collection), end_of(collection)
    zone = ZoneInfo(collection.timezone)
    all_of_them = firings(schedules, collection.timezone, None if start is None else in_utc(start))
    found: list[datetime] = []
    moment = in_utc(after if start is None else max(after, start))
    while all_of_them and len(found) < count:
        try:
            first = min(each.first(moment) for each in all_of_them)
        except (AirflowTimetableInvalid, OverflowError):
            break  # beyond the last year that there is
        if end is not None and first > end:
            break
        found.append(first.astimezone(zone))
        moment = first + MICROSECOND
    return tuple(found)
