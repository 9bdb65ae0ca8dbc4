"""From a decision to its changes being written, in a whole `airflow standalone`: until `<job>.apply` is
over.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from statistics import median

import httpx

from benchmarks.frame import Aim, Options, Result, Sample
from demo.airflow_api import AirflowApi
from demo.airflow_server import AirflowServer, start_airflow
from demo.product_api import ProductApi

_DECISIONS = 3
_TIMEOUT = 180.0
_PROJECT = Path(__file__).resolve().parent.parent
_COLLECTION, _JOB = "phone_list", "phones"
_DEFINITION = f"""\
name: {_COLLECTION}
approval: {{approvers: {{users: [bob]}}}}
jobs:
  - name: {_JOB}
    source: {{file: staff.csv}}
    destination: {{file: phones.csv}}
    object: row
    fields:
      user: {{from: user, key: true}}
      phone: phone
"""


def measure(options: Options) -> list[Result]:
    """Seconds from the answer to an approval until the task that carries it out is over."""
    with tempfile.TemporaryDirectory(prefix="decision-") as folder, _airflow(Path(folder)) as server:
        options.say("airflow standalone")
        with closing(AirflowApi(server.url)) as api:
            server.wait_until_healthy(api, lambda seconds: None)
            api.log_in("admin", "admin")
            _wait(lambda: api.has_dag(_COLLECTION), server)
            api.unpause(_COLLECTION)
            with closing(ProductApi(server.url, "bob", "bob")) as approver:
                seconds = [
                    _decided(api, approver, server, Path(folder) / "data", number)
                    for number in range(_DECISIONS)
                ]
    return [
        Result(
            work="From decision to applied, airflow standalone",
            floor_is="",
            aim=Aim(within=15.0),
            runs=[Sample(each) for each in seconds],
            facts=(f"One change to a file. Median {median(seconds):.1f} s, longest {max(seconds):.1f} s.",),
            bound=(
                "Up to 5 s until the gate looks (setting gate_poll_interval), then Airflow: it schedules the"
                " gate again and starts a process for it, then the same for the task that writes."
            ),
        )
    ]


def _decided(api: AirflowApi, approver: ProductApi, server: AirflowServer, data: Path, number: int) -> float:
    (data / "staff.csv").write_text(f"user,phone\nfry,+1 212 {number}\n", encoding="utf-8")
    run = api.trigger(_COLLECTION, "benchmark")
    _wait(lambda: api.task_states(_COLLECTION, run).get(f"{_JOB}.approval") == "deferred", server)
    request = approver.inbox()[0]
    status, answer = approver.decide(request["id"], "approve", request["digest"])
    begin = time.perf_counter()
    if status != 200:
        raise RuntimeError(f"the approval was answered with {status}: {answer}")
    _wait(lambda: api.task_states(_COLLECTION, run).get(f"{_JOB}.apply") == "success", server)
    seconds = time.perf_counter() - begin
    if f"+1 212 {number}" not in (data / "phones.csv").read_text(encoding="utf-8"):
        raise RuntimeError("the task succeeded, but the file does not hold the change")
    return seconds


@contextmanager
def _airflow(folder: Path) -> Iterator[AirflowServer]:
    for name in ("collections", "data"):
        (folder / name).mkdir()
    (folder / "collections" / "phones.yaml").write_text(_DEFINITION, encoding="utf-8")
    (folder / "data" / "phones.csv").write_text("user,phone\n", encoding="utf-8")
    settings = {"collections_folder": str(folder / "collections"), "data_folder": str(folder / "data")}
    server = start_airflow(home=folder / "airflow", project=_PROJECT, settings=settings, connections={})
    try:
        yield server
    finally:
        os.killpg(server.process.pid, signal.SIGTERM)
        server.process.wait(60)


def _wait(ready: Callable[[], bool], server: AirflowServer) -> None:
    end = time.monotonic() + _TIMEOUT
    while time.monotonic() < end:
        with suppress(httpx.TimeoutException):  # Airflow's API on a busy machine
            if ready():
                return
        time.sleep(0.1)
    raise RuntimeError(f"it was not ready after {_TIMEOUT:g} s\n{server.log_end()}")
