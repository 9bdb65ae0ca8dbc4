"""One change as data: what it is stored, hashed and printed as."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from directory_sync.endpoints.change import Action, Change, FieldChange, Mark, MarkKind
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


@given(CHANGES)
def test_the_canonical_form_is_json_with_sorted_keys(change: Change) -> None:
    """What is written by hand is to the byte what the JSON encoder would write, so that digests of older
    versions stay right.
    """
    expected = json.dumps(change.to_json(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert change.canonical().decode() == expected
    assert Change.from_json(json.loads(change.canonical())) == change._replace(name=None), (
        "the name is no part of it"
    )


@given(CHANGES, TEXT)
def test_a_change_survives_the_spool(change: Change, met: str) -> None:
    """Both packed forms give the change back without loss, as the types that it was made of."""
    assert unpack_change(pack_change(change)) == change
    found, where = unpack_finished(pack_finished(change, met))
    assert (found, where) == (change, met)
    assert isinstance(found.action, Action)
    assert all(isinstance(field, FieldChange) for field in found.fields)
