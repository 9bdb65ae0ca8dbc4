"""The list of collections, and the page of one: what they show of which collection, to whom."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from directory_sync.collections import saving
from directory_sync.definition.documents import Document
from directory_sync.definition.loading import Broken, Loaded
from directory_sync.definition.templates import Templates
from directory_sync.errors import NotDecidable
from directory_sync.portal import airflow_dags, airflow_runs, newest_in_airflow
from directory_sync.portal.airflow_dags import DagState
from directory_sync.store.run_overview import RunFilter
from tests.portal.pages_client import Looker, text_of
from tests.scenarios.portal_pages import ADA, BEA, HOSTILE, NOBODY
from tests.scenarios.saved import OWEN
from tests.scenarios.saved import text_of as definition

FORM = {"Sec-Fetch-Site": "same-origin"}

pytestmark = pytest.mark.usefixtures("airflow_database")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of collections."""
    found = tmp_path / "collections"
    found.mkdir()
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__COLLECTIONS_FOLDER", str(found))
    return found


def save(looker: Looker, name: str, expected: int = 0, comment: str = "", **given: object) -> None:
    """Save a collection as the administrator."""
    looker.store.collections.save(name, definition(name, **given), expected=expected, by=ADA, comment=comment)


def test_an_empty_list_says_how_to_make_one(empty_looker: Looker, folder: Path) -> None:
    """To those who may, and whom to ask to others."""
    empty_looker.become(ADA)
    assert "Create one, or import a definition" in text_of(empty_looker.get("/collections"))
    empty_looker.become(BEA)
    page = text_of(empty_looker.get("/collections"))
    assert "Ask a person who may create collections" in page
    assert "folder of collections" in page


def test_saved_ones_and_files_stand_in_one_list(looker: Looker, folder: Path) -> None:
    """With schedule in words, last run, path and first problem."""
    save(
        looker, "hr_feed", title="HR feed", schedule=["0 2 * * 1", {"every": "15m"}], timezone="Europe/Berlin"
    )
    (folder / "phones.yaml").write_text(definition("phones", title="Phones"), encoding="utf-8")
    (folder / "odd.yaml").write_text("name: odd\njobs: 3\n", encoding="utf-8")
    page = text_of(looker.get("/collections"))
    assert "3 collections" in page
    assert "HR feed" in page
    assert "at 02:00, only on Monday; every 15m (Europe/Berlin)" in page
    assert f"from the file {folder}/phones.yaml" in page
    assert "line 2: expected a list" in page
    assert "by ada" in page
    assert "running" in page  # the last run of hr_feed in this store
    assert "only by hand" in page
    assert text_of(looker.get("/collections?search=PHONE")).count("from the file") == 1
    assert "1 collection matches" in text_of(looker.get("/collections?state=broken"))
    assert "1 collection matches" in text_of(looker.get("/collections?kind=saved"))
    assert "No collection matches" in text_of(looker.get("/collections?outcome=failed"))


def test_no_text_is_read_for_a_person_who_may_edit_none(
    looker: Looker, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An owner of one may have any text looked at: which collection it is, only the text tells."""
    save(looker, "crew", owners=["owen"])
    read: list[str] = []

    def judge(document: Document, templates: Templates) -> Loaded | Broken:
        read.append(document.text)
        return Broken(document, None, ())

    monkeypatch.setattr(saving, "judge", judge)
    forms = {"/new-collection": {"do": "check"}, "/import-collections": {"do": "look"}}
    for path, form in forms.items():
        looker.become(BEA)
        assert "You may not create" in looker.post(path, form | {"definition": "a: 1"}, status=403)
        assert read == []
        looker.become(OWEN)
        looker.client.post(f"/dirsync{path}", data=form | {"definition": "a: 1"}, headers=FORM)
        assert set(read) == {"a: 1\n"}
        read.clear()


def test_rules_of_connections_that_cannot_be_read_hide_nothing(
    looker: Looker, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They keep collections from running and from being saved, and no one from looking."""
    save(looker, "hr_feed")
    (folder / "phones.yaml").write_text(definition("phones"), encoding="utf-8")
    wrong = folder.parent / "rules.yaml"
    wrong.write_text("connections: 3\n", encoding="utf-8")
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__CONNECTION_RULES", str(wrong))
    looker.become(ADA)
    for path in ("/collections", "/collections/hr_feed", "/collections/phones"):
        looker.get(path)


def test_an_order_is_kept_in_the_address(looker: Looker, folder: Path) -> None:
    """Both ways; what has no value is at the end."""
    for name in ("alpha", "beta", "hr_feed"):
        save(looker, name)

    def order(query: str) -> list[str]:
        page = looker.get(f"/collections?{query}")
        return sorted(("alpha", "beta", "hr_feed"), key=lambda name: page.index(f'/collections/{name}"'))

    assert order("") == ["alpha", "beta", "hr_feed"]
    assert order("sort=name&order=down") == ["hr_feed", "beta", "alpha"]
    assert order("sort=last_run&order=down")[0] == "hr_feed"
    assert order("sort=last_run")[0] == "hr_feed"
    assert 'aria-sort="descending"' in looker.get("/collections?sort=times&order=down")
    wrong = looker.get("/collections?sort=size&search=alp", status=422)
    assert "is not a valid value" in text_of(wrong)
    assert "/collections/alpha" in wrong
    assert "/collections/beta" not in wrong


def test_pages_of_the_list(looker: Looker, folder: Path) -> None:
    """Filters stay on the next page."""
    for number in range(5):
        save(looker, f"crew_{number}")
    first = looker.get("/collections?limit=2&search=crew")
    assert "/collections/crew_1" in first
    assert "/collections/crew_2" not in first
    assert "limit=2&amp;search=crew&amp;skip=2" in first
    assert "/collections/crew_2" in looker.get("/collections?limit=2&search=crew&skip=2")
    assert "no more collections" in text_of(looker.get("/collections?skip=100"))


def test_nothing_is_shown_of_hidden_collections(looker: Looker, folder: Path) -> None:
    """Saved, from files, and a file that does not say whose it is."""
    save(looker, "secret", title="Top secret")
    (folder / "hidden.yaml").write_text(definition("hidden"), encoding="utf-8")
    (folder / "nameless.yaml").write_text("jobs: [\n", encoding="utf-8")
    looker.become(BEA, hidden=frozenset({"secret", "hidden"}))
    page = looker.get("/collections")
    assert "secret" not in page
    assert "hidden.yaml" not in page
    assert "nameless" not in page
    for name in ("secret", "hidden", "nonsense"):
        assert "There is no saved collection" in looker.get(f"/collections/{name}", status=404)
    looker.become(ADA)
    assert "nameless.yaml" in looker.get("/collections")


def test_a_name_that_a_file_and_a_saved_one_have(looker: Looker, folder: Path) -> None:
    """The file is told as broken."""
    save(looker, "twice")
    (folder / "a.yaml").write_text(definition("twice"), encoding="utf-8")
    assert "the name twice belongs to a saved collection" in text_of(looker.get("/collections"))


def test_versions_of_a_deleted_one_whose_name_a_file_has(looker: Looker, folder: Path) -> None:
    """They are still shown, and restoring one says whose name it is."""
    save(looker, "moved", title="Saved")
    save(looker, "moved", expected=1, title="Saved later")
    looker.store.collections.delete("moved", expected=2, by=ADA)
    (folder / "moved.yaml").write_text(definition("moved"), encoding="utf-8")
    looker.become(ADA)
    assert "Saved later" in text_of(looker.get("/collections/moved/versions/2"))
    refused = looker.post("/collections/moved/restore", {"number": "1", "expected": "0"}, status=409)
    assert f"belongs to the file {folder}/moved.yaml" in text_of(refused)


def test_a_folder_that_cannot_be_read(looker: Looker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Saved ones are listed all the same, and the page says what is missing."""
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__COLLECTIONS_FOLDER", "/nonexistent")
    save(looker, "crew")
    page = text_of(looker.get("/collections"))
    assert "Files with collections cannot be listed from here" in page
    assert "1 collection" in page


def test_the_page_of_a_saved_collection(looker: Looker, folder: Path) -> None:
    """Jobs, runs, versions with their reasons, and the entry that Airflow lacks."""
    save(looker, "hr_feed", title="HR", description="one\ntwo", comment="first <b>try</b>")
    save(looker, "hr_feed", expected=1, title="HR", limits={"delete": 3}, comment="second")
    page = looker.get("/collections/hr_feed")
    text = text_of(page)
    assert "Version 2 by ada" in text
    assert "first <b>try</b>" in text
    assert "<b>try" not in page
    assert "DirectorySyncBundle" in text
    assert "dag_bundle_config_list" in text
    assert "Abort" in text
    assert "limits:" in text


def test_runs_are_followed_as_long_as_one_goes_on(looker: Looker, folder: Path) -> None:
    """The page is told what is new without being loaded again; it stops once nothing goes on."""
    following = 'data-live hx-get="/dirsync/collections/hr_feed"'
    save(looker, "hr_feed")
    page = looker.get("/collections/hr_feed")
    assert following in page
    part = looker.get("/collections/hr_feed", part=True)
    assert following in part
    assert '<section id="collection-runs"' in part
    assert 'id="collection-in-airflow" aria-labelledby="in-airflow" hx-swap-oob="true"' in part
    assert "<html" not in part
    for run in looker.store.runs.recent("hr_feed", limit=50):
        looker.store.runs.finish("hr_feed", run.run_id, "success")
    assert following not in looker.get("/collections/hr_feed", part=True)
    assert following not in looker.get("/collections/hr_feed")
    assert "hx-swap-oob" not in page


def test_a_run_that_waits_says_so_wherever_it_is_listed(looker: Looker, folder: Path) -> None:
    """On the page of its collection, on the tab of its DAG, and in both lists."""
    overview = looker.store.run_overview
    waiting = RunFilter(overview.collections(), state="waiting")
    (run, *_) = overview.page(waiting, limit=1).runs
    for path in (
        f"/collections/{run.collection}",
        f"/embed/dag?dag_id={run.collection}",
        f"/collections/{run.collection}/runs",
        f"/history?collection={run.collection}",
    ):
        table_rows = re.findall("<tr>.*?</tr>", looker.get(path), re.DOTALL)
        (row,) = [text_of(each) for each in table_rows if run.run_id in text_of(each)]
        assert "waiting for approval" in row, path
        assert "running" not in row, path


def test_a_run_waits_until_airflow_has_read_the_newest_version(
    looker: Looker, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run goes by what Airflow knows when it starts; that of the version before is not what people see."""
    save(looker, "hr_feed")
    save(looker, "hr_feed", expected=1, title="The other one")
    newest = looker.store.collections.get("hr_feed")
    assert newest is not None
    started: list[str] = []

    def start_run(dag_id: str, **_: object) -> str:
        started.append(dag_id)
        return "manual__1"

    def reads(*revisions: int) -> None:
        left = list(revisions)
        monkeypatch.setattr(
            newest_in_airflow,
            "dag_states",
            lambda names: {
                "hr_feed": DagState(known=True, revision=left.pop(0) if len(left) > 1 else left[0])
            },
        )

    switched: list[bool] = []
    monkeypatch.setattr(airflow_dags, "switch", lambda name, *, on: switched.append(on))
    monkeypatch.setattr(airflow_runs, "start_run", start_run)
    monkeypatch.setattr(newest_in_airflow, "bundle_name", lambda: "directory-sync")
    monkeypatch.setattr(newest_in_airflow, "PAUSE", 0.01)
    monkeypatch.setattr(newest_in_airflow, "PATIENCE", 0.05)
    before = newest.revision - 1
    asked = {"reason": "as <b>announced</b>", "switch_on": "yes"}
    reads(before)
    page = looker.post("/collections/hr_feed/run", asked, status=409)
    # Airflow has no DAG yet that could be on: it begins switched off.
    assert 'name="switch_on" value="yes" checked' in page
    refused = text_of(page)
    assert "it would not go by version 2, which is the newest" in refused
    assert "as <b>announced</b>" in refused
    assert (started, switched) == ([], [])
    reads(before, before, newest.revision)
    assert "said=run-started" in looker.post("/collections/hr_feed/run", asked)
    assert (started, switched) == (["hr_feed"], [True])


def test_the_page_of_a_file(looker: Looker, folder: Path) -> None:
    """Where it is, and how to change it."""
    (folder / "phones.yaml").write_text(definition("phones"), encoding="utf-8")
    text = text_of(looker.get("/collections/phones"))
    assert f"is kept in the file {folder}/phones.yaml" in text
    assert "duplicate it under another name" in text
    (folder / "phones.yaml").write_text("name: phones\njobs: 3\n", encoding="utf-8")
    assert "expected a list" in text_of(looker.get("/collections/phones"))


def test_a_collection_that_has_run_and_cannot_be_read_from_here(looker: Looker, folder: Path) -> None:
    """As its last run had it."""
    text = text_of(looker.get("/collections/contacts"))
    assert "is kept in a file" in text
    assert "phone_list" in text


def test_a_deleted_collection_has_its_versions(looker: Looker, folder: Path) -> None:
    """So that one can be restored."""
    save(looker, "gone", comment="why")
    looker.store.collections.delete("gone", expected=1, by=ADA, comment="moved")
    text = text_of(looker.get("/collections/gone"))
    assert "was deleted" in text
    assert "moved" in text
    assert "/collections/gone" not in looker.get("/collections")


def test_hostile_texts_are_shown_harmless(looker: Looker, folder: Path) -> None:
    """Titles, descriptions, owners and comments."""
    hostile = HOSTILE.replace("\x00", "").replace("\x1b", "")
    save(
        looker, "evil", comment=hostile, title=hostile, description=hostile, owners=[hostile], tags=[hostile]
    )
    for path in ("/collections", "/collections/evil"):
        page = looker.get(path)
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page
        assert r"\u202e" in page


def test_those_who_are_not_checked_see_and_change_nothing(looker: Looker, folder: Path) -> None:
    """They are told why."""
    save(looker, "crew")
    looker.become(NOBODY)
    assert "Create New" not in looker.get("/collections")
    assert "Edit</a>" not in looker.get("/collections/crew")
    for path in ("/new-collection", "/collections/crew/edit", "/collections/crew/delete"):
        assert "No one has checked who you are" in text_of(looker.get(path, status=403))


def test_a_long_list_is_quick(looker: Looker, folder: Path) -> None:
    """500 collections and 10,000 runs: the first look reads all definitions, later ones do not."""
    from sqlalchemy import insert

    from directory_sync.store.tables import CollectionRunRow

    for number in range(500):
        save(looker, f"many_{number}", title=f"Crew {number}", schedule="0 2 * * 1")
    run = looker.pages.run("first", name="many_0")
    with looker.store.runs._database.write() as connection:
        row = dict(
            connection.execute(CollectionRunRow.__table__.select().where(CollectionRunRow.id == run.id))
            .mappings()
            .one()
        )
        del row["id"]
        rows = [row | {"collection": f"many_{n % 500}", "run_id": f"run_{n}"} for n in range(10_000)]
        connection.execute(insert(CollectionRunRow), rows)
    looker.get("/collections")
    took = []
    for _ in range(5):
        begun = time.perf_counter()
        looker.client.get("/dirsync/collections?sort=last_run&order=down")
        took.append(time.perf_counter() - begun)
    print(f"a list of 500 in {min(took) * 1000:.0f} ms")
    assert min(took) < 1


def test_the_list_is_filtered_by_column_and_operator(looker: Looker, folder: Path) -> None:
    """Kept in the address, next to the filters that have fields of their own."""
    save(looker, "hr_feed", title="HR feed", owners=["owen"])
    save(looker, "phones", schedule="0 2 * * *")
    assert "1 collection matches" in text_of(looker.get("/collections?where=owner.is.owen"))
    assert "1 collection matches" in text_of(looker.get("/collections?where=schedule.contains.02:00"))
    page = looker.get("/collections?where=name.starts.hr&column=owner&operator=present")
    assert "where=name.starts.hr&amp;where=owner.present" in page
    assert "1 collection matches" in text_of(page)
    assert "No collection matches" in text_of(
        looker.get("/collections?where=name.is_not.phones&where=owner.absent")
    )
    wrong = looker.get("/collections?where=ownr.is.x", status=422)
    assert "Did you mean owner?" in text_of(wrong)
    for sort in ("owner", "next_run", "schedule"):
        assert 'aria-sort="ascending"' in looker.get(f"/collections?sort={sort}")


def test_a_row_opens_to_its_jobs_and_has_its_actions(looker: Looker, folder: Path) -> None:
    """Those that change it for who may edit it; a file is not edited here."""
    save(looker, "hr_feed", title="HR feed", owners=["owen"])
    (folder / "phones.yaml").write_text(definition("phones"), encoding="utf-8")
    looker.become(ADA)
    page = looker.get("/collections")
    assert "See Details" in page
    row = page[page.index('value="hr_feed"') : page.index('value="phones"')]
    assert ">Edit</button>" in row
    assert ">Duplicate</button>" in row
    labels = ("Edit as YAML", "Schedule…", "Rename…", "Export", "Recent Runs", "Versions")
    for label in (*labels, "Delete…"):
        assert f">{label}</a>" in row, label
    assert "/collections/phones/edit" not in page
    looker.become(BEA)
    assert "/collections/hr_feed/edit" not in looker.get("/collections")
    looker.become(OWEN)
    assert "/collections/hr_feed/edit" in looker.get("/collections")


def test_a_selection_is_exported_or_switched_after_a_question(
    looker: Looker, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each for itself; one that cannot be switched keeps no other from it."""
    for name in ("hr_feed", "phones", "secret"):
        save(looker, name)
    looker.become(ADA, hidden=frozenset({"secret"}))
    chosen = "selected=hr_feed&selected=phones&selected=secret"
    answer = looker.client.get(f"/dirsync/selected-collections?do=export&{chosen}", follow_redirects=False)
    assert answer.headers["location"].endswith("/api/v1/collections.yaml?name=hr_feed&name=phones")
    (folder / "odd.yaml").write_text(definition("odd"), encoding="utf-8")
    refused = looker.get(f"/selected-collections?do=export&selected=odd&{chosen}", status=422)
    assert "Untick the others: odd." in text_of(refused)
    page = text_of(looker.get(f"/selected-collections?do=off&{chosen}"))
    assert "Switch 2 collections off" in page
    assert "secret" not in page
    switched: list[tuple[str, bool]] = []

    def switch(name: str, *, on: bool) -> None:
        if name == "phones":
            raise NotDecidable("Airflow has not made a DAG of phones yet.")
        switched.append((name, on))

    monkeypatch.setattr(airflow_dags, "switch", switch)
    form = {"do": "off", "selected": ["hr_feed", "phones", "secret"]}
    done = text_of(looker.post("/selected-collections", form, status=200))
    assert switched == [("hr_feed", False)]
    assert "has not made a DAG of phones" in done
    assert "secret" not in done
    looker.post("/selected-collections", {"do": "delete", "selected": ["hr_feed"]}, status=422)
    empty = looker.client.get("/dirsync/selected-collections?do=off", follow_redirects=False)
    assert empty.headers["location"].endswith("/collections?said=no-collections")
    assert "Nothing was selected" in text_of(looker.get("/collections?said=no-collections"))
    looker.become(BEA, start=False)
    assert "does not let you" in text_of(looker.post("/selected-collections", form, status=200))
    assert switched == [("hr_feed", False)]
