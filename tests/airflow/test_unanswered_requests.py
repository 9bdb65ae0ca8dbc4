"""A schedule that goes on while nobody answers: run after run meets the request of the first one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from directory_sync.definition.models import Collection
from directory_sync.store.store import Store
from tests.airflow.dag_runs import task_states
from tests.scenarios.requests import decide

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

FIRINGS = 6
MANY = 20
"""So many runs may wait at the same time, at least."""
PEOPLE = {
    "name": "people",
    "source": {"file": "in.csv"},
    "destination": {"file": "out.csv"},
    "object": "row",
    "fields": {"id": {"from": "id", "key": True}, "name": "name"},
    "approval": {"approvers": {"users": ["bea"]}},
}


def test_an_unanswered_request_stops_no_schedule(
    run_dag: Callable[..., DagRun], store_url: str, tmp_path: Path
) -> None:
    """Later runs with the same plan end by themselves and file nothing; approved at last, that one
    plan is carried out.
    """
    from directory_sync.airflow.dag_factory import build_dag
    from directory_sync.airflow.deployment import deployment
    from directory_sync.run.approved import apply_approved
    from directory_sync.run.job import run_job

    data = tmp_path / "data"
    data.mkdir()
    (data / "in.csv").write_text("id,name\n1,Fry\n2,Leela\n", encoding="utf-8")
    collection = Collection.model_validate({"name": "corp", "schedule": "* * * * *", "jobs": [PEOPLE]})
    job = collection.jobs[0]
    with Store.open(store_url) as store:
        first = store.runs.start(
            collection, "first", trigger="scheduled", requester="schedule", verified=True
        )
        asked = run_job(first, job, deployment=deployment(), store=store, holder="the test").request
        assert asked is not None
        dag = build_dag(collection)
        assert dag.max_active_runs > MANY
        for _ in range(FIRINGS):
            run = run_dag(dag)
            assert str(run.state) == "success"
            states = task_states(run)
            assert (states["people"], states["people.approval"], states["people.apply"]) == (
                "success",
                "skipped",
                "skipped",
            )
        assert store.requests.count() == 1
        pending = store.requests.pending("corp", "people")
        assert pending is not None
        assert (pending.id, pending.run_id) == (asked, "first")
        runs = store.runs.recent("corp", limit=2 * FIRINGS)
        assert sorted(each.state for each in runs) == ["running", *["waiting"] * FIRINGS]
        assert not (data / "out.csv").exists()

        (data / "in.csv").write_text("id,name\n9,Zoidberg\n", encoding="utf-8")
        decide(store, asked)
        request = store.requests.get(asked).request
        apply_approved(first, job, request, deployment=deployment(), store=store, holder="the test")
        assert (data / "out.csv").read_text(encoding="utf-8").split() == ["id,name", "1,Fry", "2,Leela"]
        assert store.requests.get(asked).request.state == "applied"
