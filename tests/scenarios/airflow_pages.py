"""Airflow with collections whose jobs wait for approval, and people who meet it in a browser; one for all
tests of a session.
"""

from __future__ import annotations

import csv
import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from demo.airflow_api import AirflowApi
from demo.airflow_server import AirflowServer, start_airflow
from tests.scenarios.airflow_database import airflow_database

PROJECT = Path(__file__).parent.parent.parent

_PHONES = """
name: staff_to_phone_list
title: Staff to phone list
jobs:
  - name: phones
    source: {file: staff.csv}
    destination: {file: staff_phones.csv}
    object: row
    fields:
      user: {from: user, key: true}
      phone: phone
"""
_GATED = """
name: %(name)s
title: %(title)s
approval: {approvers: {users: [bob, ida]}, expires: 14d}
jobs:
"""
_JOB = """
  - name: %(name)s
    source: {file: %(name)s.csv}
    destination: {file: %(name)s_out.csv}
    object: row
    missing_at_source: delete
    remove: all
    fields:
      user: {from: user, key: true}
      note: note
"""
_TWO_PEOPLE = "    approval: {approvers: {users: [bob, carol]}}\n"

FRONT_DESK_JOBS = ("phones", "rooms", "badges", "keys", "desks")
"""One run of the collection `front_desk` is started beforehand, and each test that decides has a job of its
own in it.

Bob and ida are the approvers, except for `keys`, where they are bob and carol.
"""

_CLEANUP = """
name: cleanup
title: Clean up former staff
jobs:
  - name: former_staff
    source: {file: former.csv}
    destination: {file: former_out.csv}
    object: row
    missing_at_source: delete
    remove: all
    limits: {delete: 2}
    fields:
      user: {from: user, key: true}
      note: note
"""
HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)">\u202egnp.exe\u0007{{ 7*7 }}'
"""A value that would do harm wherever a page takes it for more than text."""


_WRONG_KEY = f"'<img src=x onerror=alert(1)> {'very_' * 30}long `key` *x*'"


@dataclass(frozen=True, slots=True)
class AirflowPages:
    """A started Airflow.

    Attributes:
        data: folder of the data files.
        runs: collection → id of the run that ida has started.
    """

    server: AirflowServer
    data: Path
    runs: dict[str, str]

    @property
    def url(self) -> str:
        """Where Airflow is, without a slash at the end."""
        return self.server.url

    def run_page(self, collection: str, tail: str = "") -> str:
        """Address of Airflow's page of the run that ida has started, spelled as there; `tail`: of a tab or a
        task below it.
        """
        return f"{self.url}/dags/{collection}/runs/{quote(self.runs[collection], safe=':+')}{tail}"

    def api(self, user: str) -> AirflowApi:
        """Airflow's REST API as that user; to be closed."""
        api = AirflowApi(self.url)
        api.log_in(user, user)
        return api

    def portal(self, path: str) -> str:
        """Address of a page of the portal, as it stands in the address bar while Airflow frames it."""
        return f"{self.url}/plugin/dirsync/dirsync{path}"

    def pending(self, collection: str, job: str, *, timeout: float = 120.0) -> int:
        """The number of the job's pending request, once there is one.

        Raises TimeoutError after that many seconds.
        """
        return self._wait_for(collection, job, "pending", timeout)

    def wait_until_applied(self, collection: str, job: str, *, timeout: float = 120.0) -> int:
        """Wait until a request of the job was carried out, and return its number."""
        return self._wait_for(collection, job, "applied", timeout)

    def _wait_for(self, collection: str, job: str, state: str, timeout: float) -> int:
        api = self.api("admin")
        headers = {"Authorization": f"Bearer {api.token}"}
        api.close()
        query = {"list": "all", "collection": collection, "job": job, "state": state}
        deadline = time.monotonic() + timeout
        with httpx.Client(base_url=self.url, headers=headers, timeout=30, trust_env=False) as client:
            while True:
                found: list[dict[str, Any]] = client.get("/dirsync/api/v1/requests", params=query).json()[
                    "requests"
                ]
                if found:
                    return int(found[0]["id"])
                if time.monotonic() > deadline:
                    raise TimeoutError(
                        f"No request of {collection} / {job} is {state} after {timeout:.0f}"
                        f" s.\n{self.server.log_end()}"
                    )
                time.sleep(0.3)


@contextmanager
def airflow_pages(folder: Path) -> Iterator[AirflowPages]:
    """Start Airflow with these collections, switched on, and one whose definition is broken; stop it in the
    end.
    """
    collections, data = folder / "collections", folder / "data"
    collections.mkdir()
    data.mkdir()
    jobs = {name: _JOB % {"name": name} for name in ("guests", *FRONT_DESK_JOBS)}
    jobs["keys"] += _TWO_PEOPLE
    definitions = {
        "staff_to_phone_list": _PHONES,
        "reception": _GATED % {"name": "reception", "title": "Reception to its list of guests"}
        + jobs["guests"],
        "front_desk": _GATED % {"name": "front_desk", "title": "Front desk to its lists"}
        + "".join(jobs[name] for name in FRONT_DESK_JOBS),
        "cleanup": _CLEANUP,
    }
    for name, text in definitions.items():
        (collections / f"{name}.yaml").write_text(text, encoding="utf-8")
    (collections / "broken.yaml").write_text(
        f"name: broken_one\njobs: []\n{_WRONG_KEY}: <script>alert(1)</script>\n", encoding="utf-8"
    )
    _write_data(data)
    settings = {"collections_folder": str(collections), "data_folder": str(data), "gate_poll_interval": "0.5"}
    home = folder / "airflow"
    home.mkdir()
    airflow_database(home)
    server = start_airflow(home=home, project=_with_other_dags(folder), settings=settings, connections={})
    try:
        api = AirflowApi(server.url)
        server.wait_until_healthy(api, lambda seconds: None)
        api.log_in("admin", "admin")
        deadline = time.monotonic() + 120
        while not all(
            api.has_dag(name) for name in (*definitions, "broken_one", "no_sync", "directory_sync.upkeep")
        ):
            assert time.monotonic() < deadline, server.log_end()
            time.sleep(0.5)
        for name in (*definitions, "no_sync"):
            api.unpause(name)
        api.log_in("ida", "ida")
        # Both take their time while the first tests begin.
        runs = {name: api.trigger(name, "As announced") for name in ("cleanup", "front_desk")}
        api.close()
        yield AirflowPages(server, data, runs)
    finally:
        os.killpg(server.process.pid, signal.SIGTERM)
        server.process.wait(30)
        server.claim.close()


def _with_other_dags(folder: Path) -> Path:
    """A project with our DAG file, and beside it a DAG that has nothing to do with directories."""
    project = folder / "project"
    shutil.copytree(PROJECT / "dags", project / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(PROJECT / "plugins", project / "plugins", ignore=shutil.ignore_patterns("__pycache__"))
    (project / "dags" / "no_sync.py").write_text(
        "from airflow.sdk import DAG\n"
        "from airflow.providers.standard.operators.empty import EmptyOperator\n\n"
        "with DAG('no_sync', schedule=None):\n"
        "    EmptyOperator(task_id='nothing')\n",
        encoding="utf-8",
    )
    return project


def _write_data(data: Path) -> None:
    for name in ("guests", *FRONT_DESK_JOBS):
        (data / f"{name}.csv").write_text(
            f"user,note\nfry,{name} of Fry\nleela,{name} of Leela\n", encoding="utf-8"
        )
        (data / f"{name}_out.csv").write_text(
            f"user,note\nfry,{name} of Philip\nmorbo,former\n", encoding="utf-8"
        )
    with (data / "guests.csv").open("a", encoding="utf-8", newline="") as guests:
        csv.writer(guests, lineterminator="\n").writerow(["kif", HOSTILE])
    (data / "staff.csv").write_text("user,phone\nfry,+1 212 <b>100</b>\n", encoding="utf-8")
    (data / "former.csv").write_text("user,note\nfry,stays\n", encoding="utf-8")
    former = "".join(f"former{number},gone\n" for number in range(5))
    (data / "former_out.csv").write_text(f"user,note\nfry,stays\n{former}", encoding="utf-8")
