"""A store that the version before has written (revision 0004): what it holds goes on counting after the
upgrade.

`stores/revision-0004.sql` was written by that version: a first load and a second run of job `people`, a
pending request of `guests`, and one of `limited` that goes past a limit.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from directory_sync.endpoints.files.csv_source import CsvSource
from directory_sync.plan.model import LimitCheck
from directory_sync.plan.past import name_hash
from directory_sync.run.approved import apply_approved
from directory_sync.run.deployment import Deployment
from directory_sync.run.job import run_job
from directory_sync.run.learning import past_of
from directory_sync.run.result import JobState
from directory_sync.store.migrate import upgrade
from directory_sync.store.store import Store
from tests.scenarios.no_connections import NoConnections
from tests.scenarios.requests import decide

DUMP = Path(__file__).parents[1] / "scenarios" / "data" / "stores" / "revision-0004.sql"
FOLDER = "/tmp/old"


@pytest.fixture
def upgraded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """That store, upgraded, and files as they were then."""
    file = tmp_path / "store.db"
    connection = sqlite3.connect(file)
    connection.executescript(DUMP.read_text("utf-8"))
    connection.close()
    file.chmod(0o600)
    upgrade(f"sqlite:///{file}")
    for name, text in {
        "staff.csv": "uid,cn\na,Ann\n",
        "out.csv": "uid,cn\na,Ann\nb,Bobby\nz,Zoe\n",
        "many.csv": "uid,cn\n" + "".join(f"x{i},X{i}\n" for i in range(1, 31)),
    }.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(CsvSource, "identity", property(lambda self: f"{FOLDER}/{self.path.name}"))
    with Store.open(f"sqlite:///{file}") as store:
        yield store


def test_what_is_waived_is_data_now(upgraded: Store) -> None:
    """The limit that stood there in words is the one that the plan was held against."""
    assert upgraded.requests.get(1).request.waives == ()
    assert upgraded.requests.get(2).request.waives == (LimitCheck("delete", "", 30, 30, 5, "10%"),)


def test_jobs_know_what_they_have_written(upgraded: Store) -> None:
    """Rows that recorded outcomes speak of and that are there still; nothing else, and nothing is claimed."""
    snapshot = upgraded.runs.find("staff", upgraded.requests.get(1).request.run_id)
    assert snapshot is not None
    past = past_of(upgraded, snapshot.collection, snapshot.collection.job("people"), f"{FOLDER}/out.csv")
    assert set(past.created_names) == {name_hash("a"), name_hash("b")}
    assert len(past.known) == 0
    past = past_of(
        upgraded, snapshot.collection, snapshot.collection.job("guests"), f"{FOLDER}/guests_out.csv"
    )
    assert len(past.created_names) == 0


def test_a_row_that_was_written_then_can_be_removed_now(upgraded: Store, tmp_path: Path) -> None:
    """The first run after the upgrade removes what the version before had created, and nothing that it had
    not.
    """
    before = upgraded.runs.find("staff", upgraded.requests.get(1).request.run_id)
    assert before is not None
    collection = before.collection.model_copy(update={"limit_window": timedelta(0)})
    job = collection.job("people")
    snapshot = upgraded.runs.start(collection, "new", trigger="terminal", requester="ida", verified=False)
    result = run_job(
        snapshot, job, deployment=Deployment(NoConnections(), tmp_path), store=upgraded, holder="test"
    )
    assert (result.state, result.statistics.deleted) == (JobState.SUCCESS, 1)
    assert (tmp_path / "out.csv").read_text() == "uid,cn\na,Ann\nz,Zoe\n"
    assert len(past_of(upgraded, collection, job, f"{FOLDER}/out.csv").known) == 1


@pytest.mark.parametrize(("number", "file", "rows"), [(1, "guests_out.csv", 1), (2, "many.csv", 1)])
def test_a_request_that_was_filed_then_is_applied_now(
    upgraded: Store, tmp_path: Path, number: int, file: str, rows: int
) -> None:
    """Approved and applied after the upgrade: exactly the plan that it was filed for, also past its limit."""
    decide(upgraded, number)
    request = upgraded.requests.get(number).request
    snapshot = upgraded.runs.find("staff", request.run_id)
    assert snapshot is not None
    deployment = Deployment(NoConnections(), tmp_path, plan_max_age=timedelta(days=3650))
    job = snapshot.collection.job(request.job)
    result = apply_approved(snapshot, job, request, deployment=deployment, store=upgraded, holder="test")
    assert result.state is JobState.SUCCESS, result.message
    assert len((tmp_path / file).read_text().splitlines()) == 1 + rows
    assert upgraded.requests.get(number).request.state == "applied"
