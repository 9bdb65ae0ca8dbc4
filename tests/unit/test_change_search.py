"""Searching a stored change finds exactly what people can see."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory_sync.definition.secrets import is_password
from directory_sync.endpoints.change import Action, Change, FieldChange
from directory_sync.plan.canonical import canonical_and_search, searched

TEXTS = st.one_of(
    st.sampled_from(
        [
            "key",
            "old",
            "new",
            "true",
            "object",
            "field",
            "late",
            "base64",
            "Straße",
            'a"b',
            "c\\d",
            "e\nf",
            "],",
            ":[{",
        ]
    ),
    st.text(alphabet='abnßé"\\{}[]:,\n\x01', max_size=6),
)
VALUES = st.lists(st.one_of(TEXTS.map(str.encode), st.binary(max_size=4)), max_size=3).map(tuple)
NAMES = st.sampled_from(["sn", "userPassword", "member", "name"])
FIELDS = st.lists(
    st.builds(FieldChange, NAMES, VALUES, VALUES, st.booleans(), st.booleans(), st.booleans()), max_size=3
).map(tuple)
CHANGES = st.builds(
    Change,
    st.sampled_from(Action),
    TEXTS,
    TEXTS,
    st.none() | TEXTS,
    st.none() | st.binary(max_size=4),
    FIELDS,
    st.lists(TEXTS, max_size=2),
)


def finds(change: Change, search: str) -> bool:
    return searched(search) in canonical_and_search(change, is_password)[1]


def visible(change: Change) -> list[str]:
    """Every text of a change that people are shown, taken from the change itself."""
    texts = [change.key, change.object, change.new_object or "", change.via or ""]
    for field in change.fields:
        texts.append(field.field)
        for value in () if is_password(field.field) else (*field.old, *field.new):
            try:
                text = value.decode()
            except UnicodeDecodeError:
                continue
            if not any(character < " " and character not in "\t\n" for character in text):
                texts.append(text)
    return texts


@given(CHANGES, TEXTS.filter(bool))
def test_what_is_found_is_what_people_see(change: Change, search: str) -> None:
    """A text is found exactly if it stands in a key, an id, a field's name, or a value that is text and no
    secret.
    """
    assert finds(change, search) == any(search.lower() in text.lower() for text in visible(change))


@pytest.mark.parametrize("search", ["c2VjcmV0", "4711", "update", "identity", "true", '":"', "],", "nline"])
def test_what_people_do_not_see_is_not_found(search: str) -> None:
    """Secret values, bytes that are no text, identities, ids to wait for, and the stored form's own words are
    not searched.
    """
    fields = (
        FieldChange("userPassword", (b"4711",), ()),
        FieldChange("photo", (), (b"secret\xff",), late=True),
        FieldChange("note", (), (b"one\nline",)),
    )
    change = Change(Action.UPDATE, "k", "cn=o", identity=b"an 4711", fields=fields, after=("cn=4711",))
    assert not finds(change, search)
    assert not finds(change._replace(fields=fields[:2]), search)
