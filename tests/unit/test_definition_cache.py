"""What lists keep of definitions: what may mean something else later is read again."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from directory_sync.definition.documents import Document
from directory_sync.definition.loading import Loaded
from directory_sync.portal.definition_cache import DefinitionCache
from tests.scenarios.saved import text_of


class _Edited:
    """One template of collections, which is edited each time it is looked at."""

    def __init__(self) -> None:
        self._looks = 0

    def names(self, kind: str) -> Collection[str]:
        return ("house",) if kind == "collections" else ()

    def get(self, kind: str, name: str) -> Document:
        self._looks += 1
        return Document(name, f"title: look {self._looks}\n", f"{kind}/{name}.yaml")


@pytest.mark.parametrize("key", ["template", '"templ\\u0061te"', '"\\x74emplate"'])
def test_what_names_a_template_is_read_again(key: str) -> None:
    """However the key is spelled."""
    cache, templates = DefinitionCache(seconds=0), _Edited()
    document = Document("crew", f"{text_of()}{key}: house\n", "saved:crew", "1", "crew")
    titles = []
    for _ in range(2):
        found = cache.judge(document, templates)
        assert isinstance(found, Loaded), found
        titles.append(found.collection.title)
    assert titles == ["look 1", "look 2"]


def test_what_is_settled_is_read_once() -> None:
    """The same text means the same, whenever it is asked for."""
    cache, document = DefinitionCache(seconds=0), Document("crew", text_of(), "saved:crew", "1", "crew")
    templates = _Edited()
    assert cache.judge(document, templates) is cache.judge(document, templates)
