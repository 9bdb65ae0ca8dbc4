"""The strictest of two versions of a definition: no limit of either is loosened by the other."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from directory_sync.definition.models import Collection, LimitKind, Limits, Removal
from directory_sync.plan.limits import Figures, Tally, check_limits
from directory_sync.run.policies import rules_for, surely_asks
from tests.scenarios.definitions import MINIMAL, changed

limits = st.dictionaries(
    st.sampled_from(LimitKind).map(str),
    st.sampled_from(["none", 0, 3, 7, 600, "0%", "2%", "50%", "100%", ["10%", 4], ["50%", 30]]),
    max_size=4,
)
counts = st.integers(0, 40)
tallies = st.builds(
    lambda create, update, delete, disable, move, cleared, members: Tally(
        actions={  # type: ignore[arg-type]
            LimitKind.CREATE: create,
            LimitKind.UPDATE: update,
            LimitKind.DELETE: delete,
            LimitKind.DISABLE: disable,
            LimitKind.MOVE: move,
        },
        cleared={"title": cleared},  # type: ignore[arg-type]
        removed_members={"cn=crew": (members, 60)},
    ),
    *[counts] * 7,
)


def version(given_: dict[str, Any], **more: Any) -> Collection:
    """A definition with these limits of its job."""
    return Collection.model_validate(changed(("jobs.0.limits", given_), *more.items()))


def stopped(all_limits: tuple[Limits, ...], tally: Tally, managed: int) -> bool:
    """Whether a plan goes past any of them."""
    return any(
        check.exceeded
        for each in all_limits
        for check in check_limits(each, tally, Figures(managed, managed, managed, managed))
    )


@given(limits, limits, tallies, st.integers(0, 200))
def test_what_either_version_stops_is_stopped(
    began: dict[str, Any], now: dict[str, Any], tally: Tally, managed: int
) -> None:
    """And nothing else: both have their defaults, also for what only the other one names."""
    one, other = version(began), version(now)
    both = rules_for(one, other, one.jobs[0], None).limits
    alone = [stopped((each.limits_of(each.jobs[0]),), tally, managed) for each in (one, other)]
    assert stopped(both, tally, managed) is any(alone)


def test_removals_follow_the_stricter_version() -> None:
    """Everything may go only if both versions say so; the longer window counts, a job's own over its
    collection's.
    """
    job = MINIMAL["jobs"][0]
    one = Collection.model_validate({**MINIMAL, "jobs": [{**job, "remove": "all", "limit_window": "1h"}]})
    other = Collection.model_validate({**MINIMAL, "limit_window": "2h"})
    assert rules_for(one, one, one.jobs[0], None).remove is Removal.ALL
    for began, now in ((one, other), (other, one)):
        rules = rules_for(began, now, began.jobs[0], None)
        assert (rules.remove, rules.window) == (Removal.KNOWN, timedelta(hours=2))


def test_a_definition_that_stayed_the_same_is_checked_once() -> None:
    """So that a run shows each limit once."""
    one = Collection.model_validate(MINIMAL)
    assert rules_for(one, one, one.jobs[0], None).limits == ({},)
    assert rules_for(one, None, one.jobs[0], None) == rules_for(one, one, one.jobs[0], None)
    assert not surely_asks(rules_for(one, None, one.jobs[0], None).policy)
