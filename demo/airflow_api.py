"""The few calls of Airflow's REST API (v2) that the demo makes, as any other client would."""

from __future__ import annotations

import time
from typing import Any

import httpx

_FINISHED = {"success", "failed"}
_TRIES = 8
_OVER = {"success", "failed", "skipped", "upstream_failed", "removed"}


class PatientTransport(httpx.HTTPTransport):
    """Asks Airflow's own API again where its SQLite database was busy; nothing was done then.

    Airflow writes its audit log in the API server's event loop. Where another request holds SQLite's one lock
    and needs that loop to commit, both wait until SQLite gives up, which is answered with a "Database error".
    """

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """As often as needed, for some seconds."""
        answer = super().handle_request(request)
        for _ in range(_TRIES):
            is_airflows = request.url.path.startswith("/api/v2/")
            if answer.status_code != 500 or not is_airflows or b"Database error" not in answer.read():
                break
            time.sleep(2)
            answer = super().handle_request(request)
        return answer


class AirflowApi:
    """Airflow's REST API with the token of one user."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=120, trust_env=False, transport=PatientTransport())
        self.token = ""

    def close(self) -> None:
        """Give the connection back."""
        self._client.close()

    def healthy(self) -> bool:
        """Whether all components of Airflow say that they are."""
        try:
            answer = self._client.get("/api/v2/monitor/health")
        except httpx.TransportError:
            return False
        if answer.status_code != httpx.codes.OK:
            return False
        parts = answer.json()
        return all(
            (parts.get(name) or {}).get("status") == "healthy"
            for name in ("metadatabase", "scheduler", "triggerer", "dag_processor")
        )

    def log_in(self, user: str, password: str) -> None:
        """Get a token and use it from now on."""
        answer = self._client.post("/auth/token", json={"username": user, "password": password})
        answer.raise_for_status()
        self.token = str(answer.json()["access_token"])
        self._client.headers["Authorization"] = f"Bearer {self.token}"

    def has_dag(self, dag_id: str) -> bool:
        """Whether Airflow has found the DAG."""
        return self._client.get(f"/api/v2/dags/{dag_id}").status_code == httpx.codes.OK

    def import_errors(self) -> list[str]:
        """What Airflow could not import, as it says it."""
        return [error["stack_trace"] for error in self._get("/api/v2/importErrors")["import_errors"]]

    def unpause(self, dag_id: str) -> None:
        """Switch the DAG on."""
        self._client.patch(f"/api/v2/dags/{dag_id}", json={"is_paused": False}).raise_for_status()

    def trigger(self, dag_id: str, reason: str) -> str:
        """Start a run and return its id."""
        answer = self._client.post(
            f"/api/v2/dags/{dag_id}/dagRuns", json={"logical_date": None, "conf": {"reason": reason}}
        )
        answer.raise_for_status()
        return str(answer.json()["dag_run_id"])

    def wait_for_run(self, dag_id: str, run_id: str, timeout: float) -> str:
        """Wait until the run is over and return its state. Raises TimeoutError after that many seconds."""
        deadline = time.monotonic() + timeout
        while (state := self._get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"]) not in _FINISHED:
            if time.monotonic() > deadline:
                raise TimeoutError(f"Run {run_id} of {dag_id} is still {state} after {timeout:.0f} s.")
            time.sleep(0.5)
        return str(state)

    def wait_for_jobs(self, dag_id: str, run_id: str, timeout: float) -> str:
        """Wait until nothing of the run is left but tasks that wait for somebody, and return its state."""
        deadline = time.monotonic() + timeout
        while True:
            state = str(self._get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"])
            tasks = self.task_states(dag_id, run_id)
            waiting = {task for task, each in tasks.items() if each == "deferred"}
            behind = {task.replace(".approval", ".apply") for task in waiting} | {"_close"}
            if state in _FINISHED or (
                waiting and all(tasks[task] in _OVER for task in tasks.keys() - waiting - behind)
            ):
                return "waiting" if waiting else state
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"Run {run_id} of {dag_id} is still {state} after {timeout:.0f} s: {tasks}"
                )
            time.sleep(0.5)

    def task_states(self, dag_id: str, run_id: str) -> dict[str, str]:
        """Task id → state of a run's tasks."""
        found = self._get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances")["task_instances"]
        return {task["task_id"]: str(task["state"]) for task in found}

    def result(self, dag_id: str, run_id: str, task_id: str) -> Any:
        """What a task returned, or None if it returned nothing."""
        answer = self._client.get(
            f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/return_value",
            params={"deserialize": False, "stringify": False},
        )
        return answer.json()["value"] if answer.status_code == httpx.codes.OK else None

    def failures(self, dag_id: str, run_id: str, task_id: str) -> list[str]:
        """What the log of a task's first attempt holds as errors."""
        log = self._get(
            f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/1?full_content=true"
        )["content"]
        details = [
            detail for line in log if isinstance(line, dict) for detail in line.get("error_detail") or ()
        ]
        return [f"{detail['exc_type']}: {detail['exc_value']}" for detail in details]

    def _get(self, path: str) -> Any:
        answer = self._client.get(path)
        answer.raise_for_status()
        return answer.json()
