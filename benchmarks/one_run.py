"""Runs a collection once, in a process of its own, and prints what it took:
`python -m benchmarks.one_run FILE`, FILE in JSON.

The clock starts when everything is imported and the store is open, as in an Airflow task, whose process has
the package loaded.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import directory_sync.endpoints.ldap.destination  # noqa: F401 - what a run would import on its way
from directory_sync.definition.loading import load_text
from directory_sync.endpoints.contract import ConnectionInfo
from directory_sync.run.deployment import Deployment
from directory_sync.run.job import run_job
from directory_sync.run.result import JobState
from directory_sync.store.store import Store
from tests.scenarios.slapd import PASSWORD


class _Connections:
    """Connections without TLS, as the floors use too."""

    def __init__(self, servers: Mapping[str, Mapping[str, Any]]) -> None:
        self._servers = servers

    def get(self, connection_id: str) -> ConnectionInfo:
        server = self._servers[connection_id]
        return ConnectionInfo(
            id=connection_id,
            type="ldap",
            host="127.0.0.1",
            password=PASSWORD,
            extra={"security": "none"},
            **server,
        )


def main() -> int:
    """Run once and print the figures as JSON."""
    order = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    collection = load_text(order["definition"], "bench.yaml").collection
    deployment = Deployment(connections=_Connections(order["servers"]), data_folder=Path(sys.argv[1]).parent)
    with Store.open(order["store"]) as store:
        store.now()
        began, before = time.perf_counter(), _cpu()
        snapshot = store.runs.start(
            collection,
            uuid4().hex,
            trigger="manual",
            requester="bench",
            verified=False,
            reason="",
            preview_only=False,
        )
        results = [
            run_job(snapshot, job, deployment=deployment, store=store, holder="bench")
            for job in collection.jobs
        ]
        seconds, cpu = time.perf_counter() - began, _cpu() - before
    failed = [
        f"{result.job}: {result.state}: {result.message}"
        for result in results
        if result.state is not JobState.SUCCESS
    ]
    statistics = [result.statistics.to_json() for result in results]
    total = {name: sum(one[name] for one in statistics) for name in statistics[0]}
    print(json.dumps({"seconds": seconds, "cpu": cpu, "failed": failed, "statistics": total}))
    return 1 if failed else 0


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    sys.exit(main())
