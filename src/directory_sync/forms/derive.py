"""Makes inputs of pydantic models: a key of a model is a field, its type says of which kind, its description
is the help, its default what counts without it.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, Discriminator, Tag, TypeAdapter
from pydantic.fields import FieldInfo

from directory_sync.definition.basics import OnlyAt
from directory_sync.definition.limits import Limit
from directory_sync.forms.controls import (
    MISSING,
    Control,
    Field,
    Fixed,
    Group,
    Input,
    Rows,
    Single,
    Ticks,
    Variant,
    Variants,
)
from directory_sync.forms.shown import Choice
from directory_sync.forms.values import plain
from directory_sync.forms.words import DURATION_HELP, HELP, choice_of, label_of, noun_of

_LONG = frozenset({"description"})
"""Keys whose texts may have several lines."""


def field_of(model: type[BaseModel], key: str, *, side: str = "") -> Field:
    """The field of a model's key, as the definition spells it.

    Raises KeyError for a key whose values no form can show, and for one that the model lacks.
    """
    info = _info(model, key)
    control = control_of(info.annotation, model.__name__, key, tuple(info.metadata), side=side)
    if control is None:
        raise KeyError(key)
    help = HELP.get((model.__name__, key))
    if help is None:
        example = [DURATION_HELP] if isinstance(control, Single) and control.input is Input.DURATION else []
        help = " ".join([*filter(None, [info.description]), *example])
    return Field(key, label_of(model.__name__, key), control, help, info.is_required(), _default(info))


def fields_of(model: type[BaseModel], *, side: str = "") -> tuple[Field, ...]:
    """All fields of a model that a form can show.

    `side`: `source` or `destination`, of the model of an endpoint: without keys that count at the other side.
    """
    found = []
    for name, info in model.model_fields.items():
        if any(isinstance(each, OnlyAt) and each.side != side for each in info.metadata):
            continue
        try:
            found.append(field_of(model, info.alias or name))
        except KeyError:
            continue
    return tuple(found)


def control_of(
    annotation: Any, model: str, key: str, metadata: tuple[Any, ...] = (), *, side: str = ""
) -> Control | None:
    """The input of a type; None if no form can show its values. `model` and `key` are for words."""
    annotation, metadata = _bare(annotation, metadata)
    members = _members(annotation)
    if len(members) > 1 and type(None) in members:
        kept = tuple(each for each in members if each is not type(None))
        optional = control_of(kept[0] if len(kept) == 1 else Union[kept], model, key, metadata, side=side)  # noqa: UP007
        return _optional(optional, model, key)
    discriminator = next((each for each in metadata if isinstance(each, Discriminator)), None)
    if discriminator is not None:
        return _variants(members, discriminator, model, key, side)
    if set(members) == {date, datetime}:
        return Single(Input.MOMENT)
    if len(members) > 1:
        return _suggested(members, model, key)
    origin = get_origin(annotation)
    if origin is Literal:
        values = [str(value) for value in get_args(annotation)]
        return Single(Input.CHOICE, tuple(Choice(value, choice_of(model, key, value)) for value in values))
    if origin is list:
        item = control_of(get_args(annotation)[0], model, key)
        if isinstance(item, Single) and item.input is Input.CHOICE:
            return Ticks(item.choices)
        if isinstance(item, Variants) and not item.blank:
            item = replace(item, empty=item.empty or "None")  # an empty row
        return None if item is None else Rows(item, noun_of(key))
    if origin is dict:
        return _of_kinds(annotation)
    return _of_class(annotation, model, key)


def _of_class(annotation: Any, model: str, key: str) -> Control | None:
    if not isinstance(annotation, type):
        return None
    if issubclass(annotation, Enum):
        return Single(
            Input.CHOICE, tuple(Choice(each.value, choice_of(model, key, each.value)) for each in annotation)
        )
    if issubclass(annotation, Limit):
        return Single(Input.LIMIT)
    if issubclass(annotation, BaseModel):
        return Group(fields_of(annotation))
    kinds: dict[type, Input] = {
        bool: Input.TICK,
        int: Input.NUMBER,
        timedelta: Input.DURATION,
        str: Input.TEXT,
    }
    for kind, input in kinds.items():
        if issubclass(annotation, kind):
            return Single(Input.LINES if input is Input.TEXT and key in _LONG else input)
    return None


def _info(model: type[BaseModel], key: str) -> FieldInfo:
    return next(info for name, info in model.model_fields.items() if (info.alias or name) == key)


def _default(info: FieldInfo) -> Any:
    if info.is_required():
        return MISSING
    default = info.get_default(call_default_factory=True, validated_data={})
    if default is None:
        return MISSING
    annotation: Any = Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
    return plain(TypeAdapter(annotation).dump_python(default, mode="json"))


def _bare(annotation: Any, metadata: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    while get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        annotation, metadata = inner, (*more, *metadata)
    return annotation, metadata


def _members(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) in (Union, types.UnionType):
        return get_args(annotation)
    return (annotation,)


def _optional(control: Control | None, model: str, key: str) -> Control | None:
    empty = choice_of(model, key, "")
    if isinstance(control, Single) and control.input is Input.CHOICE:
        return Single(control.input, control.choices, empty)
    if isinstance(control, Variants):
        return Variants(control.variants, control.which, empty, others=control.others)
    return replace(control, optional=True) if isinstance(control, Group) else control


def _suggested(members: tuple[Any, ...], model: str, key: str) -> Control | None:
    """Some words or a number: a text for which the words are suggested."""
    words: list[Choice] = []
    for member in members:
        annotation, _ = _bare(member, ())
        if get_origin(annotation) is Literal:
            words += [Choice(str(value), choice_of(model, key, str(value))) for value in get_args(annotation)]
    return Single(Input.NUMBER, tuple(words)) if words else None


def _variants(
    members: tuple[Any, ...], discriminator: Discriminator, model: str, key: str, side: str
) -> Control | None:
    variants: list[Variant] = []
    words: set[str] = set()
    texts: str | None = None
    for member in members:
        annotation, metadata = _bare(member, ())
        tag = next((each.tag for each in metadata if isinstance(each, Tag)), "").strip("<>")
        if get_origin(annotation) is Literal:
            words.update(map(str, get_args(annotation)))
            variants += [
                Variant(str(value), choice_of(model, key, str(value))) for value in get_args(annotation)
            ]
        elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
            group = Group(tuple(map(_fixed, fields_of(annotation, side=side))))
            variants.append(Variant(tag, choice_of(model, key, tag), group, _sentence(annotation)))
        elif isinstance(annotation, type) and issubclass(annotation, str):
            texts = "text"
            variants.append(Variant("text", choice_of(model, key, "text"), Single()))
        else:
            return None
    return Variants(
        tuple(variants), _which(discriminator.discriminator, frozenset(words), texts), blank=texts or ""
    )


def _which(tag: Any, words: frozenset[str], texts: str | None) -> Callable[[Any], str | None]:
    def which(data: Any) -> str | None:
        if isinstance(data, str):
            return data if data in words else (texts or data)
        found = tag(data)
        return None if found is None else str(found).strip("<>")

    return which


def _fixed(field: Field) -> Field:
    """A key with one value only is given by choosing the variant."""
    control = field.control
    if (
        field.required
        and isinstance(control, Single)
        and control.input is Input.CHOICE
        and len(control.choices) == 1
    ):
        return replace(field, control=Fixed(control.choices[0].value))
    return field


def _sentence(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").split("\n\n")[0].replace("\n", " ").strip()


def _of_kinds(annotation: Any) -> Control | None:
    """A mapping of known keys, each with the same kind of value: limits."""
    keys, value = get_args(annotation)
    if not (isinstance(keys, type) and issubclass(keys, Enum)):
        return None
    inner = control_of(value, keys.__name__, "")
    return (
        None
        if inner is None
        else Group(tuple(Field(each.value, label_of(keys.__name__, each.value), inner) for each in keys))
    )
