"""Matching: records meet their object whatever order both sides come in, and duplicates touch nothing."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from directory_sync.plan.join import Join, Settled
from directory_sync.plan.listing import Rejected

Sources = list[tuple[bytes, bytes]]
Objects = list[tuple[list[bytes], bytes]]
KEYS = st.sampled_from([b"a", b"b", b"c", b"d", b"e"])
PRINTS = st.sampled_from([b"1", b"2", b""])
SOURCE = st.lists(st.tuples(KEYS, PRINTS), max_size=8)
OBJECTS = st.lists(st.tuples(st.lists(KEYS, max_size=2, unique=True), PRINTS), max_size=8)
REJECTED = st.lists(st.lists(KEYS, max_size=2, unique=True), max_size=3)


def joined(source: Sources, objects: Objects, rejected: list[list[bytes]], turns: list[bool]) -> Settled:
    """Feed both sides in an order that `turns` decides; offsets are the positions."""
    join = Join()
    left = [((key,), fingerprint, offset) for offset, (key, fingerprint) in enumerate(source)]
    right = [(tuple(keys), fingerprint, offset) for offset, (keys, fingerprint) in enumerate(objects)]
    bad = [Rejected(tuple(keys), bool(keys), False, "", "", "") for keys in rejected]
    for turn in turns:
        if turn and left:
            join.add_source([left.pop(0)])
        elif right:
            join.add_objects([right.pop(0)])
    join.add_source(left, bad)
    join.add_objects(right)
    return join.settle()


@given(SOURCE, OBJECTS, REJECTED, st.lists(st.booleans(), max_size=16))
def test_matching_agrees_with_the_rules_applied_to_whole_lists(
    source: Sources, objects: Objects, rejected: list[list[bytes]], turns: list[bool]
) -> None:
    """Pairs, new records and missing objects are those that the rules name, however the two listings
    interleave.
    """
    settled = joined(source, objects, rejected, turns)
    source_keys = Counter(key for key, _ in source)
    object_keys = Counter(key for keys, _ in objects for key in keys)
    bad_keys = {key for keys in rejected for key in keys}
    shared = {
        key
        for keys, _ in objects
        if len([k for k in keys if k in source_keys]) > 1
        for key in keys
        if key in source_keys
    }
    usable = {
        key
        for key, count in source_keys.items()
        if count == 1 and object_keys[key] < 2 and key not in bad_keys and key not in shared
    }
    prints = dict(source)
    expected_new = {key for key in usable if not object_keys[key]}
    holder = {key: (offset, print_) for offset, (keys, print_) in enumerate(objects) for key in keys}
    expected_pairs = {
        key for key in usable if object_keys[key] and not (prints[key] and prints[key] == holder[key][1])
    }
    expected_missing = {
        offset
        for offset, (keys, _) in enumerate(objects)
        if keys and not any(key in source_keys or key in bad_keys or object_keys[key] > 1 for key in keys)
    }
    assert {key for key, _ in settled.only_in_source()} == expected_new
    assert {key for key, _ in settled.pairs()} == expected_pairs
    assert set(settled.only_at_destination()) == expected_missing
    assert settled.unchanged_count() == len({key for key in usable if object_keys[key]} - expected_pairs)
    assert {offset for offset, _ in settled.ambiguous_records()} == {
        offset for offset, (key, _) in enumerate(source) if key not in usable
    }
    assert settled.removals_blocked == any(not keys for keys in rejected)
