"""Several definitions in one file: what was joined comes apart into the same texts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from directory_sync.collections.documents import Part, join, renamed, split, tidy
from directory_sync.definition.documents import Document
from directory_sync.definition.export import dump
from directory_sync.definition.loading import Loaded, judge, load_text
from directory_sync.definition.models import Collection
from directory_sync.definition.templates import BUILT_IN
from tests.scenarios.definitions import MINIMAL
from tests.scenarios.definitions.generated import COLLECTIONS

ROOT = Path(__file__).parents[2]
FENCED = re.compile(r"```yaml\n(.*?)```", re.DOTALL)
TEXTS = {
    file.stem: file.read_text(encoding="utf-8")
    for folder in ("dags", "demo", "tests", "src/directory_sync/definition/builtin")
    for file in sorted((ROOT / folder).rglob("*.yaml"))
    if ".venv" not in file.parts
} | {
    f"{file.stem} {number}": block
    for file in sorted((ROOT / "docs").rglob("*.md"))
    for number, block in enumerate(FENCED.findall(file.read_text(encoding="utf-8")))
}
"""Every definition and template of the repository, and what the docs show of them."""
PLAIN = yaml.safe_dump(MINIMAL, sort_keys=False)
FRAMES = [
    "{}",
    "---\n{}",
    "# why\n---\n{}",
    "%YAML 1.1\n---\n{}",
    "\n\n{}\n\n",
    "{}...\n",
    "# ---\n{}# end\n",
]


def test_there_are_definitions() -> None:
    """Or the tests over all of them would hold for nothing."""
    assert len(TEXTS) > 15
    assert sum(isinstance(judge(Document("", text, "x"), BUILT_IN), Loaded) for text in TEXTS.values()) > 2


def test_all_definitions_of_the_repository_survive_in_one_file() -> None:
    """Texts are the same to the character, comments included."""
    texts = list(map(tidy, TEXTS.values()))
    assert [part.text for part in split(join(texts))] == texts


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_definition_means_the_same_afterwards(text: str) -> None:
    """Also among others."""
    before = judge(Document("", tidy(text), "x"), BUILT_IN)
    after = judge(Document("", split(join([PLAIN, text, PLAIN]))[1].text, "x"), BUILT_IN)
    assert isinstance(before, Loaded) == isinstance(after, Loaded)
    if isinstance(before, Loaded) and isinstance(after, Loaded):
        assert before.collection == after.collection
    else:
        assert before.problems == after.problems


@given(st.lists(st.tuples(COLLECTIONS, st.sampled_from(FRAMES)), min_size=1, max_size=3))
def test_whatever_definitions_are_joined_come_apart_again(given_: list[tuple[dict[str, Any], str]]) -> None:
    """With markers, comments and directives of their own, and texts that YAML likes to break lines in."""
    texts = [
        tidy(frame.replace("{}", dump(Collection.model_validate(definition)))) for definition, frame in given_
    ]
    for text, (definition, _) in zip(texts, given_, strict=True):
        assert load_text(text, "x").collection == Collection.model_validate(definition)
    assert [part.text for part in split(join(texts))] == texts


@given(st.text(st.sampled_from("-\n\r \u2028#%a.:{") | st.characters(), max_size=60))
def test_nothing_of_a_file_is_lost(text: str) -> None:
    """Whatever it holds: what is in no part is blank, a comment or a marker; lines are counted right."""
    rest = text.removeprefix("\ufeff")
    between = []
    for part in split(text):
        before, found, rest = rest.partition(part.text)
        assert found or not part.text
        between.append(before)
    for line in "\n".join([*between, rest]).splitlines():
        assert not line.strip() or line.lstrip()[0] in "#%" or line.startswith("---")


def test_lines_are_those_of_the_file() -> None:
    """Problems are told with them."""
    assert split("a: 1\r\n---\r\nb: 2\n---\n# c\n---\nc: 3\n") == [
        Part("a: 1\r\n", 1),
        Part("b: 2\n", 3),
        Part("# c\n---\nc: 3\n", 5),
    ]
    assert split("# nothing\n---\n\n") == []
    assert split("") == []


def test_a_marker_inside_a_value_is_none() -> None:
    """YAML knows it only at the beginning of a line."""
    text = "a: |\n  ---\n  x\nb: a --- b\nc: ----\n"
    assert split(text) == [Part(text, 1)]


# -- another name --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_definition_gets_another_name_and_keeps_its_layout(text: str) -> None:
    """One line differs."""
    if not isinstance(judge(Document("", text, "x"), BUILT_IN), Loaded):
        assert renamed(text, "copy", BUILT_IN) == text
        return
    edited = renamed(text, "copy", BUILT_IN)
    assert load_text(edited, "x").name == "copy"
    differing = [
        (old, new) for old, new in zip(text.splitlines(), edited.splitlines(), strict=True) if old != new
    ]
    assert len(differing) == 1


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("name: corp_to_lab # mine", "name: copy # mine"),
        ("name: 'corp_to_lab'", "name: 'copy'"),
        ('"name":   "corp_to_lab"', '"name":   "copy"'),
    ],
)
def test_the_name_is_replaced_where_it_stands(head: str, expected: str) -> None:
    """With its quotes, and what is around it."""
    text = PLAIN.replace("name: corp_to_lab", head, 1)
    assert renamed(text, "copy", BUILT_IN) == PLAIN.replace("name: corp_to_lab", expected, 1)


def test_a_name_that_is_used_elsewhere_too_is_written_out() -> None:
    """An anchor would rename the other place as well."""
    text = PLAIN.replace("name: corp_to_lab", "name: &n corp_to_lab\ntitle: *n", 1)
    collection = load_text(renamed(text, "copy", BUILT_IN), "x").collection
    assert (collection.name, collection.title) == ("copy", "corp_to_lab")


@given(COLLECTIONS, st.sampled_from(FRAMES))
def test_renaming_changes_the_name_and_nothing_else(definition: dict[str, Any], frame: str) -> None:
    """Whatever the definition holds."""
    collection = Collection.model_validate(definition)
    text = frame.replace("{}", dump(collection))
    assert load_text(renamed(text, "other", BUILT_IN), "x").collection == collection.model_copy(
        update={"name": "other"}
    )
