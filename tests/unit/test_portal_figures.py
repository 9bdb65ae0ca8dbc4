"""Numbers, times and limits as pages show them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory_sync.plan.model import LimitCheck, Statistics
from directory_sync.portal.views.limit_meters import limit_meters
from directory_sync.present.times import ahead_text, duration_text, moment_iso, moment_text
from directory_sync.present.words import add_statistics, count_kinds, kinds_text

NOW = datetime(2026, 11, 22, 18, 30, tzinfo=UTC)
counts = st.dictionaries(st.sampled_from(list(Statistics().to_json())), st.integers(0, 10**7))


def test_the_worst_comes_first() -> None:
    """Deletions stand before everything else, creations last, and kinds that do not occur not at all."""
    kinds = count_kinds(Statistics(created=1, updated=12, deleted=3, moved=1, unchanged=99).to_json())
    assert kinds_text(kinds) == "3 deletions, 1 move, 12 updates, 1 creation"


def test_nothing_is_said_in_words_too() -> None:
    """A plan without changes has an empty bar and a text."""
    assert count_kinds(Statistics(read=5).to_json()) == ()
    assert kinds_text(()) == "no changes"


@given(counts)
def test_the_parts_of_a_bar_fill_it(statistics: dict[str, int]) -> None:
    """The parts follow each other without gaps, each can be seen, and together they are the whole bar."""
    kinds = count_kinds(statistics)
    end = 0.0
    for kind in kinds:
        assert kind.start == pytest.approx(end, abs=0.01)
        assert kind.width >= 1
        end = kind.start + kind.width
    assert not kinds or end == pytest.approx(100, abs=0.01)


def test_figures_of_several_requests_are_added() -> None:
    """What a selection changes is the sum."""
    assert add_statistics([{"deleted": 2}, {"deleted": 3, "created": 1}]) == {"deleted": 5, "created": 1}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "less than a minute"),
        (-5, "less than a minute"),
        (60, "1 minute"),
        (3_600, "1 hour"),
        (3_660, "1 hour 1 minute"),
        (90_000, "1 day 1 hour"),
        (86_400 * 30 + 7_200, "30 days 2 hours"),
        (86_400 + 60, "1 day"),
    ],
)
def test_durations_are_told_in_their_two_largest_units(seconds: int, text: str) -> None:
    """Days with hours, hours with minutes; nothing finer."""
    assert duration_text(timedelta(seconds=seconds)) == text


def test_what_is_due_is_not_told_as_past() -> None:
    """Something whose time has come happens any moment, however late housekeeping is."""
    assert ahead_text(NOW - timedelta(hours=1), NOW) == "any moment now"
    assert ahead_text(NOW + timedelta(days=2), NOW) == "in 2 days"


@pytest.mark.parametrize(
    ("ahead", "text"),
    [
        (timedelta(days=14, seconds=-90), "in 14 days"),
        (timedelta(hours=3, seconds=-20), "in 3 hours"),
        (timedelta(seconds=5), "in less than a minute"),
    ],
)
def test_what_is_ahead_is_rounded(ahead: timedelta, text: str) -> None:
    """What was just filed with 14 days expires in 14 days, not in 13 days 23 hours."""
    assert ahead_text(NOW + ahead, NOW) == text


@pytest.mark.parametrize(
    ("limit", "base", "allowed", "why"),
    [
        ("5%", 470, 23, " (5% of 470)"),
        ("[5%, 500]", 470, 23, " (5% of 470)"),
        ("[5%, 500]", 20_000, 500, " (5% of 20,000, at most 500)"),
        ("[5%, 500]", 2, 5, " (5% of 2, at least 5)"),
        ("[3, 5%]", 2, 3, " (5% of 2, at most 3)"),
        ("12", 470, 12, ""),
    ],
)
def test_a_limit_says_where_it_comes_from(limit: str, base: int, allowed: int, why: str) -> None:
    """A percentage with what it counts against, and the bound that counts instead, if any; a number is just
    that.
    """
    (meter,) = limit_meters([LimitCheck("delete", "", 1, base, allowed, limit)])
    assert meter.text == f"1 planned, {allowed} allowed{why}"


def test_times_are_utc_where_no_browser_turns_them() -> None:
    """The text and the attribute name the same moment."""
    elsewhere = NOW.astimezone(tz=datetime.now().astimezone().tzinfo)
    assert moment_text(elsewhere) == "2026-11-22 18:30 UTC"
    assert moment_iso(elsewhere) == "2026-11-22T18:30:00Z"


def test_the_nearest_limit_comes_first() -> None:
    """Exceeded limits stand first, then the ones that are nearest; limits that allow everything are left
    out.
    """
    meters = limit_meters(
        [
            LimitCheck("create", "", 5, 100, None, "none"),
            LimitCheck("update", "", 1, 100, 10, "10%"),
            LimitCheck("clear", "mail", 9, 100, 10, "10%"),
            LimitCheck("delete+disable+move", "", 40, 100, 5, "5%"),
        ]
    )
    assert [(meter.name, meter.tone) for meter in meters] == [
        ("Deletes, disables and moves", "over"),
        ("Clears", "close"),
        ("Updates", "near"),
    ]
    assert meters[0].used == 100
    assert meters[1].used == 90
    assert "over the limit" in meters[0].text


def test_a_limit_of_nothing_is_exceeded_by_one() -> None:
    """A limit of 0 is no division by zero, and 1 is past it."""
    none, one = (
        limit_meters([LimitCheck("delete", "", 0, 9, 0, "0")]),
        limit_meters([LimitCheck("delete", "", 1, 9, 0, "0")]),
    )
    assert (none[0].tone, one[0].tone) == ("near", "over")
