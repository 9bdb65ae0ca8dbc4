"""The JSON Schema agrees with what the loader accepts."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
import yaml

from directory_sync.definition.schema import json_schema
from tests.scenarios.definitions import MINIMAL, SPEC_EXAMPLE, changed, job_changed
from tests.scenarios.definitions.from_templates import GAL, HR, MAILBOX, MOVE

VALIDATOR = jsonschema.Draft202012Validator(json_schema())


class EditorLoader(yaml.SafeLoader):
    """Reads YAML as editors do: dates are texts (YAML 1.2.2, section 10.2)."""


EditorLoader.add_constructor(
    "tag:yaml.org,2002:timestamp", lambda loader, node: loader.construct_scalar(node)
)


def errors(definition: Any) -> list[str]:
    """What the schema finds wrong."""
    return [error.message for error in VALIDATOR.iter_errors(definition)]


def test_schema_is_valid_draft_2020_12() -> None:
    """Editors refuse one that is not, or ignore it."""
    jsonschema.Draft202012Validator.check_schema(json_schema())
    assert json_schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_specification_example_is_valid() -> None:
    """The whole example, with every shorthand."""
    assert errors(yaml.load(SPEC_EXAMPLE.read_text(), Loader=EditorLoader)) == []  # noqa: S506  (a SafeLoader)


@pytest.mark.parametrize("text", [GAL, HR, MAILBOX, MOVE.format(template="move_objects")])
def test_definitions_with_templates_need_not_give_what_these_give(text: str) -> None:
    """Otherwise an editor would underline half of the file."""
    assert errors(yaml.safe_load(text)) == []


@pytest.mark.parametrize("example", json_schema()["examples"])
def test_examples_are_valid(example: dict[str, Any]) -> None:
    """What the schema shows, the schema accepts."""
    assert errors(example) == []


@pytest.mark.parametrize(
    "definition",
    [
        changed(("shedule", "x")),
        changed(("name", ...)),
        changed(("jobs", [])),
        changed(("limits", {"delete": "10"})),
        changed(("limits", {"deletes": 1})),
        changed(("start", "tomorrow")),
        changed(("schedule", {"every": "soon"})),
        job_changed(("fields.x", {"from": "a", "static": "b"})),
        job_changed(("fields.x", 5)),
        job_changed(("object", "users")),
        job_changed(("source", {"connection": "a"})),
        job_changed(("missing_at_source", {"disable": True})),
        job_changed(("retries", -1)),
    ],
)
def test_wrong_shapes_are_refused(definition: dict[str, Any]) -> None:
    """What the loader refuses for its shape, an editor underlines."""
    assert errors(definition)


def test_minimal_definition_is_valid() -> None:
    """The string shorthand of a field is known."""
    assert errors(MINIMAL) == []


def test_every_key_is_described() -> None:
    """Editors show the description when the mouse rests on a key."""
    without = [
        f"{name}.{key}"
        for name, definition in json_schema()["$defs"].items()
        for key, value in definition.get("properties", {}).items()
        if "description" not in value
    ]
    assert without == []
