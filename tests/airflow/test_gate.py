"""Gates, with everything real from the operators down to the file that is written: approved, denied, forced,
elsewhere.
"""

from __future__ import annotations

import json
import logging
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from directory_sync.approval.people import Approver
from directory_sync.approval.request import RequestView
from directory_sync.definition.models import Collection
from directory_sync.errors import LeaseError, StoreError
from directory_sync.store.store import Store
from tests.airflow.dag_runs import RunCollection, task_states
from tests.scenarios.requests import decide
from tests.scenarios.smtp import SmtpServer

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

    from directory_sync.airflow.gate_trigger import GateTrigger

PEOPLE = {
    "name": "people",
    "source": {"file": "in.csv"},
    "destination": {"file": "out.csv"},
    "object": "row",
    "fields": {"id": {"from": "id", "key": True}, "name": "name"},
    "approval": {"approvers": {"users": ["bea"]}},
}
AFTER = {**PEOPLE, "name": "after", "destination": {"file": "after.csv"}, "approval": "none"}


@pytest.fixture
def meanwhile(
    store: Store, caplog: pytest.LogCaptureFixture
) -> Iterator[Callable[[Callable[[int], object]], None]]:
    """Do something with the pending request of the job `people` as soon as the gate waits for it."""
    caplog.set_level(logging.DEBUG, logger="directory_sync")
    pool = ThreadPoolExecutor(1)
    acting: list[Future[None]] = []

    def start(act: Callable[[int], object]) -> None:
        def wait() -> None:
            deadline = time.monotonic() + 120
            while (
                request := store.requests.pending("corp", "people")
            ) is None and time.monotonic() < deadline:
                time.sleep(0.05)
            assert request is not None
            while f"on request {request.id} " not in caplog.text and time.monotonic() < deadline:
                time.sleep(0.05)
            act(request.id)

        acting.append(pool.submit(wait))

    yield start
    for act in acting:
        act.result()
    pool.shutdown()


@pytest.fixture
def task_log(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """What the tasks have written into their logs so far."""
    caplog.set_level(logging.DEBUG, logger="directory_sync")
    seen: list[str] = []

    def text() -> str:
        seen.append(capfd.readouterr().out)
        return caplog.text + "".join(seen)

    return text


def xcom(run: DagRun, task_id: str, key: str = "return_value") -> Any:
    """What a task left."""
    instance = run.get_task_instance(task_id)
    assert instance is not None
    return instance.xcom_pull(task_ids=task_id, key=key)


def the_request(store: Store, run: DagRun) -> RequestView:
    """The request that a run has filed for the job `people`."""
    snapshot = store.runs.find("corp", run.run_id)
    assert snapshot is not None
    request = store.requests.of_run(snapshot.id, "people")
    assert request is not None
    return store.requests.get(request.id)


# -- decided -------------------------------------------------------------------------------------------------


def test_nothing_is_written_before_the_approval_and_the_plan_after_it(
    run_collection: RunCollection, store: Store, data: Path, meanwhile: Callable[..., None]
) -> None:
    """The job files its request and succeeds; the source may change then: what is written is what was
    approved.
    """

    def approve(request: int) -> None:
        assert not (data / "out.csv").exists()
        (data / "in.csv").write_text("id,name\n9,Zoidberg\n", encoding="utf-8")
        decide(store, request)

    meanwhile(approve)
    run = run_collection(PEOPLE)
    assert task_states(run) == {
        "people": "success",
        "people.approval": "success",
        "people.apply": "success",
        "_close": "success",
    }
    assert (data / "out.csv").read_text(encoding="utf-8").split() == ["id,name", "1,Fry", "2,Leela"]
    view = the_request(store, run)
    assert view.request.state == "applied"
    assert (xcom(run, "people")["state"], xcom(run, "people")["request"]) == ("waiting", view.request.id)
    assert xcom(run, "people.apply")["statistics"]["created"] == 2
    assert xcom(run, "_close") == {
        "state": "success",
        "statistics": xcom(run, "people.apply")["statistics"],
        "jobs": {"people": "success"},
    }


def test_a_run_of_the_version_before_goes_on_after_the_upgrade(
    run_collection: RunCollection, store: Store, store_url: str, data: Path, meanwhile: Callable[..., None]
) -> None:
    """Its request was filed when nothing was noted of which run of Airflow it is: approved now, it is carried
    out by that run.
    """
    from alembic import command

    from directory_sync.store import migrate
    from directory_sync.store.database import Database

    def upgrade_and_approve(request: int) -> None:
        database = Database(store_url)
        command.downgrade(migrate.alembic_config(database), "0004")
        migrate.upgrade(store_url)
        database.close()
        decide(store, request)

    meanwhile(upgrade_and_approve)
    run = run_collection(PEOPLE)
    assert task_states(run) == {
        "people": "success",
        "people.approval": "success",
        "people.apply": "success",
        "_close": "success",
    }
    assert (data / "out.csv").read_text(encoding="utf-8").split() == ["id,name", "1,Fry", "2,Leela"]
    assert the_request(store, run).request.state == "applied"


def test_each_task_links_to_the_request(
    run_collection: RunCollection,
    store: Store,
    meanwhile: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One click leads from the job, the gate and the apply to the request's page, also where Airflow lives
    below a path.
    """
    meanwhile(lambda request: decide(store, request))
    run = run_collection(PEOPLE, AFTER)
    page = f"/plugin/dirsync/dirsync/requests/{the_request(store, run).request.id}"
    for task in ("people", "people.approval", "people.apply"):
        assert xcom(run, task, "_link_RequestLink") == page
    assert xcom(run, "after", "_link_RequestLink") == ""

    from directory_sync.airflow.request_link import request_path

    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.corp.example/prod/")
    assert request_path(7) == "/prod/plugin/dirsync/prod/dirsync/requests/7"


def test_a_denial_writes_nothing_and_is_no_failure(
    run_collection: RunCollection,
    store: Store,
    data: Path,
    meanwhile: Callable[..., None],
    task_log: Callable[[], str],
) -> None:
    """The gate says who and why, in harmless characters; the job counts as denied, and the run as
    successful.
    """
    reason = "Not <b>now</b>\x1b[31m\u202e ask \N{WHITE SMILING FACE}"
    meanwhile(lambda request: decide(store, request, approve=False, reason=reason))
    run = run_collection(PEOPLE, AFTER)
    states = task_states(run)
    assert (states["people.approval"], states["people.apply"], states["after"]) == (
        "skipped",
        "skipped",
        "success",
    )
    assert str(run.state) == "success"
    assert not (data / "out.csv").exists()
    assert (xcom(run, "_close")["state"], xcom(run, "_close")["jobs"]["people"]) == ("denied", "denied")
    text = task_log()
    number = the_request(store, run).request.id
    assert f"Waiting for the decision on request {number} (2 changes). Asked: user bea." in text
    assert "Whether they exist and can see this collection in Airflow, the request's page says: " in text
    assert f"Request {number} was denied by bea on" in text
    assert "Not <b>now</b>" in text
    assert "\u202e" not in text
    assert "\x1b[31m\u202e" not in text


def test_time_ends_a_request_even_if_nobody_sweeps(
    run_collection: RunCollection, store: Store, data: Path
) -> None:
    """A request whose time is over cannot be decided; its gate says so itself and goes on."""
    run = run_collection({**PEOPLE, "approval": {**PEOPLE["approval"], "expires": "1s"}})  # type: ignore[dict-item]
    assert the_request(store, run).request.state == "expired"
    assert task_states(run)["people.apply"] == "skipped"
    assert not (data / "out.csv").exists()


def test_a_gate_that_waits_sends_mail_that_is_due(
    run_collection: RunCollection,
    store: Store,
    meanwhile: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """About its request: who is asked in place of others hears of it at once, not with the next task that
    happens to run.
    """
    with SmtpServer() as server:
        smtp = {
            "conn_type": "smtp",
            "host": "127.0.0.1",
            "port": server.port,
            "extra": {"disable_ssl": True, "disable_tls": True},
        }
        monkeypatch.setenv("AIRFLOW_CONN_MAIL", json.dumps(smtp))
        settings = {
            "mail_connection": "mail",
            "mail_from": "sync@corp.example",
            "mail_domain": "corp.example",
        }
        for name, value in settings.items():
            monkeypatch.setenv(f"AIRFLOW__DIRECTORY_SYNC__{name.upper()}", value)

        def reached(address: str) -> bool:
            deadline = time.monotonic() + 30
            while (
                not (there := any(address in mail.to for mail in server.received))
                and time.monotonic() < deadline
            ):
                time.sleep(0.05)
            return there

        seen: list[bool] = []

        def reroute_and_decide(request: int) -> None:
            seen.append(reached("bea@corp.example"))
            store.decisions.reroute(request, "bea", [Approver("user", "zoe")], roles=[], verified=True)
            seen.append(reached("zoe@corp.example"))
            decide(store, request, "zoe")

        meanwhile(reroute_and_decide)
        run = run_collection(PEOPLE)
    assert seen == [True, True]
    assert task_states(run)["people.apply"] == "success"


def test_no_mail_and_no_look_up_holds_up_an_approved_write(
    run_collection: RunCollection,
    store: Store,
    data: Path,
    meanwhile: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With a people directory and a mail server that hang, the write comes as soon as it is approved, and
    mail after it.
    """
    with (
        socket.create_server(("127.0.0.1", 0)) as directory,
        socket.create_server(("127.0.0.1", 0)) as server,
    ):
        ldap: dict[str, Any] = {
            "conn_type": "ldap",
            "host": "127.0.0.1",
            "port": directory.getsockname()[1],
            "extra": {"security": "none"},
        }
        smtp: dict[str, Any] = {"conn_type": "smtp", "host": "127.0.0.1", "port": server.getsockname()[1]}
        monkeypatch.setenv("AIRFLOW_CONN_CORP", json.dumps(ldap))
        monkeypatch.setenv(
            "AIRFLOW_CONN_MAIL",
            json.dumps({**smtp, "extra": {"disable_ssl": True, "timeout": 3, "retry_limit": 1}}),
        )
        settings = {
            "mail_connection": "mail",
            "mail_from": "sync@corp.example",
            "people_connection": "corp",
            "people_base": "ou=people,dc=example,dc=org",
            "role_addresses": "Heads=heads@corp.example",
        }
        for name, value in settings.items():
            monkeypatch.setenv(f"AIRFLOW__DIRECTORY_SYNC__{name.upper()}", value)
        times: dict[str, float] = {}

        def approve(request: int) -> None:
            times["approved"] = time.monotonic()
            decide(store, request)
            while not (data / "out.csv").exists() and time.monotonic() - times["approved"] < 60:
                time.sleep(0.05)
            times["written"] = time.monotonic()

        meanwhile(approve)
        run = run_collection(
            {**PEOPLE, "approval": {"approvers": {"users": ["bea", "zoe", "max"], "roles": ["Heads"]}}}
        )
    assert task_states(run)["people.apply"] == "success"
    assert times["written"] - times["approved"] < 5


# -- none of this run ----------------------------------------------------------------------------------------


def test_a_run_that_needs_no_approval_waits_for_none(
    run_collection: RunCollection, store: Store, data: Path
) -> None:
    """Nothing to change, a preview, or another kind of run: the gate is skipped, and so is the apply."""
    (data / "out.csv").write_text("id,name\n1,Fry\n2,Leela\n", encoding="utf-8")
    assert task_states(run_collection(PEOPLE))["people.apply"] == "skipped"
    (data / "out.csv").unlink()
    run = run_collection(PEOPLE, preview_only=True)
    assert task_states(run)["people.approval"] == "skipped"
    assert xcom(run, "people")["state"] == "previewed"
    assert store.requests.count() == 0
    assert not (data / "out.csv").exists()


@pytest.mark.parametrize("waits", [False, True])
def test_a_later_run_refers_to_the_pending_request_and_ends(
    run_collection: RunCollection, store: Store, data: Path, waits: bool
) -> None:
    """A run that plans the same files nothing and waits for nothing; what has to wait for the job is left to
    the first run.
    """
    from directory_sync.airflow.deployment import deployment
    from directory_sync.run.job import run_job

    collection = Collection.model_validate(
        {"name": "corp", "jobs": [{**PEOPLE, "wait_for_approval": waits}, AFTER]}
    )
    first = store.runs.start(collection, "first", trigger="manual", requester="ida", verified=True)
    asked = run_job(first, collection.jobs[0], deployment=deployment(), store=store, holder="the test")
    run = run_collection(
        *(job.model_dump(mode="json", by_alias=True, exclude_unset=True) for job in collection.jobs)
    )
    states = task_states(run)
    assert (states["people"], states["people.approval"], states["after"]) == (
        "success",
        "skipped",
        "skipped" if waits else "success",
    )
    assert xcom(run, "people")["request"] == asked.request
    assert xcom(run, "_close")["state"] == "waiting"
    assert store.requests.count() == 1
    assert store.requests.pending("corp", "people") is not None
    assert not (data / "out.csv").exists()


def test_the_schedule_refers_to_a_denial_and_ends_as_denied(
    run_collection: RunCollection,
    store: Store,
    data: Path,
    meanwhile: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    task_log: Callable[[], str],
) -> None:
    """Task log, XCom, the closed run and its state say the same; the jobs after it run, and no one is asked
    again.
    """
    from directory_sync.airflow import collection_task

    identity = collection_task.run_identity

    def scheduled(context: Any) -> Any:
        return replace(identity(context), trigger="scheduled", requester="schedule", triggering_user=None)

    monkeypatch.setattr(collection_task, "run_identity", scheduled)
    meanwhile(lambda request: decide(store, request, approve=False, reason="Not before Monday."))
    denied = the_request(store, run_collection(PEOPLE, AFTER)).request
    (data / "after.csv").unlink()
    run = run_collection(PEOPLE, AFTER)
    states = task_states(run)
    assert (states["people"], states["people.approval"], states["people.apply"]) == (
        "success",
        "skipped",
        "skipped",
    )
    assert (xcom(run, "people")["state"], xcom(run, "people")["request"]) == ("denied", denied.id)
    assert (xcom(run, "_close")["state"], xcom(run, "_close")["jobs"]) == (
        "denied",
        {"people": "denied", "after": "success"},
    )
    assert xcom(run, "_close")["statistics"]["created"] == 2, "those of the other job"
    assert (str(run.state), store.requests.count(), (data / "out.csv").exists()) == ("success", 1, False)
    assert (data / "after.csv").exists()
    text = task_log()
    assert f"denied by bea: request {denied.id} of run {denied.run_id}. Nothing was filed or written." in text
    assert "Would create" in text
    assert "Job people: denied." in text


# -- by hand -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["pending", "denied", "cancelled", "gone"])
def test_a_gate_that_was_marked_by_hand_lets_nothing_be_written(
    run_collection: RunCollection,
    store: Store,
    data: Path,
    monkeypatch: pytest.MonkeyPatch,
    task_log: Callable[[], str],
    state: str,
) -> None:
    """Whatever state the gate shows, without a recorded approval of that very plan the apply fails and says
    why.
    """
    from directory_sync.airflow.gate import ApprovalSensor

    def marked(self: ApprovalSensor, context: Any) -> dict[str, int]:
        request = store.requests.pending("corp", "people")
        assert request is not None
        if state == "denied":
            decide(store, request.id, approve=False)
        if state in {"cancelled", "gone"}:
            store.decisions.cancel(request.id, "ida")
        if state == "gone":
            store.request_upkeep.delete(timedelta(0), ["cancelled"])
        return {"request": request.id}

    monkeypatch.setattr(ApprovalSensor, "execute", marked)
    run = run_collection(PEOPLE)
    assert not (data / "out.csv").exists()
    text = task_log()
    assert "Nothing was written" in text
    if state == "cancelled":  # as when it is withdrawn between approval and write: nothing has failed
        assert (task_states(run)["people.apply"], str(run.state)) == ("skipped", "success")
        return
    assert (task_states(run)["people.apply"], str(run.state)) == ("failed", "failed")
    assert "marked" in text
    assert ("has filed no request" if state == "gone" else f"is {state}, not approved") in text
    (recorded,) = store.runs.recent("corp")
    assert recorded.state == "failed"


def test_what_needs_approval_now_is_not_written_where_nothing_waits(
    run_collection: RunCollection, data: Path, monkeypatch: pytest.MonkeyPatch, task_log: Callable[[], str]
) -> None:
    """A deployment whose minimum came after the file was parsed: the job fails instead of writing or of
    waiting for ever.
    """
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__APPROVAL_MINIMUM", "{approvers: {roles: [Admin]}}")
    run = run_collection(AFTER)
    assert task_states(run)["after"] == "failed"
    assert not (data / "after.csv").exists()
    assert "Start a new run" in task_log()


def test_a_worker_that_does_not_know_the_policy_writes_nothing(
    run_dag: Callable[..., DagRun], data: Path, monkeypatch: pytest.MonkeyPatch, task_log: Callable[[], str]
) -> None:
    """The DAG processor has the setting `approval_minimum`, a worker was set up without it: that is no way
    past approval.
    """
    from directory_sync.airflow.dag_factory import build_dag
    from directory_sync.settings.minimum import parse_minimum

    monkeypatch.delenv("AIRFLOW__DIRECTORY_SYNC__APPROVAL_MINIMUM", raising=False)
    collection = Collection.model_validate({"name": "corp", "jobs": [AFTER]})
    run = run_dag(build_dag(collection, minimum=parse_minimum("{approvers: {roles: [Admin]}}")))
    assert task_states(run)["after"] == "failed"
    assert not (data / "after.csv").exists()
    assert "approval_minimum" in task_log()


def test_a_busy_destination_is_waited_for_after_the_approval_too(
    run_collection: RunCollection,
    store: Store,
    data: Path,
    meanwhile: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The apply takes the lease like any job: it waits without a worker slot, and then writes what was
    approved.
    """
    from directory_sync.airflow import collection_task
    from directory_sync.run import approved

    monkeypatch.setattr(collection_task, "FIRST_PAUSE", 0.2)
    tries, apply = [], approved.apply_approved

    def busy_at_first(*args: Any, **options: Any) -> Any:
        tries.append(1)
        if len(tries) == 1:
            raise LeaseError("Collection other, job theirs, works there.")
        return apply(*args, **options)

    monkeypatch.setattr(approved, "apply_approved", busy_at_first)
    meanwhile(lambda request: decide(store, request))
    run = run_collection(PEOPLE)
    assert task_states(run)["people.apply"] == "success"
    assert len(tries) == 2
    assert (data / "out.csv").exists()


def test_a_gate_tries_again_while_the_store_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """An outage is no decision: Airflow tries the gate again, for more than half a day."""
    from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

    from directory_sync.airflow.dag_factory import build_dag
    from directory_sync.airflow.gate import ApprovalSensor

    def broken(url: str) -> Store:
        raise StoreError("store postgresql://…: the server does not answer.")

    monkeypatch.setattr(Store, "open", broken)
    gate = build_dag(Collection.model_validate({"name": "corp", "jobs": [PEOPLE]})).get_task(
        "people.approval"
    )
    assert isinstance(gate, ApprovalSensor)
    with pytest.raises(AirflowException, match="does not answer") as caught:
        instance, run = (
            SimpleNamespace(dag_id="corp", run_id="one", task_id="people.approval"),
            SimpleNamespace(conf={}),
        )
        gate.execute({"ti": instance, "dag_run": run, "params": {"preview_only": False}})  # type: ignore[typeddict-item]
    assert not isinstance(caught.value, AirflowFailException | AirflowSkipException)
    assert gate.retries * gate.max_retry_delay.total_seconds() > 12 * 3600


# -- chosen jobs ---------------------------------------------------------------------------------------------


def test_only_the_chosen_jobs_run(run_collection: RunCollection, store: Store, data: Path) -> None:
    """The others end at once as successful, so that order and failure actions are as ever, and are shown as
    left out.
    """
    run = run_collection(PEOPLE, AFTER, jobs=["after"])
    assert task_states(run) == {
        "people": "success",
        "people.ok": "success",
        "people.approval": "skipped",
        "people.apply": "skipped",
        "after": "success",
        "_close": "success",
    }
    assert xcom(run, "people") == {"state": "not_in_this_run"}
    assert xcom(run, "_close")["jobs"] == {"people": "not_in_this_run", "after": "success"}
    assert xcom(run, "_close")["state"] == "success"
    assert store.requests.count() == 0
    assert [path.name for path in data.iterdir() if path.name != "in.csv"] == ["after.csv"]


def test_a_mistyped_job_fails_the_run_before_anything_is_done(
    run_collection: RunCollection, data: Path, task_log: Callable[[], str]
) -> None:
    """A run that silently did nothing would pass for a good one."""
    run = run_collection(
        {**AFTER, "name": "before", "on_failure": "continue"}, AFTER, jobs=["after", "peeple"]
    )
    assert task_states(run)["before"] == "failed"
    assert task_states(run)["after"] == "failed"
    assert str(run.state) == "failed"
    assert "'peeple', but the jobs of collection corp are: before, after" in task_log()
    assert [path.name for path in data.iterdir()] == ["in.csv"]


# -- the trigger ---------------------------------------------------------------------------------------------


@pytest.fixture
def waiting(store: Store, data: Path) -> GateTrigger:
    """The trigger of a gate that waits for a pending request."""
    from directory_sync.airflow.deployment import deployment
    from directory_sync.airflow.gate_trigger import GateTrigger
    from directory_sync.run.job import run_job

    assert data.is_dir()
    collection = Collection.model_validate({"name": "corp", "jobs": [PEOPLE]})
    run = store.runs.start(collection, "one", trigger="manual", requester="ida", verified=True)
    result = run_job(run, collection.jobs[0], deployment=deployment(), store=store, holder="the test")
    assert result.request is not None
    return GateTrigger(result.request, "corp", "one", "people.approval")


def kill(trigger: GateTrigger, monkeypatch: pytest.MonkeyPatch, answer: Callable[[], Any]) -> None:
    """Let Airflow call `on_kill`, and answer when it asks for the task's state."""
    import asyncio

    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    def get_task_states(dag_id: str, *, task_ids: list[str], run_ids: list[str]) -> Any:
        assert (dag_id, task_ids, run_ids) == ("corp", ["people.approval"], ["one"])
        return answer()

    monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", staticmethod(get_task_states))
    asyncio.run(trigger.on_kill())


def test_the_trigger_survives_the_triggerer(waiting: GateTrigger, store: Store, store_url: str) -> None:
    """It is stored and made anew from numbers and names; no address and no secret is among them."""
    import asyncio

    from airflow.sdk.module_loading import import_string

    path, arguments = waiting.serialize()
    assert set(arguments) == {"request", "dag_id", "run_id", "task_id"}
    assert store_url not in json.dumps(arguments)
    trigger = import_string(path)(**arguments)
    decide(store, waiting.request)

    async def first() -> Any:
        return await anext(trigger.run())

    assert asyncio.run(first()).payload == {"request": waiting.request, "state": "approved"}


@pytest.mark.parametrize("state", ["failed", "success", "skipped", "removed"])
def test_a_gate_that_is_ended_by_hand_withdraws_its_request(
    waiting: GateTrigger, store: Store, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    """Nothing would carry out what somebody approves later; the history says what has happened."""
    kill(waiting, monkeypatch, lambda: {"one": {"people.approval": state}})
    view = store.requests.get(waiting.request)
    assert view.request.state == "cancelled"
    assert view.events[-1].text == f"The task that waited for it was marked {state} in Airflow."
    assert [result.state for result in store.runs.job_results("corp", "one")] == ["cancelled"]


@pytest.mark.parametrize(
    "answer",
    [
        lambda: {"one": {"people.approval": None}},
        lambda: {"one": {"people.approval": "queued"}},
        lambda: {"one": {"people.approval": "deferred"}},
        dict,
        lambda: 1 / 0,
    ],
    ids=["cleared", "cleared and begun", "taken over by another triggerer", "deleted", "no answer"],
)
def test_a_gate_that_waits_on_keeps_its_request(
    waiting: GateTrigger, store: Store, monkeypatch: pytest.MonkeyPatch, answer: Callable[[], Any]
) -> None:
    """A cleared gate looks again, another triggerer goes on, and what cannot be told now the upkeep tells."""
    kill(waiting, monkeypatch, answer)
    assert store.requests.get(waiting.request).request.state == "pending"


def test_a_decision_before_the_kill_stands(
    waiting: GateTrigger, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two that come at the same moment the first one counts."""
    decide(store, waiting.request)
    kill(waiting, monkeypatch, lambda: {"one": {"people.approval": "failed"}})
    assert store.requests.get(waiting.request).request.state == "approved"
