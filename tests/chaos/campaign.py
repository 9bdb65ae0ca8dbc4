"""The campaign: case after case, faults at random points, a retry or a new run, and a judgement after
each.
"""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.chaos.directories import new_server, refill
from tests.chaos.faults import FAULTS, LEASE, TIMEOUT
from tests.chaos.model import DESTINATION, SHAPES, SOURCE, Shape, definition, random_case
from tests.chaos.play import Play, kind_of
from tests.chaos.report import Report
from tests.chaos.stores import ChaosStore, postgres_store, sqlite_store
from tests.chaos.workers import ForkingRunner, Hanging, Runner, TerminalRunner, adopt
from tests.scenarios.cutting_proxy import CuttingProxy, Direction
from tests.scenarios.postgres import Postgres, find_binaries

KINDS = ("command", "airflow", "terminal")
"""Kinds of runs: the command in a process that has imported it already, the tasks of a DAG, the command as it
is typed.
"""


class Campaign:
    """Servers, stores and runners, and the cases that are played with them. A context manager.

    Args:
        seed: of everything random; a case depends on it and on the case's number alone.
        kinds: of runs, some of `KINDS` (starting Airflow takes some seconds).
        only: names of faults; default: all.
        size: number of people in a case.
        tell: hears a line about each case.
    """

    def __init__(
        self,
        seed: int,
        *,
        kinds: Sequence[str] = KINDS,
        only: Sequence[str] = (),
        size: int = 120,
        tell: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.report = Report(seed)
        self._seed = seed
        self._faults = {
            fault: weight for fault, weight in FAULTS.items() if not only or fault.__name__ in only
        }
        self._kinds = kinds
        self._size = size
        self._tell = tell
        self._stack = contextlib.ExitStack()
        self._carried: dict[tuple[str, Direction], int] = {}
        self._seconds: dict[str, float] = {}

    def __enter__(self) -> Self:
        adopt()
        with contextlib.ExitStack() as stack:
            self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
            self.folder.chmod(0o755)  # PostgreSQL may run as another user
            self._source, self._destination = new_server(SOURCE), new_server(DESTINATION)
            stack.callback(self._source.close)
            stack.callback(self._destination.close)
            self._to_source = stack.enter_context(CuttingProxy(self._source.port))
            self._to_destination = stack.enter_context(CuttingProxy(self._destination.port))
            self._cluster = stack.enter_context(Postgres()) if find_binaries() is not None else None
            self._to_store = stack.enter_context(CuttingProxy(self._cluster.port)) if self._cluster else None
            self._stores = self._make_stores()
            self._temporary = self.folder / "tmp"
            self._temporary.mkdir()
            self._definitions = {shape: self._write_definition(shape) for shape in SHAPES}
            made: dict[str, Runner] = {"terminal": TerminalRunner(self.folder)}
            for kind in {"command", "airflow"} & set(self._kinds):
                forking = ForkingRunner(kind, self.folder, self._settings())
                stack.callback(forking.close)
                made[kind] = forking
            # The command is cheap, so it has every second turn.
            turns = [kind for kind in ("command", "airflow", "command", "terminal") if kind in self._kinds]
            self._runners = [made[kind] for kind in turns]
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        adopt(yes=False)

    def _make_stores(self) -> list[Callable[[], ChaosStore]]:
        template = sqlite_store(self.folder)

        def new_file() -> ChaosStore:
            assert template.file is not None
            folder = self.folder / "store"
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            file = Path(shutil.copy(template.file, folder))
            return ChaosStore(f"sqlite:///{file}", file=file)

        if self._cluster is None or self._to_store is None:
            return [new_file]
        shared = postgres_store(self._cluster, self._to_store.port)

        def emptied() -> ChaosStore:
            shared.forget()
            return shared

        return [new_file, emptied]

    def _write_definition(self, shape: Shape) -> Path:
        file = self.folder / f"{shape.name}.json"
        file.write_text(json.dumps(definition(shape)), encoding="utf-8")
        return file

    def _settings(self) -> dict[str, str]:
        """Environment variables that every worker has."""
        settings = {
            "TMPDIR": str(self._temporary),
            "AIRFLOW_HOME": str(self.folder),
            "AIRFLOW__DIRECTORY_SYNC__LEASE_DURATION": f"{LEASE:g}s",
            "AIRFLOW__DIRECTORY_SYNC__DATA_FOLDER": str(self.folder),
        }
        for name, slapd, proxy in (
            ("SOURCE", self._source, self._to_source),
            ("DESTINATION", self._destination, self._to_destination),
        ):
            settings[f"AIRFLOW_CONN_{name}"] = json.dumps(
                {
                    "conn_type": "ldap",
                    "host": "127.0.0.1",
                    "port": proxy.port,
                    "login": slapd.admin,
                    "password": slapd.password,
                    "extra": {"security": "none", "timeout": TIMEOUT, "page_size": 25},
                }
            )
        return settings

    # -- playing ---------------------------------------------------------------------------------------------

    def play(self, faults: int, *, first: int = 0, step: int = 1, stop_at: int = 5) -> Report:
        """Play every `step`th case until there were so many faults, or so many violations."""
        began = time.monotonic()
        number = first
        while self.report.total < faults and len(self.report.violations) < stop_at:
            self._play_case(number, (number - first) // step)
            number += step
            self.report.seconds = time.monotonic() - began
        return self.report

    def _play_case(self, number: int, turn: int) -> None:
        choose = random.Random(f"{self._seed}/{number}")
        # In turn, so that a short campaign has all of them too.
        turn, place = divmod(turn, len(self._runners))
        runner = self._runners[place]
        make_store = self._stores[turn % len(self._stores)]
        case = random_case(choose, choose.choice(SHAPES), size=self._size)
        store = make_store()
        refill(self._source, case.source)
        refill(self._destination, case.before)
        play = Play(self, number, case, runner, store, choose)
        found: list[str] = []
        try:
            if (play.kinds, Direction.TO_SERVER) not in self._carried:
                found += play.undisturbed()
            else:
                for _ in range(choose.choice([1, 1, 2, 3])):
                    found += play.disturbed()
                    if found or play.succeeded:
                        break
                found = found or play.undisturbed()
        except (Hanging, AssertionError) as error:
            found.append(str(error))
        for server in (self._source, self._destination):
            if server._process is None:
                server.start()
        self.report.cases += 1
        self.report.violations += [
            f"case {number} ({', '.join(play.history)}): {what}" for what in found[:10]
        ]
        self._tell(
            f"{number}: {case.shape.name} {runner.kind} {kind_of(store)}:"
            f" {', '.join(play.history) or 'calibrated'}"
        )


@dataclass(frozen=True)
class Share:
    """A part of a campaign for one process: of the cases from `first`, every `step`th."""

    seed: int
    faults: int
    first: int = 0
    step: int = 1
    size: int = 120
    only: tuple[str, ...] = ()
    kinds: tuple[str, ...] = KINDS


def play_share(share: Share) -> Report:
    """Play a part of a campaign with servers of its own, and print a line for each case."""

    def tell(line: str) -> None:
        print(line, flush=True)

    with Campaign(share.seed, kinds=share.kinds, only=share.only, size=share.size, tell=tell) as campaign:
        return campaign.play(share.faults, first=share.first, step=share.step)
