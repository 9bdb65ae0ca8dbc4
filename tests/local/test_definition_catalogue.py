"""Catalogues: which definitions there are, wherever they are kept."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
import yaml

from directory_sync.definition.catalogue import Catalogue, FolderCatalogue
from directory_sync.definition.documents import Document, read_document
from directory_sync.definition.loading import Broken
from directory_sync.definition.templates import FolderTemplates
from tests.scenarios.definitions import changed


class InMemory(Catalogue):
    """Documents in no folder."""

    def __init__(self, *documents: Document, settled: bool = True) -> None:
        super().__init__()
        self._documents, self._settled = documents, settled

    def documents(self) -> Iterator[Document]:
        return iter(self._documents)

    def mentioning(self, name: str) -> Iterator[Document]:
        return (document for document in self._documents if document.name == name)

    def is_settled(self) -> bool:
        return self._settled


def document(name: str, version: str = "1") -> Document:
    """A definition that is right."""
    text = yaml.safe_dump(changed(("name", name)), sort_keys=False)
    return Document(name, text, f"collection {name}, version {version}", version)


def write(folder: Path, file: str, name: str, **rest: object) -> None:
    """A definition in a file."""
    (folder / file).write_text(yaml.safe_dump(changed(("name", name), *rest.items()), sort_keys=False))


def test_a_document_of_a_file_says_where_it_is_from_and_which_text_it_is(tmp_path: Path) -> None:
    """Its version changes exactly with what the file holds."""
    write(tmp_path, "crew.yaml", "crew")
    found = read_document(tmp_path / "crew.yaml")
    assert (found.name, found.origin) == ("crew", f"{tmp_path}/crew.yaml")
    assert found.version == sha256((tmp_path / "crew.yaml").read_bytes()).hexdigest()
    assert read_document(tmp_path / "crew.yaml") == found
    write(tmp_path, "crew.yaml", "crew", title="Crew")
    assert read_document(tmp_path / "crew.yaml").version != found.version


def test_one_collection_is_found_without_reading_the_others(tmp_path: Path) -> None:
    """Files that do not mention its name are not loaded, so that nothing in them matters."""
    write(tmp_path, "a.yaml", "wanted")
    write(tmp_path, "b.yaml", "other")
    (tmp_path / "c.yaml").write_text("name: [")
    found = FolderCatalogue(tmp_path).get("wanted")
    assert found is not None
    assert (found.name, found.origin) == ("wanted", f"{tmp_path}/a.yaml")
    assert FolderCatalogue(tmp_path).get("nowhere") is None


@pytest.mark.timeout(10)
def test_what_may_claim_the_name_too_leaves_it_open(tmp_path: Path) -> None:
    """Two files of that name, a broken one that mentions it, or one that cannot be read: the whole folder has
    to be looked at. What is no file is none of them.
    """
    folder = FolderCatalogue(tmp_path)
    write(tmp_path, "a.yaml", "wanted")
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "folder.yaml").mkdir()
    assert folder.get("wanted") is not None
    write(tmp_path, "b.yaml", "wanted")
    assert folder.get("wanted") is None
    (tmp_path / "b.yaml").write_text("name: wanted\njobs: 7\n")
    assert folder.get("wanted") is None
    (tmp_path / "b.yaml").unlink()
    (tmp_path / "b.yaml").symlink_to("/proc/self/mem")  # a file whose first byte cannot be read
    assert folder.get("wanted") is None


def test_a_link_to_nothing_is_a_broken_definition(tmp_path: Path) -> None:
    """It may be the one that is looked for, so it is told; what collection it is, nobody knows."""
    write(tmp_path, "a.yaml", "wanted")
    folder = FolderCatalogue(tmp_path)
    (tmp_path / "b.yaml").symlink_to(tmp_path / "gone.yaml")
    assert folder.get("wanted") is None
    (wanted, broken) = folder.all()
    assert wanted.name == "wanted"
    assert isinstance(broken, Broken)
    assert f"{tmp_path}/b.yaml" in str(broken.problems)
    past = time.time() - 3600
    for path in (tmp_path / "a.yaml", tmp_path / "b.yaml", tmp_path):
        os.utime(path, (past, past), follow_symlinks=False)
    assert folder.is_settled()
    assert folder.names() is None


def test_names_are_certain_only_where_the_catalogue_is_settled(tmp_path: Path) -> None:
    """Requests are withdrawn for a name that is not among them."""
    assert InMemory(document("one"), document("two")).names() == {"one", "two"}
    assert InMemory(document("one"), settled=False).names() is None
    assert InMemory(document("one"), Document("x", "name: [", "x.yaml")).names() is None
    assert InMemory().names() is None
    hours_ago = time.time() - 7200
    os.utime(tmp_path, (hours_ago, hours_ago))
    assert FolderCatalogue(tmp_path).names() is None  # its volume may not be mounted


def test_problems_of_a_document_name_its_origin() -> None:
    """Wherever it is kept, with the line."""
    (broken,) = InMemory(Document("x", "name: x\njobs: 7\n", "collection x, version 3", "3")).all()
    assert str(broken.problems[0]).startswith("collection x, version 3:2: jobs: ")


def test_documents_use_the_templates_of_their_catalogue(tmp_path: Path) -> None:
    """Also when one is asked for by its name."""
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "mine.yaml").write_text("retries: 7\n")
    folder = tmp_path / "collections"
    folder.mkdir()
    write(folder, "a.yaml", "crew", **{"jobs.0.template": "mine"})
    found = FolderCatalogue(folder, FolderTemplates(tmp_path)).get("crew")
    assert found is not None
    assert found.collection.jobs[0].retries == 7
    assert FolderCatalogue(folder).get("crew") is None
