"""Housekeeping: requests whose run or time is over, and the DAG that sees to it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select, update

from directory_sync.approval.people import Approver
from directory_sync.definition.models import Collection
from directory_sync.errors import RequestNotFound, StoreError
from directory_sync.plan.digest import plan_digest
from directory_sync.plan.model import LimitCheck, Plan, Statistics
from directory_sync.store.plans import Plans
from directory_sync.store.store import Store
from directory_sync.store.tables import OutboxRow, RequestRow
from tests.scenarios.plans import DESTINATION, creations
from tests.scenarios.told_runs import ToldRun

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

    from directory_sync.airflow.upkeep import Kept

BEA = Approver("user", "bea")
POLICY: dict[str, Any] = {"approvers": {"users": ["bea"]}}


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    with Store.open(store_url) as store:
        yield store


OVER = LimitCheck("delete", "", 9, 100, 5, "5%")


def ask(
    store: Store, name: str, run_id: str, *, trigger: str = "manual", state: str = "waiting", **given: Any
) -> int:
    """A pending request of the job `people` of a collection, whose last attempt ended in the state."""
    jobs = [
        {
            "name": "people",
            "source": {"file": "in.csv"},
            "destination": {"file": "out.csv"},
            "object": "row",
            "fields": {"id": {"from": "id", "key": True}},
        }
    ]
    collection = Collection.model_validate({"name": name, "jobs": jobs})
    run = store.runs.start(collection, run_id, trigger=trigger, requester="ida", verified=True)
    attempt = store.runs.start_job(run.id, "people").id
    digest = plan_digest(name, "people", DESTINATION, creations(2))
    plan = Plan(name, "people", DESTINATION, creations(2), digest, Statistics(created=2), 2)
    policy = {**POLICY, **given.pop("policy", {})}
    request = store.filing.file(store.plans.save(attempt, plan), policy=policy, approvers=[BEA], **given).id
    store.runs.finish_job(attempt, state, request=request if state == "waiting" else None)
    return request


def state_of(store: Store, request: int) -> str:
    """The state of a request now."""
    return store.requests.get(request).request.state


def keep_up(is_over: Callable[[str, str], bool] = lambda dag_id, run_id: False) -> Kept:
    """Imported when Airflow's home is set."""
    from directory_sync.airflow.upkeep import keep_up

    return keep_up(is_over)


def test_a_run_that_somebody_has_ended_by_hand_is_closed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own last task never ran; one that still goes on, one that has just begun, and a terminal's are left
    alone.
    """
    from directory_sync.airflow import upkeep

    for name, trigger in (("over", "manual"), ("goes_on", "manual"), ("by_hand", "terminal")):
        ask(store, name, "one", trigger=trigger)

    def is_over(dag_id: str, run_id: str) -> bool:
        return dag_id != "goes_on"

    assert upkeep.close_runs(store, is_over) == 0
    monkeypatch.setattr(upkeep, "_GRACE", timedelta(seconds=-1))
    assert upkeep.close_runs(store, is_over) == 1
    assert {run.collection: run.state for run in store.runs.recent()} == {
        "over": "failed",
        "goes_on": "running",
        "by_hand": "running",
    }


# -- runs that are over --------------------------------------------------------------------------------------


def test_a_request_whose_run_is_over_is_withdrawn(store: Store) -> None:
    """Nothing would carry it out; the others stay, and the job of the run no longer counts as waiting."""
    over, goes_on = ask(store, "over", "one"), ask(store, "goes_on", "two")
    kept = keep_up(lambda dag_id, run_id: (dag_id, run_id) == ("over", "one"))
    assert (kept.withdrawn, kept.problems) == (1, ())
    assert (state_of(store, over), state_of(store, goes_on)) == ("cancelled", "pending")
    view = store.requests.get(over)
    assert view.request.decided_by == ""
    assert "run is over" in view.events[-1].text
    (result,) = store.runs.job_results("over", "one")
    assert (result.state, result.message) == ("cancelled", f"Request {over}: cancelled. Nothing was written.")


def test_what_airflow_knows_nothing_of_is_left_alone(store: Store) -> None:
    """A terminal's run has no DAG run; a waiver is asked for after its run has stopped, and used by
    another.
    """
    terminal = ask(store, "by_hand", "one", trigger="terminal")
    waiver = ask(store, "stopped", "two", state="stopped_by_limit", waives=[OVER], waiver=True)
    assert keep_up(lambda dag_id, run_id: True).withdrawn == 0
    assert (state_of(store, terminal), state_of(store, waiver)) == ("pending", "pending")


@pytest.mark.parametrize("state", ["running", "failed"])
def test_a_request_is_withdrawn_whatever_its_job_says(store: Store, state: str) -> None:
    """A worker that dies just after filing leaves the job as running, and one that was tried again may have
    failed.
    """
    request = ask(store, "corp", "one", state=state)
    assert keep_up(lambda dag_id, run_id: True).withdrawn == 1
    assert state_of(store, request) == "cancelled"


def test_a_request_for_which_a_policy_asks_beyond_a_limit_is_no_waiver(store: Store) -> None:
    """Its job waits for it, so it ends with the run."""
    request = ask(store, "corp", "one", waives=[OVER])
    assert keep_up(lambda dag_id, run_id: True).withdrawn == 1
    assert state_of(store, request) == "cancelled"


def test_a_request_of_a_collection_that_is_gone_is_withdrawn(store: Store) -> None:
    """Airflow never ends the runs of a DAG whose definition is gone, and never goes on with them."""
    from directory_sync.airflow.upkeep import keep_up

    gone, stays = ask(store, "gone", "one"), ask(store, "stays", "one")
    assert keep_up(lambda dag_id, run_id: False, lambda collection: collection == "gone").withdrawn == 1
    assert (state_of(store, gone), state_of(store, stays)) == ("cancelled", "pending")
    assert "no longer defined" in store.requests.get(gone).events[-1].text


def test_an_approved_request_is_not_withdrawn(store: Store) -> None:
    """Its apply may be under way."""
    from tests.scenarios.requests import decide

    request = ask(store, "approved", "one")
    decide(store, request)
    assert keep_up(lambda dag_id, run_id: True).withdrawn == 0
    assert state_of(store, request) == "approved"


def test_all_pages_are_looked_at(store: Store) -> None:
    """However many requests wait."""
    for number in range(201):
        ask(store, f"corp{number}", "one")
    kept = keep_up(lambda dag_id, run_id: dag_id in {"corp0", "corp200"})
    assert kept.withdrawn == 2
    assert store.requests.count() == 201


def test_an_airflow_that_does_not_answer_holds_nothing_else_up(store: Store) -> None:
    """Requests expire all the same; what could not be done is told, and nothing is withdrawn on suspicion."""
    waits, late = ask(store, "waits", "one"), ask(store, "late", "two", expires_after=timedelta(0))

    def refuse(dag_id: str, run_id: str) -> bool:
        raise ConnectionError("the API server does not answer")

    kept = keep_up(refuse)
    assert (kept.withdrawn, kept.expired) == (0, 1)
    assert "the API server does not answer" in kept.problems[0]
    assert (state_of(store, waits), state_of(store, late)) == ("pending", "expired")


def test_whether_a_run_is_over_is_airflows_to_say(run_dag: Callable[..., DagRun], store: Store) -> None:
    """Asked through the real API: a run that does not exist (any more) is over."""
    from directory_sync.airflow.upkeep_dag import upkeep_dags

    request = ask(store, "never_was", "one")
    run = run_dag(upkeep_dags()["directory_sync.upkeep"])
    assert str(run.state) == "success"
    assert state_of(store, request) == "cancelled"


def test_a_run_that_goes_on_is_not_over(
    run_dag: Callable[..., DagRun], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked through the real API, of the only run that certainly goes on: the housekeeping's own."""
    from directory_sync.airflow import upkeep
    from directory_sync.airflow.upkeep_dag import upkeep_dags

    answers: list[bool] = []

    def ask_about_itself(is_over: Callable[[str, str], bool], _: object) -> Kept:
        from airflow.sdk import get_current_context

        run = get_current_context()["dag_run"]
        answers.extend(
            [is_over(run.dag_id, run.run_id), is_over(run.dag_id, "another"), is_over("another", run.run_id)]
        )
        return upkeep.Kept(0, 0, 0, 0, 0, 0, ())

    monkeypatch.setattr(upkeep, "keep_up", ask_about_itself)
    assert str(run_dag(upkeep_dags()["directory_sync.upkeep"]).state) == "success"
    assert answers == [False, True, True]
    assert store.requests.count() == 0


# -- time ----------------------------------------------------------------------------------------------------


def test_time_is_made_to_count(store: Store) -> None:
    """What is over expires, and who is next is asked."""
    late = ask(store, "late", "one", expires_after=timedelta(0))
    escalation = {"escalation": {"after": "1s", "levels": [{"users": ["carol"]}]}}
    slow = ask(store, "slow", "two", escalate_after=timedelta(seconds=1), policy=escalation)
    time.sleep(1.1)
    kept = keep_up()
    assert (kept.expired, state_of(store, late)) == (1, "expired")
    assert (kept.escalated, state_of(store, slow)) == (1, "pending")
    assert {assignee.name for assignee in store.requests.get(slow).assignees} == {"bea", "carol"}


def test_a_people_directory_that_is_set_wrongly_stops_only_who_needs_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests still expire when nobody's manager can be told."""
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__PEOPLE_CONNECTION", "corp")
    late = ask(store, "late", "one", expires_after=timedelta(0))
    assert keep_up().expired == 1
    assert state_of(store, late) == "expired"


def test_mail_that_waits_is_sent_last(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What housekeeping itself brings about goes out with it."""
    from directory_sync.airflow import upkeep

    seen: list[str] = []
    late = ask(store, "late", "one", expires_after=timedelta(0))
    monkeypatch.setattr(upkeep, "deliver_mail", lambda store: seen.append(state_of(store, late)))
    keep_up()
    assert seen == ["expired"]


def test_an_outbox_that_nothing_empties_does_not_grow(store: Store) -> None:
    """Where no mail is sent, what happened more than a week ago is dropped."""
    ToldRun(store, run_id="old").close()
    with store._database.write() as connection:
        connection.execute(update(OutboxRow).values(queued=datetime.now(UTC) - timedelta(days=8)))
    ToldRun(store, run_id="new").close()
    keep_up()
    with store._database.read() as connection:
        assert connection.execute(select(func.count()).select_from(OutboxRow)).scalar_one() == 1


# -- the DAG -------------------------------------------------------------------------------------------------


def test_old_requests_are_deleted_only_if_the_setting_says_so(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the time that it gives, and only those that have ended; a setting that cannot be read deletes
    nothing and is told.
    """
    ended, pending = ask(store, "corp", "one"), ask(store, "other", "two")
    store.decisions.cancel(ended, "ida")
    with store._database.write() as connection:
        connection.execute(update(RequestRow).values(decided=datetime.now(UTC) - timedelta(days=100)))
    assert keep_up().deleted == 0
    for setting, deleted in (("101d", 0), ("a while", 0), ("1h", 0), ("99d", 1)):
        monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__REQUEST_RETENTION", setting)
        kept = keep_up()
        assert kept.deleted == deleted
        assert any("request_retention" in problem for problem in kept.problems) == (
            setting in {"a while", "1h"}
        )
    with pytest.raises(RequestNotFound):
        store.requests.get(ended)
    assert state_of(store, pending) == "pending"


def test_the_task_fails_when_something_was_left_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A red run is what an administrator sees."""
    from airflow.sdk.exceptions import AirflowException, AirflowFailException

    from directory_sync.airflow import upkeep
    from directory_sync.airflow.upkeep_dag import UpkeepOperator

    operator, context = (
        UpkeepOperator(task_id="keep_up"),
        {"ti": SimpleNamespace(), "dag_run": SimpleNamespace(conf={})},
    )
    monkeypatch.setattr(
        upkeep,
        "keep_up",
        lambda *_: upkeep.Kept(1, 2, 3, 4, 5, 6, ("The manager of bob could not be looked up.",)),
    )
    with pytest.raises(AirflowFailException, match="manager of bob"):
        operator.execute(context)  # type: ignore[arg-type]
    monkeypatch.setattr(upkeep, "keep_up", lambda *_: upkeep.Kept(1, 2, 3, 4, 5, 6, (), previews=7, drafts=8))
    assert operator.execute(context) == {
        "withdrawn": 1,
        "expired": 2,
        "escalated": 3,
        "deleted": 4,
        "settled": 5,
        "left": 6,
        "problems": (),
        "previews": 7,
        "drafts": 8,
    }  # type: ignore[arg-type]

    def unreachable(*_: Any) -> Kept:
        raise StoreError("store …: the server does not answer.")

    monkeypatch.setattr(upkeep, "keep_up", unreachable)
    with pytest.raises(AirflowException, match="does not answer"):
        operator.execute(context)  # type: ignore[arg-type]


def test_the_dag_runs_by_itself_and_never_twice_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """As often as the setting says, from the first minute on; a run that hangs does not stay for ever."""
    from directory_sync.airflow.upkeep_dag import upkeep_dags

    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__UPKEEP_INTERVAL", "7m")
    dag = upkeep_dags()["directory_sync.upkeep"]
    assert dag.dag_id == "directory_sync.upkeep"
    assert dag.is_paused_upon_creation is False
    assert (dag.max_active_runs, dag.catchup) == (1, False)
    assert dag.timetable.serialize()["schedules"] == [420.0]  # type: ignore[union-attr]
    assert dag.dagrun_timeout is not None
    assert dag.get_task("keep_up").execution_timeout is not None


def test_an_interval_that_cannot_be_read_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes no collection away, and is not silently replaced by another."""
    from directory_sync.airflow.upkeep_dag import upkeep_dags

    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__UPKEEP_INTERVAL", "soon")
    dag = upkeep_dags()["directory_sync.upkeep"]
    assert dag.tags == {"broken definition"}
    assert "UPKEEP" in (dag.doc_md or "")


@pytest.mark.parametrize(
    ("wanted", "built"), [("corp", set()), ("directory_sync.upkeep", {"directory_sync.upkeep"})]
)
def test_a_task_of_another_dag_does_not_build_it(
    wanted: str, built: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does its own task build any collection."""
    from directory_sync.airflow.upkeep_dag import upkeep_dags

    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", wanted)
    assert set(upkeep_dags()) == built


# -- what broke off ------------------------------------------------------------------------------------------


def _broken_off(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch, run_id: str) -> None:
    """A run of Airflow that has written its file and could record nothing of it."""
    from directory_sync.run.deployment import Deployment
    from directory_sync.run.job import run_job
    from tests.scenarios.no_connections import NoConnections

    (folder / "in.csv").write_text("id,name\n1,Ann\n2,Bob\n")
    fields = {"id": {"from": "id", "key": True}, "name": "name"}
    job = {
        "name": "people",
        "source": {"file": "in.csv"},
        "destination": {"file": "out.csv"},
        "object": "row",
        "fields": fields,
    }
    collection = Collection.model_validate({"name": "corp", "jobs": [job]})

    def full(*_: Any, **__: Any) -> None:
        raise StoreError("store: disk full. Make room on the disk and try again; nothing is lost.")

    with monkeypatch.context() as patch:
        patch.setattr(Plans, "record_outcomes", full)
        snapshot = store.runs.start(collection, run_id, trigger="manual", requester="ida", verified=True)
        result = run_job(
            snapshot,
            collection.jobs[0],
            deployment=Deployment(NoConnections(), folder),
            store=store,
            holder="test",
        )
    assert result.state == "failed"
    assert store.plans.count_outcomes(1) == 0


def test_what_broke_off_is_settled_when_its_run_is_over(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the run goes on, a retry of its task may go on with the plan.

    What cannot be looked at fails nothing.
    """
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__DATA_FOLDER", str(tmp_path))
    _broken_off(store, tmp_path, monkeypatch, "one")
    kept = keep_up(lambda dag_id, run_id: False)
    assert (kept.settled, kept.left, kept.problems) == (0, 1, ())
    (tmp_path / "out.csv").rename(tmp_path / "away.csv")
    (tmp_path / "out.csv").mkdir()
    kept = keep_up(lambda dag_id, run_id: True)
    assert (kept.settled, kept.left, kept.problems) == (0, 1, ())
    (tmp_path / "out.csv").rmdir()
    (tmp_path / "away.csv").rename(tmp_path / "out.csv")
    kept = keep_up(lambda dag_id, run_id: True)
    assert (kept.settled, kept.left) == (1, 0)
    assert {outcome.result.value for outcome in store.plans.outcomes(1).values()} == {"found_done"}
    (result,) = store.runs.job_results("corp", "one")
    assert result.state == "success"
    assert "2 were found done afterwards" in result.message
