"""What the demo prints: steps as they happen, and a table of what a run did."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

_COLUMNS = ("read", "created", "updated", "moved", "deleted", "unchanged", "skipped", "conflicts", "errors")


class Steps:
    """Prints one line per step; in a terminal the line of a step under way is written over."""

    def __init__(self) -> None:
        self._begin = time.monotonic()
        self._open = False

    @property
    def seconds(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._begin

    def done(self, name: str, text: str) -> None:
        """Print a finished step."""
        self._finish_line()
        print(f"{self.seconds:6.1f} s  {name:<16} {text}", flush=True)

    def under_way(self, name: str, text: str) -> None:
        """Show a step that is not finished; nothing in a pipe."""
        if sys.stdout.isatty():
            print(f"\r{self.seconds:6.1f} s  {name:<16} {text}\x1b[K", end="", flush=True)
            self._open = True

    def _finish_line(self) -> None:
        if self._open:
            print("\r\x1b[K", end="")
            self._open = False


def table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Job name → the summary that its task returned, as a table of what was done."""
    rows: list[tuple[str, ...]] = [("job", "state", *_COLUMNS)]
    for job, summary in results.items():
        statistics = summary.get("statistics", {})
        rows.append(
            (
                job,
                str(summary.get("state", "did not run")),
                *(str(statistics.get(name, "")) for name in _COLUMNS),
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        texts = [
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  " + "  ".join(texts).rstrip())
    return "\n".join(lines)
