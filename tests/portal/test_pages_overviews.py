"""Navigation, dashboard, all jobs, history, templates, search and help: what they show, to whom."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from directory_sync.portal import airflow_dags, connections_there
from directory_sync.portal.manual import FOLDER, manual_page
from directory_sync.portal.views.help_links import _LINKS, help_link
from tests.portal.pages_client import Looker, text_of
from tests.scenarios.portal_pages import ADA, BEA, HOSTILE, Pages, changes
from tests.scenarios.saved import text_of as definition

pytestmark = pytest.mark.usefixtures("airflow_database")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of collections."""
    found = tmp_path / "collections"
    found.mkdir()
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__COLLECTIONS_FOLDER", str(found))
    monkeypatch.setattr(connections_there.CONNECTIONS, "_missing", {})
    return found


def save(looker: Looker, name: str, **given: object) -> None:
    """Save a collection as the administrator."""
    looker.store.collections.save(name, definition(name, **given), expected=0, by=ADA)


def test_the_navigation_is_on_every_page(looker: Looker) -> None:
    """By its fixed labels; *Create New* for those who may."""
    looker.become(ADA)
    for path in ("/dashboard", "/collections", "/jobs", "/requests?list=all", "/history", "/templates"):
        page = looker.get(path)
        nav = text_of(page[page.index('<nav class="tabs"') : page.index("</nav>")])
        assert " ".join(nav.split()[:4]) == "Dashboard Collections All Jobs", path
        assert nav.strip().endswith("History Templates"), path
        assert "Create New" in page, path
        assert "Job Collection</button>" in page, path
        assert "Running now" in page, path
        assert 'id="help-link"' in page, path
        assert page.count("aria-current") >= 1, path
    looker.become(BEA)
    assert "Create New" not in looker.get("/collections")
    assert looker.client.get("/dirsync/", follow_redirects=False).headers["location"] == "/dirsync/dashboard"


def test_help_leads_to_a_section_that_is_there() -> None:
    """Of every page that has one, and of all others."""
    for link in {link for _, link in _LINKS} | {"index"}:
        name, _, anchor = link.partition("#")
        found = manual_page(name)
        assert found is not None, link
        assert not anchor or f'id="{anchor}"' in found.html, link


@pytest.mark.parametrize(
    ("address", "link"),
    [
        ("/runs/people/manual__1/report?job=staff", "pages#report"),
        ("/runs/people/manual__1/log", "pages#log"),
        ("/runs/people/manual__1/comparison", "pages#compare-with-the-run-before"),
        ("/collections/people/runs?kind=runs", "pages#runs"),
        ("/collections/people", "saved-collections#on-pages"),
        ("/selected-collections?do=on", "pages#collections"),
        ("/embed/stop?dag_id=people", "how-it-works#stopping-a-run"),
        ("/embed/run?dag_id=people", "how-it-works#how-a-job-ends"),
        ("/help/index", "index"),
    ],
)
def test_help_is_about_the_page(address: str, link: str) -> None:
    """The narrowest section counts."""
    assert help_link(address) == f"/help/{link}"


def test_the_docs_lead_to_each_other(looker: Looker) -> None:
    """Inside the portal, without pictures, and with none of what a path could ask for."""
    for file in FOLDER.glob("*.md"):
        page = looker.get(f"/help/{file.stem}")
        assert not re.search(r'href="(?!https?:)[^"]*\.md', page), file
        assert "<img" not in page, file
    for path in ("/help/nothing", "/help/..%2Fsettings", "/help/%00", "/help/Index"):
        looker.get(path, status=404)
    index = looker.client.get("/dirsync/help", follow_redirects=False)
    assert index.headers["location"] == "/dirsync/help/index"


def test_jobs_stand_with_where_they_read_and_write(looker: Looker, folder: Path) -> None:
    """Of saved collections and of files; with their last attempt."""
    save(looker, "hr_feed", title="HR feed")
    (folder / "phones.yaml").write_text(definition("phones"), encoding="utf-8")
    (folder / "odd.yaml").write_text("name: odd\njobs: 3\n", encoding="utf-8")
    page = looker.get("/jobs")
    text = text_of(page)
    assert "2 jobs" in text
    assert "The jobs of 1 collection are not listed" in text
    assert '/collections/hr_feed#jobs"' in page
    assert "1 job matches" in text_of(looker.get("/jobs?where=collection.is.phones"))
    assert "2 jobs match" in text_of(looker.get("/jobs?where=times.ge.0"))
    assert "No job matches" in text_of(looker.get("/jobs?where=enabled.is.no"))
    added = looker.get("/jobs?where=enabled.is.yes&column=collection&operator=starts&value=hr")
    assert "Starts with" in added
    assert "1 job matches" in text_of(added)
    assert "where=enabled.is.yes&amp;where=collection.starts.hr" in added
    wrong = looker.get("/jobs?where=colection.is.x&where=collection.is.phones", status=422)
    assert "Did you mean collection?" in text_of(wrong)
    assert "1 job matches" in text_of(wrong)
    looker.get("/jobs?sort=size", status=422)


def test_jobs_of_a_connection_and_one_that_is_gone(looker: Looker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job whose connection is gone says so before it runs; which jobs use a connection can be seen."""
    save(looker, "hr_feed")
    monkeypatch.setattr(airflow_dags, "missing_connections", list)
    page = text_of(looker.get("/jobs"))
    assert "connections are gone" in page
    assert "connection gone" in page
    used = definition("hr_feed").split("connection: ")[1].split()[0]
    assert "1 job matches" in text_of(looker.get(f"/jobs?connection={used}"))
    assert "No job matches" in text_of(looker.get("/jobs?connection=other"))
    assert "1 job matches" in text_of(looker.get("/jobs?where=missing.present"))


def test_a_connection_that_cannot_be_looked_up_is_not_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is not called missing, and no log repeats what a secrets backend says of it."""

    def refuse(name: str) -> None:
        raise ValueError(f"Invalid connection string: ldap://{name}:hunter2@host")

    monkeypatch.setattr(airflow_dags.Connection, "get_connection_from_secrets", refuse)
    assert airflow_dags.missing_connections(["branch"]) == []
    assert "The connection branch could not be looked up (ValueError)." in caplog.text
    assert "hunter2" not in caplog.text


def test_a_run_that_waits_is_not_running(looker: Looker) -> None:
    """Neither in the number on every page nor in lists: it waits for approval."""
    store = looker.store
    for run in store.run_overview.under_way():
        store.runs.finish(run.collection, run.run_id, "success")
    run = looker.pages.run("manual__waits", name="waits")
    attempt = store.runs.start_job(run.id, "people")
    assert 'Running now <span id="running-count">(1)</span>' in looker.get("/dashboard")
    store.runs.finish_job(attempt.id, "waiting")
    page = looker.get("/dashboard")
    assert "(0)</span>" in page
    assert "Runs that wait for approval" in page
    history = looker.get("/history?collection=waits")
    assert "waiting for approval" in text_of(history[history.index("<tbody>") :])
    assert store.run_overview.latest()["waits"].state == "waiting"
    attempt = store.runs.start_job(run.id, "people")
    assert store.run_overview.latest()["waits"].state == "running"


def test_the_history_is_filtered(looker: Looker) -> None:
    """By collection, outcome, person and day; wrong ones are told."""
    page = looker.get("/history")
    assert "runs" in text_of(page)
    assert "No run matches" in text_of(looker.get("/history?requester=none_such"))
    assert "No run matches" in text_of(looker.get("/history?from=2999-01-01"))
    assert "must" in text_of(looker.get("/history?limit=x", status=422))
    first = looker.get("/history?limit=1")
    assert 'rel="next"' in first


def test_nothing_is_shown_of_what_is_hidden(looker: Looker) -> None:
    """On none of the pages, nor in a number."""
    save(looker, "hr_feed", title="Payroll")
    looker.pages.run("manual__secret", name="hr_feed")
    before = text_of(looker.get("/history"))
    assert "manual__secret" in before
    looker.become(BEA, hidden=frozenset({"hr_feed"}))
    for path in (
        "/dashboard",
        "/jobs",
        "/history",
        "/search?q=hr_feed",
        "/running",
        "/history?collection=hr_feed",
    ):
        page = text_of(looker.get(path, part=path == "/running"))
        assert "Payroll" not in page, path
        assert "manual__secret" not in page, path


def test_the_search_finds_each_kind(looker: Looker) -> None:
    """In groups, and says where it has looked if nothing is found."""
    save(looker, "hr_feed", title="HR feed", description="Everyone who works here.")
    page = text_of(looker.get("/search?q=hr"))
    assert "HR feed" in page
    assert "hr_feed_to_two_domains" in page
    number = looker.made["pending"]
    assert f"Request {number}" in looker.get(f"/search?q=%23{number}")
    assert "hermes" in text_of(looker.get("/search?q=hermes")).lower()
    assert "Nothing was found" in text_of(looker.get("/search?q=no+such+thing+anywhere"))
    assert "Nothing was found" not in text_of(looker.get("/search"))
    looker.get(f"/search?q={'x' * 1001}", status=422)
    looker.get(f"/search?q={HOSTILE.encode().hex()}")
    hostile = looker.client.get("/dirsync/search", params={"q": HOSTILE})
    assert "<script>alert" not in hostile.text


def test_templates_are_listed_and_used(looker: Looker) -> None:
    """Built-in ones, with what they say; *Create from Template* opens a definition that can be checked."""
    page = text_of(looker.get("/templates"))
    for name in ("sync_gal", "two_way_gal_sync", "built in"):
        assert name in page
    looker.become(ADA)
    assert "Two-way GAL sync" in text_of(looker.get("/templates/collections/two_way_gal_sync"))
    looker.get("/templates/jobs/none", status=404)
    assert "template: sync_gal" in looker.get("/new-collection?template=sync_gal&of=jobs")
    looker.get("/new-collection?template=none&of=jobs", status=404)
    assert "Create New: Job<" in looker.get("/new-collection?kind=job")


def test_examples_can_be_saved(looker: Looker) -> None:
    """What *Create New* and a job's template begin with has no error."""
    from directory_sync.definition.documents import Document
    from directory_sync.definition.loading import Loaded, judge
    from directory_sync.definition.templates import BUILT_IN
    from directory_sync.portal.example_definition import EXAMPLE, EXAMPLE_OF_JOB
    from directory_sync.portal.template_list import find_template, start_with

    used = find_template(BUILT_IN, "jobs", "sync_gal")
    assert used is not None
    for text in (EXAMPLE, EXAMPLE_OF_JOB, start_with(used)):
        found = judge(Document("", text, "definition"), BUILT_IN)
        assert isinstance(found, Loaded), found.problems
    assert "on_failure" in EXAMPLE
    assert EXAMPLE_OF_JOB.count("- name:") == 1


def test_ten_thousand_runs_and_500_collections_take_no_time(looker: Looker, many: Pages) -> None:
    """Each page takes less than 200 ms of the processor: others may be at work on this machine."""
    looker.pages.store = many.store
    looker.become(ADA)
    slow = {}
    for path in ("/jobs", "/dashboard", "/history", "/search?q=people", "/collections", "/running"):
        looker.get(path, part=path == "/running")  # definitions are read once
        took = []
        for _ in range(3):
            start = time.process_time()
            looker.get(path, part=path == "/running")
            took.append(time.process_time() - start)
        slow[path] = round(min(took) * 1000)
    assert all(each < 200 for each in slow.values()), slow


@pytest.fixture
def many(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    """A store with 500 saved collections and 10,000 runs of two jobs each."""
    from sqlalchemy import insert

    from directory_sync.store.tables import CollectionRunRow, JobRunRow
    from tests.scenarios.portal_pages import new_pages

    pages = new_pages(tmp_path_factory.mktemp("many"))
    for number in range(500):
        name = f"crew_{number}"
        pages.store.collections.save(name, definition(name, title=f"Crew {number}"), expected=0, by=ADA)
    first = pages.run("manual__0", name="crew_0")
    pages.plan(first, changes(updates=20))
    database = pages.store.runs._database
    with database.write() as connection:
        row = dict(connection.execute(CollectionRunRow.__table__.select()).mappings().one())
        connection.execute(
            insert(CollectionRunRow),
            [
                row
                | {
                    "id": number,
                    "run_id": f"r{number}",
                    "collection": f"crew_{number % 500}",
                    "finished": row["started"],
                    "state": "success",
                }
                for number in range(first.id + 1, first.id + 10_000)
            ],
        )
        attempt = dict(connection.execute(JobRunRow.__table__.select()).mappings().first() or {})
        connection.execute(
            insert(JobRunRow),
            [
                attempt
                | {
                    "id": attempt["id"] + 1 + 2 * number + job,
                    "job": name,
                    "collection_run_id": first.id + 1 + number,
                }
                for number in range(9_999)
                for job, name in enumerate(("people", "groups"))
            ],
        )
    return pages


def test_pins_are_of_one_person_and_stand_first(looker: Looker) -> None:
    """They follow a collection that is renamed, and go with one that is deleted."""
    for name in ("alpha", "zulu"):
        save(looker, name)
    assert looker.post("/collections/zulu/pin", {"on": "yes"}).endswith("?said=collection-pinned")
    page = looker.get("/dashboard")
    table = page[page.index('<section aria-labelledby="collections"') :]
    assert table.index("/collections/zulu") < table.index("/collections/alpha")
    assert "pinned" in text_of(table)
    assert "Unpin" in looker.get("/collections/zulu")
    looker.become(ADA)
    assert "Unpin" not in looker.get("/collections/zulu")
    assert ">pinned<" not in looker.get("/dashboard")
    looker.become(BEA)
    text = definition("yankee")
    looker.store.collections.rename("zulu", "yankee", text, expected=1, by=ADA)
    assert looker.store.pins.of("BEA") == {"yankee"}
    assert "Unpin" in looker.get("/collections?search=yankee")
    assert looker.post("/collections/yankee/pin", {"on": "no"}).endswith("?said=collection-unpinned")
    assert not looker.store.pins.of("bea")
    looker.post("/collections/alpha/pin", {"on": "yes"})
    looker.store.collections.delete("alpha", expected=1, by=ADA)
    assert not looker.store.pins.of("bea")
    looker.post("/collections/nothing/pin", {"on": "yes"}, status=404)
    assert looker.store.pins.pin("bea", "alpha")
    assert all(looker.store.pins.pin("bea", f"c{number}") for number in range(199))
    assert not looker.store.pins.pin("bea", "one_more")
