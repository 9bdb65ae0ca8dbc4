"""From a definition's schedule to Airflow's, and to words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from directory_sync.definition.models import Collection, Every, format_duration
from directory_sync.definition.schedules import end_of, schedules_of, start_of

if TYPE_CHECKING:
    from directory_sync.airflow.timetable import CollectionTimetable


def timetable_of(collection: Collection) -> CollectionTimetable | None:
    """When the collection fires by itself; None: only by hand.

    Raises ValueError for a schedule that Airflow cannot read.
    """
    schedules = schedules_of(collection)
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


def in_words(collection: Collection) -> str:
    """The schedule as a sentence of Markdown-free text, for people."""
    schedules = schedules_of(collection)
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
