"""The JSON Schema (2020-12) of definition files, for editors and for checks outside of this package."""

from __future__ import annotations

import copy
from typing import Any

from directory_sync.definition.models import Collection

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_EXAMPLE = {
    "name": "corp_to_lab",
    "schedule": "0 2 * * *",
    "jobs": [
        {
            "name": "people",
            "source": {
                "connection": "corp_ad",
                "container": "OU=People,DC=corp,DC=example",
                "filter": "(objectClass=user)",
            },
            "destination": {"connection": "lab_ad", "container": "OU=People,DC=lab,DC=example"},
            "object": "user",
            "fields": {"employeeID": {"from": "employeeID", "key": True}, "cn": "displayName"},
        }
    ],
}


def json_schema() -> dict[str, Any]:
    """The schema of a definition file.

    A collection or job that names a template need not give what the template gives, so nothing but its name
    is required there.
    """
    schema = Collection.model_json_schema(by_alias=True)
    definitions: dict[str, Any] = schema.pop("$defs")
    job = definitions["Job"]
    definitions["CompletedJob"] = _completed(
        job, "A job that a template completes.", open_keys=("source", "destination")
    )
    either_job = {"if": {"required": ["template"]}, "then": _ref("CompletedJob"), "else": _ref("Job")}
    whole = {key: value for key, value in schema.items() if key != "title"}
    completed = _completed(schema, "A collection that a template completes.")
    whole["properties"] = {
        **whole["properties"],
        "jobs": {**whole["properties"]["jobs"], "items": either_job},
    }
    completed["properties"]["jobs"]["items"] = _ref("CompletedJob")
    definitions["Collection"], definitions["CompletedCollection"] = whole, completed
    return {
        "$schema": DIALECT,
        "title": "Job collection",
        "description": schema["description"],
        "examples": [_EXAMPLE],
        "type": "object",
        "if": {"required": ["template"]},
        "then": _ref("CompletedCollection"),
        "else": _ref("Collection"),
        "$defs": dict(sorted(definitions.items())),
    }


def _completed(schema: dict[str, Any], description: str, open_keys: tuple[str, ...] = ()) -> dict[str, Any]:
    relaxed: dict[str, Any] = copy.deepcopy(schema)
    relaxed.pop("title", None)
    relaxed.update(description=description, required=["name"])
    for key in open_keys:
        relaxed["properties"][key] = {
            "type": "object",
            "description": relaxed["properties"][key]["description"],
        }
    return relaxed


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/$defs/{name}"}
