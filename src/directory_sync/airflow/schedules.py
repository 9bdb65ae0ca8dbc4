"""From a definition's schedule to Airflow's, and to words."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from directory_sync.definition.models import Collection, Every, Schedule, format_duration

if TYPE_CHECKING:
    from directory_sync.airflow.timetable import CollectionTimetable


def timetable_of(collection: Collection) -> CollectionTimetable | None:
    """When the collection fires by itself; None: only by hand.

    Raises ValueError for a schedule that Airflow cannot read.
    """
    schedules = _schedules(collection)
    if not schedules:
        return None
    # Only here, because a collection without schedule is parsed without it.
    from directory_sync.airflow.timetable import CollectionTimetable

    return CollectionTimetable(
        [schedule.every if isinstance(schedule, Every) else schedule for schedule in schedules],
        timezone=collection.timezone,
        start=start_of(collection),
        end=end_of(collection),
    )


def start_of(collection: Collection) -> datetime | None:
    """The moment before which nothing fires: a date means its first moment in the collection's time zone."""
    return _moment(collection.start, time.min, collection.timezone)


def end_of(collection: Collection) -> datetime | None:
    """The moment after which nothing fires: a date means its last moment, so the collection still fires on
    that day.
    """
    return _moment(collection.end, time.max, collection.timezone)


def in_words(collection: Collection) -> str:
    """The schedule as a sentence of Markdown-free text, for people."""
    schedules = _schedules(collection)
    if not schedules:
        return "Only by hand."
    parts = [
        f"every {format_duration(each.every)}" if isinstance(each, Every) else each for each in schedules
    ]
    text = f"{', '.join(parts)} ({collection.timezone})"
    if collection.start is not None:
        text += f", from {collection.start.isoformat()}"
    if collection.end is not None:
        text += f", until {collection.end.isoformat()}"
    return text + ". Missed firings are not caught up."


def _schedules(collection: Collection) -> list[Schedule]:
    if collection.schedule is None:
        return []
    return collection.schedule if isinstance(collection.schedule, list) else [collection.schedule]


def _moment(value: datetime | date | None, time_of_day: time, timezone: str) -> datetime | None:
    if value is None:
        return None
    moment = value if isinstance(value, datetime) else datetime.combine(value, time_of_day)
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(timezone))
