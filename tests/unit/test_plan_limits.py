"""Limits: a plan is counted against what the definition and the defaults allow, before anything is written."""

from __future__ import annotations

import pytest

from directory_sync.definition.models import Limit, LimitKind, Limits, parse_limit
from directory_sync.endpoints.change import Action, Change, FieldChange
from directory_sync.plan.limits import Tally, allowed, check_limits, exceeded_text


def limits(**given: object) -> Limits:
    return {LimitKind(kind): Limit.model_validate(parse_limit(value)) for kind, value in given.items()}


def exceeded(tally: Tally, given: Limits, *, managed: int = 1000, records: int = 1000, matched: int = 1000) -> list[str]:
    checks = check_limits(given, tally, managed=managed, source_records=records, matched=matched)
    return [check.kind for check in checks if check.exceeded]


def deletions(number: int) -> Tally:
    tally = Tally()
    for i in range(number):
        tally.count(Change(Action.DELETE, str(i), f"cn={i}"), members_before={})
    return tally


@pytest.mark.parametrize(
    ("limit", "base", "most"),
    [
        (Limit(percent=5), 1000, 50),
        (Limit(percent=5), 10, 5),
        (Limit(percent=0), 1000, 5),
        (Limit(count=2), 1000, 2),
        (Limit(count=0), 1000, 0),
        (Limit(percent=50, count=3), 1000, 3),
        (Limit(percent=5, count=500), 100_000, 500),
        (Limit(), 1000, None),
    ],
)
def test_the_smaller_of_percentage_and_number_counts(limit: Limit, base: int, most: int | None) -> None:
    """Five changes are always allowed unless a plain number says less."""
    assert allowed(limit, base, LimitKind.DELETE) == most


def test_deletions_are_limited_by_default() -> None:
    """Five in a hundred managed objects, and not one more."""
    assert exceeded(deletions(50), {}) == []
    assert exceeded(deletions(51), {}) == ["delete+disable+move"]


def test_the_default_counts_all_removals_together() -> None:
    """Deleting some and moving some does not get past the limit."""
    tally = deletions(30)
    for i in range(30):
        tally.count(Change(Action.MOVE, str(i), f"cn=m{i}", new_object=f"cn=m{i},ou=x"), members_before={})
    assert exceeded(tally, {}) == ["delete+disable+move"]


def test_a_given_limit_replaces_the_default_of_its_kind_only() -> None:
    """With a limit for deletions, moves and disables still have theirs."""
    tally = deletions(200)
    for i in range(60):
        tally.count(Change(Action.MOVE, str(i), f"cn=m{i}", new_object=f"cn=m{i},ou=x"), members_before={})
    assert exceeded(tally, limits(delete=500)) == ["disable+move"]
    assert exceeded(tally, limits(delete=100, move="none", disable="none")) == ["delete"]


def test_losing_a_field_is_counted_per_field() -> None:
    """One attribute gone for everybody stops the job, a few cleared values of different fields do not."""
    tally = Tally()
    for i in range(101):
        change = Change(Action.UPDATE, str(i), f"cn={i}", fields=(FieldChange("mail", (b"x",), ()),))
        tally.count(change, members_before={})
    assert exceeded(tally, {}) == ["clear"]
    assert exceeded(tally, limits(clear="20%")) == []


def test_member_removals_count_against_their_group() -> None:
    """A group that loses more than half of its members stops the job; small groups may lose ten."""
    tally = Tally()
    change = Change(
        Action.UPDATE,
        "g",
        "cn=g",
        fields=(FieldChange("member", tuple(b"%d" % i for i in range(11)), (), partial=True),),
    )
    tally.count(change, members_before={"member": 20})
    assert exceeded(tally, {}) == ["members"]
    tally = Tally()
    tally.count(change, members_before={"member": 22})
    assert exceeded(tally, {}) == []


def test_the_message_says_which_limit_and_by_how_much() -> None:
    """The text names kind, planned and allowed, for a percentage what of, and both ways on."""
    checks = check_limits(limits(delete="10%"), deletions(60), managed=500, source_records=440, matched=440)
    text = exceeded_text(checks)
    assert "delete: 60 planned, 50 allowed (10% of 500)" in text
    for way in ("waiver", "Sync results", "`limits`"):
        assert way in text
    checks = check_limits(limits(delete=2), deletions(6), managed=500, source_records=440, matched=440)
    assert "delete: 6 planned, 2 allowed." in exceeded_text(checks)


def test_taking_a_change_back_leaves_no_trace() -> None:
    """`times=-1` undoes a count."""
    tally = deletions(1)
    tally.count(Change(Action.DELETE, "0", "cn=0"), members_before={}, times=-1)
    assert tally.actions[LimitKind.DELETE] == 0
