"""Checks of a collection as a whole: schedule, time zone, period, people to tell, names of jobs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from directory_sync.definition.checks.syntax import mail_wrong, timezone_wrong
from directory_sync.definition.models import Collection, Every
from directory_sync.definition.nodes import Path
from directory_sync.definition.places import Places
from directory_sync.definition.problems import Problem
from directory_sync.definition.schedules import schedule_problem

_MAX_TAG = 100
"""Airflow's limit for a DAG's tag."""


def check_collection(collection: Collection, places: Places, jobs: Sequence[int]) -> Iterator[Problem]:
    """Check everything outside of the jobs, and that the jobs' names are unique."""
    yield from _check_schedule(collection, places)
    yield from _check_texts(collection, places)
    if collection.notifications:
        for index, address in enumerate(collection.notifications.to):
            if wrong := mail_wrong(address):
                yield places.problem(("notifications", "to", index), *wrong)
    first: dict[str, int] = {}
    for index, job in zip(jobs, collection.jobs, strict=True):
        if job.name in first:
            line = places.value(("jobs", first[job.name], "name")).line
            yield places.problem(
                ("jobs", index, "name"),
                f"another job is called {job.name} too, in line {line}",
                "give each job of the collection a name of its own",
            )
        first.setdefault(job.name, index)


def _check_schedule(collection: Collection, places: Places) -> Iterator[Problem]:
    schedule = collection.schedule
    parts: list[tuple[Path, str | Every]] = []
    if isinstance(schedule, list):
        parts = [(("schedule", index), part) for index, part in enumerate(schedule)]
    elif schedule is not None:
        parts = [(("schedule",), schedule)]
    for path, part in parts:
        if isinstance(part, str) and (wrong := schedule_problem(part)):
            yield places.problem(path, *wrong)
    zone = timezone_wrong(collection.timezone)
    if zone:
        yield places.problem(("timezone",), *zone)
    start, end = (
        _moment(moment, "UTC" if zone else collection.timezone)
        for moment in (collection.start, collection.end)
    )
    if start and end and end <= start:
        yield places.problem(
            ("end",),
            "is not after start",
            "an expired schedule fires no more; give a later end or leave it out",
        )
    if schedule is None:
        for name, moment in (("start", start), ("end", end)):
            if moment:
                hint = "give a schedule, or leave it out"
                yield places.problem(
                    (name,), "has no effect without a schedule", hint, severity="warning", at_key=True
                )


def _moment(value: date | datetime | None, zone: str) -> datetime | None:
    if value is None:
        return None
    moment = value if isinstance(value, datetime) else datetime.combine(value, time())
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))


def _check_texts(collection: Collection, places: Places) -> Iterator[Problem]:
    for index, tag in enumerate(collection.tags):
        if len(tag) > _MAX_TAG:
            yield places.problem(
                ("tags", index), f"has more than {_MAX_TAG} characters", "Airflow takes shorter tags only"
            )
    for index, owner in enumerate(collection.owners):
        if "," in owner:
            yield places.problem(("owners", index), "holds a comma", "give each owner as an item of the list")
    for key, texts in (("tags", collection.tags), ("owners", collection.owners)):
        seen: set[str] = set()
        for index, text in enumerate(texts):
            if text in seen:
                yield places.problem((key, index), "is given twice", "leave one out", severity="warning")
            seen.add(text)
