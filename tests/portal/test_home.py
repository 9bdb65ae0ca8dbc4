"""What the card on Airflow's Home is told: what waits for one person, what failed lately, what runs now."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from directory_sync.requests import decisions
from directory_sync.store.tables import CollectionRunRow
from tests.portal.pages_client import Looker
from tests.scenarios.portal_pages import BEA, IDA, NOBODY, changes

HOME = "/dirsync/api/v1/home"
NAMED = 5


def news(looker: Looker) -> dict[str, Any]:
    """What the route answers."""
    answer = looker.client.get(HOME)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_an_approver_hears_of_what_they_may_decide(looker: Looker) -> None:
    """As many as the inbox has, the newest first, with the way to each; not what they have decided."""
    before = news(looker)
    inbox = looker.client.get("/dirsync/api/v1/inbox/count").json()["count"]
    assert before["waiting"] == inbox > NAMED
    assert len(before["requests"]) == NAMED
    numbers = [each["id"] for each in before["requests"]]
    assert numbers == sorted(numbers, reverse=True)
    assert before["requests"][0]["path"] == f"/plugin/dirsync/dirsync/requests/{numbers[0]}"
    assert before["requests"][0]["text"].count("deletion") == 1
    assert before["inbox_path"] == "/plugin/dirsync/dirsync/requests?list=inbox"
    decisions.deny(looker.store, numbers[0], BEA, digest=looker.pages.digest(numbers[0]), reason="No.")
    after = news(looker)
    assert after["waiting"] == inbox - 1
    assert numbers[0] not in [each["id"] for each in after["requests"]]


def test_the_requester_is_not_told_to_decide(looker: Looker) -> None:
    """Who asked may not decide, so nothing waits for them; nor for people whom no policy names."""
    for person in (IDA, NOBODY):
        looker.become(person)
        assert news(looker)["waiting"] == 0


def test_runs_that_failed_lately(looker: Looker) -> None:
    """Those that failed or ended with errors within a day, newest first; not what went well or is older."""
    ends = {"a": "failed", "b": "success", "c": "success_with_errors", "d": "denied", "e": "stopped"}
    for name, state in ends.items():
        looker.pages.run(name)
        looker.store.runs.finish("staff_to_branch", name, state)
    found = news(looker)
    assert [(run["run_id"], run["text"]) for run in found["failed_runs"]] == [
        ("c", "with errors"),
        ("a", "failed"),
    ]
    assert found["failed"] == 2
    assert found["failed_runs"][0]["path"] == "/dags/staff_to_branch/runs/c/plugin/dirsync_run"
    with looker.store._database.write() as connection:
        long_ago = looker.store.now() - timedelta(days=1) - timedelta(minutes=1)
        connection.execute(
            update(CollectionRunRow).where(CollectionRunRow.run_id == "c").values(finished=long_ago)
        )
    assert [run["run_id"] for run in news(looker)["failed_runs"]] == ["a"]


def test_a_terminals_run_has_no_page_in_airflow(looker: Looker) -> None:
    """Its link leads to the collection."""
    looker.store.runs.start(
        looker.store.runs.find("staff_to_branch", "manual__2026-11-21").collection,  # type: ignore[union-attr]
        "t1",
        trigger="terminal",
        requester="ida",
        verified=False,
    )
    looker.store.runs.finish("staff_to_branch", "t1", "failed")
    [run] = news(looker)["failed_runs"]
    assert run["path"] == "/plugin/dirsync/dirsync/collections/staff_to_branch"


def test_what_runs_now(looker: Looker) -> None:
    """Runs in which a process works on a job; not those that only wait for a decision."""
    found = news(looker)
    assert [(run["collection"], run["text"]) for run in found["running_runs"]] == [("running", "running")]
    assert found["running"] == 1


def test_what_may_not_be_seen_is_not_counted(looker: Looker) -> None:
    """A person without rights gets numbers of nothing, by which the card stays away."""
    looker.pages.run("a")
    looker.store.runs.finish("staff_to_branch", "a", "failed")
    everything = frozenset(looker.store.run_overview.latest())
    looker.become(BEA, hidden=everything)
    assert news(looker) == {
        "waiting": 0,
        "requests": [],
        "inbox_path": "/plugin/dirsync/dirsync/requests?list=inbox",
        "failed": 0,
        "failed_runs": [],
        "running": 0,
        "running_runs": [],
    }
    looker.become(BEA, hidden=everything - {"staff_to_branch"})
    found = news(looker)
    assert (found["failed"], found["waiting"], found["running"]) == (1, 1, 0)


def test_a_session_that_has_ended_gets_nothing(looker: Looker) -> None:
    """401, by which the card stays away."""
    looker.pages.signed_in = False
    assert looker.client.get(HOME).status_code == 401


def test_many_runs_cost_little(looker: Looker, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than a bounded number is looked at, and five are named."""
    monkeypatch.setattr("directory_sync.portal.home.MOST_RUNS", 7)
    for number in range(9):
        run = looker.pages.run(f"many{number}")
        looker.pages.plan(run, changes(updates=1), state="failed")
        looker.store.runs.finish("staff_to_branch", f"many{number}", "failed")
    found = news(looker)
    assert found["failed"] == 7
    assert [run["run_id"] for run in found["failed_runs"]] == [f"many{number}" for number in (8, 7, 6, 5, 4)]
