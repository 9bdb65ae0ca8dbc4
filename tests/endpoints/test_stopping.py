"""A run that a person stops: what is under way is finished, each outcome is true, and nothing resumes it."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from directory_sync.definition.models import Collection
from directory_sync.endpoints.change import Result
from directory_sync.endpoints.files.csv_destination import CsvDestination
from directory_sync.errors import RunStopped
from directory_sync.run.deployment import Deployment
from directory_sync.run.job import run_job
from directory_sync.run.pulse import Pulse
from directory_sync.run.result import JobResult, JobState
from directory_sync.run.stopping import end_requests, end_stopped
from directory_sync.store import run_stops
from directory_sync.store.run_progress import JobProgress
from directory_sync.store.store import Store
from tests.scenarios.broken_off import PEOPLE, Terminal
from tests.scenarios.container import Container
from tests.scenarios.corner import Corner
from tests.scenarios.forked_child import ForkedChild, Tell
from tests.scenarios.no_connections import NoConnections
from tests.scenarios.requests import decide

POLICY = {"approvers": {"users": ["bea"]}}


@pytest.fixture
def terminal(container: Container, store_url: str, tmp_path: Path) -> Iterator[Terminal]:
    with Terminal.opened(container, store_url, tmp_path) as opened:
        yield opened


def told(store: Store, plan: int = 1) -> Counter[Result]:
    return Counter(outcome.result for outcome in store.plans.outcomes(plan).values())


def stop(store: Store, run_id: str, reason: str = "wrong file") -> None:
    _, new = store.run_stops.ask("corp", run_id, by="ann", reason=reason)
    assert new


def newest(store: Store) -> str:
    return store.runs.recent("corp")[0].run_id


def wait_for(store: Store, run_id: str, state: str = "running") -> JobProgress:
    """How far the job is, once it has said so."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        results = store.runs.job_results("corp", run_id)
        if results and results[0].progress is not None and results[0].progress.applied:
            assert results[0].state == state
            return results[0].progress
        time.sleep(0.1)
    raise AssertionError("nothing was told")


def test_what_is_under_way_is_finished_and_recorded(terminal: Terminal, store: Store) -> None:
    """Each change that was sent has its outcome, all others are not made; the next run does the rest."""
    process = terminal.begin_until(60)
    terminal.line.delay = 1.2
    run_id = newest(store)
    stop(store, run_id)
    said = "".join(process.communicate(timeout=120))
    assert process.returncode == 1, said
    assert "people: stopped" in said
    assert "Stopped by ann" in said
    assert "wrong file" in said
    written = terminal.there()
    assert 60 <= len(written) < PEOPLE
    assert told(store) == {Result.DONE: len(written), Result.NOT_DONE: PEOPLE - len(written)}
    (run,) = store.runs.recent("corp")
    assert (run.state, run.finished is not None) == ("stopped", True)
    (result,) = store.runs.job_results("corp", run_id)
    assert result.state == "stopped"
    assert result.statistics is not None
    assert result.statistics.created == len(written)
    assert store.plans.load(1).state == "stopped"
    found = store.run_stops.of("corp", run_id)
    assert found is not None
    assert found.seen is not None
    assert store.leftovers.open_plans() == ()
    # Nothing became known: the next run meets its people, and does the rest.
    status, said = terminal.run()
    assert (status, len(terminal.there())) == (0, PEOPLE), said


def test_a_worker_that_is_killed_while_it_stops(terminal: Terminal, store: Store) -> None:
    """What it had sent is found by looking; it ends as stopped, and nothing goes on with it."""
    process = terminal.begin_until(60)
    run_id = newest(store)
    stop(store, run_id)
    written = terminal.kill(process)
    assert told(store)[Result.NOT_DONE] == 0
    status, said = terminal.settle()
    assert status == 0, said
    assert "plan 1: stopped. Stopped by ann" in said
    found = told(store)
    assert found[Result.DONE] + found[Result.FOUND_DONE] == len(written)
    assert found[Result.NOT_DONE] == PEOPLE - len(written)
    assert found[Result.UNCERTAIN] == 0
    (run,) = store.runs.recent("corp")
    (result,) = store.runs.job_results("corp", run_id)
    assert (run.state, result.state, store.plans.load(1).state) == ("stopped", "stopped", "stopped")
    assert terminal.run()[0] == 0
    assert len(terminal.there()) == PEOPLE


def test_how_far_it_is(terminal: Terminal, store: Store) -> None:
    """Read, planned and applied of a total, while it runs."""
    process = terminal.begin_until(30)
    terminal.line.delay = 1.2
    progress = wait_for(store, newest(store))
    assert (progress.stage, progress.read, progress.total) == ("apply", PEOPLE, PEOPLE)
    assert 0 < progress.applied < PEOPLE
    assert progress.at is not None
    terminal.line.delay = 0.0
    said = "".join(process.communicate(timeout=120))
    assert process.returncode == 0, said


def collection(corner: Corner, approval: object = "none") -> Collection:
    return corner.definition(approval=approval, **corner.file_job("ann", "bob"))


def test_nothing_begins_in_a_stopped_run(corner: Corner) -> None:
    """Not even a run that the store has never heard of before."""
    stop(corner.store, "queued")
    result = corner.run(collection(corner), run_id="queued")
    assert (result.state, corner.there()) == (JobState.NOT_RUN, set())
    assert isinstance(result.error, RunStopped)
    assert (result.error.by, result.error.reason) == ("ann", "wrong file")
    assert corner.store.runs.job_results("corp", "queued") == ()


@pytest.mark.parametrize("approved", [False, True])
def test_what_waits_is_cancelled(corner: Corner, approved: bool) -> None:
    """Also where it was approved and not begun: it is not applied then, nor is anything filed again."""
    waiting = corner.run(collection(corner, POLICY), trigger="manual", run_id="one")
    assert waiting.request is not None
    if approved:
        decide(corner.store, waiting.request)
    stop(corner.store, "one")
    found = corner.store.run_stops.of("corp", "one")
    assert found is not None
    assert corner.store.run_stops.with_requests() == [found]
    assert end_requests(corner.store, found) == (waiting.request,)
    assert end_requests(corner.store, found) == ()
    assert corner.store.run_stops.with_requests() == []
    view = corner.store.requests.get(waiting.request)
    assert (view.request.state, view.request.decided_by) == ("cancelled", "ann")
    assert view.events[-1].text == "The run was stopped. wrong file"
    (result,) = corner.store.runs.job_results("corp", "one")
    assert result.state == "cancelled"
    assert corner.there() == set()


def test_an_approval_is_not_applied_once_the_run_is_stopped(corner: Corner) -> None:
    """Also where what has stopped the run was killed before it could cancel the request."""
    waiting = corner.run(collection(corner, POLICY), trigger="manual", run_id="one")
    assert waiting.request is not None
    decide(corner.store, waiting.request)
    stop(corner.store, "one")
    result = corner.carry_out(waiting.request)
    assert (result.state, corner.there()) == (JobState.STOPPED, set())
    assert corner.store.requests.get(waiting.request).request.state == "approved"
    found = corner.store.run_stops.of("corp", "one")
    assert found is not None
    assert end_requests(corner.store, found) == (waiting.request,)


def test_a_request_that_is_being_applied_is_applied_in_part(
    corner: Corner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is final: nothing is applied a second time, and the request says how far it came."""
    waiting = corner.run(collection(corner, POLICY), trigger="manual", run_id="one")
    assert waiting.request is not None
    decide(corner.store, waiting.request)
    stops_after(monkeypatch, corner.store, 1)
    result = corner.carry_out(waiting.request)
    assert (result.state, result.statistics.created) == (JobState.STOPPED, 1)
    assert told(corner.store) == {Result.DONE: 1, Result.NOT_DONE: 1}
    request = corner.store.requests.get(waiting.request).request
    assert request.state == "applied"
    assert request.result is not None
    assert request.result["state"] == "stopped"
    there = corner.there()
    assert len(there) == 1
    again = corner.carry_out(waiting.request)
    assert (again.state, corner.there()) == (JobState.STOPPED, there)


def test_a_stopped_run_does_not_go_on_when_its_task_is_cleared(
    corner: Corner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is tried again in that run; another run plans again."""
    definition = collection(corner)
    stops_after(monkeypatch, corner.store, 1)
    assert corner.run(definition, run_id="one").state is JobState.STOPPED
    monkeypatch.undo()
    there = corner.there()
    assert corner.again("corp", "one").state is JobState.NOT_RUN
    assert corner.there() == there
    assert corner.run(definition, run_id="two").state is JobState.SUCCESS
    assert corner.there() == {"ann", "bob"}


def test_what_a_task_of_airflow_had_begun_is_settled_by_the_tasks_after_it(
    corner: Corner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plan that was begun under an approval and whose process is gone: its request is final, too."""
    from tests.endpoints.test_settling import _Unrecorded

    waiting = corner.run(collection(corner, POLICY), trigger="manual", run_id="one")
    cut = _Unrecorded(monkeypatch)
    corner.approve(waiting)
    cut.mend()
    corner.gone("to", "bob")
    stop(corner.store, "one")
    snapshot = corner.store.runs.find("corp", "one")
    found = corner.store.run_stops.of("corp", "one")
    assert snapshot is not None
    assert found is not None
    end_stopped(corner.store, snapshot, found, corner.deployment, holder="test")
    assert waiting.request is not None
    request = corner.store.requests.get(waiting.request).request
    assert request.result is not None
    assert (request.state, request.result["state"]) == ("applied", "stopped")
    assert told(corner.store) == {Result.FOUND_DONE: 1, Result.NOT_DONE: 1}


def test_what_has_stopped_it_is_killed_before_the_requests_end(corner: Corner, store_url: str) -> None:
    """The run is stopped, and its approved plan is not applied; the housekeeping finds the request."""
    waiting = corner.run(collection(corner, POLICY), trigger="manual", run_id="one")
    assert waiting.request is not None

    def killed(tell: Tell) -> None:
        with Store.open(store_url) as store:
            tell("here")
            store.run_stops.ask("corp", "one", by="ann", reason="wrong")
            os.kill(os.getpid(), signal.SIGKILL)

    child = ForkedChild(killed)
    assert child.wait_for("here")
    assert os.WTERMSIG(child.end()) == signal.SIGKILL
    decide(corner.store, waiting.request)
    assert corner.carry_out(waiting.request).state is JobState.STOPPED
    assert corner.there() == set()
    (found,) = corner.store.run_stops.with_requests()
    assert (found.by, found.reason) == ("ann", "wrong")
    assert end_requests(corner.store, found) == (waiting.request,)
    assert corner.store.requests.get(waiting.request).request.state == "cancelled"


def test_what_stops_it_is_killed_within_the_stop(corner: Corner, store_url: str) -> None:
    """Nothing is half stopped: the run goes on as if no one had asked."""

    def killed(tell: Tell) -> None:
        run_stops._select = lambda *run: os.kill(os.getpid(), signal.SIGKILL)
        with Store.open(store_url) as store:
            tell("here")
            store.run_stops.ask("corp", "one", by="bea", reason="wrong")

    child = ForkedChild(killed)
    assert child.wait_for("here")
    assert os.WTERMSIG(child.end()) == signal.SIGKILL
    assert corner.store.run_stops.of("corp", "one") is None
    assert corner.run(collection(corner), run_id="one").state is JobState.SUCCESS


@dataclass
class Rows:
    """A job that copies the rows of one file to another."""

    store: Store
    folder: Path

    def people(self, *names: str) -> None:
        """Let the source have these."""
        (self.folder / "in.csv").write_text("id\n" + "".join(f"{name}\n" for name in names))

    def run(self, run_id: str) -> JobResult:
        """A run, or another attempt at one."""
        one = {
            "name": "copy",
            "source": {"file": "in.csv"},
            "destination": {"file": "out.csv"},
            "object": "row",
            "missing_at_source": "delete",
            "fields": {"id": {"from": "id", "key": True}},
        }
        definition = Collection.model_validate({"name": "corp", "limits": {"delete": "none"}, "jobs": [one]})
        snapshot = self.store.runs.find("corp", run_id) or self.store.runs.start(
            definition, run_id, trigger="manual", requester="ann", verified=True
        )
        deployment = Deployment(NoConnections(), self.folder)
        return run_job(snapshot, definition.jobs[0], deployment=deployment, store=self.store, holder="test")

    def delete_unrecorded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let run `two` delete `ann` and `bob`, and its process be gone before that is on record."""
        from tests.endpoints.test_settling import _Unrecorded

        self.people("ann", "bob", "cid", "dan")
        assert self.run("one").state is JobState.SUCCESS
        self.people("cid", "dan")
        cut = _Unrecorded(monkeypatch)
        assert self.run("two").state is JobState.FAILED
        cut.mend()

    def add_another_ann(self) -> None:
        """Let someone add a row of their own, by a key that the job knew."""
        with (self.folder / "out.csv").open("a") as stream:
            stream.write("ann\n")


@pytest.fixture
def rows(store: Store, tmp_path: Path) -> Rows:
    return Rows(store, tmp_path)


def test_what_an_earlier_attempt_has_deleted_is_not_known_after_a_stop(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Someone else's row with the same key is none of the job's."""
    rows.delete_unrecorded(monkeypatch)
    found, _ = rows.store.run_stops.ask("corp", "two", by="ann", reason="wrong file")
    stop = found.error()
    # It is asked for just after the attempt has begun.
    with monkeypatch.context() as patch:
        patch.setattr(type(rows.store.run_stops), "of", lambda *run: None)
        patch.setattr(run_stops, "stop_of", lambda *run: None)
        patch.setattr(Pulse, "stopping", lambda self: stop)
        assert rows.run("two").state is JobState.STOPPED
    assert told(rows.store, 2) == {Result.FOUND_DONE: 2}
    rows.add_another_ann()
    result = rows.run("three")
    assert (result.state, result.statistics.deleted) == (JobState.SUCCESS, 0)


def test_what_no_attempt_goes_on_with_is_settled(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan stays open if its retry ends for good before it has found out what was written."""
    rows.delete_unrecorded(monkeypatch)
    out = rows.folder / "out.csv"
    whole = out.read_text()
    check = CsvDestination.check
    monkeypatch.setattr(CsvDestination, "check", lambda self: (check(self), out.write_text(f'{whole}"x'))[0])
    result = rows.run("two")
    assert (result.state, told(rows.store, 2)) == (JobState.INCOMPLETE, {})
    monkeypatch.undo()
    out.write_text(whole)
    assert [plan.id for plan in rows.store.leftovers.open_plans()] == [2]
    assert rows.run("three").state is JobState.SUCCESS
    assert told(rows.store, 2) == {Result.FOUND_DONE: 2}
    rows.add_another_ann()
    result = rows.run("four")
    assert (result.state, result.statistics.deleted) == (JobState.SUCCESS, 0)


def test_the_first_stop_stands(store: Store) -> None:
    """Who stops a run a second time changes neither who has, nor why."""
    first, new = store.run_stops.ask("corp", "one", by="ann", reason="why")
    again, newly = store.run_stops.ask("corp", "one", by="bea")
    assert (new, newly, again) == (True, False, first)
    assert store.run_stops.among("corp", ["one", "two"]) == {"one": first}
    assert store.run_stops.among("corp", []) == {}
    assert store.run_stops.of("other", "one") is None


def stops_after(monkeypatch: pytest.MonkeyPatch, store: Store, changes: int) -> None:
    """Let a person stop run `one` when so many of its two changes were sent, and its pulse hear of it at
    once.
    """
    asked = 0

    def stopping(self: Pulse) -> RunStopped | None:
        nonlocal asked
        asked += 1
        # Once before the batch, once before each of its changes, and once before each is sent.
        if asked <= 1 + 2 + changes:
            return None
        found, _ = store.run_stops.ask("corp", "one", by="ann", reason="wrong file")
        return found.error()

    monkeypatch.setattr(Pulse, "stopping", stopping)
