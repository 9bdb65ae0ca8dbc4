"""The grid of a mapping: rows of data, and what was typed put back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from directory_sync.definition.models import Job
from directory_sync.endpoints.contract import Record
from directory_sync.errors import RecordError
from directory_sync.forms.mapping_rows import (
    KINDS,
    as_template,
    misnamed,
    posted_fields,
    rows_of,
    variable,
    with_same_names,
    wrong_line,
)
from directory_sync.forms.values import plain
from directory_sync.plan.mapping.transform import compile_mapping

FIELDS: dict[str, Any] = {
    "uid": {"from": "id", "key": "true"},
    "sn": "name",
    "cn": {"join": ["first", "last"], "separator": ", "},
    "title": {"map": "code", "values": {"a": "Boss", "b": "Clerk"}, "default": "?"},
    "mail": {"template": "{{ id }}@example.org", "on_missing": "skip"},
    "l": {"static": "Köln"},
    "pin": {"generate_password": {"length": "12"}},
    "odd": ["a", "b"],
}


def sent(fields: Any, **changes: str) -> dict[str, list[str]]:
    """The grid as it was shown, with some inputs changed; `map_0_from` stands for `map.0.from`."""
    values: dict[str, list[str]] = {"map.rows": []}
    for row in rows_of(fields):
        values["map.rows"].append(str(row.index))
        values[row.name("was")] = [row.destination]
        values[row.name("destination")] = [row.destination]
        values[row.name("flags")] = ["yes"]
        values[row.name("delimiter")] = [row.delimiter]
        if row.kind is None:
            continue
        values[row.name("kind")] = [row.kind.key]
        values |= {row.name(each.key): [text] for each, text in row.inputs}
        values |= {row.name(flag): ["yes"] for flag in row.flags}
    for name, value in changes.items():
        prefix, index, key = name.split("_", 2)
        values[f"{prefix}.{index}.{key}"] = [value]
    return values


def test_a_grid_that_is_sent_as_it_was_shown_changes_nothing() -> None:
    """Whatever the mapping holds; what the grid cannot show stays too."""
    assert posted_fields(FIELDS, sent(FIELDS)) is FIELDS
    assert posted_fields(None, sent(None)) is None
    assert posted_fields(FIELDS, {}) is FIELDS
    assert [row.destination for row in rows_of(FIELDS) if row.kind is None] == ["pin", "odd", ""][:2]


def test_one_input_changes_one_key() -> None:
    """All others keep their data as they are."""
    changed = posted_fields(FIELDS, sent(FIELDS, map_2_separator=" / "))
    assert changed["cn"] == {"join": ["first", "last"], "separator": " / "}
    assert all(changed[name] is FIELDS[name] for name in FIELDS if name != "cn")
    assert list(changed) == list(FIELDS)
    assert posted_fields(FIELDS, sent(FIELDS, map_1_from="surname"))["sn"] == "surname"
    assert plain(posted_fields(FIELDS, sent(FIELDS, map_1_new_only="yes"))["sn"]) == {
        "from": "name",
        "new_only": "true",
    }
    assert posted_fields(FIELDS, sent(FIELDS, map_1_delimiter=";"))["sn"] == {
        "from": "name",
        "delimiter": ";",
    }
    values = sent(FIELDS)
    del values["map.0.key"]
    assert posted_fields(FIELDS, values)["uid"] == {"from": "id"}


def test_rows_are_added_renamed_and_removed() -> None:
    """Where two get one name, both keep what was typed."""
    last = len(FIELDS)
    added = posted_fields(
        FIELDS, sent(FIELDS, **{f"map_{last}_destination": "c", f"map_{last}_from": "country"})
    )
    assert added["c"] == "country"
    assert list(added)[:-1] == list(FIELDS)
    renamed = posted_fields(FIELDS, sent(FIELDS, map_1_destination="surname"))
    assert list(renamed)[1] == "surname"
    assert "sn" not in renamed
    clash = posted_fields(FIELDS, sent(FIELDS, map_1_destination="cn"))
    assert len(clash) == len(FIELDS)
    assert clash["cn"] is FIELDS["cn"]
    swapped = posted_fields(FIELDS, sent(FIELDS, map_1_destination="l", map_5_destination="sn"))
    assert (swapped["l"], swapped["sn"]) == (FIELDS["sn"], FIELDS["l"])
    values = sent(FIELDS, map_5_destination="sn")
    values["do"] = ["unmap:1"]
    assert posted_fields(FIELDS, values)["sn"] is FIELDS["l"]
    values = sent(FIELDS)
    values["do"] = ["unmap:1"]
    assert "sn" not in posted_fields(FIELDS, values)
    elsewhere = {name: value for name, value in FIELDS.items() if name != "sn"}
    assert posted_fields(elsewhere, sent(FIELDS)) is elsewhere


def test_names_that_cannot_be_kept_are_told() -> None:
    """A line without a field, and a second line of one field: kept, by another name than was typed."""
    last = len(FIELDS)
    assert misnamed(FIELDS, sent(FIELDS)) == ""
    assert misnamed(FIELDS, sent(FIELDS, map_1_destination="l", map_5_destination="sn")) == ""
    nameless = sent(FIELDS, **{f"map_{last}_destination": "", f"map_{last}_from": "country"})
    assert posted_fields(FIELDS, nameless)["country"] == "country"
    assert "country" in misnamed(FIELDS, nameless)
    for name in ("cn", "CN"):
        assert name in misnamed(FIELDS, sent(FIELDS, map_1_destination=name)).replace("cn", name)
        assert name in misnamed(FIELDS, sent(FIELDS, **{f"map_{last}_destination": name}))
    removed = sent(FIELDS, map_1_destination="cn")
    assert misnamed(FIELDS, {**removed, "do": ["unmap:1"]}) == ""


def test_another_kind_takes_the_source_field_along() -> None:
    """And the flags; what belongs to the old kind goes."""
    joined = posted_fields(FIELDS, sent(FIELDS, map_0_kind="join"))["uid"]
    assert joined == {"join": ["id"], "key": "true"}
    assert posted_fields(FIELDS, sent(FIELDS, map_2_kind="template"))["cn"] == {
        "template": "{{ first }} {{ last }}"
    }
    assert posted_fields(FIELDS, sent(FIELDS, map_4_kind="from"))["mail"]["from"] == "{{ id }}@example.org"
    assert posted_fields(FIELDS, sent(FIELDS, map_1_kind="nonsense")) is FIELDS


def test_what_is_typed_with_another_kind_is_not_lost() -> None:
    """A source field that was typed at the same time as the kind was chosen, in new lines too."""
    assert posted_fields(FIELDS, sent(FIELDS, map_1_kind="join", map_1_from="a, b"))["sn"] == {
        "join": ["a", "b"]
    }
    last = str(len(FIELDS))
    new = {f"map_{last}_destination": "c", f"map_{last}_from": "country", f"map_{last}_kind": "left"}
    assert posted_fields(FIELDS, sent(FIELDS, **new))["c"] == {"left": "country"}
    assert posted_fields(FIELDS, sent(FIELDS, map_2_kind="from", map_2_join="x"))["cn"]["from"] == "x"


def test_lines_change_names() -> None:
    """A name that is free after the change is not taken."""
    fields = {"a": "x", "b": "y", "c": "z"}
    swapped = posted_fields(fields, sent(fields, map_0_destination="b", map_1_destination="a"))
    assert list(swapped.items()) == [("b", "x"), ("a", "y"), ("c", "z")]
    moved = posted_fields(fields, sent(fields, map_0_destination="b", map_1_destination="d"))
    assert list(moved.items()) == [("b", "x"), ("d", "y"), ("c", "z")]
    values = {**sent(fields, map_0_destination="c"), "do": ["unmap:2"]}
    assert posted_fields(fields, values) == {"c": "x", "b": "y"}


def test_tables_and_lists_are_lines_and_commas() -> None:
    """Blank lines do not matter; what has no such form is kept."""
    changed = posted_fields(FIELDS, sent(FIELDS, map_3_values="a = Chef\n\n x=y=z \r\n"))
    assert changed["title"]["values"] == {"a": "Chef", "x": "y=z"}
    assert posted_fields(FIELDS, sent(FIELDS, map_2_join="a,b , c,"))["cn"]["join"] == ["a", "b", "c"]
    odd = {"x": {"map": "m", "values": {"a=b": "c"}}, "y": {"join": ["a,b", "c"]}}
    assert [row.kind for row in rows_of(odd, spare=0)] == [None, None]
    assert posted_fields(odd, sent(odd)) is odd


def test_same_names_are_mapped_once() -> None:
    """In any case of letters; what is mapped stays."""
    found = with_same_names({"SN": "x"}, ["sn", "Mail", "cn", "extra"], ["sn", "mail", "CN", "title"])
    assert found == {"SN": "x", "mail": "Mail", "CN": "cn"}
    assert with_same_names(None, [], ["a"]) == {}


TEMPLATED = [
    {"join": ["first", "last"]},
    {"join": ["first", "my-field", "last"], "separator": "'\" \\ "},
    {"left": "first", "length": "2"},
    {"left": "range", "length": "3", "key": "true"},
    {"substring": "first", "start": "1", "length": "2"},
    {"substring": "my-field", "start": "2"},
    {"map": "code", "values": {"a": "It's", 'b"c': "{{ x }}"}, "default": "other"},
    {"map": "code", "values": {"a": "A"}},
    {"map": "self", "values": {"a": "A"}, "default": "other"},
    {"left": "self", "length": "2"},
]
RECORDS: list[Mapping[str, list[bytes]]] = [
    {},
    {"first": [b"Anna"], "last": [b"O'Neil"], "my-field": [b"x y"], "range": [b"wide"], "code": [b"a"]},
    {"first": ["Jörg".encode()], "code": [b'b"c']},
    {"last": [b"Only"], "my-field": [b"x={{ 7*7 }}"], "code": [b"unknown"]},
    {"self": [b"a"]},
]
SEVERAL: list[Mapping[str, list[bytes]]] = [
    {name: [b"a", b"b"] for name in ("first", "last", "code", "self")}
]


def results(mapping: dict[str, Any], records: list[Mapping[str, list[bytes]]] = RECORDS) -> list[Any]:
    """What a mapping makes of each record."""
    job = Job.model_validate(
        {
            "name": "x",
            "object": "row",
            "source": {"file": "a.csv"},
            "destination": {"file": "b.csv"},
            "fields": {"id": {"static": "1", "key": True}, "x": mapping},
        }
    )
    compiled = compile_mapping(
        job, source_fields_known=None, single=lambda _: True, naming_fields=(), variables={}, scripts={}
    )
    found: list[Any] = []
    for values in records:
        try:
            found.append(
                compiled.map(Record("1", {**{n: [] for n in compiled.source_fields}, **values})).values[1]
            )
        except RecordError as error:
            found.append(type(error))
    return found


@pytest.mark.parametrize("mapping", TEMPLATED)
def test_edit_as_template_says_the_same(mapping: dict[str, Any]) -> None:
    """For every record whose fields have at most one value, hostile names and texts included."""
    made = as_template(mapping)
    assert "template" in made
    assert made.get("key") == mapping.get("key")
    plain_mapping = {name: value for name, value in mapping.items() if name != "key"}
    plain_template = {name: value for name, value in made.items() if name != "key"}
    assert results(plain_template) == results(plain_mapping)


@pytest.mark.parametrize("kind", ["join", "left", "substring", "map"])
def test_a_template_never_guesses_one_of_several_values(kind: str) -> None:
    """Such a record fails: a list is no code of a table that would get its default, and no text."""
    own: dict[str, Any] = {"length": "2"} if kind == "left" else {}
    own |= {"values": {"a": "A", "b": "B"}, "default": "other"} if kind == "map" else {}
    made = as_template({kind: ["first", "last"] if kind == "join" else "code", **own})
    assert results(made, SEVERAL) == [RecordError]


def test_what_has_no_template_stays() -> None:
    """And so does what is not complete, and what a template would split at other places."""
    for value in (
        "sn",
        {"static": "x"},
        {"left": "a", "length": "many"},
        {"map": "a"},
        ["odd"],
        {"left": "a", "length": "5", "delimiter": ";"},
        {"map": "a", "values": {"b": "c;d"}, "delimiter": ";"},
    ):
        assert as_template(value) is value
    assert variable("a b") == "record['a b']"
    assert set(KINDS) >= {
        "from",
        "static",
        "join",
        "left",
        "substring",
        "map",
        "template",
        "resolve",
        "members",
    }


@pytest.mark.parametrize(
    ("typed", "line"),
    [("a = Chef\nOrphanarium: OR", "2"), ("\n a\nb = c", "2"), ("a = 1\n\na=2", "3"), ("=", ""), ("a=", "")],
)
def test_a_wrong_line_of_a_table_is_kept_and_named(typed: str, line: str) -> None:
    """It stays as it was typed, it is no code with an empty value, and the problem names it."""
    changed = posted_fields(FIELDS, sent(FIELDS, map_3_values=typed))
    assert re.findall(r"Line (\d)", wrong_line(typed)) == ([line] if line else [])
    assert isinstance(changed["title"]["values"], str) == bool(line)
    if line:
        assert changed["title"]["values"] == typed
        assert {each.key: text for each, text in rows_of(changed)[3].inputs}["values"] == typed
        assert as_template(changed["title"]) is changed["title"]
        mended = posted_fields(changed, sent(changed, map_3_values="a = Chef"))
        assert mended["title"]["values"] == {"a": "Chef"}


def test_same_names_fill_lines_without_a_source() -> None:
    """What must be mapped has a line already; flags, spellings, and what says something stay."""
    given = {"CN": {"from": "", "key": "true"}, "sn": "", "mail": "other", "uid": {"static": ""}}
    found = with_same_names(given, ["cn", "SN", "mail", "uid", "l"], ["cn", "sn", "mail", "uid", "l"])
    assert found == {
        "CN": {"from": "cn", "key": "true"},
        "sn": "SN",
        "mail": "other",
        "uid": {"static": ""},
        "l": "l",
    }
