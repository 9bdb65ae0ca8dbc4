"""Matching: records meet their object whatever order both sides come in, and duplicates touch nothing."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory_sync.endpoints.evidence import End
from directory_sync.errors import IncompleteListing
from directory_sync.plan.join import Doubt, DoubtfulListing, FullListing, Join, Settled
from directory_sync.plan.listing import Rejected, Totals
from tests.scenarios.evidence import evidence_of
from tests.scenarios.kinds_of_listing import CHANGES_ONLY, missing_of_changes

Sources = list[tuple[bytes, bytes]]
Objects = list[tuple[list[bytes], bytes]]
KEYS = st.sampled_from([b"a", b"b", b"c", b"d", b"e"])
PRINTS = st.sampled_from([b"1", b"2", b""])
SOURCE = st.lists(st.tuples(KEYS, PRINTS), max_size=8)
OBJECTS = st.lists(st.tuples(st.lists(KEYS, max_size=2, unique=True), PRINTS), max_size=8)
REJECTED = st.lists(st.lists(KEYS, max_size=2, unique=True), max_size=3)


def joined(
    source: Sources,
    objects: Objects,
    rejected: list[list[bytes]],
    turns: list[bool],
    end: End = End.LAST_PAGE,
    *,
    cut_off: bool = False,
) -> Settled:
    """Feed both sides in an order that `turns` decides; offsets are the positions."""
    join = Join()
    join.source_totals = Totals(evidence=evidence_of(end))
    left = [((key,), fingerprint, offset) for offset, (key, fingerprint) in enumerate(source)]
    right = [(tuple(keys), fingerprint, offset) for offset, (keys, fingerprint) in enumerate(objects)]
    bad = [Rejected(tuple(keys), bool(keys), False, "", "", "", cut_off) for keys in rejected]
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
    assert set(settled.unmatched()) == expected_missing
    assert settled.unchanged_count() == len({key for key in usable if object_keys[key]} - expected_pairs)
    assert {offset for offset, _ in settled.ambiguous_records()} == {
        offset for offset, (key, _) in enumerate(source) if key not in usable
    }
    listing = settled.source()
    if isinstance(listing, FullListing):
        assert set(listing.missing().offsets) == expected_missing
    assert isinstance(listing, DoubtfulListing) == any(not keys for keys in rejected)


@given(SOURCE, OBJECTS, REJECTED, st.lists(st.booleans(), max_size=16), st.sampled_from(End), st.booleans())
def test_nothing_is_missing_from_a_source_of_which_something_may_be_lacking(
    source: Sources,
    objects: Objects,
    rejected: list[list[bytes]],
    turns: list[bool],
    end: End,
    cut_off: bool,
) -> None:
    """Absence is known exactly if the end was proven and every record has shown its key; nobody can make it
    known otherwise.
    """
    settled = joined(source, objects, rejected, turns, end, cut_off=cut_off)
    lacking = end is End.CUT_OFF or (cut_off and bool(rejected))
    unreadable = any(not keys for keys in rejected)
    listing = settled.source()
    assert isinstance(listing, FullListing) == (not lacking and not unreadable)
    assert hasattr(listing, "missing") == isinstance(listing, FullListing)
    if isinstance(listing, DoubtfulListing):
        assert listing.doubt is (Doubt.CUT_OFF if lacking else Doubt.UNREADABLE_KEY)
        with pytest.raises(ValueError, match=listing.doubt.value):
            FullListing(settled, listing.evidence)


@given(SOURCE, OBJECTS)
def test_a_listing_that_does_not_say_how_it_ended_is_none(source: Sources, objects: Objects) -> None:
    """Without evidence of its end there is no listing, of either side, whatever was received."""
    settled = joined(source, objects, [], [])
    settled.join.source_totals = Totals()
    for side in (settled.source, settled.destination):
        with pytest.raises(IncompleteListing):
            side()


def test_a_destination_has_to_be_read_to_its_end() -> None:
    """An object that was not read would be created a second time."""
    settled = joined([], [], [], [])
    settled.join.totals = Totals(evidence=evidence_of(End.CUT_OFF))
    with pytest.raises(IncompleteListing):
        settled.destination()


def test_changes_alone_never_say_what_is_missing() -> None:
    """What a source tells that lists changes only has nothing that a delete could be made of; the type
    checker refuses it too.
    """
    with pytest.raises(AttributeError):
        missing_of_changes(CHANGES_ONLY)
