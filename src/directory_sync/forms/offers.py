"""What this version can do: choices that it cannot apply yet are not offered, but shown where a definition
has them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from pydantic import ValidationError

from directory_sync.definition.models import Job
from directory_sync.definition.support import NOT_YET
from directory_sync.forms.controls import Control, Field, Group, Input, Single, Variant, Variants

_SMALLEST: Mapping[str, Any] = {
    "name": "x",
    "object": "user",
    "source": {"connection": "x", "container": "x"},
    "destination": {"connection": "x", "container": "x"},
    "fields": {"x": {"from": "x", "key": True}},
}


def offered(field: Field) -> Field:
    """A field of a job with only what this version can apply."""
    control = _of_key(field.key, field.control)
    return field if control is None else replace(field, control=control)


def _of_key(key: str, control: Control) -> Control | None:
    if isinstance(control, Single):
        return _choices(control, lambda value: {key: value})
    if not isinstance(control, Variants):
        return None
    kept: list[Variant] = []
    others: list[Variant] = []
    for variant in control.variants:
        if variant.control is None:
            (kept if _applies({key: variant.key}) else others).append(variant)
        elif isinstance(variant.control, Group):
            sample = variant.control.sample()
            if _applies({key: sample}):
                kept.append(replace(variant, control=_of_group(key, sample, variant.control)))
            else:
                others.append(variant)
        else:
            kept.append(variant)
    return replace(control, variants=tuple(kept), others=(*control.others, *others))


def _of_group(key: str, sample: Mapping[str, Any], group: Group) -> Group:
    """Without fields that cannot be used at all, and without such choices."""
    fields = []
    for each in group.fields:
        control = each.control
        if isinstance(control, Single) and control.input is Input.CHOICE:
            fields.append(replace(each, control=_choices(control, partial(_inside, key, sample, each.key))))
        elif each.key in sample or _applies(_inside(key, sample, each.key, control.sample())):
            fields.append(each)
    return Group(tuple(fields))


def _inside(key: str, sample: Mapping[str, Any], inner: str, value: Any) -> Mapping[str, Any]:
    return {key: {**sample, inner: value}}


def _choices(control: Single, part: Callable[[str], Mapping[str, Any]]) -> Single:
    if control.input is not Input.CHOICE:
        return control
    return replace(control, choices=tuple(each for each in control.choices if _applies(part(each.value))))


def _applies(part: Mapping[str, Any]) -> bool:
    try:
        job = Job.model_validate({**_SMALLEST, **part})
    except ValidationError:
        return True
    return not any(any(path[:1] == (next(iter(part)),) for path in feature.used(job)) for feature in NOT_YET)
