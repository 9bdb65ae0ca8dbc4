"""Definitions as people save them, and the people who do."""

from __future__ import annotations

import copy
from typing import Any

import yaml

from directory_sync.approval.people import Person
from directory_sync.collections.saving import SavingRules
from tests.scenarios.definitions import MINIMAL

ADA = Person("ada", frozenset({"Admin"}), verified=True)
"""An administrator."""
EDITH = Person("edith", frozenset({"Editors"}), verified=True)
"""May save collections, but choose no connections where there are no rules."""
OWEN = Person("owen", frozenset({"Viewer"}), verified=True)
"""An owner of some."""
VERA = Person("vera", frozenset({"Viewer"}), verified=True)
"""May look."""

RULES = SavingRules(collection_roles=("Admin", "Editors"), administrators=("Admin",))


def text_of(name: str = "crew", **given: Any) -> str:
    """A right definition; what is given comes instead or as well."""
    data: dict[str, Any] = copy.deepcopy(MINIMAL) | {"name": name} | given
    return yaml.safe_dump(data, sort_keys=False)
