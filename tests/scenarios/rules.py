"""Rules of connections, and collections that keep to them or break them."""

from __future__ import annotations

from typing import Any

import yaml

from directory_sync.definition.documents import Document
from directory_sync.definition.models import Collection
from directory_sync.rights.connection_rules import ConnectionRules
from directory_sync.rights.judgement import BrokenRule, broken_rules
from directory_sync.rights.reading import parse_connection_rules
from tests.scenarios.definitions import job_changed

ADMINISTRATORS = ("Admin",)
FILE = "rules.yaml"


def rules_of(text: str, name: str = FILE) -> ConnectionRules:
    """The rules in a file that holds this text."""
    return parse_connection_rules(Document("rules", text, name))


def rules_for(**connections: Any) -> ConnectionRules:
    """The rules of these connections."""
    return rules_of(yaml.safe_dump({"connections": connections}))


def never(*fields: str) -> ConnectionRules:
    """The rules by which no job writes these fields of the connection `lab`."""
    return rules_for(lab={"destination": {"never_write": list(fields)}})


def only(*objects: str, **more: Any) -> ConnectionRules:
    """The rules by which only these types of objects of the connection `lab` are written."""
    return rules_for(lab={"destination": {"objects": list(objects), **more}})


def job(*changes: tuple[str, Any]) -> Collection:
    """The minimal collection, whose job was changed so."""
    return Collection.model_validate(job_changed(*changes))


def broken(
    collection: Collection, rules: ConnectionRules | None, *, roles: tuple[str, ...] | None = None
) -> list[BrokenRule]:
    """What the collection breaks; `roles` are stored with a saved one."""
    return broken_rules(collection, rules, roles, ADMINISTRATORS)


def codes(
    collection: Collection, rules: ConnectionRules | None, *, roles: tuple[str, ...] | None = None
) -> list[str]:
    """The codes of that."""
    return [found.code.value for found in broken(collection, rules, roles=roles)]
