"""A real Airflow on a PostgreSQL store and a slow directory, every part of which can be taken away and given
back.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from demo.airflow_api import AirflowApi, PatientTransport
from demo.airflow_server import start_airflow
from directory_sync.approval.people import Approver
from directory_sync.approval.request import Request
from directory_sync.definition.documents import read_document
from directory_sync.definition.loading import load
from directory_sync.plan.digest import plan_digest
from directory_sync.plan.model import Plan, Statistics
from directory_sync.store.migrate import upgrade
from directory_sync.store.store import Store
from tests.scenarios.airflow_database import airflow_database
from tests.scenarios.airflow_parts import AirflowParts
from tests.scenarios.delay_proxy import DelayProxy
from tests.scenarios.directories import tree
from tests.scenarios.plans import DESTINATION, creations
from tests.scenarios.postgres import Postgres
from tests.scenarios.slapd import Slapd

PROJECT = Path(__file__).parent.parent.parent
PATIENCE = 120.0
SUFFIX = "dc=example,dc=org"
APPROVERS = ("bob", "carol")

# As dags/job_collections.py, but a task that failed or waits for others is tried again after two seconds.
_IMPATIENT = '''"""An Airflow dag file."""
from datetime import timedelta

from directory_sync.airflow import collection_task, wiring

wiring._RETRY_DELAY = wiring._MAX_RETRY_DELAY = timedelta(seconds=2)
collection_task.FIRST_PAUSE = collection_task.LONGEST_PAUSE = 2.0
'''


class FaultyAirflow:
    """`airflow standalone` and what it works with; a context manager.

    Args:
        folder: everything is below it; `data` and `collections` may be filled before it starts.
        preamble: what the DAG file does before anything else, in every process that reads it.

    Attributes:
        postgres: holds the store, not Airflow's own database.
        slapd, proxy: the directory `branch`, and what stands before it.
        parts: Airflow's processes.
        data, collections: the folders of files and definitions.
        store: the same store.
        admin: Airflow's REST API, for an administrator.
    """

    def __init__(self, folder: Path, *, preamble: str = "") -> None:
        self._folder = folder
        self._preamble = preamble
        self.data, self.collections = folder / "data", folder / "collections"
        self._stack = ExitStack()
        self._clients: dict[str, httpx.Client] = {}

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _start(self, stack: ExitStack) -> None:
        project = self._folder / "project"
        for folder in (self.data, self.collections, project / "dags"):
            folder.mkdir(parents=True, exist_ok=True)
        text = (PROJECT / "dags" / "job_collections.py").read_text(encoding="utf-8")
        (project / "dags" / "job_collections.py").write_text(
            _IMPATIENT + self._preamble + text, encoding="utf-8"
        )
        (project / "plugins").symlink_to(PROJECT / "plugins")
        self.postgres = stack.enter_context(Postgres())
        url = self.postgres.create_database()
        upgrade(url)
        self.slapd = Slapd(SUFFIX)
        stack.callback(self.slapd.close)
        self.slapd.load(tree(SUFFIX, "people"))
        self.slapd.start()
        self.proxy = stack.enter_context(DelayProxy(self.slapd.port))
        settings = {
            "collections_folder": str(self.collections),
            "data_folder": str(self.data),
            "database_url": url,
            "gate_poll_interval": "1",
            "upkeep_interval": "12h",
            "lease_duration": "10s",  # what a killed worker leaves is in the way of others for so long
        }
        branch = {
            "conn_type": "ldap",
            "host": "127.0.0.1",
            "port": self.proxy.port,
            "login": self.slapd.admin,
            "password": self.slapd.password,
            "extra": {"security": "none"},
        }
        home = self._folder / "airflow"
        home.mkdir()
        airflow_database(home)
        server = start_airflow(home=home, project=project, settings=settings, connections={"branch": branch})
        stack.callback(server.claim.close)
        stack.callback(server.process.wait, 60)
        stack.callback(os.killpg, server.process.pid, signal.SIGTERM)
        self.url = server.url
        self.parts = AirflowParts(server)
        stack.callback(self.parts.close)
        self.store = stack.enter_context(Store.open(url))
        self.admin = AirflowApi(server.url)
        stack.callback(self.admin.close)
        stack.callback(self._forget_logins)
        server.wait_until_healthy(self.admin, lambda seconds: None)
        self.admin.log_in("admin", "admin")
        self._wait_for_dags(*(file.stem for file in self.collections.iterdir()))

    def define(self, definitions: Mapping[str, str]) -> None:
        """Add collections, and wait until Airflow has their DAGs."""
        for name, text in definitions.items():
            (self.collections / f"{name}.yaml").write_text(text, encoding="utf-8")
        self._wait_for_dags(*definitions)

    def start_api_server(self, *arguments: str) -> None:
        """Start another one at the same address instead of one that was killed, and wait for it."""
        port = self.url.rpartition(":")[2]
        self.parts.start("api-server", "--host", "127.0.0.1", "--port", port, *arguments)
        self.wait_for("the new API server", self.admin.healthy)

    def start_triggerer(self) -> None:
        """Start another one instead of one that was killed; it soon takes over what that one had."""
        self.parts.start("triggerer", TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD="5")

    def mend(self) -> None:
        """Give back what a test has taken away, unless it has done so itself."""
        self.proxy.delay = 0.0
        if not self.postgres.runs:
            self.postgres.start()
        if not self.parts.runs("triggerer"):
            self.start_triggerer()
        if not self.parts.runs("api-server"):
            self.start_api_server()
        self.wait_for("all of Airflow", self.admin.healthy)

    def _wait_for_dags(self, *names: str) -> None:
        self.wait_for("the DAGs", lambda: all(self.admin.has_dag(name) for name in names))

    # -- as somebody -----------------------------------------------------------------------------------------

    def as_user(self, user: str) -> httpx.Client:
        """The REST APIs of Airflow and of the portal, as one of the known logins; the token outlives the API
        server.
        """
        if user not in self._clients:
            client = httpx.Client(
                base_url=self.url, timeout=120, transport=PatientTransport(), trust_env=False
            )
            answer = client.post("/auth/token", json={"username": user, "password": user})
            answer.raise_for_status()
            client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
            self._clients[user] = client
        return self._clients[user]

    def _forget_logins(self) -> None:
        for client in self._clients.values():
            client.close()

    def start_run(self, dag_id: str, *, by: str = "ida", **more: Any) -> str:
        """Start a run and return its id."""
        body = {"logical_date": None, "conf": {}} | more
        answer = self.as_user(by).post(f"/api/v2/dags/{dag_id}/dagRuns", json=body)
        assert answer.is_success, answer.text
        return str(answer.json()["dag_run_id"])

    def decide(self, request: Request, *, by: str = "bob", approve: bool = True) -> httpx.Response:
        """Approve or deny through the portal's REST API; whatever it answers."""
        body = {"digest": request.digest, "reason": f"says {by}"}
        return self.as_user(by).post(
            f"/dirsync/api/v1/requests/{request.id}/{'approve' if approve else 'deny'}", json=body
        )

    # -- what is ---------------------------------------------------------------------------------------------

    def wait_for(self, what: str, look: Callable[[], Any], *, patience: float = PATIENCE) -> Any:
        """What `look` says as soon as it is true. Raises TimeoutError."""
        deadline = time.monotonic() + patience
        while not (found := look()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"After {patience:.0f} s still waiting for {what}.")
            time.sleep(0.3)
        return found

    def waiting(self, dag_id: str, run_id: str, *jobs: str) -> dict[str, Request]:
        """Job → its pending request, when the gates of all these jobs wait in the triggerer."""

        def in_triggerer() -> bool:
            path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
            answer = self.as_user("admin").get(path)
            tasks = {each["task_id"]: each for each in answer.json()["task_instances"]}
            failed = [name for name, each in tasks.items() if each["state"] == "failed"]
            assert not failed, f"{failed} of {dag_id}"
            return all(
                tasks[f"{job}.approval"]["state"] == "deferred" and tasks[f"{job}.approval"]["triggerer_job"]
                for job in jobs
            )

        self.wait_for(f"the gates of {dag_id}", in_triggerer)
        found = {job: self.store.requests.pending(dag_id, job) for job in jobs}
        return {job: request for job, request in found.items() if request is not None}

    def state(self, request: Request | int) -> str:
        """A request's state now."""
        return self.store.requests.get(request if isinstance(request, int) else request.id).request.state

    def keep_up(self) -> None:
        """Run the housekeeping once."""
        logical_date = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        run_id = self.start_run("directory_sync.upkeep", by="admin", logical_date=logical_date)
        assert self.admin.wait_for_run("directory_sync.upkeep", run_id, PATIENCE) == "success"

    def age_definitions(self) -> None:
        """Let the definitions look as if nobody had touched them for an hour."""
        for path in (*self.collections.iterdir(), self.collections):
            os.utime(path, (time.time() - 3600,) * 2)

    # -- requests by themselves ------------------------------------------------------------------------------

    def ask(self, dag_id: str, run_id: str) -> list[Request]:
        """A pending request for each job of a collection, of a run that Airflow knows nothing of."""
        collection = load(read_document(self.collections / f"{dag_id}.yaml")).collection
        run = self.store.runs.start(collection, run_id, trigger="manual", requester="ida", verified=True)
        requests = []
        for job in collection.jobs:
            attempt = self.store.runs.start_job(run.id, job.name).id
            digest = plan_digest(dag_id, job.name, DESTINATION, creations(2))
            plan = Plan(dag_id, job.name, DESTINATION, creations(2), digest, Statistics(created=2), 2)
            filed = self.store.filing.file(
                self.store.plans.save(attempt, plan),
                policy={"approvers": {"users": list(APPROVERS)}},
                approvers=[Approver("user", name) for name in APPROVERS],
            )
            requests.append(self.store.requests.get(filed.id).request)
        return requests


def collection(name: str, *jobs: str, source: str = "in.csv", more: str = "") -> str:
    """A definition of gated jobs, each of which writes a CSV file `<collection>_<job>.csv`."""
    text = (
        f"name: {name}\npaused: false\napproval: {{approvers: {{users:"
        f" [{', '.join(APPROVERS)}]}}}}\n{more}jobs:\n"
    )
    for job in jobs:
        text += (
            f"  - name: {job}\n    source: {{file: {source}}}\n    destination: {{file: {name}_{job}.csv}}\n "
            "   object: row\n    retries: 5\n    fields: {id: {from: id, key: true}, name: name}\n"
        )
    return text
