"""The order of fields counts: it decides the parts of a row's key and the columns of a new file. Definitions
that differ in nothing else are compared as the same, and must not stand for each other in the store.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from alembic import command
from sqlalchemy import text

from directory_sync.cli.main import main
from directory_sync.definition.export import complete
from directory_sync.run.deployment import Deployment
from directory_sync.run.result import JobState
from directory_sync.store import migrate
from directory_sync.store.database import Database
from directory_sync.store.runs import definition_key
from directory_sync.store.store import Store
from tests.scenarios.no_connections import NoConnections
from tests.scenarios.office import Office, collection

FIELDS = {"id": {"from": "id", "key": True}, "dept": {"from": "dept", "key": True}, "name": "name"}
REORDERED = dict(reversed(FIELDS.items()))


@pytest.fixture
def office(tmp_path: Path, store_url: str) -> Iterator[Office]:
    """Two people and three rows: two to be changed, one to be deleted; on each database."""
    (tmp_path / "staff.csv").write_text("id,dept,name\n1,a,Fry\n2,b,Leela\n")
    (tmp_path / "phones.csv").write_text("id,dept,name\n1,a,Frey\n2,b,Lela\n9,z,Gone\n")
    with Store.open(store_url) as store:
        yield Office(tmp_path, store, Deployment(connections=NoConnections(), data_folder=tmp_path))


def begin_reordered(store: Store) -> None:
    """A run by the other order, which is newer than those before."""
    store.runs.start(
        collection(fields=REORDERED),
        "reordered",
        trigger="manual",
        requester="ida",
        verified=True,
        preview_only=True,
    )


def apply_approved_plan(office: Office, store: Store) -> None:
    """Carry out the request of the first run as it was approved, with what the store says of the run."""
    office.store = store
    request = store.requests.get(1).request
    run = store.runs.find("office", request.run_id)
    reordered = store.runs.find("office", "reordered")
    assert run is not None
    assert reordered is not None
    assert run.collection.job("phones").keys == ("id", "dept")
    assert reordered.collection.job("phones").keys == ("dept", "id")
    assert run.digest == reordered.digest
    result = office.apply(run, request.id)
    assert (result.state, result.statistics.updated, result.statistics.conflicts) == (JobState.SUCCESS, 2, 0)
    assert "1,a,Fry\n2,b,Leela\n" in (office.folder / "phones.csv").read_text()


def approve_first(office: Office) -> None:
    office.approve(office.request(office.run(office.start(fields=FIELDS))))


def test_an_approved_plan_is_applied_by_its_own_order(office: Office) -> None:
    """Also if a run by another order has begun since."""
    approve_first(office)
    begin_reordered(office.store)
    apply_approved_plan(office, office.store)


def test_what_later_runs_are_compared_with_is_there_once(office: Office) -> None:
    """Orders of one definition are compared apart: the order decides the parts of a row's key."""
    earlier, keys = office.store.earlier_runs, []
    for number, fields in enumerate((FIELDS, REORDERED, FIELDS)):
        run = office.start(fields=fields, approval=None)
        keys.append(definition_key(complete(run.collection)))
        assert earlier.was_applied("office", "phones", keys[-1], ["success"]) == (number == 2)
        job = office.store.runs.start_job(run.id, "phones")
        office.store.runs.finish_job(job.id, "success")
        assert earlier.was_applied("office", "phones", keys[-1], ["success"]), number
    assert keys[0] == keys[2] != keys[1]
    definitions = earlier.applied_definitions("office", "phones", ["success"])
    assert [list(each["jobs"][0]["fields"]) for each in definitions] == [list(FIELDS), list(REORDERED)]


@pytest.mark.parametrize("offline", [False, True])
def test_an_upgrade_keeps_every_order(office: Office, store_url: str, offline: bool) -> None:
    """Runs of the version before had a copy each; an approved plan goes on by that of its run. So it does if
    the statements of the upgrade were only written down, to be carried out by someone else.
    """
    approve_first(office)
    begin_reordered(office.store)
    office.start(fields=FIELDS)
    office.store.close()
    database = Database(store_url)
    config = migrate.alembic_config(database)
    command.downgrade(config, "0006")
    orders = [list(FIELDS), list(REORDERED), list(FIELDS)]
    with database.read() as connection:
        copies = connection.scalars(text("SELECT definition FROM directory_sync_collection_run ORDER BY id"))
        assert [list(json.loads(copy)["jobs"][0]["fields"]) for copy in copies] == orders
    if offline:
        config.output_buffer = io.StringIO()
        command.upgrade(config, "0006:0007", sql=True)
        statements = config.output_buffer.getvalue().split(";\n")
        config = migrate.alembic_config(database)
        with database.write() as connection:
            for statement in statements:
                if statement.strip() not in {"", "BEGIN", "COMMIT"}:
                    connection.execute(text(statement))
    migrate.upgrade(store_url)
    with database.read() as connection:
        assert connection.scalar(text("SELECT count(*) FROM directory_sync_definition")) == 2
    database.close()
    with Store.open(store_url) as store:
        apply_approved_plan(office, store)


def test_a_run_follows_the_new_order_as_its_preview_does(
    tmp_path: Path, store_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Reordering the fields is an edit that the next run goes by: in its keys, and in the columns of a new
    file.
    """
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "airflow"))
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__DATA_FOLDER", str(tmp_path))
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__DATABASE_URL", store_url)
    monkeypatch.delenv("AIRFLOW_CONFIG", raising=False)
    (tmp_path / "in.csv").write_text("id,dept,name\n1,a,Fry\n")
    out, file = tmp_path / "out.csv", tmp_path / "c.yaml"
    written = []
    for fields in (FIELDS, REORDERED):
        out.unlink(missing_ok=True)
        job = {"source": {"file": "in.csv"}, "destination": {"file": "out.csv"}, "object": "row"}
        definition = {"name": "c", "jobs": [{"name": "copy", **job, "fields": fields}]}
        file.write_text(yaml.safe_dump(definition, sort_keys=False))
        capsys.readouterr()
        assert main(["preview", str(file), "--format", "json"]) == 10
        (previewed,) = json.loads(capsys.readouterr().out)["jobs"]
        assert main(["run", str(file)]) == 0
        with Store.open(store_url) as store:
            (run,) = store.runs.recent(limit=1)
            (result,) = store.runs.job_results("c", run.run_id)
            assert result.plan_id is not None
            plan = store.plans.load(result.plan_id).plan
        assert plan.digest == previewed["digest"]
        columns = out.read_text("utf-8-sig").splitlines()[0]
        written.append(([change.object for change in plan.changes], columns))
    assert written == [(["1,a"], "id,dept,name"), (["a,1"], "name,dept,id")]
