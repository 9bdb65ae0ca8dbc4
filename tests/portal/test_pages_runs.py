"""*Recent Runs* of a collection, *Compare with the run before*, and the *Log* of a run."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import insert, update

from directory_sync.endpoints.change import Action, Change, FieldChange
from directory_sync.errors import StoreError
from directory_sync.plan.model import Statistics
from directory_sync.portal import airflow_logs
from directory_sync.portal.airflow_logs import LoggedTask, LogLine
from directory_sync.store.tables import CollectionRunRow, JobRunRow
from tests.portal.pages_client import Looker, text_of
from tests.scenarios import saved

NAME = "staff_to_branch"
RUNS = f"/collections/{NAME}/runs"


def update_of(number: int, town: bytes = b"Berlin") -> Change:
    """One person moves to a town."""
    return Change(
        Action.UPDATE,
        f"k{number}",
        f"uid=k{number},dc=x",
        fields=(FieldChange("l", (b"Hamburg",), (town,)),),
    )


def run(looker: Looker, run_id: str, changes: list[Change], *, state: str = "success", **given: Any) -> int:
    """A run that wrote changes of the job people; the number of its plan."""
    begun = looker.pages.run(run_id, **given)
    plan_id = looker.pages.plan(begun, changes, state=state)
    looker.store.runs.finish(NAME, run_id, state)
    return plan_id


def run_saved(looker: Looker, run_id: str, changes: list[Change], *, version: str) -> None:
    """A run of a version of the saved collection."""
    if looker.store.collections.get(NAME) is None:
        looker.store.collections.save(NAME, saved.text_of(NAME), expected=0, by=saved.ADA)
    run(looker, run_id, changes, origin=f"saved:{NAME}", version=version)


def test_recent_runs_say_how_they_ended(looker: Looker) -> None:
    """Outcome by its label, changes, duration, version, and the pages of each run; the newest first."""
    run(looker, "run a", [update_of(1), update_of(2)])
    run_saved(looker, "run b", [], version="7")
    page = looker.get(RUNS)
    text = text_of(page)
    assert page.index("run b") < page.index("run a")
    assert "2 updates" in text
    assert "succeeded" in text
    assert "nothing to do" in text
    assert f'href="/dirsync/collections/{NAME}/versions/7"' in page
    assert f'href="/dirsync/runs/{NAME}/run%20a/comparison"' in page
    assert f'href="/dirsync/collections/{NAME}/runs"' in looker.get(f"/collections/{NAME}")


def test_filters_of_recent_runs_are_in_the_address(looker: Looker) -> None:
    """Outcome, person, what started it, kind, days and search; what is wrong is said and ignored."""
    run(looker, "run a", [update_of(1)], requester="zoe", reason="<b>Because</b>")
    run(looker, "run b", [], requester="")
    run(looker, "run c", [update_of(1)], state="failed", requester="")

    def found(**query: Any) -> set[str]:
        return set(re.findall(r"Report of (run \w)", looker.get(f"{RUNS}?{urlencode(query)}")))

    assert found(outcome="succeeded") == {"run a"}
    assert found(outcome="nothing_to_do") == {"run b"}
    assert found(outcome="success") == {"run a", "run b"}
    assert found(outcome="failed") == {"run c"}
    assert found(requester="zoe") == found(search="BECAUSE") == {"run a"}
    assert found(trigger="scheduled") == {"run b", "run c"}
    assert found(kind="previews") == set()
    assert found(until="2020-01-01") == set()
    assert "No run matches" in text_of(looker.get(f"{RUNS}?search=%25"))
    assert "Clear all filters" in text_of(looker.get(f"{RUNS}?outcome=failed"))
    wrong = looker.get(f"{RUNS}?outcome=splendid&requester=zoe", status=422)
    assert "splendid" in text_of(wrong)
    assert set(re.findall(r"Report of (run \w)", wrong)) == {"run a"}


def test_recent_runs_of_what_may_not_be_seen_or_is_not_there(looker: Looker) -> None:
    """Both are not found."""
    looker.get("/collections/no_such_thing/runs", status=404)
    looker.become(looker.pages.person, hidden=frozenset({NAME}))
    looker.get(RUNS, status=404)


def test_ten_thousand_runs_are_a_page(looker: Looker) -> None:
    """Each page, with any filter, takes less than 200 ms; going from page to page shows each run once."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    with looker.store._database.write() as connection:
        key = connection.exec_driver_sql(
            "SELECT definition_key, definition_digest FROM directory_sync_collection_run LIMIT 1"
        ).one()
        rows = [
            {
                "id": 1000 + number,
                "collection": NAME,
                "run_id": f"many {number}",
                "definition_digest": key[1],
                "definition_key": key[0],
                "trigger": "scheduled",
                "requester": "",
                "requester_verified": False,
                "reason": "",
                "preview_only": False,
                "started": start + timedelta(minutes=number),
                "finished": start + timedelta(minutes=number, seconds=30),
                "state": "success",
            }
            for number in range(10_000)
        ]
        connection.execute(insert(CollectionRunRow), rows)
        jobs = [
            {
                "collection_run_id": row["id"],
                "job": "people",
                "attempt": 1,
                "state": "success",
                "statistics": Statistics(read=9, updated=number % 2).to_json(),
                "message": "",
                "warnings": [],
                "problems": [],
                "started": row["started"],
                "finished": row["finished"],
                "host": "x",
                "pid": 1,
            }
            for number, row in enumerate(rows)
        ]
        connection.execute(insert(JobRunRow), jobs)
    for query in ("", "?outcome=nothing_to_do", "?outcome=failed", "?search=many%2077", "?trigger=scheduled"):
        looker.get(RUNS + query)
        times = []
        for _ in range(5):
            began = time.process_time()
            looker.get(RUNS + query)
            times.append(time.process_time() - began)
        assert min(times) < 0.2, (query, times)
    assert "5,000 runs match" in text_of(looker.get(f"{RUNS}?outcome=nothing_to_do"))
    seen: list[str] = []
    address = f"{RUNS}?search=many%2077&limit=50"
    while address:
        page = looker.get(address)
        seen += re.findall(r"Report of (many \d+)", page)
        following = re.search(r'href="/dirsync([^"]*)" rel="next"', page)
        address = following[1].replace("&amp;", "&") if following else ""
    assert len(seen) == len(set(seen)) == 111


def test_a_run_next_to_the_one_before(looker: Looker) -> None:
    """Figures side by side; objects and patterns that only one of the two touched."""
    old = [update_of(number) for number in range(8)]
    gone = [Change(Action.DELETE, f"gone{number}", f"uid=gone{number},dc=x") for number in range(3)]
    new = [*old[2:], *gone]
    run(looker, "run a", old)
    run(looker, "run b", new, state="conflicts")
    page = looker.get(f"/runs/{NAME}/run%20b/comparison")
    text = text_of(page)
    assert "succeeded" in text
    assert "conflicts" in text
    assert "(+3)" in text  # deleted
    assert "(-2)" in text  # updated
    assert "2 objects that the other run does not touch" in text
    assert "3 objects that the other run does not touch" in text
    assert "uid=gone1,dc=x" in text
    assert "deleted, 3 " in text
    assert "The definition is not the same" not in text
    assert "Both runs touch the same objects" not in text


def test_a_comparison_says_that_the_definition_is_another(looker: Looker) -> None:
    """With the link to what differs between two saved versions."""
    run_saved(looker, "run a", [update_of(1)], version="3")
    run_saved(looker, "run b", [update_of(1)], version="5")
    path = f"/runs/{NAME}/run%20b/comparison"
    assert "Both runs touch the same objects" in text_of(looker.get(path))
    with looker.store._database.write() as connection:
        changed = update(CollectionRunRow).where(CollectionRunRow.run_id == "run b")
        connection.execute(changed.values(definition_digest="0" * 64))
    page = looker.get(path)
    assert "version 3 before, version 5 now" in text_of(page)
    assert f'href="/dirsync/collections/{NAME}/versions/5?with=3"' in page


def test_what_there_is_to_compare_with(looker: Looker) -> None:
    """Previews are left out, another run can be named, and the first run has none before it."""
    run(looker, "run a", [update_of(1)])
    run(looker, "run p", [update_of(2)], state="previewed", preview_only=True)
    run(looker, "run b", [update_of(1)])
    assert "/run%20a/report" in looker.get(f"/runs/{NAME}/run%20b/comparison")
    assert "/run%20p/report" in looker.get(f"/runs/{NAME}/run%20b/comparison?with=run%20p")
    looker.get(f"/runs/{NAME}/run%20b/comparison?with=nothing", status=422)
    looker.get(f"/runs/{NAME}/nothing/comparison", status=404)
    first = looker.get("/runs/hr_feed/manual__2026-11-18/comparison")
    assert "There is no run before this one" in text_of(first)


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The log of the job people, which has failed; that Airflow really gives it, `test_run_logs` shows."""
    lines: list[LogLine] = []
    at = datetime(2026, 11, 30, tzinfo=UTC)
    lines += [LogLine(at, "info", f"Updated uid={number}") for number in range(1_500)]
    lines += [LogLine(at, "warning", "One <record> is odd"), LogLine(at, "error", "It broke")]
    states = (("close", "failed", 1), ("groups", "success", 1), ("people", "failed", 2))
    tasks = tuple(LoggedTask(*each) for each in states)
    monkeypatch.setattr(airflow_logs, "tasks_of", lambda *_: tasks)
    monkeypatch.setattr(airflow_logs, "read_log", lambda *_, most: lines[:most])


LOG = f"/runs/{NAME}/manual__2026-11-21/log"


@pytest.mark.usefixtures("logs")
def test_a_log_by_level_and_text(looker: Looker) -> None:
    """The job that failed is shown first; of many lines the last; hostile text is text."""
    page = looker.get(LOG)
    text = text_of(page)
    assert "task people, failed, try 2 of 2" in text
    assert "1,502 lines; the last 1,000 are shown" in text
    assert "One <record> is odd" in text
    assert page.count("<tr class=") == 1_000
    assert f"/dags/{NAME}/runs/manual__2026-11-21/tasks/people?try_number=2" in page
    assert text_of(looker.get(f"{LOG}?level=warning")).count("2 lines match") == 1
    assert "1 line matches" in text_of(looker.get(f"{LOG}?level=error"))
    assert "1 line matches" in text_of(looker.get(f"{LOG}?search=UID%3D777"))
    assert "No line matches" in text_of(looker.get(f"{LOG}?search=nothing&job=groups"))
    looker.get(f"{LOG}?job=nothing", status=422)
    looker.get(f"{LOG}?level=loud", status=422)


@pytest.mark.usefixtures("logs")
def test_a_long_log_is_not_read_to_its_end(looker: Looker, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so, and where the rest is."""
    monkeypatch.setattr("directory_sync.portal.views.run_log.MOST_READ", 100)
    assert "The log is longer than 100 lines" in text_of(looker.get(LOG))


def test_who_may_not_read_logs_is_told_so(looker: Looker) -> None:
    """As on Airflow's own page; a run that is hidden is not found."""
    looker.become(looker.pages.person, logs=False)
    assert "does not let you read the logs" in text_of(looker.get(LOG, status=403))
    looker.become(looker.pages.person, hidden=frozenset({NAME}))
    looker.get(LOG, status=404)


def test_where_there_is_no_log(looker: Looker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal's run, a run whose tasks are gone, a task that has not begun, and Airflow being away."""

    def told(*tasks: LoggedTask) -> str:
        monkeypatch.setattr(airflow_logs, "tasks_of", lambda *_: tasks)
        return text_of(looker.get(LOG))

    assert "Airflow has no task of this run" in told()
    assert "people has not begun" in told(LoggedTask("people", "none", 0))

    def away(*_: str) -> tuple[LoggedTask, ...]:
        raise StoreError("Airflow does not give the log.")

    monkeypatch.setattr(airflow_logs, "tasks_of", away)
    assert "Airflow does not give the log" in text_of(looker.get(LOG))
    with looker.store._database.write() as connection:
        connection.execute(update(CollectionRunRow).values(trigger="terminal"))
    assert "A run in a terminal has no log in Airflow" in text_of(looker.get(LOG))
