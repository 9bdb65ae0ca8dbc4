"""When a collection fires: any mixture of cron expressions and intervals, in its time zone, between its start
and its end.

Airflow's own timetables do not mix the two, make up for the last firing that was missed however long ago it
was (so that switching a nightly collection on at noon would start it at noon), and know an end only as the
DAG's `end_date`, after which a run that someone starts by hand would wait indefinitely.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from airflow.sdk.timezone import coerce_datetime, utcnow
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction, Timetable
from pendulum import DateTime

from directory_sync.definition.models import format_duration
from directory_sync.portal.airflow_firings import MICROSECOND, Cron, Interval, firings, in_utc

GRACE = timedelta(minutes=10)
"""A firing that is later than this was missed and is not made up for.

Less is a scheduler that was busy or restarted.
"""

_LONGEST_DESCRIPTION = 1_000  # `airflow.models.dag.DagModel.timetable_description`


def _described(firings: Sequence[Cron | Interval], timezone: str) -> str:
    """In words, for the UI: as much as Airflow's database takes. With more, Airflow would go on with the DAG
    as it was, and tell only its log.
    """
    text, zone = "; ".join(firing.description for firing in firings), f" ({timezone})"
    most = _LONGEST_DESCRIPTION - len(zone)
    return f"{text if len(text) <= most else f'{text[: most - 1]}…'}{zone}"


class CollectionTimetable(Timetable):
    """Fires whenever one of the schedules does; once, where several do at the same moment.

    Args:
        schedules: cron expressions or presets, and intervals.
        timezone: IANA name; cron expressions follow its clocks.
        start, end: no firing before, none after; both moments belong to the time in which it fires. Intervals
            are counted from the start, without one from midnight on a Monday.
    """

    def __init__(
        self,
        schedules: Sequence[str | timedelta],
        *,
        timezone: str = "UTC",
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> None:
        if not schedules:
            raise ValueError("a timetable needs at least one schedule")
        self._schedules = tuple(schedules)
        self._timezone = timezone
        self._start = None if start is None else in_utc(start)
        self._end = None if end is None else in_utc(end)
        self._firings = firings(schedules, timezone, self._start)
        self.description = _described(self._firings, timezone)

    @property
    def summary(self) -> str:
        """The schedules as a definition writes them."""
        return ", ".join(
            f"every {format_duration(each)}" if isinstance(each, timedelta) else each
            for each in self._schedules
        )

    def validate(self) -> None:
        """Raise AirflowTimetableInvalid for a schedule that can never fire."""
        for firing in self._firings:
            firing.validate()

    def serialize(self) -> dict[str, Any]:
        """Return what `deserialize` makes an equal timetable of."""
        return {
            "schedules": [
                each.total_seconds() if isinstance(each, timedelta) else each for each in self._schedules
            ],
            "timezone": self._timezone,
            "start": None if self._start is None else self._start.isoformat(),
            "end": None if self._end is None else self._end.isoformat(),
        }

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> CollectionTimetable:
        """Read what `serialize` returned."""
        return cls(
            [each if isinstance(each, str) else timedelta(seconds=each) for each in data["schedules"]],
            timezone=data["timezone"],
            start=data["start"] and datetime.fromisoformat(data["start"]),
            end=data["end"] and datetime.fromisoformat(data["end"]),
        )

    def infer_manual_data_interval(self, *, run_after: DateTime) -> DataInterval:
        """A run that someone starts covers no time; it synchronises what is there."""
        return DataInterval.exact(run_after)

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Return the next firing: the latest one that is due and not yet missed, else the first one to
        come.
        """
        earliest = max(self._bounds(self._start, restriction.earliest), default=None)
        latest = min(self._bounds(self._end, restriction.latest), default=None)
        after_last = last_automated_data_interval and last_automated_data_interval.end + MICROSECOND
        now = coerce_datetime(utcnow())
        if restriction.catchup:
            from_here = max(self._bounds(earliest, after_last), default=now)
        else:
            from_here = max(self._bounds(earliest, after_last, now - GRACE))
            # Of several firings that are due only the latest is made: the others were missed.
            due = [moment for firing in self._firings if (moment := firing.latest_within(from_here, now))]
            from_here = max(due, default=from_here)
        firing = min(firing.first(from_here) for firing in self._firings)
        return None if latest is not None and firing > latest else DagRunInfo.exact(firing)

    @staticmethod
    def _bounds(*moments: DateTime | None) -> Iterator[DateTime]:
        return (moment for moment in moments if moment is not None)
