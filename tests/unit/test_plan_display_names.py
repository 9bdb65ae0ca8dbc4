"""What people call an object, as a plan keeps it beside the canonical form of each change."""

from __future__ import annotations

import pytest

from directory_sync.endpoints.change import Action, Change
from directory_sync.plan.canonical import canonical
from directory_sync.plan.digest import plan_digest
from tests.scenarios.planning import destination_of, one_job, plan_of, source_of

FIELDS = {
    "uid": {"from": "uid", "key": True},
    "cn": "cn",
    "displayName": "displayName",
    "givenName": "givenName",
    "sn": "sn",
    "mail": "mail",
}
AMY = {
    "uid": "amy",
    "cn": "Wong, Amy",
    "displayName": "Amy Wong",
    "givenName": "Amy",
    "sn": "Wong",
    "mail": "new",
}


def names(
    fields: dict[str, object], record: dict[str, str], now: dict[str, str] | None = None, **job: object
) -> list[str | None]:
    """The names of the changes that a plan for one record makes; `now`: the object that is there already."""
    source = source_of(record) if record else source_of()
    destination = destination_of(**({} if now is None else {"amy": now}))
    limits = dict.fromkeys(("delete", "clear", "move"), "none")
    return [
        change.name for change in plan_of(one_job(fields, limits=limits, **job), source, destination).changes
    ]


@pytest.mark.parametrize(
    ("left_out", "name"),
    [
        ((), "Amy Wong"),
        (("displayName",), "Wong, Amy"),
        (("displayName", "cn"), "Amy Wong"),
        (("displayName", "cn", "givenName"), "Wong"),
        (("displayName", "cn", "givenName", "sn"), None),
    ],
)
def test_the_name_is_the_one_that_says_most(left_out: tuple[str, ...], name: str | None) -> None:
    """Display name, else common name, else given and last name, as far as the job maps them; else none."""
    fields = {key: value for key, value in FIELDS.items() if key not in left_out}
    assert names(fields, AMY, {**AMY, "mail": "old"}, rdn="uid") == [name]


def test_every_kind_of_change_has_it() -> None:
    """New, changed and missing objects; an update has the name although it does not change it."""
    assert names(FIELDS, AMY) == ["Amy Wong"]
    assert names(FIELDS, AMY, {**AMY, "mail": "old"}) == ["Amy Wong"]
    assert names(FIELDS, {}, AMY, missing_at_source="delete") == ["Amy Wong"]
    moved = {"move": "ou=left,dc=x"}
    assert names(FIELDS, {}, AMY, missing_at_source=moved) in ([["Amy Wong"], []]), (
        "no such container: nothing to move"
    )


def test_the_name_that_is_to_be_counts() -> None:
    """Who marries is called by the new name; a field that the record leaves alone keeps the object's."""
    assert names(FIELDS, {**AMY, "displayName": "Amy Kroker"}, AMY) == ["Amy Kroker"]
    kept = {**FIELDS, "displayName": {"from": "displayName", "keep_if_empty": True}}
    record = {key: value for key, value in AMY.items() if key != "displayName"}
    assert names(kept, record, {**AMY, "mail": "old"}) == ["Amy Wong"]


def test_a_key_is_not_said_twice() -> None:
    """Where the name is the key itself there is nothing to add."""
    assert names({"cn": {"from": "cn", "key": True}, "mail": "mail"}, {"cn": "amy", "mail": "x"}) == [None]


def test_a_table_names_people_by_its_own_columns() -> None:
    """First and last name, or a whole name, however the columns are spelled."""
    fields = {"uid": {"from": "uid", "key": True}, "First_Name": "a", "Last_Name": "b"}
    assert names(fields, {"uid": "amy", "a": "Amy", "b": "Wong"}, rdn="uid") == ["Amy Wong"]


@pytest.mark.parametrize("field", ["displayName", "cn"])
def test_a_secret_is_never_a_name(field: str) -> None:
    """A field that is marked as secret is passed over."""
    fields = {**FIELDS, field: {"template": "{{ x }}", "secret": True}}
    record = {**AMY, "x": "swordfish"}
    assert "swordfish" not in str(names(fields, record))


def test_odd_values_are_one_short_line() -> None:
    """Line breaks and blanks become one blank, what is no text is passed over, and a novel is cut."""
    assert names(FIELDS, {**AMY, "displayName": " Amy\n\tWong "}) == ["Amy Wong"]
    assert names(FIELDS, {**AMY, "displayName": "\0"}) == ["Wong, Amy"]
    [long] = names(FIELDS, {**AMY, "displayName": "A" * 1000})
    assert long is not None
    assert (len(long), long[-1]) == (200, "…")


def test_no_digest_covers_a_name() -> None:
    """It is for people: plans of before and after, and an approval of one for the other, are the same."""
    change = Change(Action.UPDATE, "amy", "uid=amy")
    named = change._replace(name="Amy Wong")
    assert canonical(change) == canonical(named)
    assert plan_digest("c", "j", "d", [change]) == plan_digest("c", "j", "d", [named])
