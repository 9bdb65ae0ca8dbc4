"""Runs from a terminal that end without a word: what they have written is found and recorded, and nothing
stays open.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, text

from directory_sync.endpoints.change import Result
from directory_sync.store.store import Store
from directory_sync.store.tables import CollectionRunRow, JobRunRow, PlanRow
from tests.scenarios.broken_off import PEOPLE, Terminal
from tests.scenarios.container import Container

_TABLES = ("outcome", "plan", "job_run", "collection_run", "known_objects", "lease")


@pytest.fixture
def terminal(container: Container, store_url: str, tmp_path: Path) -> Iterator[Terminal]:
    with Terminal.opened(container, store_url, tmp_path) as opened:
        yield opened


def results(store: Store, plan: int = 1) -> Counter[Result]:
    return Counter(outcome.result for outcome in store.plans.outcomes(plan).values())


def left_open(store: Store) -> list[object]:
    """States of everything that has not ended."""
    with store._database.read() as connection:
        return [
            *connection.scalars(
                select(PlanRow.state).where(
                    PlanRow.apply_finished.is_(None), PlanRow.apply_started.is_not(None)
                )
            ),
            *connection.scalars(select(JobRunRow.state).where(JobRunRow.finished.is_(None))),
            *connection.scalars(select(CollectionRunRow.state).where(CollectionRunRow.finished.is_(None))),
        ]


def test_the_next_run_settles_a_killed_one(terminal: Terminal, store: Store) -> None:
    """What was created is on record, the rest is done, the killed run is closed, and its people are the job's
    own.
    """
    written = terminal.kill(terminal.begin_until(60))
    assert 60 <= len(written) < PEOPLE
    assert store.plans.count_outcomes(1) < len(written), (
        "the run should be killed before it could record everything"
    )
    assert left_open(store) == ["applying", "running", "running"]
    status, said = terminal.run()
    assert (status, len(terminal.there())) == (0, PEOPLE), said
    told = results(store)
    assert told[Result.DONE] + told[Result.FOUND_DONE] == len(written)
    assert told[Result.NOT_DONE] == PEOPLE - len(written)
    assert told[Result.UNCERTAIN] == 0
    assert left_open(store) == []
    newer, killed = store.runs.recent("corp")
    assert (newer.state, killed.state) == ("success", "failed")
    (attempt,) = store.runs.job_results("corp", killed.run_id)
    assert attempt.state == "failed"
    assert attempt.message.startswith("It broke off: the process that worked on it is gone.")
    assert attempt.statistics is not None
    assert attempt.statistics.created == len(written)
    # They are known, those of the killed run too: the job may remove them.
    terminal.source(range(200))
    status, said = terminal.run()
    assert (status, len(terminal.there())) == (0, 200), said


def test_a_command_settles_a_killed_run(terminal: Terminal, store: Store) -> None:
    """It says what it has found, writes nothing to the directory, and has nothing to do the second time."""
    written = terminal.kill(terminal.begin_until(60))
    before = terminal.container.slapd.dump()
    status, said = terminal.settle()
    assert status == 0, said
    assert terminal.container.slapd.dump() == before
    assert re.search(
        r"^corp, run terminal__\S+, job people, plan 1: failed\. It broke off: ", said, re.MULTILINE
    ), said
    assert f"{PEOPLE - len(written)} were not made, and of 0 it cannot be told" in said
    assert left_open(store) == []
    assert terminal.settle() == (0, "Nothing was left open.\n")
    # Of what it had created only the names are on record. The next run meets those objects, and from then on
    # they are known.
    assert terminal.run()[0] == 0
    assert len(terminal.there()) == PEOPLE
    terminal.source(range(PEOPLE, PEOPLE + 3))
    status, said = terminal.run()
    assert (status, terminal.there()) == (0, {f"p{n}" for n in range(PEOPLE, PEOPLE + 3)}), said


def test_a_run_that_is_alive_is_left_alone(terminal: Terminal, store: Store) -> None:
    """Also in the middle of its writes, and while it is stopped for a moment."""
    # On a busy machine the second command takes longer to start than a short lease lasts, or than the rest of
    # the run.
    terminal.environment["AIRFLOW__DIRECTORY_SYNC__LEASE_DURATION"] = "60s"
    process = terminal.begin_until(60)
    terminal.line.delay = 3.0
    status, said = terminal.do("db", "settle")
    assert status == 0, said
    assert "stays open. Process" in said
    os.killpg(process.pid, signal.SIGSTOP)
    status, said = terminal.do("db", "settle")
    os.killpg(process.pid, signal.SIGCONT)
    terminal.line.delay = 0.0
    assert "stays open. Process" in said
    assert Result.NOT_DONE not in results(store)
    said = "".join(process.communicate(timeout=120))
    assert (process.returncode, len(terminal.there())) == (0, PEOPLE), said
    assert results(store) == {Result.DONE: PEOPLE}


def test_a_server_that_is_away(terminal: Terminal, store: Store) -> None:
    """Nothing is changed, said clearly, and done when it is back."""
    written = terminal.kill(terminal.begin_until(60))
    recorded = store.plans.count_outcomes(1)
    port = terminal.line.port
    terminal.line.target, target = 1, terminal.line.target
    status, said = terminal.settle()
    assert status == 1
    assert "stays open. Its objects cannot be looked at:" in said
    assert "it is tried again" in said
    assert store.plans.count_outcomes(1) == recorded
    assert left_open(store) == ["applying", "running", "running"]
    terminal.line.target = target
    assert terminal.line.port == port
    assert terminal.settle()[0] == 0
    told = results(store)
    assert told[Result.DONE] + told[Result.FOUND_DONE] == len(written)
    assert left_open(store) == []


def test_a_run_that_was_killed_before_it_had_a_plan(terminal: Terminal, store: Store) -> None:
    """Attempt and run are closed, though there is nothing to look at."""
    terminal.line.delay = 1.0
    process = terminal.begin("run", "corp.yaml")
    deadline = time.monotonic() + 60
    while not store.runs.recent("corp") or not store.runs.job_results(
        "corp", store.runs.recent("corp")[0].run_id
    ):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    terminal.kill(process)
    assert left_open(store) == ["running", "running"]
    status, said = terminal.settle()
    assert status == 0, said
    assert "Its process is gone, and it had not begun to write." in said
    assert left_open(store) == []


@contextlib.contextmanager
def full(store: Store) -> Iterator[None]:
    """Let the store have no room for anything more, from the first outcome on."""
    name = "directory_sync_{}"
    with store._database.write() as connection:
        if store._database.is_sqlite:
            for table in _TABLES:
                for event in ("INSERT", "UPDATE", "DELETE"):
                    connection.execute(
                        text(
                            f"CREATE TRIGGER full_{table}_{event} BEFORE {event} ON {name.format(table)} "
                            "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
                        )
                    )
        else:
            connection.execute(
                text(
                    "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS "
                    "$$BEGIN RAISE disk_full USING MESSAGE = 'could not extend file: No space left on"
                    " device'; END$$"
                )
            )
            for table in _TABLES:
                connection.execute(
                    text(
                        f"CREATE TRIGGER full_store BEFORE INSERT OR UPDATE OR DELETE ON {name.format(table)}"
                        " FOR EACH ROW EXECUTE FUNCTION no_room()"
                    )
                )
    yield
    with store._database.write() as connection:
        if store._database.is_sqlite:
            for table in _TABLES:
                for event in ("INSERT", "UPDATE", "DELETE"):
                    connection.execute(text(f"DROP TRIGGER full_{table}_{event}"))
        else:
            connection.execute(text("DROP FUNCTION no_room CASCADE"))


def test_a_store_that_is_full_in_the_middle(terminal: Terminal, store: Store) -> None:
    """Neither outcomes nor the end of the run can be recorded; when there is room again, the next run does
    both.
    """
    process = terminal.begin_until(30)
    with full(store):
        said = "".join(process.communicate(timeout=120))
        assert process.returncode == 1
        assert "Make room" in said or "No space left" in said
        time.sleep(3.5)
    written = terminal.there()
    assert store.plans.count_outcomes(1) == 0
    assert 0 < len(written) < PEOPLE
    assert left_open(store) == ["applying", "running", "running"]
    status, said = terminal.run()
    assert (status, len(terminal.there())) == (0, PEOPLE), said
    assert results(store) == {Result.FOUND_DONE: len(written), Result.NOT_DONE: PEOPLE - len(written)}
    assert left_open(store) == []
