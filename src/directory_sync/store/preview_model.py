"""A question what a definition would do, as the store keeps it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from directory_sync.plan.effects import Effects


class QuestionKind(StrEnum):
    """Where the text of a question is from."""

    SAVED = "saved"
    """The newest version of a saved collection."""
    FILE = "file"
    """A file of the deployment."""
    TEXT = "text"
    """What a person has typed: an edit of a saved version, or a new collection."""


class PreviewState(StrEnum):
    """The state of a question."""

    ASKED = "asked"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    """No worker took it in time. Never stored: the time says it."""


LOST = "The worker that made it is gone: it was killed, or has lost its machine. Ask for the preview again."
"""What is said of an answer whose worker ended without a word."""

OPEN_STATES = (PreviewState.ASKED, PreviewState.RUNNING)


class Side(StrEnum):
    """Whose plans they are."""

    ASKED = "asked"
    """Of the definition that was asked about."""
    SAVED = "saved"
    """Of the saved version that an edit is compared with."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an answer is.

    Attributes:
        side: whose plan is being made; `job` of which job.
        number, jobs: that is the how many-th plan, from 1, of how many.
        stage: a `plan.planning.Stage`.
        done, total: of that stage; None where the total is not known.
    """

    side: str
    job: str
    number: int
    jobs: int
    stage: str
    done: int
    total: int | None = None

    def to_json(self) -> dict[str, Any]:
        """As it is stored."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Question:
    """A question.

    Attributes:
        id: random.
        asked_by: user name; `roles` what that person had when asking.
        collection: name of what is asked about.
        kind, text: the definition.
        version, revision: of the saved version that is asked about, or that an edit is compared with.
        jobs: only these; none for all that runs have.
        run_id: of the run of Airflow that answers it.
        expires: until when a worker may take it.
        begun, alive, progress, finished: of its worker.
        message: why it has failed, for people.
        now: when it was read.
    """

    id: str
    asked_by: str
    roles: tuple[str, ...]
    collection: str
    kind: QuestionKind
    text: str
    version: int | None
    revision: int | None
    jobs: tuple[str, ...]
    run_id: str
    state: PreviewState
    asked: datetime
    expires: datetime
    begun: datetime | None
    alive: datetime | None
    progress: Progress | None
    finished: datetime | None
    message: str
    now: datetime

    @property
    def open(self) -> bool:
        """Whether its answer is still to come."""
        return self.state in OPEN_STATES

    @property
    def is_edit(self) -> bool:
        """Whether it is compared with a saved version."""
        return self.kind is QuestionKind.TEXT and self.version is not None


@dataclass(frozen=True, slots=True)
class StoredEffects:
    """What an edit causes at one job, and the plans that were compared; None where one has no such job, or
    made no plan.
    """

    effects: Effects
    old_plan: int | None
    new_plan: int | None
    same_listing: bool


def run_id_of(id: str, side: Side) -> str:
    """What the run that one side of an answer hangs on is called."""
    return id if side is Side.ASKED else f"{id}:{side.value}"


def question_of(run_id: str) -> str:
    """The question whose answer a run belongs to."""
    return run_id.partition(":")[0]
