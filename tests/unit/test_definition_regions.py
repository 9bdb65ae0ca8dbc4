"""Regions: two of them overlap exactly if an object could be in both."""

from __future__ import annotations

import itertools

from directory_sync.definition.addresses import Scope
from directory_sync.definition.regions import Region

DEPTH = 4
PLACES = [place for depth in range(DEPTH + 1) for place in itertools.product("ab", repeat=depth)]
"""Every object of a small tree, deep enough to have something below each base that is tried."""
REGIONS = [Region(path, scope) for path in PLACES if len(path) < DEPTH for scope in Scope]


def test_regions_overlap_exactly_if_they_share_a_place() -> None:
    """All pairs of bases and scopes of a small tree, held against the objects that each of the two holds."""
    held = {region: {place for place in PLACES if region.holds(place)} for region in REGIONS}
    for one, other in itertools.product(REGIONS, repeat=2):
        assert one.overlaps(other) is bool(held[one] & held[other]), (one, other)
