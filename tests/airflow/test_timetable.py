"""When a collection fires, moment by moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from directory_sync.definition.models import Collection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from directory_sync.airflow.timetable import CollectionTimetable

BERLIN = ZoneInfo("Europe/Berlin")


def timetable(*schedules: str | timedelta, **rest: object) -> CollectionTimetable:
    """A timetable, imported when Airflow's home is set."""
    from directory_sync.airflow.timetable import CollectionTimetable

    return CollectionTimetable(schedules, **rest)  # type: ignore[arg-type]


def next_firing(
    each: CollectionTimetable, now: datetime, last: datetime | None = None, *, monkeypatch: pytest.MonkeyPatch
) -> datetime | None:
    """What the scheduler is told at a moment, after a last firing."""
    import pendulum
    from airflow.timetables.base import DataInterval, TimeRestriction

    from directory_sync.airflow import timetable as module

    monkeypatch.setattr(module, "utcnow", lambda: pendulum.instance(now).in_timezone("UTC"))
    info = each.next_dagrun_info(
        last_automated_data_interval=None
        if last is None
        else DataInterval.exact(pendulum.instance(last).in_timezone("UTC")),
        restriction=TimeRestriction(earliest=None, latest=None, catchup=False),
    )
    return None if info is None else info.run_after


def firings(
    each: CollectionTimetable, start: datetime, end: datetime, *, monkeypatch: pytest.MonkeyPatch
) -> list[datetime]:
    """All firings of a scheduler that looks whenever one is due, in UTC."""
    found: list[datetime] = []
    now, last = start, None
    while (moment := next_firing(each, now, last, monkeypatch=monkeypatch)) is not None and moment <= end:
        found.append(moment.astimezone(UTC))
        now = last = moment
    return found


def at(*moments: str) -> list[datetime]:
    """Moments in UTC."""
    return [datetime.fromisoformat(moment).replace(tzinfo=UTC) for moment in moments]


def test_cron_follows_the_clock_on_the_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    """02:30 in Berlin is 01:30 UTC in winter, 00:30 in summer.

    On 2026-03-29 it does not exist: the firing comes at 03:30.
    """
    found = firings(
        timetable("30 2 * * *", timezone="Europe/Berlin"),
        datetime(2026, 3, 27, 12, tzinfo=BERLIN),
        datetime(2026, 3, 31, tzinfo=BERLIN),
        monkeypatch=monkeypatch,
    )
    assert found == at("2026-03-28T01:30", "2026-03-29T01:30", "2026-03-30T00:30")


def test_a_nightly_cron_fires_once_when_an_hour_comes_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """On 2026-10-25 02:30 comes twice in Berlin; the collection fires once."""
    found = firings(
        timetable("30 2 * * *", timezone="Europe/Berlin"),
        datetime(2026, 10, 24, 12, tzinfo=BERLIN),
        datetime(2026, 10, 26, 12, tzinfo=BERLIN),
        monkeypatch=monkeypatch,
    )
    assert len(found) == 2
    assert [moment.astimezone(BERLIN).strftime("%d %H:%M") for moment in found] == ["25 02:30", "26 02:30"]


def test_an_interval_keeps_its_distance_over_summer_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every 6 hours is every 6 hours, also on the day with 23 hours."""
    found = firings(
        timetable(timedelta(hours=6), timezone="Europe/Berlin"),
        datetime(2026, 3, 28, 12, 30, tzinfo=BERLIN),
        datetime(2026, 3, 30, 12, tzinfo=BERLIN),
        monkeypatch=monkeypatch,
    )
    assert len(found) == 7
    assert {(later - earlier).total_seconds() for earlier, later in pairwise(found)} == {6 * 3600}


def test_several_schedules_fire_at_their_union(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cron expressions, presets and intervals mix; where two meet there is one firing."""
    found = firings(
        timetable("0 2 * * *", "@daily", timedelta(hours=12)),
        datetime(2026, 1, 5, 0, 15, tzinfo=UTC),
        datetime(2026, 1, 6, 2, tzinfo=UTC),
        monkeypatch=monkeypatch,
    )
    assert found == at("2026-01-05T02:00", "2026-01-05T12:00", "2026-01-06T00:00", "2026-01-06T02:00")


def test_a_missed_firing_is_not_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A nightly collection that is switched on at noon waits for the night, however often it has missed
    one.
    """
    nightly = timetable("0 2 * * *")
    noon = datetime(2026, 5, 5, 12, tzinfo=UTC)
    for last in (None, datetime(2026, 4, 1, 2, tzinfo=UTC)):
        assert next_firing(nightly, noon, last, monkeypatch=monkeypatch) == at("2026-05-06T02:00")[0]


def test_a_start_in_the_past_makes_nothing_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same with `start:` long ago, where Airflow's own timetables would fire at once."""
    nightly = timetable("0 2 * * *", start=datetime(2026, 1, 1, tzinfo=UTC))
    noon = datetime(2026, 5, 5, 12, tzinfo=UTC)
    assert next_firing(nightly, noon, monkeypatch=monkeypatch) == at("2026-05-06T02:00")[0]


def test_a_late_scheduler_still_fires(monkeypatch: pytest.MonkeyPatch) -> None:
    """A firing that is minutes late (busy or restarted scheduler) is made; of several such ones, only the
    latest.
    """
    assert (
        next_firing(
            timetable("0 2 * * *"),
            datetime(2026, 5, 5, 2, 4, tzinfo=UTC),
            datetime(2026, 5, 4, 2, tzinfo=UTC),
            monkeypatch=monkeypatch,
        )
        == at("2026-05-05T02:00")[0]
    )
    for schedule in ("* * * * *", timedelta(minutes=1)):
        assert (
            next_firing(
                timetable(schedule),
                datetime(2026, 5, 5, 2, 4, 30, tzinfo=UTC),
                datetime(2026, 5, 5, 1, tzinfo=UTC),
                monkeypatch=monkeypatch,
            )
            == at("2026-05-05T02:04")[0]
        )


def test_no_firing_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """A firing that was made is not made again, although it is not long ago."""
    two = datetime(2026, 5, 5, 2, tzinfo=UTC)
    assert (
        next_firing(timetable("0 2 * * *"), two + timedelta(minutes=1), two, monkeypatch=monkeypatch)
        == at("2026-05-06T02:00")[0]
    )


@pytest.mark.parametrize("now", ["2025-12-31T12:00", "2026-01-01T00:00"])
def test_nothing_fires_before_the_start(now: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first firing is at the start or after it."""
    each = timetable("0 * * * *", timedelta(hours=5), start=datetime(2026, 1, 1, 0, 30, tzinfo=UTC))
    assert next_firing(each, at(now)[0], monkeypatch=monkeypatch) == at("2026-01-01T00:30")[0]


def test_an_expired_schedule_fires_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last firing is at the end or before it."""
    each = timetable("0 2 * * *", end=datetime(2026, 1, 2, 2, tzinfo=UTC))
    start = datetime(2026, 1, 1, tzinfo=UTC)
    assert firings(each, start, start + timedelta(days=9), monkeypatch=monkeypatch) == at(
        "2026-01-01T02:00", "2026-01-02T02:00"
    )
    assert next_firing(each, datetime(2026, 1, 3, tzinfo=UTC), monkeypatch=monkeypatch) is None


def _collection(**rest: object) -> Collection:
    job = {
        "name": "people",
        "source": {"file": "in.csv"},
        "destination": {"file": "out.csv"},
        "object": "row",
        "fields": {"id": {"from": "id", "key": True}},
    }
    return Collection.model_validate({"name": "corp", "jobs": [job], **rest})


def test_a_date_as_end_includes_that_day() -> None:
    """`end: 2026-03-01` in Berlin still fires in the evening of that day; `start:` means its first moment."""
    from directory_sync.definition.schedules import end_of, start_of

    collection = _collection(start="2026-03-01", end="2026-03-01", timezone="Europe/Berlin")
    start, end = start_of(collection), end_of(collection)
    assert start == datetime(2026, 3, 1, tzinfo=BERLIN)
    assert end is not None
    assert datetime(2026, 3, 1, 23, 59, tzinfo=BERLIN) < end < datetime(2026, 3, 2, tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (None, "Only by hand."),
        ("@daily", "@daily (UTC). Missed firings are not caught up."),
        ({"every": "90m"}, "every 1h30m (UTC). Missed firings are not caught up."),
        (["0 2 * * *", {"every": "6h"}], "0 2 * * *, every 6h (UTC). Missed firings are not caught up."),
    ],
)
def test_schedules_in_words(schedule: object, words: str) -> None:
    """The DAG's page says the schedule as the definition does."""
    from directory_sync.airflow.schedules import in_words

    assert in_words(_collection(schedule=schedule)) == words


def test_no_schedule_is_no_timetable() -> None:
    """`schedule: null` runs only by hand."""
    from directory_sync.airflow.schedules import timetable_of

    assert timetable_of(_collection()) is None


@pytest.mark.parametrize(
    "schedules", [["0 2 * * *"], [timedelta(minutes=15)], ["@weekly", timedelta(days=2)]]
)
def test_serialising_loses_nothing(schedules: Sequence[str | timedelta]) -> None:
    """Airflow's scheduler works with what it reads back from the database; it finds the class through our
    plugin.
    """
    from airflow.serialization.decoders import decode_timetable
    from airflow.serialization.encoders import encode_timetable

    each = timetable(
        *schedules,
        timezone="Europe/Berlin",
        start=datetime(2026, 1, 1, tzinfo=BERLIN),
        end=datetime(2027, 1, 1, tzinfo=UTC),
    )
    again = decode_timetable(encode_timetable(each))
    assert type(again) is type(each)
    assert again.serialize() == each.serialize()
    assert again.description == each.description


def test_a_wrong_expression_is_refused() -> None:
    """What is no cron expression does not make a timetable that never fires."""
    from airflow.exceptions import AirflowTimetableInvalid

    with pytest.raises(AirflowTimetableInvalid):
        timetable("61 2 * * *").validate()
    with pytest.raises(AirflowTimetableInvalid):
        timetable(timedelta(0)).validate()


def test_its_description_fits_airflows_database() -> None:
    """What is longer would keep an Airflow on PostgreSQL from storing any change to the DAG."""
    from airflow.models.dag import DagModel

    most = DagModel.__table__.c.timetable_description.type.length
    long = timetable(*(timedelta(minutes=minute) for minute in range(1, 400)), timezone="Europe/Berlin")
    assert len(long.description) == most
    assert long.description.endswith("… (Europe/Berlin)")
    short = timetable("@daily", timedelta(minutes=1))
    assert "…" not in short.description


def test_what_a_definition_may_hold_fits_airflows_database() -> None:
    """The limits of title and owners are those of the columns that they are written to."""
    from airflow.models.dag import DagModel

    from directory_sync.definition.checks import collection

    for column in ("owners", "dag_display_name"):
        assert DagModel.__table__.c[column].type.length >= collection._MAX_COLUMN
