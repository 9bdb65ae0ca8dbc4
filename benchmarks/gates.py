"""Waiting gates: what a look at the store costs for 1,000 and 5,000 of them, and how soon a gate goes on
after the decision.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import make_url

from benchmarks.databases import databases, postgres_connection
from benchmarks.frame import Aim, Options, Result, Sample
from benchmarks.large_requests import save_waiting_requests
from directory_sync.store.store import Store

INTERVAL = 5.0
"""Seconds between two looks, unless a deployment sets another number."""

_COUNTS = (1_000, 5_000)
_LOOKS = 20
_FAST = 0.25
"""Seconds between two looks while their cost is measured."""
_DECISIONS = 50
_DECIDED_OVER = 25.0
_IN_SQLITE = """\
SELECT id, state FROM directory_sync_request WHERE state <> 'pending' AND id IN (SELECT value FROM json_each(?))
"""  # noqa: E501
_IN_POSTGRES = "SELECT id, state FROM directory_sync_request WHERE state <> 'pending' AND id = ANY(%s)"
_PROJECT = Path(__file__).resolve().parent.parent


def measure(options: Options) -> list[Result]:
    """Cost of a look and time to resume, on SQLite and on PostgreSQL."""
    results = []
    for name, url in databases():
        with Store.open(url) as store:
            requests = save_waiting_requests(store, url, max(_COUNTS) + _DECISIONS)
        for count in _COUNTS:
            options.say(f"{count:,} waiting gates on {name}")
            results.append(_looks(name, url, requests[:count], options.repeat))
        options.say(f"time from decision to resume on {name}")
        results.append(_resume(name, url, requests[: _COUNTS[0]]))
    return results


def _looks(name: str, url: str, requests: list[int], repeat: int) -> Result:
    runs, floors, naive, figures = [], [], [], {}
    for _ in range(repeat):
        cpu = _bare_query(url, requests)
        floors.append(Sample(cpu, client_cpu=cpu))
        figures = _process("shared", url, {"ids": requests, "looks": _LOOKS}, interval=_FAST)
        if figures["statements"] != 1:
            raise RuntimeError(f"a look took {figures['statements']} statements, not one")
        runs.append(Sample(figures["cpu"], client_cpu=figures["cpu"]))
        naive.append(_process("alone", url, {"ids": requests}, interval=INTERVAL)["cpu"])
    look = median(sample.seconds for sample in runs)
    return Result(
        work=f"One look for {len(requests):,} gates, {name} (CPU)",
        floor_is="the same rows by the bare driver",
        aim=Aim(within=0.02 * INTERVAL),
        runs=runs,
        floors=floors,
        facts=(
            (
                f"One SQL statement per look, counted; {100 * look / INTERVAL:.2f} % of a core at"
                f" {INTERVAL:g} s between two looks."
            ),
            (
                f"Each gate by itself: {median(naive) / look:,.0f} times the CPU,"
                f" {100 * median(naive) / INTERVAL:.0f} % of a core."
            ),
            f"A waiting gate takes {figures['memory'] / 1024:.1f} KiB of memory.",
        ),
        bound=(
            "The statement itself: the numbers of all gates are sent as one parameter and joined with the"
            " requests by primary "
            "key. The rest is SQLAlchemy's handling of a connection and the change of threads, the same for"
            " any number."
        ),
    )


def _resume(name: str, url: str, requests: list[int]) -> Result:
    figures = _process(
        "resume", url, {"ids": requests, "decisions": _DECISIONS, "over": _DECIDED_OVER}, interval=INTERVAL
    )
    seconds: list[float] = figures["seconds"]
    return Result(
        work=f"From decision to resume, {len(requests):,} gates, {name}",
        floor_is="",
        aim=Aim(within=INTERVAL),
        runs=[Sample(median(seconds))],
        facts=(
            (
                f"{len(seconds)} decisions at any moment: median {median(seconds):.2f} s, longest"
                f" {max(seconds):.2f} s."
            ),
        ),
        bound=(
            f"The interval of {INTERVAL:g} s (setting gate_poll_interval): half of it on average, all of it"
            " at worst."
        ),
    )


def _bare_query(url: str, requests: list[int]) -> float:
    """Seconds of CPU of one query for the same rows by the database's bare driver, the median of many."""
    run, close = _bare(url)
    found = []
    for _ in range(_LOOKS):
        cpu = time.process_time()
        run(requests)
        found.append(time.process_time() - cpu)
    close()
    return median(found)


def _bare(url: str) -> tuple[Callable[[list[int]], object], Callable[[], None]]:
    if url.startswith("sqlite"):
        lite = sqlite3.connect(str(make_url(url).database))
        return lambda ids: lite.execute(_IN_SQLITE, [json.dumps(ids)]).fetchall(), lite.close
    connection = postgres_connection(url)

    def query(ids: list[int]) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_IN_POSTGRES, [ids])
            cursor.fetchall()

    return query, connection.close


def _process(kind: str, url: str, order: dict[str, Any], *, interval: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="gates-") as home:
        (Path(home) / "airflow.cfg").write_text("[core]\nload_examples = False\n", encoding="utf-8")
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")
        } | {
            "AIRFLOW_HOME": home,
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
            "AIRFLOW__DIRECTORY_SYNC__DATABASE_URL": url,
            "AIRFLOW__DIRECTORY_SYNC__GATE_POLL_INTERVAL": str(interval),
        }
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.gate_process", kind],
            cwd=_PROJECT,
            env=environment,
            input=json.dumps(order | {"url": url}),
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(f"the process with gates ended with {done.returncode}:\n{done.stderr[-3000:]}")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures
