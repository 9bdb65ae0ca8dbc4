"""A change as it is hashed and stored, and the text that it is found by.

No other part knows these bytes: a plan's digest is made of them, so that they stay as they are, and whatever
else people want of a change is stored next to them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from json.encoder import encode_basestring
from typing import Any, NamedTuple, Protocol, runtime_checkable

from directory_sync.definition.secrets import IsSecret
from directory_sync.endpoints.change import (
    Action,
    Change,
    FieldChange,
    Mark,
    MarkKind,
    Values,
    base64_of,
    text_of,
    value_from_json,
)
from directory_sync.plan.packed_values import pack_values

_quoted = encode_basestring

END_OF_NAMES = "\x1e"
"""In a search text: what stands before it names the object, as an id or as people call it."""
_BETWEEN = "\x1f"
_PICTURES = str.maketrans({mark: chr(0x2400 + ord(mark)) for mark in ("\0", END_OF_NAMES, _BETWEEN)})
"""Pictures (Unicode's control pictures) for what has a meaning in search texts, or cannot be stored."""
_SURROGATES = re.compile("[\ud800-\udfff]")
_ACTION = len('{"action":"')
_KEY = b',"key":'
_DECODER = json.JSONDecoder()


class StoredForm(NamedTuple):
    """A change as digest and store take it.

    Attributes:
        action, object, new_object, identity, name: as in `Change`.
        canonical: what the digest is made of.
        search: the text that the change is found by; holds no secret.
        values: the change's values as `packed_values` packs them.
    """

    action: str
    object: str
    new_object: str | None
    identity: bytes | None
    canonical: bytes
    name: str | None
    search: str
    values: bytes


@runtime_checkable
class KeepsStoredForms(Protocol):
    """Changes whose stored forms are there already."""

    def stored_forms(self) -> Iterator[StoredForm]:
        """Those of all changes, in order."""


def stored_form(change: Change, is_secret: IsSecret) -> StoredForm:
    """One change as digest and store take it. `is_secret`: the values of which fields are not searched."""
    canonical, search = canonical_and_search(change, is_secret)
    return StoredForm(
        change.action.value,
        change.object,
        change.new_object,
        change.identity,
        canonical,
        change.name,
        search,
        pack_values(change),
    )


def stored_forms(changes: Iterable[Change], is_secret: IsSecret) -> Iterator[StoredForm]:
    """The stored forms of all changes, in order; made now where they are not kept.

    `is_secret` says for those which fields are secret.
    """
    if isinstance(changes, KeepsStoredForms):
        return changes.stored_forms()
    return (stored_form(change, is_secret) for change in changes)


def canonical(change: Change) -> bytes:
    """The bytes that a plan's digest is made of: JSON with sorted keys, without spaces, in UTF-8."""
    return canonical_and_search(change, lambda field: True)[0]


def canonical_forms(changes: Iterable[Change]) -> Iterator[bytes]:
    """The canonical forms of all changes, in order; made now where they are not kept."""
    if isinstance(changes, KeepsStoredForms):
        return (form.canonical for form in changes.stored_forms())
    return map(canonical, changes)


def canonical_and_search(change: Change, is_secret: IsSecret) -> tuple[bytes, str]:
    """Both texts of a change, made in one walk: each of its values has to be read as text for either.

    The canonical form is written out here, for the encoder of `json` would first need all of it as
    dictionaries.
    """
    key, object_, new_object, via, name = (
        change.key,
        change.object,
        change.new_object,
        change.via,
        change.name,
    )
    texts: list[str] = []
    parts = [f'{{"action":"{change.action.value}"']
    if change.after:
        parts.append(f'"after":[{",".join(map(_quoted, change.after))}]')
    fields = ",".join([_canonical_field(field, texts, is_secret) for field in change.fields])
    parts.append(f'"fields":[{fields}]')
    if change.identity is not None:
        parts.append(f'"identity":{_canonical_values((change.identity,), None)}')
    parts.append(f'"key":{_quoted(key)}')
    if change.marks:
        parts.append(f'"marks":[{",".join(map(_canonical_mark, change.marks))}]')
    if new_object is not None:
        parts.append(f'"new_object":{_quoted(new_object)}')
    parts.append(f'"object":{_quoted(object_)}')
    if via is not None:
        parts.append(f'"via":{_quoted(via)}')
    names = _BETWEEN.join([_searched(each) for each in (object_, new_object, via, name) if each])
    # Many a value stands in several fields, and what is searched need not.
    rest = _BETWEEN.join(dict.fromkeys([_searched(key), *texts]))
    return (",".join(parts) + "}").encode(), _folded(f"{names}{END_OF_NAMES}{rest}")


def searched(text: str) -> str:
    """A text to search for in the form in which search texts hold it."""
    return _folded(_searched(text))


def stored_field(name: str) -> str:
    """What a canonical form holds if the change is one of this field, and only then: a value that looks like
    it has its quotes escaped.
    """
    return f'{{"field":{_quoted(name)},'


def read_canonical(stored: str | bytes) -> Change:
    """The change of a canonical form; the name that people call it by is no part of it."""
    data: Mapping[str, Any] = json.loads(stored)
    return Change(
        action=Action(data["action"]),
        key=data["key"],
        object=data["object"],
        new_object=data.get("new_object"),
        identity=None if "identity" not in data else value_from_json(data["identity"]),
        fields=tuple(
            FieldChange(
                field=field["field"],
                old=tuple(map(value_from_json, field["old"])),
                new=tuple(map(value_from_json, field["new"])),
                replace=field.get("replace", False),
                late=field.get("late", False),
                partial=field.get("partial", False),
            )
            for field in data["fields"]
        ),
        after=tuple(data.get("after", ())),
        marks=tuple(Mark(MarkKind(mark["kind"]), mark.get("subject", "")) for mark in data.get("marks", ())),
        via=data.get("via"),
    )


def key_in(stored: bytes) -> str:
    """The key of the change of a canonical form, without reading the rest."""
    # In values, quotes are escaped; and no field of a change or of a mark has this name.
    start = stored.rindex(_KEY) + len(_KEY)
    key: str = _DECODER.raw_decode(stored[start:].decode())[0]
    return key


def has_action(stored: str, action: str) -> bool:
    """Whether a canonical form is that of a change of this kind."""
    return stored.startswith(f'{action}"', _ACTION)


def removed_members(stored: str) -> int:
    """How many values the change of a canonical form takes from fields of which it tells only what goes and
    comes.
    """
    if '"partial":true' not in stored:
        return 0
    return sum(len(field.old) for field in read_canonical(stored).fields if field.partial)


def _canonical_mark(mark: Mark) -> str:
    subject = f',"subject":{_quoted(mark.subject)}' if mark.subject else ""
    return f'{{"kind":"{mark.kind.value}"{subject}}}'


def _canonical_field(field: FieldChange, texts: list[str], is_secret: IsSecret) -> str:
    name, old, new, replace, late, partial = field
    texts.append(name)
    found = None if is_secret(name) else texts
    waits = ',"late":true' if late else ""
    last = (',"partial":true' if partial else "") + (',"replace":true' if replace else "")
    comes, goes = _canonical_values(new, found), _canonical_values(old, found)
    return f'{{"field":{_quoted(name)}{waits},"new":[{comes}],"old":[{goes}]{last}}}'


def _canonical_values(values: Values, texts: list[str] | None) -> str:
    """Values, and those that are text added to the texts."""
    found = []
    for value in values:
        text = text_of(value)
        if text is None:
            found.append(f'{{"base64":"{base64_of(value)}"}}')
            continue
        found.append(_quoted(text))
        if texts is not None:
            texts.append(text)
    return ",".join(found)


def _searched(text: str) -> str:
    if text.isprintable():
        return text
    return _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", text.translate(_PICTURES))


def _folded(text: str) -> str:
    # Not `casefold`: who types GROSS does not look for groß. Only the last sigma of a word has a small letter
    # of its own.
    return text.lower().replace("\N{GREEK SMALL LETTER FINAL SIGMA}", "\N{GREEK SMALL LETTER SIGMA}")
