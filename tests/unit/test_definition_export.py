"""Writing: a definition that was written is read back as the same collection."""

from __future__ import annotations

from typing import Any

from hypothesis import given

from directory_sync.definition.documents import read_document
from directory_sync.definition.export import dump, to_definition
from directory_sync.definition.loading import load, load_text
from directory_sync.definition.models import Collection
from tests.scenarios.definitions import MINIMAL, SPEC_EXAMPLE, changed
from tests.scenarios.definitions.generated import COLLECTIONS


@given(COLLECTIONS)
def test_what_is_written_is_read_back(definition: dict[str, Any]) -> None:
    """Every text, number and shorthand survives, whatever YAML would like to see in it."""
    collection = Collection.model_validate(definition)
    assert load_text(dump(collection), "a.yaml").collection == collection


def test_specification_example_survives() -> None:
    """Every kind of key at least once."""
    collection = load(read_document(SPEC_EXAMPLE)).collection
    assert load_text(dump(collection), "a.yaml").collection == collection


def test_only_what_differs_from_the_defaults_is_written() -> None:
    """The minimal definition comes out as it went in, shorthands and order of keys included."""
    definition = changed(("jobs.0.fields.cn", {"from": "cn"}), ("paused", True), ("jobs.0.retries", 0))
    written = to_definition(Collection.model_validate(definition))
    assert written == MINIMAL
    assert list(written["jobs"][0]) == ["name", "source", "destination", "object", "fields"]


def test_where_a_value_comes_from_is_written_first() -> None:
    """As people write it."""
    fields = {
        "employeeID": {"key": True, "from": "employeeID"},
        "member": {"match": ["uid", "cn"], "members": "member"},
        "x": {"on_missing": "skip", "join": ["a", "b"]},
    }
    definition = changed(
        ("jobs.0.object", "group"), *((f"jobs.0.fields.{name}", field) for name, field in fields.items())
    )
    text = dump(Collection.model_validate(definition))
    assert text.index("from: employeeID") < text.index("key: true")
    assert text.index("members: member") < text.index("match:")
    assert text.index("join:") < text.index("on_missing: skip")
    assert load_text(text, "a.yaml").collection == Collection.model_validate(definition)
