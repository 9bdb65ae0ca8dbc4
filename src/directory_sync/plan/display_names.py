"""What people call an object: chosen while planning, when all mapped values are known, because an update
holds only what changes.

The name is for people alone: no rule depends on it, and no digest covers it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from directory_sync.definition.models import Job
from directory_sync.definition.secrets import secret_fields
from directory_sync.endpoints.change import Action, Change
from directory_sync.plan.layout import Layout

LONGEST = 200
"""Characters of a name; a longer one is cut."""

_WHOLE = ("displayname", "display_name", "full_name", "fullname", "cn", "commonname", "name")
_GIVEN = ("givenname", "given_name", "first_name", "firstname", "gn")
_FAMILY = ("sn", "surname", "family_name", "last_name", "lastname")

NAMING_FIELDS = frozenset((*_WHOLE, *_GIVEN, *_FAMILY))
"""Fields that a name may be made of, in small letters and without options."""

Values = Sequence[Sequence[bytes] | None]
"""Of each field of a layout."""

NameOf = Callable[..., str | None]
"""Gives the name of an object from its values, and from further ones where those say nothing; None if there
is none.
"""


def bare(field: str) -> str:
    """A field's name without options (RFC 4512, section 2.5), in small letters."""
    return field.lower().partition(";")[0]


def name_maker(job: Job, layout: Layout) -> NameOf:
    """A function that names objects by the first of these that has a value: display name, common name, given
    and last name.

    Values of secret fields are never a name.
    """
    is_secret = secret_fields(job)
    places: dict[str, int] = {}
    for index, field in enumerate(layout.fields):
        if not is_secret(field) and index not in layout.lookups:
            places.setdefault(bare(field), index)
    whole = [places[name] for name in _WHOLE if name in places]
    given, family = (
        next((places[name] for name in names if name in places), None) for names in (_GIVEN, _FAMILY)
    )
    if not whole and given is None and family is None:
        return lambda key, *values: None

    def name_of(key: str, *each: Values) -> str | None:
        for index in whole:
            if found := _text(index, each):
                return found if found != key else None
        parts = [_text(index, each) for index in (given, family) if index is not None]
        found = " ".join(filter(None, parts))
        return found if found and found != key else None

    return name_of


def _text(index: int, each: Sequence[Values]) -> str:
    """The first value of a field that is a readable text, on one line."""
    return _first_text(_values(index, each))


def _first_text(values: Iterable[bytes]) -> str:
    for value in values:
        try:
            text = " ".join(value.decode().split())
        except UnicodeDecodeError:
            continue
        if text and "\0" not in text:
            return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"
    return ""


def _values(index: int, each: Sequence[Values]) -> Iterator[bytes]:
    for values in each:
        yield from values[index] or ()


def name_of_change(change: Change, is_secret: Callable[[str], bool]) -> str:
    """What people call the object of a change; empty where nothing but the key is known.

    Plans of earlier versions hold no names: there it is told from the values that the change has, as far as
    they say it.
    """
    if change.name:
        return change.name
    values: dict[str, Sequence[bytes]] = {}
    for field in change.fields:
        if not field.partial and not is_secret(field.field):
            values.setdefault(bare(field.field), field.new or field.old)
    found = [text for name in _WHOLE if (text := _first_text(values.get(name, ())))]
    if not found and change.action in (Action.CREATE, Action.DELETE):
        parts = [
            next((text for name in names if (text := _first_text(values.get(name, ())))), "")
            for names in (_GIVEN, _FAMILY)
        ]
        found = [" ".join(filter(None, parts))]
    return found[0] if found and found[0] != change.key else ""
