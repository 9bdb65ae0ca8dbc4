"""The question before the limits that have stopped a job are asked to be waived once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from directory_sync.present.words import KindCount, count_kinds, kinds_text
from directory_sync.run import approval_text


@dataclass(frozen=True, slots=True)
class WaiverAsk:
    """What is asked.

    Attributes:
        dag_id, run_id, job: which job of which run was stopped.
        limits: those that its plan goes past, in words.
        statistics: figures of the plan.
        hindrance: why the visitor may not ask; empty if they may.
        problem: what was wrong with what was entered; `reason` is what was.
    """

    dag_id: str
    run_id: str
    job: str
    limits: tuple[str, ...]
    statistics: Mapping[str, int]
    hindrance: str
    problem: str = ""
    reason: str = ""

    @property
    def terms(self) -> str:
        """What an approval will do, and what is needed after it."""
        return approval_text.BEFORE_WAIVER

    @property
    def kinds(self) -> tuple[KindCount, ...]:
        """What the plan would change, worst first."""
        return count_kinds(self.statistics)

    @property
    def kinds_text(self) -> str:
        """The same in words."""
        return kinds_text(self.kinds)
