"""How far a running job is, in words: for pages and the terminal."""

from __future__ import annotations

from directory_sync.plan.planning import Stage
from directory_sync.store.run_progress import JobProgress

_READING = (Stage.READ_SOURCE, Stage.READ_DESTINATION)


def progress_text(progress: JobProgress) -> str:
    """What it is at, with figures."""
    read = f"{_count(progress.read, 'record')} and {_count(progress.listed, 'object')} read"
    if progress.stage in _READING:
        return f"reading: {read}"
    if progress.stage == Stage.APPLY and progress.total is not None:
        return f"applied {progress.applied:,} of {_count(progress.total, 'change')} ({read})"
    return f"planning: {progress.planned:,} compared ({read})"


def applied_share(progress: JobProgress) -> tuple[int, int] | None:
    """Changes answered, and their total, for a bar; None while that is not known."""
    if progress.stage != Stage.APPLY or not progress.total:
        return None
    return min(progress.applied, progress.total), progress.total


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
