"""Reads docker-compose.yml as `docker compose` would, as far as that file goes: variables filled in, the rest
as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).parents[2]
FILE = PROJECT / "docker-compose.yml"
EXAMPLE = PROJECT / ".env.example"

_VARIABLE = re.compile(r"\$(?:\$|\{(?P<name>\w+)(?:(?P<how>:[-?])(?P<rest>[^{}]*))?\})")


class VariableMissing(LookupError):
    """A variable that has to be set is not."""


def load(variables: Mapping[str, str]) -> dict[str, Any]:
    """The whole file, `${NAME:-default}` and `${NAME:?message}` filled in, `$$` written as `$`.

    Raises VariableMissing.
    """
    found = _fill(yaml.safe_load(FILE.read_text(encoding="utf-8")), variables)
    assert isinstance(found, dict)
    return found


def variables_named() -> dict[str, str]:
    """Every variable that the file names: `:?` if it has to be set, else `:-` and the default.

    Everywhere the same.
    """
    named: dict[str, set[str]] = {}
    for match in _VARIABLE.finditer(FILE.read_text(encoding="utf-8")):
        if match["name"]:
            named.setdefault(match["name"], set()).add(
                ":?" if match["how"] == ":?" else f"{match['how']}{match['rest']}"
            )
    ambiguous = {name: sorted(ways) for name, ways in named.items() if len(ways) > 1}
    assert not ambiguous, f"These variables are not the same everywhere: {ambiguous}"
    return {name: ways.pop() for name, ways in named.items()}


def _fill(node: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(node, dict):
        return {key: _fill(value, variables) for key, value in node.items()}
    if isinstance(node, list):
        return [_fill(each, variables) for each in node]
    return _VARIABLE.sub(lambda match: _value(match, variables), node) if isinstance(node, str) else node


def _value(match: re.Match[str], variables: Mapping[str, str]) -> str:
    name, how = match["name"], match["how"]
    if name is None:
        return "$"
    value = variables.get(name, "")
    if value or how is None:
        return value
    if how == ":?":
        raise VariableMissing(f"{name} {match['rest']}")
    return str(match["rest"])
