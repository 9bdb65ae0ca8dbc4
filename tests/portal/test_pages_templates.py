"""*Save as Template* on the page of a collection."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.portal.pages_client import Looker, text_of
from tests.scenarios.portal_pages import ADA, BEA
from tests.scenarios.saved import text_of as definition

pytestmark = pytest.mark.usefixtures("airflow_database")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of templates."""
    found = tmp_path / "templates"
    found.mkdir()
    (tmp_path / "collections").mkdir()
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__COLLECTIONS_FOLDER", str(tmp_path / "collections"))
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__TEMPLATES_FOLDER", str(found))
    return found


@pytest.fixture
def crew(empty_looker: Looker) -> Looker:
    """A saved collection, and an administrator who looks."""
    text = definition("crew", title="The crew", owners=["owen"], schedule="@daily")
    empty_looker.store.collections.save("crew", text, expected=0, by=ADA)
    empty_looker.become(ADA)
    return empty_looker


def test_a_collection_becomes_a_template_from_which_others_are_made(crew: Looker, folder: Path) -> None:
    """It is listed, its page says so, and the editor begins with it."""
    assert "/collections/crew/template" in crew.get("/collections/crew")
    assert "/collections/crew/template" in crew.get("/collections")
    page = crew.get("/collections/crew/template")
    assert 'value="crew"' in page
    assert 'value="The crew"' in page
    form = {"template": " crews ", "title": "Crews of ships"}
    to = crew.post("/collections/crew/template", form)
    assert to.endswith("/templates/collections/crews?said=template-saved")
    assert [each.name for each in (folder / "collections").iterdir()] == ["crews.yaml"]
    text = (folder / "collections" / "crews.yaml").read_text(encoding="utf-8")
    assert text.startswith("# Crews of ships\n")
    assert "@daily" not in text
    assert "The template was saved" in text_of(crew.get("/templates/collections/crews?said=template-saved"))
    assert "Crews of ships" in text_of(crew.get("/templates"))
    assert "template: crews" in crew.get("/new-collection?template=crews&of=collections")


def test_what_is_saved_is_what_is_downloaded(crew: Looker, folder: Path) -> None:
    """The download needs no folder."""
    crew.post("/collections/crew/template", {"template": "crews", "title": "Crews"})
    got = crew.client.get("/dirsync/collections/crew/template.yaml?template=crews&title=Crews")
    assert got.headers["content-disposition"] == 'attachment; filename="crews.yaml"'
    assert got.content == (folder / "collections" / "crews.yaml").read_bytes()
    got = crew.client.get("/dirsync/collections/crew/template.yaml?template=%22%0d%0aX:%20y")
    assert got.headers["content-disposition"] == 'attachment; filename="template.yaml"'


@pytest.mark.parametrize(
    ("name", "said", "status"),
    [
        ("taken", "is a collection template taken already", 409),
        ("two_way_gal_sync", "is a collection template two_way_gal_sync already", 409),
        ("../crew", "is no name of a template", 422),
        ("Crew", "is no name of a template", 422),
        ("x" * 101, "is no name of a template", 422),
        ("<script>", "is no name of a template", 422),
    ],
)
def test_wrong_names_are_told_and_what_was_typed_stays(
    crew: Looker, folder: Path, name: str, said: str, status: int
) -> None:
    """No template is replaced: definitions that use it would mean something else."""
    (folder / "collections").mkdir()
    (folder / "collections" / "taken.yaml").write_text("description: old\n", encoding="utf-8")
    page = crew.post("/collections/crew/template", {"template": name, "title": "Kept"}, status=status)
    assert said in text_of(page)
    assert 'value="Kept"' in page
    assert "<script>" not in page
    assert [each.name for each in (folder / "collections").iterdir()] == ["taken.yaml"]
    assert (folder / "collections" / "taken.yaml").read_text(encoding="utf-8") == "description: old\n"


def test_without_a_folder_it_is_a_download(
    crew: Looker, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page says why, and sending the form all the same writes nothing."""
    folder.rmdir()
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__TEMPLATES_FOLDER", "")
    page = crew.get("/collections/crew/template")
    assert "no folder for templates of its own" in text_of(page)
    assert "Save as Template</button>" not in page
    page = crew.post("/collections/crew/template", {"template": "crews"}, status=409)
    assert "no folder for templates of its own" in text_of(page)
    assert not folder.exists()


def test_a_folder_that_may_not_be_written_is_named(
    crew: Looker, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where it is mounted read-only."""
    monkeypatch.setattr("os.access", lambda path, mode: Path(path) != folder)
    page = text_of(crew.get("/collections/crew/template"))
    assert f"may not write to {folder}" in page
    crew.post("/collections/crew/template", {"template": "crews"}, status=409)
    monkeypatch.undo()
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__TEMPLATES_FOLDER", str(folder))
    monkeypatch.setattr("os.link", _no_links)
    page = crew.post("/collections/crew/template", {"template": "crews"}, status=409)
    assert "cannot be written to" in text_of(page)
    assert list((folder / "collections").iterdir()) == []


def _no_links(*_: object, **__: object) -> None:
    raise PermissionError(1, "Operation not permitted")


def test_a_definition_that_cannot_be_used_gives_none(crew: Looker) -> None:
    """And those who may create no collections, or may not see it, get none either."""
    crew.store.collections.save("crew", "name: crew\njobs: []\n", expected=1, by=ADA)
    assert "cannot be used" in text_of(crew.get("/collections/crew/template", status=403))
    crew.store.collections.save("crew", definition("crew"), expected=2, by=ADA)
    crew.become(BEA)
    crew.get("/collections/crew/template", status=403)
    crew.get("/collections/crew/template.yaml", status=403)
    crew.post("/collections/crew/template", {"template": "crews"}, status=403)
    crew.become(ADA, hidden=frozenset({"crew"}))
    crew.get("/collections/crew/template", status=404)


def test_a_template_that_definitions_miss_is_not_made_by_anyone(
    crew: Looker, folder: Path, tmp_path: Path
) -> None:
    """They would mean something else again, without a version of theirs: saved ones, hidden ones, files."""
    for name, uses in {"one": "gone", "two": "lost"}.items():
        text = f"{definition(name)}template: {uses}\n"
        crew.store.collections.save(name, text, expected=0, by=ADA)
    file = tmp_path / "collections" / "three.yaml"
    file.write_text(f"{definition('three')}template: away  # once\n", encoding="utf-8")
    crew.become(ADA, hidden=frozenset({"two"}))
    for name in ("gone", "lost", "away"):
        page = crew.post("/collections/crew/template", {"template": name, "title": "x"}, status=409)
        assert "without a version of its own" in text_of(page)
    assert not (folder / "collections").exists()
    # A job's template is another kind, and a text that mentions the name uses nothing.
    text = definition("four", description="template: crews")
    crew.store.collections.save("four", text, expected=0, by=ADA)
    crew.post("/collections/crew/template", {"template": "crews", "title": "x"})
