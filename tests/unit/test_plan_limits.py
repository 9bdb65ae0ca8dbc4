"""Limits: a plan is counted against what the definition and the defaults allow, before anything is
written.
"""

from __future__ import annotations

import pytest

from directory_sync.definition.models import Limit, LimitKind, Limits, parse_limit
from directory_sync.endpoints.change import Action, Change, FieldChange
from directory_sync.plan.limits import Figures, Tally, allowed, check_limits, exceeded_text
from directory_sync.plan.model import LimitCheck


def limits(**given: object) -> Limits:
    return {LimitKind(kind): Limit.model_validate(parse_limit(value)) for kind, value in given.items()}


def figures(
    managed: int = 1000, *, memberships: int = 1000, recent: dict[LimitKind, int] | None = None
) -> Figures:
    return Figures(1000, managed, managed, 1000, memberships, recent or {})


def exceeded(tally: Tally, given: Limits, numbers: Figures | None = None) -> list[str]:
    return [check.kind for check in check_limits(given, tally, numbers or figures()) if check.exceeded]


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
        (Limit(percent=0), 1000, 0),
        (Limit(count=2), 1000, 2),
        (Limit(count=0), 1000, 0),
        (Limit(percent=50, count=3), 1000, 3),
        (Limit(percent=5, count=500), 100_000, 500),
        (Limit(percent=10, count=3), 10, 3),
        (Limit(), 1000, None),
    ],
)
def test_the_smaller_of_percentage_and_number_counts(limit: Limit, base: int, most: int | None) -> None:
    """A percentage never forbids the handful; plain numbers and `0%` are exact."""
    assert allowed(limit, base, handful=5) == most


@pytest.mark.parametrize(
    ("managed", "most"), [(0, 1), (1, 1), (2, 1), (3, 1), (5, 1), (6, 2), (14, 4), (15, 5), (99, 5)]
)
def test_the_handful_is_never_more_than_a_third(managed: int, most: int) -> None:
    """Five removals pass where there are fifteen objects; of five, one does."""
    assert exceeded(deletions(most), {}, figures(managed)) == []
    assert exceeded(deletions(most + 1), {}, figures(managed)) == ["delete+disable+move"]
    assert exceeded(deletions(most + 1), limits(delete="1%"), figures(managed)) == ["delete"]


def test_there_is_one_handful_for_all_removals() -> None:
    """Who gives each kind a percentage of its own has no handful for each."""
    tally = deletions(3)
    assert exceeded(tally, limits(delete="1%", move="1%"), figures(100)) == []
    for i in range(3):
        tally.count(Change(Action.MOVE, str(i), f"cn=m{i}", new_object=f"cn=m{i},ou=x"), members_before={})
    assert exceeded(tally, limits(delete="1%", move="1%"), figures(100)) == ["delete", "move"]


def test_what_was_removed_recently_counts_too() -> None:
    """Ten runs of five removals are fifty removals; what was removed is added to what percentages count
    against.
    """
    recent = {LimitKind.DELETE: 30, LimitKind.MOVE: 16}
    (check,) = (
        check
        for check in check_limits({}, deletions(5), figures(954, recent=recent))
        if check.kind == "delete+disable+move"
    )
    assert (check.planned, check.recent, check.base, check.allowed, check.exceeded) == (5, 46, 1000, 50, True)
    assert exceeded(deletions(4), {}, figures(954, recent=recent)) == []
    assert exceeded(deletions(1), limits(delete=30), figures(954, recent=recent)) == ["delete"]


def test_a_plan_that_removes_nothing_of_a_kind_passes() -> None:
    """What was removed before does not stop a plan without removals, nor one with removals of another
    kind.
    """
    recent = {LimitKind.DELETE: 500}
    assert exceeded(deletions(0), {}, figures(recent=recent)) == []
    assert exceeded(deletions(1), limits(move=0), figures(recent=dict.fromkeys([LimitKind.MOVE], 3))) == []


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


def removing(*groups: tuple[int, int]) -> Tally:
    """Groups that lose so many of so many members."""
    tally = Tally()
    for number, (removed, before) in enumerate(groups):
        gone = tuple(b"%d" % i for i in range(removed))
        change = Change(
            Action.UPDATE, "g", f"cn=g{number}", fields=(FieldChange("member", gone, (), partial=True),)
        )
        tally.count(change, members_before={"member": before})
    return tally


@pytest.mark.parametrize(
    ("removed", "before", "stopped"),
    [
        (11, 20, True),
        (11, 22, False),
        (10, 20, False),
        (10, 11, False),
        (10, 10, True),
        (3, 3, True),
        (2, 3, False),
        (2, 2, False),
    ],
)
def test_member_removals_count_against_their_group(removed: int, before: int, stopped: bool) -> None:
    """Half of the members and ten in any case, but never all of a group of more than two."""
    assert ("members" in exceeded(removing((removed, before)), {})) is stopped


def test_all_of_a_group_may_be_removed_where_the_limit_says_so() -> None:
    """The handful is what spares a member, not the limit."""
    assert exceeded(removing((10, 10)), limits(members="100%")) == []
    assert exceeded(removing((10, 10)), limits(members="none")) == []


def test_memberships_count_over_all_groups() -> None:
    """One member of each of many groups: no group is stopped, all together are."""
    tally = removing(*[(1, 3)] * 101)
    assert exceeded(tally, {}, figures(memberships=1000)) == ["memberships"]
    assert exceeded(tally, {}, figures(memberships=1010)) == []
    assert exceeded(removing(*[(1, 3)] * 20), {}, figures(memberships=60)) == []
    assert exceeded(removing(*[(1, 3)] * 21), {}, figures(memberships=63)) == ["memberships"]
    assert exceeded(tally, limits(memberships="20%"), figures(memberships=600)) == []
    recent = {LimitKind.MEMBERSHIPS: 100}
    assert exceeded(removing((1, 3)), {}, figures(memberships=800, recent=recent)) == ["memberships"]


def test_the_message_says_which_limit_and_by_how_much() -> None:
    """The text names kind, planned and allowed, for a percentage what of, and both ways on."""
    checks = check_limits(limits(delete="10%"), deletions(60), figures(500))
    text = exceeded_text(checks)
    assert "delete: 60 planned, 50 allowed (10% of 500)" in text
    for way in ("waiver", "Sync results", "limits"):
        assert way in text
    checks = check_limits(limits(delete=2), deletions(6), figures(500))
    assert "delete: 6 planned, 2 allowed." in exceeded_text(checks)


def test_who_agrees_agrees_to_the_plans_own_number() -> None:
    """Neither the base of a percentage nor what was removed before matters to whether the same is asked."""
    one = LimitCheck("delete", "", 12, 100, 5, "5%", 0)
    assert one.asked == LimitCheck("delete", "", 12, 140, 7, "5%", 3).asked
    assert one.asked != LimitCheck("delete", "", 13, 100, 5, "5%", 0).asked
    assert one.asked != LimitCheck("delete", "", 12, 100, 4, "4%", 0).asked


def test_taking_a_change_back_leaves_no_trace() -> None:
    """`times=-1` undoes a count."""
    tally = deletions(1)
    tally.count(Change(Action.DELETE, "0", "cn=0"), members_before={}, times=-1)
    assert tally.actions[LimitKind.DELETE] == 0
