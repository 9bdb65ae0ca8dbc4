"""What a campaign has done and found, and how it is told to people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

STAGES = ("opening", "reading", "planning", "storing", "applying", "applying again", "closing")
"""Where an attempt can be when a fault happens: see `ChaosStore.stage`."""


@dataclass
class Report:
    """What a campaign has done and found.

    Attributes:
        faults: (fault, stage, kind of run, kind of store) → how often.
        felt: fault → how often the attempt did not succeed with it.
        missed: attempts that had ended before the fault could happen; no fault is counted for them.
        retries: how often Airflow tried a job's task again in the same run, because it had failed or its
            worker had gone.
        ends: (kind of run, exit status) → how often an attempt with a fault ended like this.
        messages: what such attempts said, without what varies → how often.
        violations: what must not be, with the case it was seen in.
    """

    seed: int
    cases: int = 0
    faults: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    felt: Counter[str] = field(default_factory=Counter)
    missed: int = 0
    retries: int = 0
    ends: Counter[tuple[str, int]] = field(default_factory=Counter)
    messages: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def total(self) -> int:
        """Number of faults."""
        return self.faults.total()

    def by(self, place: int) -> dict[str, int]:
        """Number of faults by fault (0), stage (1), kind of run (2) or kind of store (3)."""
        counts: Counter[str] = Counter()
        for key, number in self.faults.items():
            counts[key[place]] += number
        return dict(counts.most_common())

    def add(self, other: Report) -> None:
        """Take in what another process has done and found."""
        self.cases += other.cases
        self.missed += other.missed
        self.faults.update(other.faults)
        self.felt.update(other.felt)
        self.retries += other.retries
        self.ends.update(other.ends)
        self.messages.update(other.messages)
        self.violations += other.violations
        self.seconds = max(self.seconds, other.seconds)

    def text(self) -> str:
        """For people."""
        lines = [
            f"seed {self.seed}: {self.total} faults in {self.cases} cases, {self.seconds:.0f} s",
            *self._table(),
        ]
        for place, name in ((2, "run"), (3, "store")):
            lines.append(
                f"by {name}: " + ", ".join(f"{what} {number}" for what, number in self.by(place).items())
            )
        lines.append(
            "exit status: "
            + ", ".join(f"{kind} {status}: {n}" for (kind, status), n in sorted(self.ends.items()))
        )
        lines.append(f"retries by Airflow: {self.retries}")
        lines.append(f"attempts that had ended before their fault: {self.missed}")
        lines += [f"{number:5} × {message}" for message, number in self.messages.most_common()]
        lines.append(f"violations: {len(self.violations)}")
        return "\n".join([*lines, *self.violations])

    def _table(self) -> list[str]:
        """Fault × stage, how often, and how often the attempt did not succeed."""
        counts: Counter[tuple[str, str]] = Counter()
        for (fault, stage, _, _), number in self.faults.items():
            counts[fault, stage] += number

        def row(name: str, cells: Iterable[object]) -> str:
            return f"{name:20}" + "".join(f"{cell:>15}" for cell in cells)

        lines = [row("", (*STAGES, "all", "run not done"))]
        for fault, number in self.by(0).items():
            lines.append(row(fault, (*(counts[fault, stage] for stage in STAGES), number, self.felt[fault])))
        stages = self.by(1)
        return [
            *lines,
            row("all", (*(stages.get(stage, 0) for stage in STAGES), self.total, self.felt.total())),
        ]
