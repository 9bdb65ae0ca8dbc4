"""What every benchmark is made of: samples of the product and of its floor, taken in turn, and the aim they
are held against.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any


def machine() -> str:
    """What was measured on, in one line."""
    information = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    models = [
        line.partition(":")[2].strip() for line in information.splitlines() if line.startswith("model name")
    ]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    name = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    cores = f"{os.cpu_count()} × {models[0] if models else platform.machine()}"
    return f"{cores}, {memory:.0f} GiB, {name}, Python {platform.python_version()}"


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement.

    Attributes:
        seconds: wall clock.
        client_cpu: seconds of CPU that the measured processes took.
        server_cpu: seconds of CPU that the directories took meanwhile.
    """

    seconds: float
    client_cpu: float = 0.0
    server_cpu: float = 0.0


@dataclass(frozen=True, slots=True)
class Aim:
    """What is wanted: the run at most `ratio` times its floor, or at most `seconds` above it; at most
    `memory` MiB.

    `within` is for what people wait for: seconds of the run, whatever its floor takes.
    """

    ratio: float | None = None
    seconds: float | None = None
    memory: float | None = None
    within: float | None = None

    def __str__(self) -> str:
        parts = [] if self.ratio is None else [f"≤ {self.ratio:g}×"]
        parts += [] if self.seconds is None else [f"≤ {self.seconds:g} s more"]
        parts += [] if self.within is None else [f"≤ {self.within:g} s"]
        parts += [] if self.memory is None else [f"≤ {self.memory:g} MiB"]
        return ", ".join(parts) or "–"


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one benchmark.

    Attributes:
        work: what was done, as a line of the table.
        floor_is: what the floor does, as a line of the table; empty if there is none.
        aim: what is wanted.
        runs, floors: samples in the order in which they were taken, one floor for each run.
        memory: MiB of all processes of the run at its peak (see `memory`), or None.
        facts: what else was counted, as sentences.
        bound: what bounds it, as a paragraph.
        load: processes that wanted the machine's cores before it began (load average of one minute).
        where, date: what it was measured on, and when.
    """

    work: str
    floor_is: str
    aim: Aim
    runs: Sequence[Sample]
    floors: Sequence[Sample] = ()
    memory: float | None = None
    facts: Sequence[str] = ()
    bound: str = ""
    load: float = 0.0
    where: str = field(default_factory=machine)
    date: str = field(default_factory=lambda: datetime.now(UTC).date().isoformat())

    @property
    def seconds(self) -> float:
        """Median of the runs."""
        return median(sample.seconds for sample in self.runs)

    @property
    def floor(self) -> float | None:
        """Median of the floors."""
        return median(sample.seconds for sample in self.floors) if self.floors else None

    @property
    def ratio(self) -> float | None:
        """Median of run to floor, each taken in the same minute: what else the machine does then slows
        both.
        """
        return (
            median(run.seconds / one.seconds for run, one in zip(self.runs, self.floors, strict=True))
            if self.floors
            else None
        )

    @property
    def reached(self) -> bool:
        """Whether every part of the aim is."""
        aim, ratio, floor = self.aim, self.ratio, self.floor
        return not (
            (aim.ratio is not None and (ratio is None or ratio > aim.ratio))
            or (aim.seconds is not None and self.seconds - (floor or 0.0) > aim.seconds)
            or (aim.within is not None and self.seconds > aim.within)
            or (aim.memory is not None and (self.memory is None or self.memory > aim.memory))
        )

    def to_json(self) -> dict[str, Any]:
        """For the file that keeps the latest result of each benchmark."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Result:
        """Read what `to_json` wrote."""
        samples = {name: [Sample(**sample) for sample in data[name]] for name in ("runs", "floors")}
        return cls(**{**data, **samples, "aim": Aim(**data["aim"])})


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says: the size of the scenario, if not its own, and how often to repeat."""

    people: int | None
    repeat: int
    say: Callable[[str], None] = print


Measure = Callable[[Options], list[Result]]
"""What each module of a benchmark offers under the name `measure`."""


def in_turn(
    repeat: int,
    floor: Callable[[], Sample],
    run: Callable[[], Sample],
    before: Callable[[], object] = lambda: None,
) -> tuple[list[Sample], list[Sample]]:
    """Runs and floors, one after the other so that both meet the same weather; `before` comes before each."""
    runs, floors = [], []
    for _ in range(repeat):
        before()
        floors.append(floor())
        before()
        runs.append(run())
    return runs, floors
