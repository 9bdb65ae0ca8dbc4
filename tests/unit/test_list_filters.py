"""Filters of lists, as an address keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from directory_sync.portal.list_filters import Column, Operator, read_conditions, sort_rows


@dataclass(frozen=True)
class Job:
    """A row of a list."""

    name: str = "People"
    source: str | None = "head: ou=people,dc=head"
    tags: tuple[str, ...] = ("hr", "Berlin")
    times: int = 12
    run: datetime | None = datetime(2026, 1, 31, 23, 59, tzinfo=UTC)


COLUMNS: dict[str, Column[Job]] = {
    "name": Column("name", "Name", lambda row: row.name),
    "source": Column("source", "Source", lambda row: row.source),
    "tag": Column("tag", "Tag", lambda row: row.tags),
    "times": Column("times", "Times run", lambda row: row.times, "number"),
    "run": Column("run", "Last run", lambda row: row.run, "time"),
}


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("name.contains.EOP", True),
        ("name.contains.groups", False),
        ("name.not_contains.groups", True),
        ("name.is.people", True),
        ("name.is.peopl", False),
        ("name.is_not.people", False),
        ("name.starts.peo", True),
        ("name.not_starts.peo", False),
        ("name.ends.PLE", True),
        ("name.not_ends.ple", False),
        ("source.present", True),
        ("source.absent", False),
        ("source.contains.ou=people,dc=head", True),
        ("name.ge.people", True),
        ("name.le.a", False),
        ("tag.is.berlin", True),
        ("tag.is.ber", False),
        ("tag.is_not.berlin", False),
        ("tag.not_contains.munich", True),
        ("times.ge.12", True),
        ("times.ge.13", False),
        ("times.le.12", True),
        ("times.is.12", True),
        ("times.is_not.12", False),
        ("run.is.2026-01-31", True),
        ("run.ge.2026-01-31", True),
        ("run.le.2026-01-31", True),
        ("run.le.2026-01-30", False),
        ("run.ge.2026-02-01", False),
        ("run.le.9999-12-31", True),
        ("run.present", True),
    ],
)
def test_each_operator(text: str, fits: bool) -> None:
    """Letters count in any case; a day ends with its last moment; of several values one is enough."""
    conditions, problems = read_conditions([text], COLUMNS)
    assert not problems
    assert conditions[0].text == text
    assert conditions[0].fits(Job()) is fits


def test_what_has_no_value_fits_only_what_denies() -> None:
    """Nothing is said of it, so nothing is compared."""
    row = Job(source=None, tags=(), run=None)
    for text, fits in (
        ("source.contains.a", False),
        ("source.not_contains.a", True),
        ("source.absent", True),
        ("tag.absent", True),
        ("tag.present", False),
        ("run.ge.2026-01-01", False),
        ("run.is_not.2026-01-01", True),
    ):
        (condition,), _ = read_conditions([text], COLUMNS)
        assert condition.fits(row) is fits, text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nam.is.a", "Did you mean name?"),
        ("name.contain.a", "Did you mean contains?"),
        ("name", "There is no operator"),
        ("name.is.", "give a value"),
        ("name.is. ", "give a value"),
        ("times.ge.many", "must be a whole number"),
        ("times.ge.-1", "must be a whole number"),
        ("times.ge.1²", "must be a whole number"),
        ("times.contains.1", "cannot be compared"),
        ("run.ge.yesterday", "must be a day"),
        ("run.ge.2026-02-30", "must be a day"),
        (f"name.is.{'x' * 1001}", "1,001 characters"),
        ("\x1b[2J.is.\u202e", "There is no column"),
        ("", "There is no column"),
    ],
)
def test_what_cannot_be_used_is_told(text: str, said: str) -> None:
    """And the others count all the same."""
    conditions, problems = read_conditions([text, "name.is.people"], COLUMNS)
    assert [condition.text for condition in conditions] == ["name.is.people"]
    assert said in problems[0]
    assert "\x1b" not in problems[0]


def test_not_more_than_some() -> None:
    """An address cannot keep the server busy."""
    conditions, problems = read_conditions((f"name.is.{number}" for number in range(50)), COLUMNS)
    assert len(conditions) == 20
    assert len(problems) == 1


def test_an_order_keeps_what_has_no_value_at_the_end() -> None:
    """Whichever way the others stand."""
    rows = [Job(name="b"), Job(name="A"), Job(name=""), Job(name="c", times=3)]
    assert [row.name for row in sort_rows(rows, COLUMNS["name"], descending=False)] == ["A", "b", "c", ""]
    assert [row.name for row in sort_rows(rows, COLUMNS["name"], descending=True)] == ["c", "b", "A", ""]
    assert sort_rows(rows, COLUMNS["times"], descending=False)[0].name == "c"


def test_every_operator_has_a_label() -> None:
    """Under which people choose it."""
    from directory_sync.portal.list_filters import LABELS

    assert list(LABELS) == list(Operator)
