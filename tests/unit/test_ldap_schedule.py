"""Which changes may be underway together."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from directory_sync.endpoints.ldap.schedule import Schedule

_ids = st.sampled_from(
    ["dc=x", "ou=a,dc=x", "ou=b,dc=x", "cn=1,ou=a,dc=x", "cn=2,ou=a,dc=x", "cn=1,ou=b,dc=x"]
)


def ancestors(name: str) -> list[str]:
    parts = name.split(",")
    return [",".join(parts[n:]) for n in range(1, len(parts))]


def related(one: str, other: str) -> bool:
    return one == other or one in ancestors(other) or other in ancestors(one)


@given(
    st.lists(st.tuples(st.frozensets(_ids, min_size=1, max_size=2), st.lists(_ids, max_size=2)), max_size=25),
    st.randoms(),
)
def test_dependent_items_never_overlap(
    items: list[tuple[frozenset[str], list[str]]], shuffle: random.Random
) -> None:
    """In whatever order items finish, each starts, and only after all earlier ones that it depends on are
    finished.
    """
    schedule: Schedule[int] = Schedule(ancestors)
    underway = [n for n, (touches, after) in enumerate(items) if schedule.add(n, touches, after)]
    finished: list[int] = []

    def depends(later: int, earlier: int) -> bool:
        touches, after = items[later]
        return earlier < later and any(
            related(a, b) or b in after for a in touches for b in items[earlier][0]
        )

    while underway:
        for n in underway:
            assert all(earlier in finished for earlier in range(n) if depends(n, earlier))
        done = shuffle.choice(underway)
        underway.remove(done)
        finished.append(done)
        underway += schedule.finish(done)
    assert sorted(finished) == list(range(len(items)))
    assert len(schedule) == 0
    assert not schedule._touching
    assert not schedule._below


def test_independent_items_start_at_once() -> None:
    """Objects side by side do not wait for each other."""
    schedule: Schedule[int] = Schedule(ancestors)
    assert schedule.add(1, ["cn=1,ou=a,dc=x"])
    assert schedule.add(2, ["cn=2,ou=a,dc=x"])
    assert not schedule.add(3, ["cn=3,ou=a,dc=x"], ["cn=1,ou=a,dc=x"])
    assert schedule.finish(2) == []
    assert schedule.finish(1) == [3]
