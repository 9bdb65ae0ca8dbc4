"""The generated people and groups that tests, demo and benchmarks share."""

from __future__ import annotations

from itertools import islice

from tests.scenarios.people import groups, ldif, people, person


def test_same_seed_same_data() -> None:
    """The same seed gives the same file, another seed another one."""
    assert list(ldif(60)) == list(ldif(60))
    assert list(ldif(60)) != list(ldif(60, seed=2))


def test_a_person_does_not_depend_on_how_many_there_are() -> None:
    """A larger set begins with the smaller one, so that a test may take any number."""
    assert list(people(20)) == list(islice(people(500), 20))
    assert person(7) == list(people(8))[7]


def test_uids_are_unique_and_plain() -> None:
    """Every uid is unique and needs no escaping in a DN or a filter, whatever script the name is written
    in.
    """
    uids = [one.uid for one in people(2000)]
    assert len(set(uids)) == len(uids)
    assert all(uid.isascii() and uid.isalnum() for uid in uids)
    assert any(not one.name.isascii() for one in people(50))


def test_managers_come_first() -> None:
    """Everybody but the first has a manager who was listed before."""
    seen: set[str] = set()
    for number, one in enumerate(people(500)):
        assert (one.manager in seen) == (number > 0)
        seen.add(one.uid)


def test_group_sizes_have_a_long_tail() -> None:
    """Members exist, no group is empty, most groups are small and a few are many times larger."""
    uids = {one.uid for one in people(4000)}
    sizes = sorted(len(group.members) for group in groups(4000))
    assert all(
        set(group.members) <= uids and len(set(group.members)) == len(group.members) for group in groups(4000)
    )
    assert sizes[0] > 0
    assert sizes[-1] > 20 * sizes[len(sizes) // 2]
