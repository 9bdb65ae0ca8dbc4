"""A real `airflow triggerer` with 1,000 deferred gates: its CPU while nothing is decided, and how soon it
lets a task go on.

Run as a program it puts the gates into Airflow's database, where a scheduler and its workers would need
minutes for them.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.databases import postgres_connection
from benchmarks.frame import Aim, Options, Result, Sample
from benchmarks.gates import INTERVAL
from benchmarks.large_requests import APPROVER, collection_of, save_waiting_requests
from benchmarks.memory import family, mebibytes
from benchmarks.running import process_cpu
from directory_sync.store.migrate import upgrade
from directory_sync.store.store import Store
from tests.scenarios.postgres import Postgres
from tests.scenarios.requests import decide

_GATES = 1_000
_DECISIONS = 12
_GOLDEN = 0.618
"""Multiples of it lie evenly in an interval."""
_WATCHED = 30.0
_SETTLED_AFTER = 10.0
_TIMEOUT = 180.0
_PROJECT = Path(__file__).resolve().parent.parent
_COLLECTION, _JOB, _RUN = "deferred", "people", "manual__bench"


def measure(options: Options) -> list[Result]:
    """CPU of the triggerer while gates wait, and the time from a decision until the task may go on."""
    with Postgres() as server, tempfile.TemporaryDirectory(prefix="triggerer-") as folder:
        home, url, metadata = Path(folder), server.create_database(), server.create_database()
        upgrade(url)
        environment = _environment(home, url, metadata)
        with Store.open(url) as store, closing(postgres_connection(metadata)) as airflow:
            requests = save_waiting_requests(store, url, _GATES)
            options.say(f"putting {_GATES:,} deferred gates into Airflow's database")
            _run("benchmarks.triggerer", environment, json.dumps(requests))
            with _triggerer(environment, home / "log") as pid:
                options.say("airflow triggerer")
                _wait(airflow, "SELECT count(triggerer_id) >= %s FROM trigger", _GATES)
                time.sleep(_SETTLED_AFTER)
                watched = _watched(pid)
                options.say("decisions")
                seconds = [_resumed(store, airflow, place, requests[place]) for place in range(_DECISIONS)]
    return [_cpu_result(watched), _resume_result(seconds)]


def _cpu_result(watched: list[tuple[float, float]]) -> Result:
    supervisor, runner = watched[0], max(watched[1:])
    whole = sum(cpu for cpu, _ in watched)
    return Result(
        work=f"airflow triggerer, {_GATES:,} deferred gates, CPU per second",
        floor_is="",
        aim=Aim(within=0.05),
        runs=[Sample(whole, client_cpu=whole)],
        memory=sum(memory for _, memory in watched),
        facts=(
            f"Nothing is decided in these {_WATCHED:g} s.",
            f"The process with the gates takes {100 * runner[0]:.1f} % of a core and {runner[1]:.0f} MiB,",
            f"Airflow's supervisor of it {100 * supervisor[0]:.1f} % and {supervisor[1]:.0f} MiB.",
        ),
        bound=(
            "Airflow's own heartbeats and loops; what the gates add to them is the one look every 5 s (see"
            " above)."
        ),
    )


def _resume_result(seconds: list[float]) -> Result:
    return Result(
        work=f"From decision to task scheduled again, airflow triggerer, {_GATES:,} gates",
        floor_is="",
        aim=Aim(within=INTERVAL + 2),
        runs=[Sample(median(seconds))],
        facts=(
            (
                f"{len(seconds)} decisions at different moments: median {median(seconds):.2f} s, longest"
                f" {max(seconds):.2f} s."
            ),
        ),
        bound=(
            f"The interval of {INTERVAL:g} s (setting gate_poll_interval), then the loop of the triggerer,"
            " once a second."
        ),
    )


def _watched(pid: int) -> list[tuple[float, float]]:
    """Seconds of CPU for each second, and MiB, of each process of the triggerer, the supervisor first."""
    pids = family(pid)
    before = [process_cpu(each) for each in pids]
    time.sleep(_WATCHED)
    return [
        ((process_cpu(each) - cpu) / _WATCHED, mebibytes(each))
        for each, cpu in zip(pids, before, strict=True)
    ]


def _resumed(store: Store, airflow: Any, place: int, request: int) -> float:
    """Seconds from a decision, at another moment of the interval each time, until the gate is no longer
    deferred.
    """
    time.sleep(INTERVAL * (place * _GOLDEN % 1))
    decide(store, request, APPROVER)
    begin = time.perf_counter()
    _wait(airflow, "SELECT state <> 'deferred' FROM task_instance WHERE map_index = %s", place)
    return time.perf_counter() - begin


def _wait(airflow: Any, query: str, value: int) -> None:
    end = time.monotonic() + _TIMEOUT
    while time.monotonic() < end:
        with airflow.cursor() as cursor:
            cursor.execute(query, [value])
            if cursor.fetchone()[0]:
                return
        time.sleep(0.02)
    raise TimeoutError(f"after {_TIMEOUT:g} s it was still not so: {query} ({value})")


@contextmanager
def _triggerer(environment: dict[str, str], log: Path) -> Iterator[int]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "airflow",
                "triggerer",
                "--skip-serve-logs",
                "--capacity",
                str(2 * _GATES),
            ],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process.pid
    except TimeoutError as error:
        raise RuntimeError(f"{error}\n{log.read_text(errors='replace')[-3000:]}") from error
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _environment(home: Path, url: str, metadata: str) -> dict[str, str]:
    (home / "dags").mkdir()
    (home / "airflow.cfg").write_text("[core]\nload_examples = False\n", encoding="utf-8")
    return {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")} | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__FERNET_KEY": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": metadata.replace("postgresql://", "postgresql+psycopg2://"),
        "AIRFLOW__API_AUTH__JWT_SECRET": "for-benchmarks-only-" * 4,
        "AIRFLOW__DIRECTORY_SYNC__DATABASE_URL": url,
    }


def _run(module: str, environment: dict[str, str], given: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module],
        cwd=_PROJECT,
        env=environment,
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{module} ended with {done.returncode}:\n{done.stderr[-3000:]}")


def _defer(requests: list[int]) -> None:
    """Make a DAG of a gated job, a run of it, and in it a deferred gate for each request, told apart as
    mapped tasks are.
    """
    from airflow.models.dag_version import DagVersion
    from airflow.models.dagrun import DagRun
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.trigger import Trigger
    from airflow.utils.db import initdb
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState, TaskInstanceState
    from airflow.utils.types import DagRunType

    from directory_sync.airflow.dag_factory import build_dag
    from directory_sync.airflow.gate_trigger import GateTrigger
    from tests.airflow.dag_runs import register

    initdb()
    register(build_dag(collection_of(_COLLECTION, [_JOB], gated=True)))
    gate = f"{_JOB}.approval"
    with create_session() as session:
        version = DagVersion.get_latest_version(_COLLECTION, session=session)
        found = SerializedDagModel.get_dag(_COLLECTION, session=session)
        assert version is not None
        assert found is not None
        session.add(
            DagRun(dag_id=_COLLECTION, run_id=_RUN, run_type=DagRunType.MANUAL, state=DagRunState.RUNNING)
        )
        session.flush()
        for place, request in enumerate(requests):
            trigger = Trigger.from_object(
                GateTrigger(request=request, dag_id=_COLLECTION, run_id=_RUN, task_id=gate)
            )
            session.add(trigger)
            session.flush()
            instance = TaskInstance(found.get_task(gate), version.id, run_id=_RUN, map_index=place)
            instance.state, instance.trigger_id, instance.next_method = (
                TaskInstanceState.DEFERRED,
                trigger.id,
                "resume",
            )
            session.add(instance)


if __name__ == "__main__":
    _defer(json.load(sys.stdin))
