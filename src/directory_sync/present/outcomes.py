"""How people are told of the way in which a job or a run has ended: one set of labels for pages, mail, logs
and the terminal.

`docs/how-it-works.md` has the table of states, labels, exit statuses and states in Airflow.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from directory_sync.plan.model import Statistics, counts_a_change
from directory_sync.run.result import JobState
from directory_sync.run.task_ends import NOT_IN_THIS_RUN, REMOVED
from directory_sync.store.runs import RUNNING

NOTHING_TO_DO = "nothing_to_do"
"""Outcome of what succeeded and had nothing to write; its state is `success`."""
SUCCEEDED = "succeeded"
"""Outcome of what succeeded and has written something; its state is `success`, too."""

LABELS: Mapping[str, str] = MappingProxyType(
    {
        SUCCEEDED: "succeeded",
        NOTHING_TO_DO: "nothing to do",
        JobState.SUCCESS_WITH_ERRORS: "with errors",
        JobState.CONFLICTS: "conflicts",
        JobState.INCOMPLETE: "incomplete listing",
        JobState.STOPPED_BY_LIMIT: "stopped by a limit",
        JobState.WAITING: "waiting for approval",
        JobState.DENIED: "denied",
        JobState.EXPIRED: "expired",
        JobState.CANCELLED: "cancelled",
        JobState.STALE: "stale",
        JobState.STOPPED: "stopped",
        JobState.NOT_RUN: "not run",
        JobState.FAILED: "failed",
        # These are no outcomes of a run that writes.
        RUNNING: "running",
        JobState.PREVIEWED: "previewed",
        NOT_IN_THIS_RUN: "left out of this run",
        REMOVED: "removed from the definition",
    }
)
"""Outcome → its label. An outcome is a state, but for the two that `success` stands for."""


def outcome_of(state: str, *, wrote: bool) -> str:
    """The outcome of a job or run, as `LABELS` names it.

    Args:
        state: a `JobState`, `running`, or one of `run.task_ends`.
        wrote: something was written, by any attempt.
    """
    if state == JobState.SUCCESS:
        return SUCCEEDED if wrote else NOTHING_TO_DO
    return str(state)


def outcome_text(state: str, *, wrote: bool) -> str:
    """The label of an outcome; see `outcome_of`."""
    outcome = outcome_of(state, wrote=wrote)
    # A store may hold states of a later version.
    return LABELS.get(outcome, outcome.replace("_", " "))


def wrote_something(statistics: Statistics | None) -> bool:
    """Whether figures of what was applied count a change."""
    return statistics is not None and counts_a_change(statistics.to_json())
