"""Names of places: equal for one place, and honest about what cannot be told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory_sync.endpoints.places import directory_place, is_certain, may_be_one

CONTEXTS = st.sampled_from(["dc=x", "dc=y", "o=a#b,dc=x", "o=a@b:1,dc=x", "o=~,dc=x"])
UNIQUE = st.none() | st.uuids().map(str) | st.binary(min_size=16, max_size=16).map(bytes.hex)
ADDRESSES = st.sampled_from(["localhost:389", "127.0.0.1:389", "[::1]:636"])
INSTANCES = st.sampled_from(["", "lab", "a@b:1"])


@given(CONTEXTS, UNIQUE, ADDRESSES, INSTANCES)
def test_a_place_is_certain_if_it_names_itself(
    context: str, unique: str | None, address: str, instance: str
) -> None:
    """By what names its top object, or by the instance that a connection gives it; an address is only a
    makeshift.
    """
    place = directory_place(context, unique, address=address, instance=instance)
    assert is_certain(place) is (unique is not None or bool(instance))


@given(CONTEXTS, CONTEXTS, UNIQUE, UNIQUE, ADDRESSES, ADDRESSES)
def test_uncertain_places_of_one_context_may_be_one(
    one: str, other: str, first: str | None, second: str | None, here: str, there: str
) -> None:
    """Two certain places are one exactly if their names are equal; where one of them is uncertain, the
    context decides.
    """
    a, b = directory_place(one, first, address=here), directory_place(other, second, address=there)
    expected = a == b if first is not None and second is not None else one == other
    assert may_be_one(a, b) is may_be_one(b, a) is expected


@pytest.mark.parametrize("file", ["/data/out.csv", "/data/a@b:1.csv", "/data/ldap:x#y.csv"])
def test_a_file_is_certain(file: str) -> None:
    """Whatever its path looks like."""
    assert is_certain(file)
    assert may_be_one(file, file)
    assert not may_be_one(file, "/data/other.csv")


def test_a_copy_is_told_from_its_original() -> None:
    """By the instance that its connection names."""
    unique = "2b8c6a8e-0000-1000-8000-00000000000a"
    one = directory_place("dc=x", unique, address="a:1")
    assert not may_be_one(one, directory_place("dc=x", unique, address="b:1", instance="lab"))
