"""The steps of the wizard: what they are called, where they are, and which problems of a definition belong to
which.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from directory_sync.definition.problems import Code, Problem
from directory_sync.store.drafts import DraftKind


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Attributes:
        name: in its address.
        label: what people call it.
        keys: of the collection, or of a job: problems with them belong to this step.
    """

    name: str
    label: str
    keys: frozenset[str] = frozenset()


COLLECTION_STEPS: Sequence[Step] = (
    Step(
        "details",
        "Details",
        frozenset(
            {
                *("name", "title", "description", "owners", "tags", "template"),
                *("approval", "limits", "limit_window"),
            }
        ),
    ),
    Step("jobs", "Jobs", frozenset({"jobs"})),
    Step(
        "schedule",
        "Schedule and Notifications",
        frozenset({"schedule", "timezone", "start", "end", "notifications", "paused"}),
    ),
    Step("review", "Review Your Changes"),
)
JOB_STEPS: Sequence[Step] = (
    Step(
        "details",
        "Details",
        frozenset({"name", "description", "template", "enabled", "on_failure"}),
    ),
    Step("endpoints", "Source and Destination", frozenset({"source", "destination"})),
    Step("mapping", "Fields and Mapping", frozenset({"object", "object_classes", "rdn", "fields"})),
    Step(
        "missing",
        "Missing Records and Limits",
        frozenset(
            {
                *("missing_at_destination", "missing_at_source", "remove", "returning"),
                *("limits", "limit_window"),
            }
        ),
    ),
    Step(
        "approval",
        "Approval and Settings",
        frozenset({"approval", "wait_for_approval", "records", "retries"}),
    ),
    Step("review", "Review Your Changes"),
)
_JOB_KEY = re.compile(r"jobs\[(\d+)\](?:\.?([A-Za-z_]\w*))?")
_KEY = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a step is: of the collection, or of one of its jobs.

    Attributes:
        step: its name.
        job: index of the job; None for a step of the collection.
    """

    step: str
    job: int | None = None

    @property
    def path(self) -> str:
        """Below the draft's address; jobs are counted from 1."""
        return self.step if self.job is None else f"jobs/{self.job + 1}/{self.step}"


def steps_at(place: Place) -> Sequence[Step]:
    """The steps that a rail shows there."""
    return COLLECTION_STEPS if place.job is None else JOB_STEPS


def first_place(kind: DraftKind) -> Place:
    """Where a draft begins."""
    return Place("details", 0 if kind is DraftKind.JOB else None)


def place_of(problem: Problem) -> Place:
    """The step in which a problem can be corrected. What belongs to none is shown by the last one."""
    about = problem_key(problem)
    if (of_job := _JOB_KEY.match(about)) is not None:
        index, key = int(of_job[1]), of_job[2] or ""
        return Place(next((step.name for step in JOB_STEPS if key in step.keys), "review"), index)
    found = _KEY.match(about)
    key = found[0] if found else ""
    return Place(next((step.name for step in COLLECTION_STEPS if key in step.keys), "review"))


def problem_key(problem: Problem) -> str:
    """The key that a problem is about: of a missing one, that key itself."""
    if problem.code is Code.MISSING and problem.missing:
        return f"{problem.key}.{problem.missing}" if problem.key else problem.missing
    return problem.key


def field_id(key: str) -> str:
    """The id of the element in which the value of a key stands, for links: `field-jobs-0-source`."""
    return "field-" + re.sub(r"[^A-Za-z0-9]+", "-", key).strip("-")
