"""Which runs people hear of: the rule, and the table of the documentation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory_sync.definition.models import NotifyWhen
from directory_sync.plan.model import COUNTED_AS, Statistics
from directory_sync.present.outcomes import outcome_text
from directory_sync.run.result import JobState, state_of_run
from directory_sync.run.task_ends import NOT_IN_THIS_RUN, REMOVED
from directory_sync.run.triggers import JobEnd, triggers

PAGE = Path(__file__).parents[2] / "docs" / "mail.md"
STATES = [*(state.value for state in JobState if state is not JobState.PREVIEWED), NOT_IN_THIS_RUN, REMOVED]
FIGURES = st.builds(Statistics, **{name: st.integers(0, 3) for name in Statistics().to_json()})
ENDS = st.builds(JobEnd, st.sampled_from(STATES), st.none() | FIGURES)


@given(st.lists(ENDS))
def test_a_failure_is_an_error_and_every_run_is_told_always(jobs: list[JobEnd]) -> None:
    """Each trigger lets through what the one before it does, but for what was written."""
    found = triggers(jobs)
    assert NotifyWhen.ALWAYS in found
    assert NotifyWhen.FAILURE not in found or NotifyWhen.ERRORS in found


@given(st.lists(ENDS))
def test_a_failed_run_is_a_failure(jobs: list[JobEnd]) -> None:
    """Exactly where the run's own state says so, stopped runs too, or a job is gone."""
    known = [JobState(job.state) for job in jobs if job.state in set(JobState)]
    ended = {JobState.FAILED, JobState.STOPPED}
    failed = state_of_run(known) in ended or any(job.state == REMOVED for job in jobs)
    assert (NotifyWhen.FAILURE in triggers(jobs)) is failed
    assert NotifyWhen.FAILURE in triggers(jobs, failed=True)


@given(st.lists(ENDS))
def test_records_are_updated_where_something_was_written(jobs: list[JobEnd]) -> None:
    """Whatever becomes of the job, and of the others."""
    written = sum(
        getattr(job.statistics, name) for job in jobs if job.statistics for name in COUNTED_AS.values()
    )
    assert (NotifyWhen.RECORDS_UPDATED in triggers(jobs)) is (written > 0)


@given(st.lists(ENDS), st.lists(ENDS))
def test_more_jobs_never_take_a_trigger_away(some: list[JobEnd], more: list[JobEnd]) -> None:
    """So a second mail about a run follows each first one."""
    assert triggers(some) <= triggers([*some, *more])
    assert triggers([*some, *more]) == triggers(some) | triggers(more)


@pytest.mark.parametrize("state", STATES)
def test_the_documentation_says_what_each_state_fulfils(state: str) -> None:
    """One row per state: without errors, with what the state itself implies."""
    rows = {
        cells[0]: cells[1:]
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if len(cells := re.split(r"\s*\|\s*", line.strip("| "))) == 5
    }
    told = {
        trigger
        for trigger, cell in zip(
            ("always", "records_updated", "errors", "failure"),
            rows[outcome_text(state, wrote=False)],
            strict=True,
        )
        if cell == "yes"
    }
    assert told == triggers([JobEnd(state, Statistics(read=1))])
