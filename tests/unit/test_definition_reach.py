"""Whether mail can reach the people whom a collection tells about its runs."""

from __future__ import annotations

from collections.abc import Collection as Names
from typing import Any

import pytest

from directory_sync.definition.export import complete, dump
from directory_sync.definition.loading import load_text
from directory_sync.definition.models import Collection
from directory_sync.definition.reach import MailReach, unreachable
from tests.scenarios.definitions import MINIMAL, changed

ALL = MailReach(sends=True, finds_users=True, roles=frozenset({"Admin"}))
TO = ["it@corp.example", "owners", {"users": ["bob"]}, {"roles": ["Admin", "Op"]}]


def collection(to: list[Any] | None = None) -> Collection:
    told = changed(("notifications", {"when": "errors", "to": TO if to is None else to}))
    return Collection.model_validate({**told, "owners": ["ida"]})


@pytest.mark.parametrize(
    ("reach", "keys"),
    [
        (ALL, ["notifications.to[3].roles[1]"]),
        (MailReach(sends=True, finds_users=True, roles=["Admin", "Op"]), []),
        (
            MailReach(sends=True, finds_users=False, roles=["Admin", "Op"]),
            ["notifications.to[1]", "notifications.to[2].users"],
        ),
        (MailReach(sends=False, finds_users=False, roles=[]), ["notifications"]),
    ],
)
def test_who_cannot_be_reached_is_a_warning(reach: MailReach, keys: list[str]) -> None:
    """Each with the setting that helps; the missing mail connection alone, because it comes first."""
    problems = unreachable(collection(), reach)
    assert [problem.key for problem in problems] == keys
    assert {problem.severity for problem in problems} <= {"warning"}
    assert all("set" in f"{problem.message} {problem.hint}" for problem in problems)


@pytest.mark.parametrize(("domains", "warned"), [((), []), ({"corp.example"}, [1, 2])])
def test_addresses_of_other_domains_are_a_warning(domains: Names[str], warned: list[int]) -> None:
    """No mail goes there, so that what a collection reads cannot be sent to anywhere."""
    reach = MailReach(sends=True, finds_users=True, roles=(), domains=domains)
    to = ["it@CORP.example", "me@corp.example.evil.example", "me@evil.example"]
    keys = [problem.key for problem in unreachable(collection(to), reach)]
    assert keys == [f"notifications.to[{index}]" for index in warned]


def test_a_collection_that_tells_no_one_has_no_warning() -> None:
    """Also where no mail is sent."""
    nothing = MailReach(sends=False, finds_users=False, roles=[])
    assert unreachable(Collection.model_validate(MINIMAL), nothing) == []


def test_all_kinds_of_addressees_survive_storing_and_export() -> None:
    """As a run's snapshot, and as YAML."""
    given = collection()
    assert Collection.model_validate(complete(given)) == given
    assert load_text(dump(given), "test").collection == given


def test_definitions_of_before_are_stored_as_before() -> None:
    """Addresses alone are texts, so that a digest stays what it was."""
    assert complete(collection(["a@b.example"]))["notifications"] == {"when": "errors", "to": ["a@b.example"]}
