"""Mail about runs, from real tasks in runs of a DAG, to a real server on this machine."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk import TriggerRule

from directory_sync.airflow import task_ids
from directory_sync.definition.models import Collection
from directory_sync.store.store import Store
from tests.airflow.dag_runs import task_states
from tests.scenarios.mail import text_of
from tests.scenarios.requests import decide
from tests.scenarios.smtp import Received, SmtpServer

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

FIRST = {
    "name": "first",
    "source": {"file": "in.csv"},
    "destination": {"file": "first.csv"},
    "object": "row",
    "fields": {"id": {"from": "id", "key": True}, "name": "name"},
}
PEOPLE = {
    **FIRST,
    "name": "people",
    "destination": {"file": "out.csv"},
    "approval": {"approvers": {"users": ["bea"]}},
}
IT = "it@corp.example"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SmtpServer]:
    """A mail server that the deployment names."""
    with SmtpServer() as server:
        plain = {"disable_ssl": True, "disable_tls": True, "timeout": 5, "retry_limit": 1}
        connection = {"conn_type": "smtp", "host": "127.0.0.1", "port": server.port, "extra": plain}
        monkeypatch.setenv("AIRFLOW_CONN_MAIL", json.dumps(connection))
        monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://af.example/airflow")
        given = {
            "mail_connection": "mail",
            "mail_from": "sync@corp.example",
            "mail_domain": "corp.example",
            "gate_poll_interval": "0.1",
        }
        for name, value in given.items():
            monkeypatch.setenv(f"AIRFLOW__DIRECTORY_SYNC__{name.upper()}", value)
        yield server


@pytest.fixture
def run_telling(run_dag: Callable[..., DagRun], data: Path) -> Callable[..., DagRun]:
    """Run a collection that tells of its runs."""

    def run(*jobs: dict[str, Any], when: str = "always", to: tuple[Any, ...] = (IT,), **conf: Any) -> DagRun:
        from directory_sync.airflow.dag_factory import build_dag

        assert data.is_dir()
        given = {"name": "corp", "owners": ["ida"], "jobs": list(jobs)}
        told = {**given, "notifications": {"when": when, "to": list(to)}}
        dag = build_dag(Collection.model_validate(told))
        if task_ids.REPORT in dag.task_dict:
            # `DAG.test` stays in a gate that waits: there is no other worker.
            gate = dag.get_task(task_ids.approval_of("people"))
            gate.trigger_rule = TriggerRule.ALL_DONE
            dag.get_task(task_ids.REPORT) >> gate
        return run_dag(dag, **conf)

    return run


def sent(server: SmtpServer, to: str = IT) -> list[Received]:
    """What came for one address."""
    return [mail for mail in server.received if mail.to == (to,)]


def test_a_run_is_told_to_all_that_the_definition_names(
    run_telling: Callable[..., DagRun], server: SmtpServer
) -> None:
    """Once each, by the task that closes the run, with links into Airflow; no task is there to tell more."""
    run = run_telling(FIRST, to=(IT, "owners"))
    assert task_states(run) == {"first": "success", "_close": "success"}
    assert sorted(mail.to for mail in server.received) == [("ida@corp.example",), (IT,)]
    message = sent(server)[0].message
    assert message["Subject"] == "Succeeded: corp: 2 creations"
    for kind in ("plain", "html"):
        body = text_of(message, kind)
        assert "https://af.example/airflow/dags/corp/runs/" in body
        assert "/plugin/dirsync_run" in body


def test_what_waits_is_told_and_then_the_end(
    run_telling: Callable[..., DagRun], server: SmtpServer, store: Store, data: Path
) -> None:
    """The first mail comes while the request waits; the second when it is applied; both of one thread."""
    seen: list[list[str]] = []

    def approve() -> None:
        deadline = time.monotonic() + 60
        while not sent(server) and time.monotonic() < deadline:
            time.sleep(0.05)
        seen.append([mail.message["Subject"] for mail in sent(server)])
        pending = store.requests.pending("corp", "people")
        assert pending is not None
        decide(store, pending.id)

    thread = threading.Thread(target=approve)
    thread.start()
    run = run_telling(FIRST, PEOPLE)
    thread.join()
    states = task_states(run)
    assert (states["_report"], states["people.apply"], states["_close"]) == ("success", "success", "success")
    assert seen == [["Waiting for approval: corp: 2 creations"]]
    first, second = (mail.message for mail in sent(server))
    assert second["Subject"] == "Succeeded: corp: 4 creations"
    assert first["References"] == second["References"]
    assert "/tasks/people.apply" not in text_of(second)  # nothing went wrong there
    assert (data / "out.csv").exists()


def test_a_failure_is_told_with_its_log(
    run_telling: Callable[..., DagRun], server: SmtpServer, data: Path
) -> None:
    """The run's state, the mail and its links agree."""
    (data / "in.csv").unlink()
    run = run_telling(FIRST, when="failure")
    assert str(run.state) == "failed"
    [mail] = sent(server)
    assert mail.message["Subject"] == "Failed: corp (1 of 1 jobs failed)"
    text = text_of(mail.message)
    assert "in.csv" in text
    assert f"/dags/corp/runs/{run.run_id}/tasks/first" in text


def test_previews_and_quiet_runs_send_nothing(run_telling: Callable[..., DagRun], server: SmtpServer) -> None:
    """A preview under `always`, and a run that changes nothing under `records_updated`."""
    run_telling(FIRST, preview_only=True)
    assert server.received == []
    run_telling(FIRST, when="records_updated")
    assert len(sent(server)) == 1, "it has changed something"
    run_telling(FIRST, when="records_updated")
    assert len(sent(server)) == 1


def test_a_disabled_job_is_no_failure(run_telling: Callable[..., DagRun], server: SmtpServer) -> None:
    """It is not in the run, and the mail does not name it."""
    run = run_telling(FIRST, {**PEOPLE, "enabled": False})
    assert str(run.state) == "success"
    [mail] = sent(server)
    assert "people" not in text_of(mail.message)
