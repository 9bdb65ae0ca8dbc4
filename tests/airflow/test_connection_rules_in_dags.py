"""A collection that breaks a rule of the deployment's connections is shown as broken, and runs nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from directory_sync.definition.documents import read_document
from directory_sync.definition.loading import load
from directory_sync.store.store import Store
from tests.airflow.dag_runs import task_states

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from airflow.sdk import DAG

JOB = {
    "name": "people",
    "source": {"file": "in.csv"},
    "destination": {"file": "out.csv"},
    "object": "row",
    "fields": {"id": {"from": "id", "key": True}, "Phone": "phone"},
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Definitions, and rules by which one of them is broken."""
    definitions = tmp_path / "collections"
    definitions.mkdir()
    for name, job in (("bad", JOB), ("good", {**JOB, "fields": {"id": JOB["fields"]["id"]}})):  # type: ignore[index]
        (definitions / f"{name}.yaml").write_text(yaml.safe_dump({"name": name, "jobs": [job]}))
    (tmp_path / "rules.yaml").write_text("data_folder: {destination: {never_write: [PHONE]}}\n")
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__CONNECTION_RULES", str(tmp_path / "rules.yaml"))
    return definitions


def build(folder: Path) -> dict[str, DAG]:
    from directory_sync.airflow.dag_factory import build_dags

    return build_dags(folder)


def test_a_broken_rule_makes_a_broken_dag(folder: Path) -> None:
    """It names file, line and rule, and takes no other collection away."""
    dags = build(folder)
    assert set(dags) == {"bad", "good"}
    assert dags["bad"].tags == {"broken definition"}
    assert "bad.yaml:5: " in str(dags["bad"].doc_md)
    assert "fields.Phone: by the rules of the deployment, no job writes Phone" in str(dags["bad"].doc_md)
    assert sorted(dags["good"].task_ids) == ["_close", "people"]


def test_rules_that_cannot_be_read_break_every_dag(folder: Path) -> None:
    """Each says which file, and at which line."""
    rules = folder.parent / "rules.yaml"
    rules.write_text("connections:\n  lab: 7\n")
    for dag in build(folder).values():
        assert dag.tags == {"broken definition"}
        assert "rules.yaml:2: connections.lab" in str(dag.doc_md)


def test_rules_where_jobs_write_break_every_dag(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job could replace them."""
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__DATA_FOLDER", str(folder.parent))
    for dag in build(folder).values():
        assert dag.tags == {"broken definition"}
        assert "connection_rules is" in str(dag.doc_md).replace("\\", "")


@pytest.mark.parametrize(
    ("task", "tasks"),
    [("people", ["_close", "people"]), ("definition_is_broken", ["definition_is_broken"])],
)
def test_a_task_finds_itself(
    folder: Path, monkeypatch: pytest.MonkeyPatch, task: str, tasks: list[str]
) -> None:
    """One of a run that had begun before the rule came fails with the rule, not because Airflow misses it;
    so does the task of the DAG that stands in.
    """
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "bad")
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_TASK_ID", task)
    assert sorted(build(folder)["bad"].task_ids) == tasks


def test_a_run_that_has_begun_fails_with_the_rule(
    folder: Path, tmp_path: Path, run_dag: Callable[..., DagRun], store_url: str
) -> None:
    """Its task reads nothing, not even whether there is a file, and its failure is the run's."""
    from directory_sync.airflow.dag_factory import build_dag

    run = run_dag(build_dag(load(read_document(folder / "bad.yaml")).collection))
    assert (str(run.state), task_states(run)["people"]) == ("failed", "failed")
    with Store.open(store_url) as store:
        (result,) = store.runs.job_results("bad", run.run_id)
    assert "jobs[0].fields.Phone: by the rules of the deployment" in result.message
    assert not (tmp_path / "data").exists()


def test_a_saved_collection_is_judged_by_the_roles_of_its_author(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As its file in the bundle gives them; a task leaves the judgement to the store."""
    from directory_sync.airflow.stub import load as load_saved

    (folder.parent / "rules.yaml").write_text(
        "data_folder: {source: {roles: [Editors]}, destination: {roles: [Editors]}}\n"
    )
    text = f"\n{(folder / 'good.yaml').read_text()}\n"
    refused, allowed = (load_saved("good", 1, text, roles) for roles in (["Viewers"], ["Editors"]))
    assert refused.tags == {"broken definition"}
    assert "saved:good" in str(refused.doc_md)
    assert "only those with one of these roles may: Editors" in str(refused.doc_md)
    assert allowed.tags == set()
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "good")
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_TASK_ID", "people")
    assert "people" in load_saved("good", 1, text, ["Viewers"]).task_ids
