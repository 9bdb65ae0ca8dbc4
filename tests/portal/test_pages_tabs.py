"""The tabs on Airflow's pages of runs and tasks, and asking for a waiver there."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import pytest
from sqlalchemy import update

from directory_sync.endpoints.change import Outcome, Result
from directory_sync.plan.model import Statistics
from directory_sync.portal import airflow_runs
from directory_sync.portal.run_in_airflow import RunInAirflow
from directory_sync.requests import decisions
from directory_sync.store.run_identity import RunIdentity
from directory_sync.store.tables import CollectionRunRow, JobRunRow
from tests.portal.pages_client import Looker, text_of
from tests.scenarios.portal_pages import BEA, changes, collection, plan

BEGUN = datetime(2026, 11, 30, 7, tzinfo=UTC)
RUN = {"dag_id": "staff_to_branch", "run_id": "manual__2026-11-21"}
STOPPED = {"dag_id": "stopped", "run_id": "manual__2026-11-24"}


def test_a_run_shows_all_its_jobs(looker: Looker) -> None:
    """States and figures per job in the definition's order, totals, what waits with its link; no navigation
    of our own.
    """
    page = looker.get(f"/embed/run?{urlencode(RUN)}")
    text = text_of(page)
    assert "1 job waits for approval: people (request " in text
    assert [page.index(f">{job}</bdi></a></th>") for job in ("people", "groups", "phone_list")] == sorted(
        page.index(f">{job}</bdi></a></th>") for job in ("people", "groups", "phone_list")
    )
    assert "not run" in text
    assert "Written: 3 updates" in text
    assert f'/plugin/dirsync/dirsync/requests/{looker.made["pending"]}" data-airflow' in page
    assert 'class="top"' not in page


def test_a_run_says_by_which_version_it_goes(looker: Looker) -> None:
    """Page and REST: the number of a saved version, or the file; nothing where it was not noted."""
    looker.store.runs.finish(RUN["dag_id"], RUN["run_id"], "success")
    cases = (
        ("saved:staff_to_branch", "4", "version 4 of the saved collection", "saved"),
        ("/dags/<b>.yaml", "abc", "goes by the file <b>.yaml", "file:<b>.yaml"),
        ("", "", "", ""),
    )
    for origin, version, words, code in cases:
        with looker.store._database.write() as connection:
            connection.execute(
                update(CollectionRunRow).values(definition_origin=origin, definition_version=version)
            )
        answer = looker.client.get(f"/dirsync/api/v1/runs/{RUN['dag_id']}/{RUN['run_id']}").json()
        assert (answer["origin"], answer["version"]) == (code, version)
        text = text_of(looker.get(f"/embed/run?{urlencode(RUN)}"))
        assert words in text
        assert ("goes by" in text) is bool(words)


def test_following_a_run_ends_by_itself(looker: Looker) -> None:
    """A run is fetched again every few seconds while a job runs or is about to, slowly while somebody is
    awaited.

    One that is closed, and of which no request is open, has no trigger any more.
    """
    part = looker.get("/embed/run?dag_id=running&run_id=manual__2026-11-25", part=True)
    assert 'hx-trigger="every 3s, look-now"' in part
    assert 'hx-get="/dirsync/embed/run?dag_id=running&amp;run_id=manual__2026-11-25"' in part
    assert "<html" not in part
    assert "every 3s" in looker.get(f"/embed/run?{urlencode(RUN)}"), (
        "the job after the one that waits is still to come"
    )
    looker.store.runs.finish(RUN["dag_id"], RUN["run_id"], "success")
    assert "every 10s" in looker.get(f"/embed/run?{urlencode(RUN)}"), "a request waits"
    number = looker.made["pending"]
    decisions.approve(looker.store, number, BEA, digest=looker.pages.digest(number))
    assert "every 3s" in looker.get(f"/embed/run?{urlencode(RUN)}"), "it is about to be applied"
    looker.store.approvals.mark_applied(number, {"state": "success"})
    assert "data-live" not in looker.get(f"/embed/run?{urlencode(RUN)}")


def test_a_run_that_is_held_up_is_followed_slowly(looker: Looker) -> None:
    """Where the jobs behind wait for the approval too, nothing happens within seconds; but some time it
    does.
    """
    definition = collection("held_up")
    first = definition.jobs[0].model_copy(update={"wait_for_approval": True})
    definition = definition.model_copy(update={"jobs": [first, *definition.jobs[1:]]})
    run = looker.store.runs.start(
        definition, "manual__1", trigger="manual", requester="ida", verified=True, reason=""
    )
    looker.pages.request(run, looker.pages.plan(run, changes(updates=1)))
    assert "every 10s" in looker.get("/embed/run?dag_id=held_up&run_id=manual__1")


@pytest.mark.parametrize(("tab", "task", "whole"), [("run", "", False), ("ti", "people", True)])
def test_a_run_is_awaited(looker: Looker, tab: str, task: str, whole: bool) -> None:
    """Who has just started a run sees it once it has begun; a run that never becomes one of ours is given up
    some time.
    """
    address = f"/embed/{tab}?dag_id=staff_to_branch&run_id=new&task_id={task}"
    page = looker.get(address)
    looks = 0
    while (again := re.search(r'hx-get="/dirsync([^"]*)" hx-trigger="every 3s, look-now"', page)) is not None:
        looks += 1
        address = again[1].replace("&amp;", "&")
        page = looker.get(address, part=True)
    assert 20 <= looks <= 100
    run = looker.pages.run("new")
    looker.pages.plan(run, changes(updates=1), state="running")
    answer = looker.client.get(f"/dirsync{address}", headers={"HX-Request": "true"})
    assert ("HX-Refresh" in answer.headers) is whole
    assert ("Sync results" in answer.text) is not whole


def _in_airflow(
    requester: str, *, over: bool = False, paused: bool = False, trigger: str = "manual"
) -> RunInAirflow:
    identity = RunIdentity(RUN["run_id"], trigger, requester, requester, None, BEGUN)
    return RunInAirflow(True, identity, BEGUN, over, paused)


def test_a_run_that_is_queued_for_long_is_awaited(looker: Looker) -> None:
    """Slowly, as long as Airflow says that it goes on, and nothing is told of a DAG that may not be seen."""
    from directory_sync.portal.views.not_ours import MOST_LOOKS

    address = f"/embed/run?dag_id=staff_to_branch&run_id=new&looks={MOST_LOOKS}"
    assert "data-live" not in looker.get(address), "nothing is known of it"
    looker.become(BEA, run=_in_airflow("ida"))
    page = looker.get(address)
    assert f'looks={MOST_LOOKS}" hx-trigger="every 10s, look-now"' in page
    looker.become(BEA, run=_in_airflow("ida", over=True))
    assert "data-live" not in looker.get(address)
    looker.become(BEA, run=_in_airflow("ida"), hidden=frozenset(["staff_to_branch"]))
    assert "data-live" not in looker.get(address)


def test_a_run_that_was_ended_by_hand_is_not_running(looker: Looker) -> None:
    """Airflow says that it has failed, and its last task never closed it: no job is about to begin.

    It is closed some time.
    """
    run = looker.pages.run("ended")
    looker.pages.plan(run, changes(updates=1), state="success")
    address = "/embed/run?dag_id=staff_to_branch&run_id=ended"
    assert ">running<" in looker.get(address)
    assert "every 3s" in looker.get(address)
    looker.become(BEA, run=RunInAirflow(True, RunIdentity("ended", run.trigger, run.requester), over=True))
    page = looker.get(address)
    assert ">running<" not in page
    assert "every 10s" in page


@pytest.mark.parametrize("path", ["/embed/run?", "/embed/ti?task_id=people&"])
def test_a_run_that_only_has_the_id_is_told_apart(looker: Looker, path: str) -> None:
    """The run was deleted in Airflow and its id used again: the tab says whose results it shows, and what
    became of the other.
    """
    with looker.store._database.write() as connection:
        here = (CollectionRunRow.collection == RUN["dag_id"], CollectionRunRow.run_id == RUN["run_id"])
        connection.execute(
            update(CollectionRunRow).where(*here).values(triggering_user="ida", run_after=BEGUN)
        )
    address = f"{path}{urlencode(RUN)}"
    looker.become(BEA, run=_in_airflow("ida"))
    rest = f"/dirsync/api/v1/runs/{RUN['dag_id']}/{RUN['run_id']}"
    assert looker.client.get(rest).json()["id_used_again"] is False
    assert "another run" not in text_of(looker.get(address))
    looker.become(BEA, run=_in_airflow("mallory"))
    assert looker.client.get(rest).json()["id_used_again"] is True
    text = text_of(looker.get(address))
    assert "These results are of another run than the one that Airflow shows here." in text
    assert "Its id was used again by mallory 2026-11-30 07:00 UTC: that run was refused" in text
    looker.become(BEA, run=_in_airflow("ida", trigger="scheduled"))
    assert "These results are of another run" in text_of(looker.get(address))
    looker.become(BEA, run=RunInAirflow(told=True))
    assert "These results are of another run" not in text_of(looker.get(address))


def test_a_followed_job_brings_its_changes_when_they_are_there(looker: Looker) -> None:
    """The list of changes comes along when it is another one: once there is a plan, and when it has been
    applied.
    """
    run = looker.pages.run("soon")
    attempt = looker.store.runs.start_job(run.id, "people")
    address = "/embed/ti?dag_id=staff_to_branch&run_id=soon&task_id=people"

    def look(page: str) -> str:
        again = re.search(r'hx-get="/dirsync([^"]*)"[^>]*hx-trigger="every \d+s, look-now"', page)
        assert again is not None
        return looker.get(again[1].replace("&amp;", "&"), part=True)

    page = looker.get(address)
    assert "changes-title" not in page
    assert "job-changes" not in look(page), "nothing new"
    plan_id = looker.store.plans.save(attempt.id, plan("staff_to_branch", "people", changes(updates=1)))
    page = look(page)
    assert 'id="job-changes" hx-swap-oob="true"' in page
    assert page.count('<li class="change ') == 10
    assert "job-changes" not in look(page), "it is there already"
    looker.store.plans.record_outcomes(plan_id, [Outcome(0, Result.CONFLICT, "mail has changed meanwhile.")])
    looker.store.plans.finish(plan_id, "conflicts")
    looker.store.runs.finish_job(attempt.id, "conflicts", statistics=Statistics(updated=3, conflicts=1))
    page = look(page)
    assert "Conflict: not made" in page
    looker.store.runs.finish("staff_to_branch", "soon", "success_with_errors")
    assert "data-live" not in looker.get(address)


def test_what_waits_or_was_stopped_shows_planned_figures(looker: Looker) -> None:
    """Marked as planned, in the table too; totals hold only what was written."""
    text = text_of(looker.get(f"/embed/run?{urlencode(RUN)}"))
    assert "Written: 3 updates" in text
    assert (
        "Planned: 3 deletions, 1 disable, 1 move, 15 updates, 1 creation. Nothing of it has been written yet."
        in text
    )
    assert "(15) planned" in text
    assert "Numbers in brackets are planned" in text
    looker.store.runs.finish(STOPPED["dag_id"], STOPPED["run_id"], "failed")
    stopped = text_of(looker.get(f"/embed/run?{urlencode(STOPPED)}"))
    assert "Nothing was written" in stopped
    assert "Planned: 140 deletions. Nothing of it was written." in stopped
    assert "(140) planned" in stopped
    one = text_of(looker.get(f"/embed/ti?{urlencode({**STOPPED, 'task_id': 'people'})}"))
    assert "Planned: 140 deletions. Nothing was written." in one


def test_what_was_noted_by_an_earlier_version_shows_planned_figures(looker: Looker) -> None:
    """It noted zeros with the job; the request, or the plan, knows what was planned."""
    with looker.store._database.write() as connection:
        connection.execute(update(JobRunRow).values(planned=None))
    assert "(15) planned" in text_of(looker.get(f"/embed/run?{urlencode(RUN)}"))
    assert "(140) planned" in text_of(looker.get(f"/embed/run?{urlencode(STOPPED)}"))


def test_a_job_says_where_it_reads_and_writes(looker: Looker) -> None:
    """By connection and container, or by file."""
    page = text_of(looker.get(f"/embed/ti?{urlencode({**RUN, 'task_id': 'people'})}"))
    assert "From head: ou=people,dc=head to branch: ou=people,dc=branch" in page


@pytest.mark.parametrize(
    "path", ["/embed/run?dag_id=example&run_id=x", "/embed/run", "/embed/ti?dag_id=a&run_id=b&task_id=c"]
)
def test_other_dags_get_a_friendly_page(looker: Looker, path: str) -> None:
    """The tabs are on every DAG; on those that are no collection, or that may not be seen, they say what they
    would show.
    """
    assert "Nothing to show here" in looker.get(path)


def test_a_hidden_run_is_no_run(looker: Looker) -> None:
    """What Airflow does not let somebody see looks like any other DAG."""
    looker.become(BEA, hidden=frozenset(["staff_to_branch"]))
    assert "Nothing to show here" in looker.get(f"/embed/run?{urlencode(RUN)}")
    assert "Nothing to show here" in looker.get(f"/embed/ti?{urlencode({**RUN, 'task_id': 'people'})}")


@pytest.mark.parametrize("task", ["people", "people.approval", "people.apply"])
def test_a_task_shows_its_job(looker: Looker, task: str) -> None:
    """A job's gate and what carries it out show the job too; an unmapped task instance sends its index
    unreplaced.
    """
    query = urlencode({**RUN, "task_id": task, "map_index": "{MAP_INDEX}"})
    page = looker.get(f"/embed/ti?{query}")
    assert "<h1><bdi>people</bdi></h1>" in page
    assert page.count('<li class="change ') == 21
    assert (
        "Planned: 3 deletions, 1 disable, 1 move, 15 updates, 1 creation. Nothing has been written yet."
        in text_of(page)
    )
    assert f'name="task_id" value="{task}"' in page


def test_a_task_that_is_no_job(looker: Looker) -> None:
    """The run's closing task for example."""
    assert "Nothing to show here" in looker.get(f"/embed/ti?{urlencode({**RUN, 'task_id': 'close'})}")


def test_a_job_without_a_plan_says_so(looker: Looker) -> None:
    """A job that has not run has no changes to show."""
    assert "has made no plan" in looker.get(f"/embed/ti?{urlencode({**RUN, 'task_id': 'groups'})}")


def test_a_jobs_changes_are_searched_and_paged(looker: Looker) -> None:
    """The same list as on a request's page, under the tab's own address."""
    query = urlencode({**STOPPED, "task_id": "people"})
    page = looker.get(f"/embed/ti?{query}")
    assert page.count('<li class="change ') == 100
    more = re.search(r'hx-get="/dirsync([^"]*more=1)"', page)
    assert more is not None
    assert looker.get(more[1].replace("&amp;", "&"), part=True).count('<li class="change ') == 40
    assert looker.get(f"/embed/ti?{query}&search=old139").count('<li class="change ') == 1
    found = looker.get(f"/embed/ti?{query}&list=found&search=old13", part=True)
    assert found.count('<li class="change ') == 11
    assert "<html" not in found


def test_a_long_change_has_a_page_of_its_own(looker: Looker) -> None:
    """It leads back to the job's tab; what may not be seen does not exist."""
    page = looker.get(f"/embed/ti?{urlencode({**RUN, 'task_id': 'people'})}&search=Mallory")
    alone = re.search(r'href="/dirsync(/plans/\d+/changes/\d+)"', page)
    assert alone is not None
    assert "task_id=people" in looker.get(alone[1])
    looker.become(BEA, hidden=frozenset(["staff_to_branch"]))
    looker.get(alone[1], status=404)


def test_a_waiver_is_asked_for(looker: Looker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that a limit has stopped offers it; it needs a reason, and leads to a request."""
    monkeypatch.setattr(airflow_runs, "write_audit_log", lambda *args, **given: None)
    hastened: list[None] = []
    monkeypatch.setattr(airflow_runs, "send_mail_soon", lambda: hastened.append(None))
    page = looker.get(f"/embed/run?{urlencode(STOPPED)}")
    assert "Ask for a waiver…" in page
    question = {**STOPPED, "job": "people"}
    assert "140 planned, 23 allowed" in looker.get(f"/embed/waiver?{urlencode(question)}")
    assert "Say why" in looker.post("/embed/waiver", {**question, "reason": " "}, status=422)
    address = looker.post("/embed/waiver", {**question, "reason": "The office was closed."})
    page = looker.get(address.removeprefix("/dirsync"))
    assert "You have asked for the limits to be waived" in page
    request = looker.store.requests.of_run(
        looker.store.runs.find("stopped", "manual__2026-11-24").id, "people"
    )  # type: ignore[union-attr]
    assert request is not None
    assert request.waives
    assert "Ask for a waiver…" not in page
    assert len(hastened) == 1, "the administrators hear of it at once"


def test_a_waiver_that_may_not_be_asked_for(looker: Looker) -> None:
    """Who may not start runs may not ask; the button is there, disabled, with the reason."""
    looker.become(BEA, start=False)
    page = looker.get(f"/embed/run?{urlencode(STOPPED)}")
    assert re.search(r"disabled[^>]*>Ask for a waiver…", page)
    assert "Airflow does not let you start runs" in page
    looker.post("/embed/waiver", {**STOPPED, "job": "people", "reason": "x"}, status=403)


def test_there_is_nothing_to_waive(looker: Looker) -> None:
    """A job that no limit has stopped has no such page."""
    looker.get(f"/embed/waiver?{urlencode({**RUN, 'job': 'people'})}", status=404)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, airflow_database: None) -> Path:
    """The folder of collections; there is no definition in it."""
    found = tmp_path / "collections"
    found.mkdir()
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__COLLECTIONS_FOLDER", str(found))
    return found


def test_the_tab_of_a_dag_shows_its_collection(looker: Looker, folder: Path) -> None:
    """What waits, the jobs, the latest runs, and the way to its page in the portal."""
    page = looker.get("/embed/dag?dag_id=staff_to_branch")
    text = text_of(page)
    assert "1 request waits for approval" in text
    assert "expires" in text
    assert f'/plugin/dirsync/dirsync/requests/{looker.made["pending"]}" data-airflow' in page
    assert 'href="/plugin/dirsync/dirsync/collections/staff_to_branch" data-airflow' in page
    assert "head: ou=people,dc=head" in text
    assert 'href="/dags/staff_to_branch/tasks/people/plugin/dirsync_task" data-airflow' in page
    assert 'href="/dags/staff_to_branch/runs/manual__2026-11-21/plugin/dirsync_run" data-airflow' in page
    assert 'class="top"' not in page


@pytest.mark.parametrize("task", ["people", "people.approval", "people.apply", "people.settled", "people.ok"])
def test_the_tab_of_a_task_shows_its_jobs_runs(looker: Looker, folder: Path, task: str) -> None:
    """By the job's own task and by those named after it."""
    page = looker.get(f"/embed/task?dag_id=staff_to_branch&task_id={task}")
    text = text_of(page)
    assert "From head: ou=people,dc=head to branch: ou=people,dc=branch" in text
    assert "1 request waits for approval" in text
    runs = re.findall(r'href="/dags/staff_to_branch/runs/([^/]*)/tasks/people/plugin/dirsync_ti"', page)
    assert runs == ["manual__2026-11-21", "manual__2026-11-20"]
    assert f"request {looker.made['pending']}" in text


def test_tabs_of_names_that_no_path_can_hold(looker: Looker, folder: Path) -> None:
    """Airflow percent-encodes what it fills in; links do the same, and nothing of it is obeyed."""
    run = looker.pages.run("manual__<b>/ü 1+1", name="staff_to_branch")
    looker.pages.plan(run, changes(updates=1), state="failed")
    page = looker.get("/embed/task?dag_id=staff_to_branch&task_id=people")
    assert 'href="/dags/staff_to_branch/runs/manual__%3Cb%3E%2F%C3%BC%201+1/tasks/people/' in page
    assert "<b>/" not in page
    for hostile in ("%3Cscript%3Ealert(1)%3C%2Fscript%3E", "a%2F..%2Fb", "%00", "x" * 3000):
        assert "Nothing to show here" in looker.get(f"/embed/dag?dag_id={hostile}")
        assert "Nothing to show here" in looker.get(f"/embed/task?dag_id=staff_to_branch&task_id={hostile}")
        assert "Nothing to show here" in looker.get(f"/embed/task?dag_id={hostile}&task_id=people")


@pytest.mark.parametrize(
    "path",
    [
        "/embed/dag",
        "/embed/dag?dag_id=example",
        "/embed/task",
        "/embed/task?dag_id=staff_to_branch&task_id=_close",
    ],
)
def test_tabs_of_what_is_no_collection_and_no_job(looker: Looker, folder: Path, path: str) -> None:
    """A friendly page, and the same for what may not be seen."""
    assert "Nothing to show here" in looker.get(path)
    looker.become(BEA, hidden=frozenset(["staff_to_branch"]))
    assert "Nothing to show here" in looker.get("/embed/dag?dag_id=staff_to_branch")
    assert "Nothing to show here" in looker.get("/embed/task?dag_id=staff_to_branch&task_id=people")


def test_a_map_index_that_airflow_left_as_it_is(looker: Looker) -> None:
    """A task instance that is not mapped has none: Airflow leaves the braces in the address."""
    query = urlencode({**RUN, "task_id": "people", "map_index": "{MAP_INDEX}"})
    assert "changes-title" in looker.get(f"/embed/ti?{query}")
