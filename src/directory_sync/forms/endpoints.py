"""The forms of sources and destinations: one for each kind of endpoint that the registry can open, made of
the keys of its model.

`docs/adding-an-endpoint.md` says how an endpoint brings its form.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Literal

from directory_sync.definition.addresses import FILE_KINDS, FileEndpoint, FileKind
from directory_sync.definition.models import Job
from directory_sync.endpoints.registry import KINDS
from directory_sync.forms.controls import Field, Group, Variant, Variants
from directory_sync.forms.derive import field_of
from directory_sync.forms.offers import offered

Side = Literal["source", "destination"]


def endpoint_field(side: Side) -> Field:
    """A job's source or destination. What cannot be opened is not offered, but shown where it is there."""
    return _field(side, tuple(FILE_KINDS))  # a list, to which tests add kinds


@cache
def _field(side: Side, kinds: tuple[FileKind, ...]) -> Field:  # noqa: ARG001 - what the answer depends on
    field = offered(field_of(Job, side, side=side))
    control = field.control
    assert isinstance(control, Variants)
    usable = _usable(side)
    variants = tuple(_without_idle_keys(each, side) for each in control.variants if each.key in usable)
    others = tuple(each for each in control.variants if each.key not in usable)
    return replace(field, control=replace(control, variants=variants, others=(*control.others, *others)))


def _usable(side: Side) -> frozenset[str]:
    """The names of the models whose endpoints can be opened at this side."""
    names = {model.__name__ for model, kind in KINDS.items() if getattr(kind, side)}
    return frozenset(
        names | ({FileEndpoint.__name__} if any(getattr(kind, side) for kind in FILE_KINDS) else set())
    )


def _without_idle_keys(variant: Variant, side: Side) -> Variant:
    """Without keys that count for such kinds of files only as cannot be opened."""
    if variant.key != FileEndpoint.__name__ or not isinstance(variant.control, Group):
        return variant
    of_some: set[str] = set().union(*(kind.keys for kind in FILE_KINDS))
    used: set[str] = set().union(*(kind.keys for kind in FILE_KINDS if getattr(kind, side)))
    fields = tuple(each for each in variant.control.fields if each.key not in of_some - used)
    return replace(variant, control=Group(fields))
