"""Shows how far long work has got: a bar in a terminal, log lines elsewhere; always on standard error."""

from __future__ import annotations

import logging
import sys
import time
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self

from directory_sync.present.terminal import is_terminal
from directory_sync.printable import printable

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    from directory_sync.definition.models import Job
    from directory_sync.plan.planning import Progress

log = logging.getLogger(__name__)

LOG_INTERVAL = 5.0
"""Seconds between two log lines about the same stage."""


class ProgressDisplay:
    """Shows the progress of one job after the other; whatever it shows is gone when the block ends."""

    def __init__(self) -> None:
        self._terminal = is_terminal(sys.stderr)
        self._bars: Bars | None = None
        self._tasks: dict[str, TaskID] = {}
        self._logged: dict[str, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.hide()

    def of(self, job: Job) -> Progress:
        """What the run of a job is given to call."""
        return partial(self.show, job.name)

    def show(self, job: str, stage: str, done: int, total: int | None) -> None:
        """Tell how far a stage of a job has got.

        Args:
            job: its name.
            stage: what is being done, for example `read source`.
            done: records or changes so far.
            total: how many there will be, or None if that is not known.
        """
        text = printable(f"{job}: {stage}")
        if self._terminal:
            self._show_bar(text, done, total)
        else:
            self._log(text, done, total)

    def hide(self) -> None:
        """Take the bars away, because a job has ended or results follow. The next `show` begins again."""
        if self._bars is not None:
            self._bars.stop()
            self._bars = None
        self._tasks.clear()
        self._logged.clear()

    def _show_bar(self, text: str, done: int, total: int | None) -> None:
        if self._bars is None:
            self._bars = _make_bars()
            self._bars.start()
        if text not in self._tasks:
            self._tasks[text] = self._bars.add_task(text, total=total)
        self._bars.update(self._tasks[text], completed=done, total=total)
        self._bars.refresh()

    def _log(self, text: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        # Short work is not worth a line: the first one comes when a stage has lasted for a while.
        if now - self._logged.setdefault(text, now) >= LOG_INTERVAL:
            self._logged[text] = now
            log.info("%s. done=%d%s", text, done, "" if total is None else f" total={total}")


def _make_bars() -> Bars:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    return Bars(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(file=sys.stderr),
        transient=True,
        # Reading forks, and a thread that draws could hold a lock at that moment; so bars are drawn where
        # progress is reported.
        auto_refresh=False,
        # Results wait until the bars are gone (`hide`); log lines appear above them.
        redirect_stdout=False,
    )
