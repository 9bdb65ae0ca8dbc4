"""Definitions that tests start from: a minimal right one, with changes, and the specification's whole
example.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml

from directory_sync.definition.loading import load_text
from directory_sync.definition.problems import Problem
from directory_sync.errors import DefinitionError

SPEC_EXAMPLE = Path(__file__).with_name("spec_example.yaml")

MINIMAL: dict[str, Any] = {
    "name": "corp_to_lab",
    "jobs": [
        {
            "name": "people",
            "source": {"connection": "corp", "container": "OU=People,DC=corp,DC=example"},
            "destination": {
                "connection": "lab",
                "container": "OU=People,DC=lab,DC=example",
                "filter": "(objectClass=user)",
            },
            "object": "user",
            "fields": {"employeeID": {"from": "employeeID", "key": True}, "cn": "cn"},
        }
    ],
}


def changed(*changes: tuple[str, Any]) -> dict[str, Any]:
    """The minimal definition with values set at paths such as `jobs.0.source.filter`; `...` as a value takes
    the key out.
    """
    data = copy.deepcopy(MINIMAL)
    for path, value in changes:
        *way, last = path.split(".")
        here: Any = data
        for step in way:
            here = here[int(step)] if isinstance(here, list) else here.setdefault(step, {})
        if value is ...:
            del here[last]
        elif isinstance(here, list):
            here[int(last) :] = [value]
        else:
            here[last] = value
    return data


def job_changed(*changes: tuple[str, Any]) -> dict[str, Any]:
    """The minimal definition with values set in its job."""
    return changed(*((f"jobs.0.{path}", value) for path, value in changes))


def problems_of(definition: dict[str, Any] | str) -> list[Problem]:
    """Every error and warning of a definition."""
    text = definition if isinstance(definition, str) else yaml.safe_dump(definition, sort_keys=False)
    try:
        return list(load_text(text, "test.yaml").problems)
    except DefinitionError as error:
        return list(error.problems)


def found(definition: dict[str, Any] | str) -> list[str]:
    """`KEY: text` of every problem of a definition, warnings marked."""
    return [str(problem).split(": ", 1)[1] for problem in problems_of(definition)]
