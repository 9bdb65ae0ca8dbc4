"""Measures a first load, a run without changes and one with a few; prints a table and writes docs/benchmarks.md."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import floors
from benchmarks.setting import Setting, prepared
from directory_sync.run.job import JobResult, JobState, run_job
from directory_sync.store.migrate import upgrade
from directory_sync.store.store import Store

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"

_INTRODUCTION = """\
# Benchmarks

Written by `make bench`. Times depend on the machine and on what else it does; **ratios** are what to look at: each is held
against a floor measured in the same minutes on the same servers.

- **First load**: all people are new. Floor: bare python-ldap adding the same entries with 64 operations under way. The run also
  reads both sides, makes the plan, stores every change and every outcome.
- **Nothing to do**: both sides hold the same. Floor: two paged `ldapsearch`, side by side, that print what a run has to read.
- **1 % changed**: one person in a hundred has a new title. Same floor.
"""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One line of the table; seconds."""

    name: str
    floor_name: str
    floor: float
    product: float

    def row(self) -> str:
        """As a row of a Markdown table."""
        ratio = self.product / self.floor
        return f"| {self.name} | {self.product:.2f} s | {self.floor:.2f} s | {self.floor_name} | **{ratio:.1f}** |"


class Runs:
    """Runs the collection as often as wanted, each time as a new run."""

    def __init__(self, setting: Setting, store: Store) -> None:
        self._setting = setting
        self._store = store
        self._number = 0

    def seconds(self, **expected: int) -> float:
        """Run once and return how long it took. Raises if it did anything else than expected."""
        self._number += 1
        collection = self._setting.collection
        snapshot = self._store.start_run(
            collection,
            f"bench-{self._number}",
            trigger="manual",
            requester="bench",
            verified=False,
            reason="",
            preview_only=False,
        )
        result: JobResult = run_job(
            snapshot, collection.jobs[0], deployment=self._setting.deployment, store=self._store, holder="bench"
        )
        figures = result.statistics.to_json()
        if result.state is not JobState.SUCCESS or any(figures[name] != number for name, number in expected.items()):
            raise RuntimeError(f"{result.state}: {result.message} {figures}")
        return result.duration


def measure(count: int, repeat: int) -> list[Measurement]:
    """All measurements with so many people; the best of `repeat` each."""

    def best(action: Callable[[], float], before: Callable[[], object] = lambda: None) -> float:
        found = []
        for _ in range(repeat):
            before()
            found.append(action())
        return min(found)

    with prepared(count) as setting:
        url = f"sqlite:///{setting.folder}/store.db"
        upgrade(url)
        with Store.open(url) as store:
            runs = Runs(setting, store)
            add_floor = best(lambda: floors.adds(setting), before=setting.empty_destination)
            load = best(lambda: runs.seconds(created=count), before=setting.empty_destination)
            list_floor = best(lambda: floors.listings(setting))
            unchanged = best(lambda: runs.seconds(unchanged=count))
            changed = setting.change_source(0.01)
            some = runs.seconds(updated=changed)
    return [
        Measurement(f"First load of {count:,}", "python-ldap, pipelined", add_floor, load),
        Measurement(f"Nothing to do, {count:,}", "ldapsearch × 2", list_floor, unchanged),
        Measurement(f"1 % of {count:,} changed", "ldapsearch × 2", list_floor, some),
    ]


def machine() -> str:
    """What was measured on, in one line."""
    information = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    models = [line.partition(":")[2].strip() for line in information.splitlines() if line.startswith("model name")]
    name = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    return f"{os.cpu_count()} × {models[0] if models else platform.machine()}, {name}, Python {platform.python_version()}"


def main() -> int:
    """Measure, print, write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--people", type=int, default=10_000, help="number of people (default: 10000)")
    parser.add_argument("--repeat", type=int, default=3, help="the best of so many counts (default: 3)")
    parser.add_argument("--no-page", action="store_true", help="print only; leave docs/benchmarks.md alone")
    arguments = parser.parse_args()
    measurements = measure(arguments.people, arguments.repeat)
    rows = ["| | run | floor | floor is | ratio |", "|---|---|---|---|---|", *(one.row() for one in measurements)]
    facts = f"Best of {arguments.repeat}. {machine()}. {datetime.now(UTC).date().isoformat()}."
    table = "\n".join([*rows, "", facts])
    print(table)
    if not arguments.no_page:
        PAGE.write_text(f"{_INTRODUCTION}\n{table}\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (RuntimeError, subprocess.SubprocessError, OSError) as error:
        sys.exit(f"The benchmark failed: {error}")
