"""How people are told of the way in which a job has ended."""

from __future__ import annotations

from collections.abc import Mapping

from directory_sync.run.result import JobState
from directory_sync.run.task_ends import NOT_IN_THIS_RUN, REMOVED
from directory_sync.store.runs import RUNNING

_LABELS: Mapping[str, str] = {
    RUNNING: "Running",
    JobState.SUCCESS: "Done",
    JobState.SUCCESS_WITH_ERRORS: "Done, with errors",
    JobState.CONFLICTS: "Done, with conflicts",
    JobState.STOPPED_BY_LIMIT: "Stopped by a limit",
    JobState.INCOMPLETE: "Incomplete source",
    JobState.FAILED: "Failed",
    JobState.PREVIEWED: "Previewed, nothing written",
    JobState.NOT_RUN: "Not run",
    JobState.WAITING: "Waits for approval",
    JobState.DENIED: "Denied",
    JobState.EXPIRED: "Request expired",
    JobState.CANCELLED: "Request cancelled",
    JobState.STALE: "Request is stale",
    NOT_IN_THIS_RUN: "Left out of this run",
    REMOVED: "Removed from the definition",
}


def state_text(state: str) -> str:
    """A job's state, or a run's, in a few words."""
    return _LABELS.get(state, state.replace("_", " "))
