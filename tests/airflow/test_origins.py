"""Where a run's definition comes from, and what the newest saved version makes of a run that began before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from directory_sync.approval.people import Person
from directory_sync.errors import CollectionInUse
from directory_sync.requests import decisions
from directory_sync.store import saved_collections
from directory_sync.store.collection_names import SAVED, Origin
from directory_sync.store.request_model import RequestFilter
from directory_sync.store.store import Store
from tests.airflow.dag_runs import task_states
from tests.scenarios.requests import decide

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from airflow.sdk import DAG

IDA = Person("ida", frozenset(), verified=True)


def definition(**more: str) -> str:
    """A collection that makes one file of another."""
    keys = "".join(f"    {key}: {value}\n" for key, value in more.items())
    return f"""name: crew
jobs:
  - name: people
    source: {{file: in.csv}}
    destination: {{file: out.csv}}
    object: row
    fields: {{id: {{from: id, key: true}}, name: name}}
{keys}"""


def save(store: Store, text: str) -> int:
    """Save as the next version; its number."""
    newest = store.collections.get("crew")
    return store.collections.save("crew", text, expected=newest.number if newest else 0, by=IDA).number


def from_store(store: Store, number: int | None = None) -> DAG:
    """The DAG of a version, the newest if none is given, as a worker loads it."""
    from directory_sync.airflow.stub import load

    found = store.collections.get("crew") if number is None else store.collections.version("crew", number)
    assert found is not None
    return load("crew", found.number, f"\n{found.text}\n", roles=found.roles)


def from_file(folder: Path, name: str = "crew.yaml", text: str | None = None) -> DAG:
    """The DAG of a file in a folder that holds nothing else."""
    from directory_sync.airflow.dag_factory import build_dags

    folder.mkdir()
    (folder / name).write_text(text or definition(), encoding="utf-8")
    return build_dags(folder)["crew"]


def run_id(run: DagRun) -> str:
    """Airflow's id."""
    return str(run.run_id)


def test_a_run_says_which_version_it_goes_by(
    run_dag: Callable[..., DagRun], store: Store, data: Path
) -> None:
    """The store keeps origin and number, and the name is the saved collection's from then on."""
    save(store, definition())
    save(store, definition(on_failure="continue"))
    run = run_dag(from_store(store, 1))
    assert str(run.state) == "success"
    snapshot = store.runs.find("crew", run_id(run))
    assert snapshot is not None
    assert (snapshot.origin, snapshot.version, snapshot.came_from) == ("saved:crew", "1", SAVED)
    assert (data / "out.csv").read_text(encoding="utf-8").splitlines()[1:] == ["1,Fry", "2,Leela"]


def test_a_file_takes_its_name_with_its_first_run(
    run_dag: Callable[..., DagRun], store: Store, data: Path, tmp_path: Path
) -> None:
    """The same file in another folder is the same: a git bundle has one for each version."""
    assert data.is_dir()
    assert str(run_dag(from_file(tmp_path / "one")).state) == "success"
    assert store.collections.origin("crew") == Origin("crew.yaml")
    assert str(run_dag(from_file(tmp_path / "two")).state) == "success"


@pytest.mark.parametrize("first", ["saved", "file"])
def test_a_run_from_elsewhere_fails_before_it_reads(
    run_dag: Callable[..., DagRun],
    store: Store,
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    first: str,
) -> None:
    """It names both origins and the remedy, leaves no record, and writes nothing."""
    if first == "saved":
        save(store, definition())
        other, both = from_file(tmp_path / "one"), ("the collection saved in the store", "the file crew.yaml")
    else:
        store.collections.claim_origin("crew", Origin("crew.yaml"))
        other, both = from_file(tmp_path / "one", "other.yaml"), ("the file crew.yaml", "the file other.yaml")
    (data / "in.csv").unlink()  # to read it would be another error
    run = run_dag(other)
    assert str(run.state) == "failed"
    said = capsys.readouterr().out
    assert f"comes from {both[0]}, and this definition from {both[1]}. Nothing was read or written." in said
    assert store.runs.find("crew", run_id(run)) is None
    assert store.earlier_runs.newest_of_airflow("crew") is None
    assert not (data / "out.csv").exists()


def test_a_deleted_collection_does_nothing_more(
    run_dag: Callable[..., DagRun], store: Store, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A task that begins after the deletion reads and writes nothing."""
    save(store, definition())
    dag = from_store(store)
    store.collections.delete("crew", expected=1, by=IDA)
    assert str(run_dag(dag).state) == "failed"
    assert "has no collection crew" in capsys.readouterr().out
    assert not (data / "out.csv").exists()


@pytest.mark.parametrize("why", ["made_again", "restored"])
def test_a_run_needs_the_very_text_that_the_store_has(
    run_dag: Callable[..., DagRun], store: Store, data: Path, capsys: pytest.CaptureFixture[str], why: str
) -> None:
    """Name and number are those of another definition since: of one that another person has saved with other
    rights, or in a store that was restored from a backup.
    """
    save(store, definition())
    if why == "made_again":
        dag, number = from_store(store), 1
        store.collections.delete("crew", expected=1, by=IDA)
    else:
        dag, number = _of_a_lost_version(definition(missing_at_source="delete")), 2
    save(store, definition(on_failure="continue"))
    run = run_dag(dag)
    assert str(run.state) == "failed"
    said = " ".join(capsys.readouterr().out.split())
    assert f"is not version {number} in the store" in said
    assert store.runs.find("crew", run_id(run)) is None
    assert not (data / "out.csv").exists()
    assert str(run_dag(from_store(store)).state) == "success"


def _of_a_lost_version(text: str) -> DAG:
    """The DAG of a second version that the store does not have any more."""
    from directory_sync.airflow.stub import load

    return load("crew", 2, f"\n{text}\n", roles=())


def test_nothing_is_applied_after_the_deletion(
    run_dag: Callable[..., DagRun],
    store: Store,
    data: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Deleting looks for what is under way. If a version of this package did not, its plan is not applied."""
    save(store, definition(approval="{approvers: {users: [bob]}}"))
    dag: Any = from_store(store)

    def approve_and_delete(context: object) -> None:
        del context
        (request,) = store.requests.all(RequestFilter(collections=("crew",))).requests
        decide(store, request.id)
        with pytest.raises(CollectionInUse):
            store.collections.delete("crew", expected=1, by=IDA)
        monkeypatch.setattr(saved_collections, "require_nothing_under_way", lambda *_: None)
        store.collections.delete("crew", expected=1, by=IDA)

    dag.get_task("people.approval").execute = approve_and_delete
    assert task_states(run_dag(dag))["people.apply"] == "failed"
    assert "has no collection crew" in capsys.readouterr().out
    assert not (data / "out.csv").exists()


def test_a_released_name_goes_to_the_next_run(
    run_dag: Callable[..., DagRun], store: Store, data: Path, tmp_path: Path
) -> None:
    """As after a file was renamed."""
    assert data.is_dir()
    store.collections.claim_origin("crew", Origin("old.yaml"))
    assert store.collections.release_name("crew") == Origin("old.yaml")
    assert str(run_dag(from_file(tmp_path / "one")).state) == "success"
    assert store.collections.origin("crew") == Origin("crew.yaml")


def test_a_stricter_newest_version_counts(run_dag: Callable[..., DagRun], store: Store, data: Path) -> None:
    """A run that keeps the version that it began with gets past neither a policy nor a limit that was saved
    since, and a looser one gives it nothing.
    """
    policy = "{approvers: {users: [bob]}}"
    cases: list[tuple[dict[str, str], dict[str, str], str]] = [
        ({}, {"limits": "{create: 1}"}, "stopped_by_limit"),
        ({"limits": "{create: 1}"}, {"limits": "{create: none}"}, "stopped_by_limit"),
        ({"approval": policy}, {}, "waiting"),
        ({}, {}, "success"),
    ]
    for began, now, expected in cases:
        number = save(store, definition(**began))
        save(store, definition(**now, on_failure="continue"))
        run = run_dag(_without_gate(from_store(store, number)))
        (result,) = store.runs.job_results("crew", run_id(run))
        assert result.state == expected, (began, now, result.message)
        assert (data / "out.csv").exists() is (expected == "success")


def test_a_request_names_the_version_and_who_saved_it(
    run_dag: Callable[..., DagRun], store: Store, data: Path
) -> None:
    """As the task files it in Airflow: those who saved the job may not decide."""
    policy = "{approvers: {roles: [Admin]}}"
    save(store, definition(approval=policy))
    save(store, definition(approval=policy, on_failure="continue"))
    run_dag(_without_gate(from_store(store, 1)))
    request = store.requests.pending("crew", "people")
    assert request is not None
    assert request.saved is not None
    assert request.saved.version == 1
    assert [(edit.version, edit.by) for edit in request.edits] == [(2, "ida"), (1, "ida")]
    ida = Person("Ida", frozenset({"Admin"}), verified=True)
    assert decisions.powers(store.requests.get(request.id), ida).decide.startswith("You saved versions 1 and")
    assert not (data / "out.csv").exists()


def test_a_policy_that_was_saved_since_lets_nothing_through(
    run_dag: Callable[..., DagRun], store: Store, data: Path
) -> None:
    """A run without a gate has no one who would apply what is approved: it fails, and writes nothing."""
    save(store, definition())
    save(store, definition(approval="{approvers: {users: [bob]}}"))
    run = run_dag(from_store(store, 1))
    assert str(run.state) == "failed"
    assert task_states(run)["people"] == "failed"
    assert not (data / "out.csv").exists()


def test_a_newest_version_that_cannot_be_read_stops_runs(
    run_dag: Callable[..., DagRun], store: Store, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It cannot be told which policy counts, so nothing is written; corrected, the same version runs."""
    save(store, definition())
    save(store, "name: crew\njobs: 7\n")
    assert str(run_dag(from_store(store, 1)).state) == "failed"
    assert "the newest version (2) of the saved collection crew" in capsys.readouterr().out
    assert not (data / "out.csv").exists()
    save(store, definition())
    assert str(run_dag(from_store(store, 1)).state) == "success"


def _without_gate(dag: Any) -> DAG:
    """Nobody approves in this test: the sensor would wait."""
    if "people.approval" in dag.task_dict:
        dag.get_task("people.approval").execute = lambda context: None
        dag.get_task("people.apply").execute = lambda context: None
    return dag  # type: ignore[no-any-return]
