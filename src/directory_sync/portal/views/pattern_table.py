"""A plan's changes by pattern as a page shows them: a table above the changes, of which each line opens."""

from __future__ import annotations

from dataclasses import dataclass

from directory_sync.definition.models import Job
from directory_sync.errors import PlanAltered
from directory_sync.plan.patterns.model import Patterns
from directory_sync.portal import changes
from directory_sync.portal.access import Visitor
from directory_sync.present.patterns import (
    OTHER_TEXT,
    common_text,
    counted_text,
    examples_text,
    line_text,
    patterns_text,
)
from directory_sync.store.store import Store


@dataclass(frozen=True, slots=True)
class PatternRow:
    """One line.

    Attributes:
        pattern: what the address says to see its changes.
        text: what happens; `notes`: what else there is to know.
        tone: how it looks: `bad` for removals, `careful` for what replaces what identifies people.
    """

    pattern: int
    text: str
    notes: tuple[str, ...]
    counted: str
    examples: str
    tone: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class PatternTable:
    """All lines; `known`: they were worked out for this plan."""

    rows: tuple[PatternRow, ...]
    known: bool

    @property
    def chosen(self) -> str:
        """The line of which the changes are shown, in words; empty where all are."""
        return next((row.text for row in self.rows if row.chosen), "")


def pattern_table(store: Store, visitor: Visitor, plan_id: int, chosen: int | None) -> PatternTable:
    """The table of a plan. Patterns that were altered are not shown: that the plan was, the page says.

    Raises RequestNotFound if there is no plan that the visitor may see.
    """
    try:
        patterns, job = changes.read_patterns(store, visitor, plan_id)
    except PlanAltered:
        return PatternTable((), known=True)
    if patterns is None:
        return PatternTable((), known=False)
    return PatternTable(tuple(_rows(patterns, job, chosen)), known=True)


def _rows(patterns: Patterns, job: Job, chosen: int | None) -> list[PatternRow]:
    rows = []
    for line in patterns.lines:
        number = line.number + 1
        rows.append(
            PatternRow(
                pattern=number,
                text=line_text(line),
                notes=tuple(
                    filter(
                        None, (*(common_text(each, line.count) for each in line.common), patterns_text(line))
                    )
                ),
                counted=counted_text(line.count, job),
                examples=examples_text(line),
                tone="bad" if line.removal else "careful" if line.identifying else "",
                chosen=number == chosen,
            )
        )
    if patterns.other is not None:
        other = patterns.other
        counted, notes = counted_text(other.count, job), tuple(filter(None, (patterns_text(other),)))
        rows.append(PatternRow(0, OTHER_TEXT, notes, counted, examples_text(other), "", chosen == 0))
    return rows
