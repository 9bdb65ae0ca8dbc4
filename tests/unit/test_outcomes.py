"""How people are told of outcomes: one set of labels, and the table of the documentation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from directory_sync.cli.run import job_status
from directory_sync.plan.model import Statistics
from directory_sync.present.outcomes import (
    LABELS,
    NOTHING_TO_DO,
    SUCCEEDED,
    outcome_of,
    outcome_text,
    wrote_something,
)
from directory_sync.run.result import JobState
from directory_sync.run.task_ends import NOT_IN_THIS_RUN, REMOVED
from directory_sync.store.runs import RUNNING

PAGE = Path(__file__).parents[2] / "docs" / "how-it-works.md"
FIXED = [
    "succeeded",
    "nothing to do",
    "with errors",
    "conflicts",
    "incomplete listing",
    "stopped by a limit",
    "waiting for approval",
    "denied",
    "expired",
    "cancelled",
    "stale",
    "stopped",
    "not run",
    "failed",
]
"""Of the specification: people find things by them."""
NO_OUTCOMES = {RUNNING, JobState.PREVIEWED, NOT_IN_THIS_RUN, REMOVED}


def test_labels_are_those_that_are_fixed() -> None:
    """In their order, each for one outcome; what is no outcome of a run that writes stands next to them."""
    assert [label for outcome, label in LABELS.items() if outcome not in NO_OUTCOMES] == FIXED
    assert len(set(LABELS.values())) == len(LABELS)


@pytest.mark.parametrize("state", [*JobState, RUNNING, NOT_IN_THIS_RUN, REMOVED])
@pytest.mark.parametrize("wrote", [True, False])
def test_every_state_has_a_label(state: str, wrote: bool) -> None:
    """A state without one would be shown by its name in the code."""
    assert outcome_of(state, wrote=wrote) in LABELS


def test_success_is_two_outcomes() -> None:
    """Whether something was written tells them apart, and nothing else does."""
    assert outcome_of("success", wrote=True) == SUCCEEDED
    assert outcome_of("success", wrote=False) == NOTHING_TO_DO
    assert outcome_text("failed", wrote=True) == outcome_text("failed", wrote=False) == "failed"


def test_a_state_of_a_later_version_is_still_text() -> None:
    """A store may hold one."""
    assert outcome_text("put_off", wrote=False) == "put off"


def test_what_counts_as_written() -> None:
    """Changes do; what was read, left alone, skipped or in error does not."""
    assert not wrote_something(None)
    assert not wrote_something(Statistics(read=9, unchanged=5, skipped=1, conflicts=1, errors=2))
    for name in ("created", "updated", "moved", "disabled", "deleted"):
        assert wrote_something(Statistics(**{name: 1}))


def test_the_documentation_maps_label_state_exit_status_and_airflow() -> None:
    """One row for each outcome and for previews."""
    rows = [
        cells
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if len(cells := re.split(r"\s*\|\s*", line.strip("| "))) == 5 and re.fullmatch("`[a-z_]+`", cells[1])
    ]
    states = {label: state.strip("`") for label, state, *_ in rows}
    assert states == {
        label: "success" if outcome in (SUCCEEDED, NOTHING_TO_DO) else outcome
        for outcome, label in LABELS.items()
        if outcome in (SUCCEEDED, NOTHING_TO_DO, *JobState)
    }
    for label, state, status, task, meaning in rows:
        known = JobState(state.strip("`"))
        assert status == ("–" if known is JobState.PREVIEWED else str(int(job_status(known)))), label
        skipped = known is JobState.NOT_RUN
        assert task == ("failed" if known.failed else "skipped" if skipped else "success"), label
        assert meaning
