"""What the operators do at the edges: retries, kills, who started a run, the command of Airflow's own command
line.
"""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from directory_sync import errors
from directory_sync.definition.models import Collection

AT = datetime(2026, 11, 30, tzinfo=UTC)
COLLECTION = Collection.model_validate(
    {
        "name": "corp",
        "jobs": [
            {
                "name": "people",
                "source": {"file": "in.csv"},
                "destination": {"file": "out.csv"},
                "object": "row",
                "fields": {"id": {"from": "id", "key": True}},
            }
        ],
    }
)


def _errors(
    kind: type[errors.DirectorySyncError] = errors.DirectorySyncError,
) -> list[type[errors.DirectorySyncError]]:
    return [kind, *(each for child in kind.__subclasses__() for each in _errors(child))]


@pytest.mark.parametrize("kind", _errors(), ids=lambda kind: kind.__name__)
def test_only_what_may_pass_is_tried_again(kind: type[errors.DirectorySyncError]) -> None:
    """A transient error lets Airflow retry; any other ends the task for good."""
    from airflow.sdk.exceptions import AirflowException, AirflowFailException

    from directory_sync.airflow.collection_task import fail

    error = kind.__new__(kind)
    with pytest.raises(AirflowException) as caught:
        fail(error, "why")
    assert isinstance(caught.value, AirflowFailException) is not kind.transient
    assert str(caught.value) == "why"


def test_a_kill_unwinds_the_task() -> None:
    """SIGTERM calls `on_kill` within the task: it has to leave, so that what was written is recorded before
    the process ends.
    """
    from directory_sync.airflow.operators import SyncJobOperator

    operator = SyncJobOperator(task_id="people", job="people", collection=COLLECTION, definition_digest="")
    with pytest.raises(SystemExit):
        operator.on_kill()


@pytest.mark.parametrize(
    ("run", "requester", "verified"),
    [
        ({"run_type": "manual", "triggering_user_name": "anna"}, "anna", True),
        ({"run_type": "scheduled", "triggering_user_name": None}, "schedule", True),
        ({"run_type": "manual", "triggering_user_name": None}, "unknown", False),
    ],
)
def test_who_started_a_run(run: dict[str, Any], requester: str, verified: bool) -> None:
    """Airflow's user, or the schedule; where Airflow does not know, nobody is named."""
    from directory_sync.airflow.operators import SyncJobOperator
    from directory_sync.airflow.run_parameters import read_parameters

    seen: dict[str, Any] = {}
    runs = SimpleNamespace(start=lambda collection, run_id, **rest: seen.update(rest, run_id=run_id))
    store = SimpleNamespace(runs=runs)
    operator = SyncJobOperator(
        task_id="people",
        job="people",
        collection=COLLECTION,
        definition_digest="",
        origin="corp.yaml",
        version="7",
    )
    dag_run = SimpleNamespace(
        run_id="r1", note="from the note", logical_date=None, run_after=AT, conf={}, **run
    )
    context: Any = {"dag_run": dag_run, "params": {"preview_only": True}}
    operator._start_run(store, context, read_parameters(context))  # type: ignore[arg-type]
    assert seen == {
        "run_id": "r1",
        "trigger": run["run_type"],
        "requester": requester,
        "verified": verified,
        "reason": "from the note",
        "preview_only": True,
        "triggering_user": run["triggering_user_name"],
        "logical_date": None,
        "run_after": AT,
        "origin": "corp.yaml",
        "version": "7",
    }


def test_the_pause_survives_the_triggerer() -> None:
    """A trigger is stored and made anew from what it says of itself; it fires with what the task wants to
    know.
    """
    import asyncio
    import time

    from airflow.sdk.module_loading import import_string

    from directory_sync.airflow.pause import PauseTrigger

    path, arguments = PauseTrigger(time.time() + 0.2, {"pause": 30.0}).serialize()
    trigger = import_string(path)(**arguments)

    async def first() -> Any:
        return await anext(trigger.run())

    started = time.monotonic()
    event = asyncio.run(first())
    assert event.payload == {"pause": 30.0}
    assert time.monotonic() - started > 0.1


@pytest.mark.parametrize(("content", "status"), [("good", 0), ("bad", 2)])
def test_airflows_command_line_hands_over(tmp_path: Path, content: str, status: int) -> None:
    """`airflow directory-sync validate FILE` is `directory-sync validate FILE`, exit status included."""
    import yaml

    definition = COLLECTION.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    file = tmp_path / "corp.yaml"
    file.write_text(
        yaml.safe_dump(definition if content == "good" else {**definition, "jbos": []}), encoding="utf-8"
    )
    airflow = Path(sys.executable).with_name("airflow")
    done = subprocess.run(
        [airflow, "directory-sync", "validate", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == status, done.stderr
    if content == "bad":
        assert "jbos" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("began", "now", "policy", "max_tries", "cleared"),
    [
        (0, 0, 0, 0, True),  # its second try, though it has only one: it was cleared while it ran
        (3, 3, 0, 3, False),
        (0, 0, 0, 1, True),
        (3, 3, 0, 4, True),
        (0, 5, 0, 1, True),
        (0, 0, 2, 2, False),
        (0, 0, 2, 3, True),
        (3, 1, 0, 3, True),
    ],
    ids=str,
)
def test_more_tries_than_retries_mean_that_a_task_was_cleared(
    began: int, now: int, policy: int, max_tries: int, cleared: bool
) -> None:
    """Also where the file was given more retries since, and where a cluster policy gives every task more; in
    doubt it was.
    """
    from directory_sync.airflow.operators import SyncJobOperator

    job = COLLECTION.jobs[0].model_copy(update={"retries": began})
    collection = COLLECTION.model_copy(update={"jobs": [job.model_copy(update={"retries": now})]})
    retries = max(now, policy)
    operator = SyncJobOperator(
        task_id="people", job="people", collection=collection, definition_digest="", retries=retries
    )
    context: Any = {
        "ti": SimpleNamespace(try_number=2, max_tries=max_tries),
        "dag_run": SimpleNamespace(clear_number=1),
    }
    tries = operator._tries(job, context)
    assert (tries.number, tries.cleared, tries.run_cleared) == (2, cleared, True)
