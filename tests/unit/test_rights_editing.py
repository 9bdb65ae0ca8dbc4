"""Who may create, edit, delete and import saved collections."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory_sync.approval.people import Person
from directory_sync.rights.editing import EditRight, may_edit
from directory_sync.rights.words import edit_right_text

NAMES = st.sampled_from(["ida", "Ida", "IDA", "bob", "ída", " ida", ""])
ROLES = st.frozensets(st.sampled_from(["Editors", "editors", "Admin", "User"]), max_size=3)
PEOPLE = st.builds(Person, NAMES, ROLES, st.booleans())


def person(name: str = "ida", *roles: str, verified: bool = True) -> Person:
    return Person(name, frozenset(roles), verified)


@pytest.mark.parametrize(
    ("asks", "owners", "right"),
    [
        (person("ida", "Editors"), (), EditRight.BY_ROLE),
        (person("ida", "Editors"), ("bob",), EditRight.BY_ROLE),
        (person("ida", "User"), ("bob", "ida"), EditRight.AS_OWNER),
        (person("ida", "User"), ("bob",), EditRight.NEITHER),
        (person("ida", "User"), (), EditRight.NEITHER),
        (person("ida", "editors"), (), EditRight.NEITHER),
        (person("Ida", "User"), ("ida",), EditRight.SPELLED_OTHERWISE),
        (person("ída", "User"), ("ida",), EditRight.SPELLED_OTHERWISE),
        (person("ida", "Editors", verified=False), ("ida",), EditRight.NOT_VERIFIED),
        (person("", "Editors"), ("",), EditRight.NOT_VERIFIED),
    ],
)
def test_roles_and_owners_may_edit(asks: Person, owners: tuple[str, ...], right: EditRight) -> None:
    """A role of the setting or the exact name of an owner, of a person whom Airflow has verified."""
    assert may_edit(asks, owners, ("Editors",), ("Admin",)) is right


def test_administrators_edit_where_no_roles_are_set() -> None:
    """The setting takes the place of the administrators' roles; it does not add to them."""
    admin = person("ida", "Admin")
    assert may_edit(admin, (), (), ("Admin", "admin")) is EditRight.BY_ROLE
    assert may_edit(admin, (), ("Editors",), ("Admin", "admin")) is EditRight.NEITHER
    assert may_edit(admin, (), (), ()) is EditRight.NEITHER


@pytest.mark.parametrize("after", [["ida", "eve"], ["eve"], [], ["Ida"]])
def test_an_owner_does_not_change_who_owns_a_collection(after: list[str]) -> None:
    """Neither by adding, nor by leaving, nor by respelling; a person with the role does."""
    assert may_edit(person(), ["ida"], ("Editors",), (), owners_after=after) is EditRight.OWNERS_CHANGED
    assert may_edit(person("eve", "Editors"), ["ida"], ("Editors",), (), owners_after=after).allowed


def test_the_order_of_owners_gives_no_right() -> None:
    """So an owner may change it."""
    assert may_edit(person(), ["ida", "bob"], (), (), owners_after=["bob", "ida", "bob"]).allowed


@given(PEOPLE, st.lists(NAMES, max_size=3), ROLES, ROLES, st.none() | st.lists(NAMES, max_size=3))
def test_a_right_has_one_of_two_reasons(
    asks: Person,
    owners: list[str],
    roles: frozenset[str],
    administrators: frozenset[str],
    after: list[str] | None,
) -> None:
    """Whatever the names: verified, and by a role, or as an owner who leaves the owners as they are. Every
    answer has words.
    """
    right = may_edit(asks, owners, roles, administrators, owners_after=after)
    by_role = bool(asks.roles & (roles or administrators))
    as_owner = asks.name in owners and (after is None or set(after) == set(owners))
    assert right.allowed == (asks.verified and asks.name != "" and (by_role or as_owner))
    assert edit_right_text(right, roles, administrators).endswith(".")
