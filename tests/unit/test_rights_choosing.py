"""Which connections a person may choose before there is a definition."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory_sync.rights.choosing import Place, classes_to_see, places_of, why_not_choose
from directory_sync.rights.connection_rules import ConnectionRules
from directory_sync.rights.judgement import RuleCode, broken_when_saved
from tests.scenarios.rules import ADMINISTRATORS, job, rules_for

RULES = rules_for(
    corp={"source": {"roles": ["Editors"]}},
    lab={"destination": {"roles": ["Editors"], "objects": ["group"]}},
)


def code(place: Place, rules: ConnectionRules | None, *roles: str, known: tuple[Place, ...] = ()) -> str:
    """Why the person may not; empty if they may."""
    return why_not_choose(place, rules, roles, ADMINISTRATORS, known=known) or ""


def test_without_rules_only_administrators_choose() -> None:
    """And what the collection uses already, on the same side, is not chosen again."""
    assert code(("source", "corp"), None, *ADMINISTRATORS) == ""
    assert code(("source", "corp"), None, "Editors") == RuleCode.ONLY_ADMINISTRATORS
    assert code(("source", None), None, "Editors") == RuleCode.ONLY_ADMINISTRATORS
    known: tuple[Place, ...] = (("source", "corp"),)
    assert code(("source", "corp"), None, "Editors", known=known) == ""
    assert code(("destination", "corp"), None, "Editors", known=known) == RuleCode.ONLY_ADMINISTRATORS


def test_with_rules_each_side_has_its_roles() -> None:
    """What is used already counts for nothing then; other spellings are refused."""
    assert code(("source", "corp"), RULES, "Editors") == ""
    assert code(("destination", "corp"), RULES, "Editors") == RuleCode.ROLES
    assert code(("source", "unnamed"), RULES, "Editors") == RuleCode.ROLES
    assert code(("source", "unnamed"), RULES, *ADMINISTRATORS) == ""
    assert code(("source", None), RULES, "Editors") == RuleCode.ROLES
    assert code(("source", "CORP"), RULES, *ADMINISTRATORS) == RuleCode.SPELLED_OTHERWISE
    known: tuple[Place, ...] = (("destination", "corp"),)
    assert code(("destination", "corp"), RULES, "Editors", known=known) == RuleCode.ROLES


def test_a_destination_for_some_types_shows_only_those() -> None:
    """A source shows all: a job may read any of them."""
    assert classes_to_see(("destination", "lab"), RULES) == ["group", "groupOfNames"]
    assert classes_to_see(("source", "lab"), RULES) == ()
    assert classes_to_see(("destination", "corp"), RULES) == ()
    assert classes_to_see(("destination", "lab"), None) == ()
    none = rules_for(lab={"destination": {"objects": []}})
    assert classes_to_see(("destination", "lab"), none) == ["noObjectIsAllowed"]


@given(
    roles=st.lists(st.sampled_from(["Editors", "Lab", *ADMINISTRATORS]), max_size=2),
    rules=st.sampled_from([None, RULES, rules_for()]),
    saved=st.booleans(),
)
def test_what_may_not_be_saved_may_not_be_chosen(
    roles: list[str], rules: ConnectionRules | None, saved: bool
) -> None:
    """The two ways to ask agree on roles: a look shows nothing that saving would refuse."""
    collection = job()
    before = collection if saved else None
    broken = broken_when_saved(collection, rules, roles, ADMINISTRATORS, before=before)
    by_roles = (RuleCode.ROLES, RuleCode.ONLY_ADMINISTRATORS, RuleCode.SPELLED_OTHERWISE)
    refused = {(each.side, each.connection) for each in broken if each.code in by_roles}
    known = places_of(collection) if saved else frozenset()
    assert refused == {
        place for place in places_of(collection) if code(place, rules, *roles, known=tuple(known))
    }


@pytest.mark.parametrize("name", ["", "\x00", "a" * 10_000, "../corp", "co%72p"])
def test_strange_names_are_no_way_around(name: str) -> None:
    """They are refused to those who are no administrators."""
    assert code(("source", name), RULES, "Editors")
    assert code(("source", name), None, "Editors")
