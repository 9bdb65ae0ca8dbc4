"""The log of a run's tasks, as Airflow keeps it in files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from airflow.sdk import DAG

from directory_sync.definition.models import Collection

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

JOB = {
    "name": "people",
    "source": {"file": "in.csv"},
    "destination": {"file": "out.csv"},
    "object": "row",
    "fields": {"id": {"from": "id", "key": True}},
}


@pytest.fixture
def run(run_dag: Callable[..., DagRun], store_url: str, tmp_path: Path) -> DagRun:
    """A run that has ended, with a log of its job's task."""
    from airflow.utils.log.file_task_handler import FileTaskHandler

    from directory_sync.airflow.dag_factory import build_dag

    assert store_url
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "in.csv").write_text("id\n1\n", encoding="utf-8")
    dag: DAG = build_dag(Collection.model_validate({"name": "logged", "jobs": [JOB]}))
    run = run_dag(dag)
    (task,) = (each for each in run.get_task_instances() if each.task_id == "people")
    handler = FileTaskHandler(str(_folder()))
    file = _folder() / handler._render_filename(task, task.try_number)
    file.parent.mkdir(parents=True, exist_ok=True)
    trouble = [{"exc_type": "ValueError", "exc_value": "no <b>", "frames": []}]
    lines = [
        {"timestamp": "2026-11-30T08:00:00Z", "level": "info", "event": "Created uid=1", "logger": "x"},
        {"timestamp": "2026-11-30T08:00:01Z", "level": "error", "event": "It broke", "error_detail": trouble},
    ]
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    return run


def _folder() -> Path:
    from airflow.configuration import conf

    return Path(conf.get_mandatory_value("logging", "base_log_folder"))


def test_tasks_and_their_lines(run: DagRun) -> None:
    """Each task with its tries, each line with level and time; what an exception said is a line, too."""
    from directory_sync.portal.airflow_logs import read_log, tasks_of

    tasks = {task.task_id: task for task in tasks_of("logged", run.run_id)}
    assert set(tasks) == {"people", "_close"}
    assert (tasks["people"].state, tasks["people"].tries) == ("success", 1)
    lines = read_log("logged", run.run_id, "people", 1, most=100)
    told = [(line.level, line.text) for line in lines if line.level]
    assert told == [("info", "Created uid=1"), ("error", "It broke"), ("error", "ValueError: no <b>")]
    assert not [line for line in lines if "::group::" in line.text]
    assert all(line.at is not None for line in lines if line.level)
    assert len(read_log("logged", run.run_id, "people", 1, most=1)) == 1


def test_what_is_not_there_has_no_lines(run: DagRun) -> None:
    """Another run, task or try."""
    from directory_sync.portal.airflow_logs import read_log, tasks_of

    assert tasks_of("logged", "another") == ()
    assert read_log("logged", run.run_id, "nothing", 1, most=9) == []
    assert read_log("logged", run.run_id, "people", 7, most=9) == []
