"""Which collections are still defined: told only when it is certain, because requests are withdrawn for
it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from directory_sync.airflow.catalogue import catalogue_of, defined_collections
from directory_sync.definition.catalogue import QUIET

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

DEFINITION = """
name: corp
jobs:
  - {name: people, source: {file: in.csv}, destination: {file: out.csv}, object: row, fields: {id: {from: id, key: true}}}
"""  # noqa: E501


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one definition."""
    folder = tmp_path / "collections"
    folder.mkdir()
    (folder / "a.yaml").write_text(DEFINITION, encoding="utf-8")
    return folder


def age(folder: Path, seconds: float = QUIET.total_seconds() + 60) -> None:
    """Let the folder look as if nothing had happened in it for so long."""
    for path in (*folder.iterdir(), folder):
        os.utime(path, (time.time() - seconds,) * 2)


def test_names_of_all_definitions(folder: Path) -> None:
    """A broken definition is one too: somebody is about to correct it."""
    (folder / "b.yaml").write_text("name: broken_one\njobs: 7\n", encoding="utf-8")
    age(folder)
    assert defined_collections(catalogue_of(folder)) == frozenset({"corp", "broken_one"})


def test_a_folder_that_was_just_changed_says_nothing(folder: Path) -> None:
    """A file may be on its way, or a new checkout half made: what counts is a folder, and files, at rest."""
    assert defined_collections(catalogue_of(folder)) is None
    age(folder)
    assert defined_collections(catalogue_of(folder)) == frozenset({"corp"})
    (folder / "a.yaml").touch()
    assert defined_collections(catalogue_of(folder)) is None
    age(folder, QUIET.total_seconds() - 5)
    assert defined_collections(catalogue_of(folder)) is None


def test_a_folder_without_definitions_says_nothing(folder: Path, tmp_path: Path) -> None:
    """That is how a volume looks that is not mounted; so does a folder that is not there."""
    (folder / "a.yaml").unlink()
    age(folder)
    assert defined_collections(catalogue_of(folder)) is None
    assert defined_collections(catalogue_of(tmp_path / "nowhere")) is None


def test_a_file_that_does_not_say_its_name_may_be_the_missing_one(folder: Path) -> None:
    """As long as it is there, nothing counts as gone."""
    (folder / "b.yaml").write_text("name: [", encoding="utf-8")
    age(folder)
    assert defined_collections(catalogue_of(folder)) is None


def test_the_housekeeping_asks_the_folder_of_the_deployment(
    run_dag: Callable[..., DagRun], store_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the real task: what is defined is not gone, what is not is, and in doubt nothing is."""
    from directory_sync.airflow import upkeep
    from directory_sync.airflow.upkeep_dag import upkeep_dags

    answers: list[bool] = []

    def look(_: object, is_gone: Callable[[str], bool]) -> upkeep.Kept:
        answers.extend([is_gone("corp"), is_gone("other")])
        return upkeep.Kept(0, 0, 0, 0, 0, 0, ())

    assert store_url
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__COLLECTIONS_FOLDER", str(folder))
    monkeypatch.setattr(upkeep, "keep_up", look)
    for expected in ([False, False], [False, True]):
        assert str(run_dag(upkeep_dags()["directory_sync.upkeep"]).state) == "success"
        assert answers == expected
        answers.clear()
        age(folder)


def test_saved_collections_are_defined_until_they_are_deleted(
    run_dag: Callable[..., DagRun], store_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the folder holds, also where it is empty because everything is saved."""
    from directory_sync.airflow import upkeep
    from directory_sync.airflow.upkeep_dag import upkeep_dags
    from directory_sync.approval.people import Person
    from directory_sync.store.store import Store

    answers: list[bool] = []

    def look(_: object, is_gone: Callable[[str], bool]) -> upkeep.Kept:
        answers.extend(is_gone(name) for name in ("kept", "deleted", "never_there"))
        return upkeep.Kept(0, 0, 0, 0, 0, 0, ())

    ida = Person("ida", frozenset(), verified=True)
    with Store.open(store_url) as store:
        for name in ("kept", "deleted"):
            store.collections.save(name, f"name: {name}", expected=0, by=ida)
        store.collections.delete("deleted", expected=1, by=ida)
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__COLLECTIONS_FOLDER", str(folder))
    monkeypatch.setattr(upkeep, "keep_up", look)
    age(folder)
    for expected in ([False, True, True], [False, True, False]):
        assert str(run_dag(upkeep_dags()["directory_sync.upkeep"]).state) == "success"
        assert answers == expected
        answers.clear()
        (folder / "a.yaml").unlink(missing_ok=True)
