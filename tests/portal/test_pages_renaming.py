"""Renaming a saved collection on its page and through the REST API."""

from __future__ import annotations

from pathlib import Path

import pytest

from directory_sync.portal import airflow_dags
from tests.portal.pages_client import Looker, text_of
from tests.scenarios.portal_pages import ADA, BEA, IDA
from tests.scenarios.saved import OWEN
from tests.scenarios.saved import text_of as definition

pytestmark = pytest.mark.usefixtures("airflow_database")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of collections."""
    found = tmp_path / "collections"
    found.mkdir()
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__COLLECTIONS_FOLDER", str(found))
    return found


@pytest.fixture
def crew(empty_looker: Looker) -> Looker:
    """A saved collection, and an administrator who looks."""
    text = f"# Kept as it was written.\n{definition('crew', title='The crew', owners=['owen'])}"
    empty_looker.store.collections.save("crew", text, expected=0, by=ADA)
    empty_looker.become(ADA)
    return empty_looker


def test_the_page_renames_and_the_old_address_leads_there(crew: Looker) -> None:
    """The text stays as it was written, but for the name; the version says what happened."""
    page = text_of(crew.get("/collections/crew/rename"))
    assert "The crew" in page
    assert "Airflow's own history" in page
    form = {"to": " staff ", "expected": "1", "comment": "merger"}
    assert crew.post("/collections/crew/rename", form).endswith("/collections/staff?said=collection-renamed")
    version = crew.store.collections.get("staff")
    assert version is not None
    assert version.text.startswith("# Kept as it was written.\nname: staff\n")
    assert (version.saved_by, version.comment, version.number) == ("ada", "merger", 2)
    shown = text_of(crew.get("/collections/staff?said=collection-renamed"))
    assert "collection renamed: crew → staff" in shown
    assert "has its new name" in shown
    assert (
        crew.client.get("/dirsync/collections/crew", follow_redirects=False)
        .headers["location"]
        .endswith("/collections/staff")
    )
    crew.become(BEA, hidden=frozenset({"staff"}))
    crew.get("/collections/crew", status=404)
    crew.get("/collections/crew/rename", status=404)


@pytest.mark.parametrize(
    ("to", "said", "status"),
    [
        ("crew", "called crew already", 422),
        ("", "is no name of a collection", 422),
        ("Crew Two", "is no name of a collection", 422),
        ("x" * 251, "is no name of a collection", 422),
        ("<script>", "is no name of a collection", 422),
        ("taken", "belongs to another saved collection", 409),
        ("in_file", "belongs to the file", 409),
    ],
)
def test_wrong_names_are_told_and_what_was_typed_stays(
    crew: Looker, folder: Path, to: str, said: str, status: int
) -> None:
    """Nothing is renamed then."""
    crew.store.collections.save("taken", definition("taken"), expected=0, by=ADA)
    (folder / "in_file.yaml").write_text(definition("in_file"), encoding="utf-8")
    page = crew.post(
        "/collections/crew/rename", {"to": to, "expected": "1", "comment": "why not"}, status=status
    )
    assert said in text_of(page)
    assert 'value="why not"' in page
    assert "<script>" not in page
    assert crew.store.collections.newest_revision() == 2


def test_another_person_s_version_is_not_renamed(crew: Looker) -> None:
    """The form knows which version was seen."""
    crew.store.collections.save("crew", definition("crew", title="New"), expected=1, by=IDA)
    page = crew.post("/collections/crew/rename", {"to": "staff", "expected": "1"}, status=409)
    assert "ida has saved" in text_of(page)


def test_what_is_under_way_is_named(crew: Looker, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the page before, and as the reason afterwards."""
    monkeypatch.setattr(airflow_dags, "active_runs", lambda name: ["manual__1"] if name == "crew" else [])
    assert "manual__1" in text_of(crew.get("/collections/crew/rename"))
    page = crew.post("/collections/crew/rename", {"to": "staff", "expected": "1"}, status=409)
    assert "run manual__1 of it is under way" in text_of(page)
    assert crew.store.collections.get("crew") is not None


def test_owners_rename_their_own(crew: Looker) -> None:
    """Others do not."""
    crew.become(BEA)
    crew.get("/collections/crew/rename", status=403)
    crew.post("/collections/crew/rename", {"to": "staff", "expected": "1"}, status=403)
    crew.become(OWEN)
    crew.post("/collections/crew/rename", {"to": "staff", "expected": "1"})
    assert crew.store.collections.get("staff") is not None


def test_runs_are_shown_under_the_new_name_and_known_to_airflow_by_the_old(crew: Looker) -> None:
    """Links to Airflow lead to what it knows."""
    crew.pages.run("manual__7", name="crew")
    crew.store.runs.finish("crew", "manual__7", "success")
    crew.post("/collections/crew/rename", {"to": "staff", "expected": "1"})
    for path in ("/collections/staff", "/history?collection=staff"):
        page = crew.get(path)
        assert "/dags/crew/runs/manual__7/" in page, path
    assert "manual__7" not in crew.get("/history?collection=crew")
    tab = "/embed/run?dag_id=crew&run_id=manual__7"
    assert "manual__7" in crew.get(tab)
    crew.become(BEA, hidden=frozenset({"staff"}))
    assert "New people from the merger" not in crew.get(tab)
    crew.become(BEA, hidden=frozenset({"crew"}))
    assert "New people from the merger" in crew.get(tab)


def test_a_run_is_stopped_by_who_may_run_its_collection_by_the_present_name(crew: Looker) -> None:
    """Who may run the collection that has the old name now is told nothing of it."""
    crew.pages.run("manual__7", name="crew")
    crew.store.runs.finish("crew", "manual__7", "success")
    crew.post("/collections/crew/rename", {"to": "staff", "expected": "1"})
    crew.store.collections.save("crew", definition("crew"), expected=0, by=ADA)
    question, form = "/embed/stop?dag_id=crew&run_id=manual__7", {"dag_id": "crew", "run_id": "manual__7"}
    crew.become(BEA, hidden=frozenset({"staff"}))
    crew.get(question, status=404)
    crew.post("/embed/stop", form, status=404)
    crew.become(BEA, hidden=frozenset({"crew"}))
    assert "It has ended" in crew.get(question)
    crew.post("/embed/stop", form, status=409)


def test_the_rest_api_renames(crew: Looker) -> None:
    """With the same answers."""
    headers = {"Sec-Fetch-Site": "same-origin"}
    url = "/dirsync/api/v1/collections/crew/rename"
    answer = crew.client.post(url, json={"to": "staff", "expected": 1}, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["version"]["name"] == "staff"
    assert answer.json()["version"]["changes"][0]["code"] == "renamed"
    assert crew.client.post(url, json={"to": "x", "expected": 1}, headers=headers).status_code == 404
