"""One change as data: what it is stored, hashed and printed as."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from directory_sync.endpoints.change import Action, Change, FieldChange, Mark, MarkKind, value_to_json
from directory_sync.plan.canonical import canonical, read_canonical
from directory_sync.plan.spool import pack_change, pack_finished, unpack_change, unpack_finished

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=9) | st.sampled_from(
    ['"', "\\", "\x00", "\x7f", "\u2028", "é"]
)
VALUES = st.lists(st.binary(max_size=8) | TEXT.map(str.encode), max_size=3).map(tuple)
FIELDS = st.builds(
    FieldChange,
    field=TEXT,
    old=VALUES,
    new=VALUES,
    replace=st.booleans(),
    late=st.booleans(),
    partial=st.booleans(),
)
CHANGES = st.builds(
    Change,
    action=st.sampled_from(Action),
    key=TEXT,
    object=TEXT,
    new_object=st.none() | TEXT,
    identity=st.none() | st.binary(max_size=16),
    fields=st.lists(FIELDS, max_size=3).map(tuple),
    after=st.lists(TEXT, max_size=2).map(tuple),
    marks=st.lists(st.builds(Mark, kind=st.sampled_from(MarkKind), subject=TEXT), max_size=2).map(tuple),
    via=st.none() | TEXT,
    name=st.none() | TEXT,
)


def as_json(change: Change) -> dict[str, Any]:
    """What the canonical form holds, written down a second time."""
    data: dict[str, Any] = {"action": change.action.value, "key": change.key, "object": change.object}
    optional = {"new_object": change.new_object, "via": change.via}
    data |= {name: value for name, value in optional.items() if value is not None}
    if change.identity is not None:
        data["identity"] = value_to_json(change.identity)
    data["fields"] = [
        {
            "field": field.field,
            "old": list(map(value_to_json, field.old)),
            "new": list(map(value_to_json, field.new)),
            **{name: True for name in ("replace", "late", "partial") if getattr(field, name)},
        }
        for field in change.fields
    ]
    if change.after:
        data["after"] = list(change.after)
    if change.marks:
        data["marks"] = [
            {"kind": mark.kind.value, **({"subject": mark.subject} if mark.subject else {})}
            for mark in change.marks
        ]
    return data


@given(CHANGES)
def test_the_canonical_form_is_json_with_sorted_keys(change: Change) -> None:
    """What is written by hand is to the byte what the JSON encoder would write, so that digests of older
    versions stay right.
    """
    expected = json.dumps(as_json(change), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert canonical(change).decode() == expected
    assert read_canonical(canonical(change)) == change._replace(name=None), "the name is no part of it"


@given(CHANGES, TEXT)
def test_a_change_survives_the_spool(change: Change, met: str) -> None:
    """Both packed forms give the change back without loss, as the types that it was made of."""
    assert unpack_change(pack_change(change)) == change
    found, where = unpack_finished(pack_finished(change, met, lambda field: False))
    assert (found, where) == (change, met)
    assert isinstance(found.action, Action)
    assert all(isinstance(field, FieldChange) for field in found.fields)
