"""Writes a collection: as a definition file, with only what differs from the defaults and in the order of the
models, and complete, as it is stored and compared.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import yaml

from directory_sync.definition.models import FIELD_SOURCES, Collection, Copy, FieldMapping, Job

_WIDTH = 120


class _Dumper(yaml.SafeDumper):
    """Writes no anchors, which no one wrote by hand, and lists indented below their key."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  (PyYAML's signature)
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002  (PyYAML's signature)
        super().increase_indent(flow, indentless=False)


def _represent_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    # These are line ends to YAML, and only in double quotes they are written as escapes.
    style = '"' if any(character in "\r\x85\u2028\u2029" for character in text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def complete(collection: Collection) -> dict[str, Any]:
    """The collection as it is meant, templates filled in and defaults included; a model reads it back."""
    return collection.model_dump(mode="json", by_alias=True)


def digest_of(definition: dict[str, Any]) -> str:
    """SHA-256 of what `complete` gives, hexadecimal: tells whether two definitions ask for the same.

    It ignores the order of fields. A run goes by that too, so what is stored under this name may be another.
    """
    canonical = json.dumps(definition, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def to_definition(collection: Collection) -> dict[str, Any]:
    """The collection as a definition file holds it: texts, numbers, truth values, lists and mappings."""
    data = collection.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude={"jobs"})
    data["jobs"] = list(map(job_definition, collection.jobs))
    return data


def dump(collection: Collection) -> str:
    """The collection as YAML; `load_text` reads an equal one back.

    Nothing in it depends on templates: what they gave to a loaded collection is written out.
    """
    return as_yaml(to_definition(collection))


def as_yaml(data: dict[str, Any]) -> str:
    """Texts, numbers, truth values, lists and mappings as YAML, laid out as definitions are."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)


def job_definition(job: Job) -> dict[str, Any]:
    """One job as a definition file holds it."""
    data = job.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    data["fields"] = {name: _field(mapping, data["fields"][name]) for name, mapping in job.fields.items()}
    return data


def _field(mapping: FieldMapping, data: dict[str, Any]) -> dict[str, Any] | str:
    if isinstance(mapping, Copy) and list(data) == ["from"]:
        return mapping.from_
    # What the value comes from is read first; pydantic lists what all mappings have in common before it.
    own = sorted(
        (name for name in data if name not in FieldMapping.model_fields),
        key=lambda name: name not in FIELD_SOURCES,
    )
    return {name: data[name] for name in (*own, *(name for name in data if name not in own))}
