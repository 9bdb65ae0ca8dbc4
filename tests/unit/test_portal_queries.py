"""What an address may ask for: the words for what it may not, and what the pages and the REST API read."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from directory_sync.approval.states import RequestState
from directory_sync.errors import QueryError
from directory_sync.portal.queries import ChangeQuery, ComparisonQuery, ListKind, ListQuery, Order, Query


def problems_of(kind: type[Query], *parameters: tuple[str, str]) -> dict[str, str]:
    """What is said of an address of the REST API."""
    with pytest.raises(QueryError) as caught:
        kind.read(parameters, strict=True)
    return dict(caught.value.problems)


def test_every_problem_is_told_at_once() -> None:
    """By the parameter's name, with what is right."""
    assert problems_of(
        ListQuery,
        ("limit", "1"), ("limit", "2"), ("before", "-1"), ("state", "denied"), ("state", "aproved"),
        ("from", "yesterday"), ("colour", "\x1b[31m"), ("job", "x" * 251), ("list", "inbx"),
    ) == {
        "limit": "This may be given only once.",
        "before": "“-1” must be a whole number from 0 to 2,147,483,647.",
        "state": "“aproved” is not a valid value. Did you mean approved?",
        "from": "“yesterday” is not a date or time. Write 2026-01-31 or 2026-01-31T18:00Z.",
        "“colour”": "There is no such parameter. There are: " + ", ".join(ListQuery.schemas()) + ".",
        "job": "This has 251 characters; at most 250 are possible.",
        "list": "“inbx” is not a valid value. Did you mean inbox?",
    }  # fmt: skip


@pytest.mark.parametrize("number", ["0", "1001", "+5", "1_0", "5.0", "٣", "9" * 5000])
def test_a_number_is_nothing_but_digits_within_bounds(number: str) -> None:
    """Nothing else is guessed to be one."""
    for kind in (ListQuery, ChangeQuery, ComparisonQuery):
        assert list(problems_of(kind, ("limit", number))) == ["limit"]
        assert "from 1 to 1,000" in problems_of(kind, ("limit", number))["limit"]


def test_an_address_of_a_page_has_other_parameters_too() -> None:
    """They are ignored there; what is empty counts as not given; a day's end is the midnight after it."""
    parameters = [
        ("said", "denied"), ("job", " "), ("state", "denied"), ("state", "denied"), ("list", "mine"),
        ("from", "2026-01-31T18:00 01:00"), ("until", " 2026-01-31 "),
    ]  # fmt: skip
    query = ListQuery.read(parameters)

    assert (query.kind, query.job, query.states, query.limit) == (
        ListKind.MINE, None, (RequestState.DENIED,), 50,
    )  # fmt: skip
    assert query.filter.filed_from == datetime(2026, 1, 31, 17, tzinfo=UTC)
    assert query.filter.filed_before == datetime(2026, 2, 1, tzinfo=UTC)


def test_a_page_may_have_another_order() -> None:
    """Where none is given."""
    assert ChangeQuery.read([]).order is Order.PLAN
    assert ChangeQuery.read([], order=Order.CONSEQUENCE).order is Order.CONSEQUENCE
    assert ChangeQuery.read([("order", "plan")], order=Order.CONSEQUENCE).order is Order.PLAN
