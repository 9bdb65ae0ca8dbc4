"""The stores that runs are recorded in, and a look into them that shares no code with the product."""

# ruff: noqa: S608 - all that goes into these queries is made here

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.scenarios.postgres import Postgres

_PREFIX = "directory_sync_"


@dataclass(frozen=True)
class PlanSeen:
    """A plan as the store has it.

    Attributes:
        state: `incomplete`, `stored`, `applying`, or how it ended.
        changes: place → change, in its JSON form.
        outcomes: place → result.
        messages: place → why not.
    """

    id: int
    job: str
    state: str
    changes: dict[int, dict[str, Any]]
    outcomes: dict[int, str]
    messages: dict[int, str]


@dataclass(frozen=True)
class ChaosStore:
    """One store.

    Attributes:
        url: as the product is told.
        file: of a SQLite store.
        direct: how to reach a PostgreSQL store past every proxy.
    """

    url: str
    file: Path | None = None
    direct: str = ""

    @contextlib.contextmanager
    def _connection(self) -> Iterator[Any]:
        if self.file is not None:
            with contextlib.closing(sqlite3.connect(self.file, timeout=10)) as connection:
                yield connection
            return
        import psycopg2  # type: ignore[import-untyped]

        with contextlib.closing(psycopg2.connect(self.direct, connect_timeout=10)) as connection:
            yield connection

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What a query gives; `{p}` stands for the prefix of all tables."""
        with self._connection() as connection:
            cursor = connection.cursor()
            cursor.execute(query.format(p=_PREFIX))
            return list(cursor.fetchall())

    def last_job(self) -> int:
        """The latest attempt at a job, 0 if there was none."""
        return int(self.rows("SELECT coalesce(max(id), 0) FROM {p}job_run")[0][0])

    def stage(self, *, after: int) -> str:
        """How far an attempt has come that began after this attempt at a job; reading is a part of
        planning.
        """
        jobs = self.rows("SELECT id, job, state FROM {p}job_run ORDER BY id DESC LIMIT 1")
        if not jobs or jobs[0][0] <= after:
            return "opening"
        if jobs[0][2] != "running":
            return "closing"
        (plan,) = self.rows(
            f"SELECT count(*), max(apply_started), max(apply_finished) FROM {{p}}plan WHERE job_run_id ="
            f" {jobs[0][0]}"
        )
        if plan[0] == 0:
            # A retry goes on with the plan of an earlier attempt.
            older = self.rows(
                "SELECT p.apply_started, p.apply_finished FROM {p}plan p JOIN {p}job_run j ON j.id ="
                " p.job_run_id"
                f" WHERE j.job = '{jobs[0][1]}' AND p.state = 'applying' AND j.collection_run_id ="
                f" (SELECT collection_run_id FROM {{p}}job_run WHERE id = {jobs[0][0]})"
            )
            return "applying again" if older else "planning"
        if plan[1] is None:
            return "storing"
        return "applying" if plan[2] is None else "closing"

    def plans(self) -> list[PlanSeen]:
        """Every plan that was begun to be stored, oldest first."""
        seen = []
        for id, job, state in self.rows(
            "SELECT p.id, j.job, p.state FROM {p}plan p JOIN {p}job_run j ON j.id = p.job_run_id ORDER BY"
            " p.id"
        ):
            changes = self.rows(f"SELECT sequence, payload FROM {{p}}change WHERE plan_id = {id}")
            outcomes = self.rows(f"SELECT sequence, result, message FROM {{p}}outcome WHERE plan_id = {id}")
            seen.append(
                PlanSeen(
                    id,
                    job,
                    state,
                    {place: json.loads(payload) for place, payload in changes},
                    {place: result for place, result, _ in outcomes},
                    {place: message for place, _, message in outcomes},
                )
            )
        return seen

    def count(self, table: str) -> int:
        """Number of rows."""
        return int(self.rows(f"SELECT count(*) FROM {{p}}{table}")[0][0])

    def forget(self) -> None:
        """Remove everything but the tables and what migrations have put there; PostgreSQL only."""
        kept = ("alembic_version", "collection_revision")
        with self._connection() as connection:
            cursor = connection.cursor()
            cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            tables = {name for (name,) in cursor.fetchall()} - {f"{_PREFIX}{each}" for each in kept}
            cursor.execute(f"TRUNCATE {', '.join(sorted(tables))}")
            connection.commit()


def sqlite_store(folder: Path) -> ChaosStore:
    """A new, migrated SQLite store."""
    file = folder / "store.db"
    _upgrade(f"sqlite:///{file}")
    return ChaosStore(f"sqlite:///{file}", file=file)


def postgres_store(cluster: Postgres, port: int) -> ChaosStore:
    """A new, migrated PostgreSQL store that the product reaches through another port."""
    url = cluster.create_database()
    _upgrade(url)
    return ChaosStore(url.replace(f":{cluster.port}/", f":{port}/"), direct=url)


def _upgrade(url: str) -> None:
    code = "import sys; from directory_sync.store.migrate import upgrade; upgrade(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, url], check=True, timeout=120)
