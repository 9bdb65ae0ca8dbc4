"""Collection templates that are made of collections."""

from __future__ import annotations

from collections.abc import Collection as SizedNames
from typing import Any

import pytest
import yaml

from directory_sync.definition.documents import Document
from directory_sync.definition.export import to_definition
from directory_sync.definition.loading import load_text
from directory_sync.definition.models import Collection
from directory_sync.definition.template_making import LONGEST_TITLE, make_template
from directory_sync.definition.templates import BUILT_IN, Kind
from tests.scenarios.definitions import SPEC_EXAMPLE
from tests.scenarios.definitions.from_templates import GAL, HR
from tests.scenarios.saved import text_of


class _One:
    """The built-in templates, and one of collections."""

    def __init__(self, text: str) -> None:
        self._text = text

    def names(self, kind: Kind) -> SizedNames[str]:
        return [*BUILT_IN.names(kind), *(["made"] if kind == "collections" else [])]

    def get(self, kind: Kind, name: str) -> Document:
        if (kind, name) == ("collections", "made"):
            return Document("made", self._text, "made.yaml")
        return BUILT_IN.get(kind, name)


_WHERE = ("connection", "container", "base", "file", "sheet", "table", "query", "complete")
_OWN = ("name", "title", "owners", "schedule", "timezone", "start", "end", "paused")


def _given(collection: Collection) -> dict[str, Any]:
    """What a person gives who makes the same collection from its template."""
    data = to_definition(collection)
    own = {key: data[key] for key in _OWN if key in data}
    jobs = []
    for job in data["jobs"]:
        sides = {
            side: {key: value for key, value in job[side].items() if key in _WHERE}
            for side in ("source", "destination")
        }
        jobs.append({"name": job["name"], **sides})
    return own | {"template": "made", "jobs": jobs}


@pytest.mark.parametrize(
    "text", [SPEC_EXAMPLE.read_text(encoding="utf-8"), GAL, HR, text_of("crew", owners=["owen"], tags=["a"])]
)
def test_the_same_collection_can_be_made_from_its_template(text: str) -> None:
    """With what the template leaves out, the collection is complete again."""
    collection = load_text(text, "a.yaml").collection
    made = make_template(collection, "Feeds")
    again = load_text(yaml.safe_dump(_given(collection)), "b.yaml", templates=_One(made))
    assert again.collection == collection


def test_what_makes_it_this_collection_is_left_out() -> None:
    """Nothing says where, when or who."""
    text = text_of("crew", title="The crew", owners=["owen"], schedule="@daily", paused=False)
    made = make_template(load_text(text, "a.yaml").collection, "Feeds")
    data = yaml.safe_load(made)
    assert not {*_OWN, "template"} & set(data)
    for job in data["jobs"]:
        assert not set(_WHERE) & {*job.get("source", ()), *job.get("destination", ())}
    assert "owen" not in made


@pytest.mark.parametrize("title", ["a\nname: other", "a\u2028name: other", "\x00", "x" * 5_000, "", "---"])
def test_a_title_stays_a_comment(title: str) -> None:
    """Whatever is typed, it is one line of a comment and changes nothing else."""
    collection = load_text(text_of("crew"), "a.yaml").collection
    made = make_template(collection, title)
    assert yaml.safe_load(made) == yaml.safe_load(make_template(collection, "Feeds"))
    assert len(made.splitlines()[0]) <= LONGEST_TITLE + 2
    assert made.startswith("# ")
