"""What the REST API answers of runs, and takes to start them or to ask for waivers."""

from __future__ import annotations

from pydantic import Field

from directory_sync.portal.wire.answer import Answer, Body, Time
from directory_sync.portal.wire.plans import ProblemAnswer
from directory_sync.store.request_model import TEXT_LENGTH

REASON_LENGTH = 1_000
"""Characters that the reason for a new run may have: the DAG's parameter has the same bound."""


class ProgressAnswer(Answer):
    """How far a running job is."""

    stage: str = Field(
        description="`read source`, `read destination`, `compare`, `look up` or `apply`; later ones may come."
    )
    read: int = Field(description="Records read at the source.")
    listed: int = Field(description="Objects read at the destination.")
    planned: int = Field(description="Records compared.")
    applied: int = Field(description="Changes that the destination has answered, of `total`.")
    total: int | None = Field(description="Null before that is known.")
    at: Time | None = Field(description="When the worker said so.")


class StopAnswer(Answer):
    """That a person has stopped the run. A stop is final."""

    asked: Time
    by: str
    reason: str
    seen: Time | None = Field(description="When a worker said last that it knows; null if none has yet.")


class StoppedRunAnswer(Answer):
    """A run that was stopped."""

    collection: str
    run_id: str
    stop: StopAnswer
    ended: bool = Field(
        description=(
            "It was queued, or switched off and on no worker, so it has ended. Otherwise its worker finishes"
            " what is under way: `GET /runs/{collection}/{run_id}` says when."
        )
    )
    requests: list[int] = Field(description="Requests that were cancelled because of it.")


class RunJobAnswer(Answer):
    """One job of a run."""

    job: str
    state: str = Field(description="`running`, `not_run`, `waiting`, `success`, …")
    attempt: int | None
    message: str
    statistics: dict[str, int] | None = Field(description="What was counted; what was not written counts 0.")
    planned: dict[str, int] | None = Field(
        None,
        description=(
            "What the plan would do, where nothing of it was written: it waits, or was stopped or refused."
        ),
    )
    warnings: list[str]
    problems: list[ProblemAnswer]
    started: Time | None
    finished: Time | None
    plan_id: int | None
    request: int | None = Field(
        description="What it has asked for, or the earlier request that it refers to."
    )
    may_be_waived: bool = Field(description="It was stopped by a limit, which can be asked to be waived.")
    progress: ProgressAnswer | None = Field(None, description="While it runs, and has said so.")


class RunAnswer(Answer):
    """One run of a collection."""

    collection: str
    run_id: str
    trigger: str
    requester: str
    requester_verified: bool
    reason: str
    preview_only: bool
    started: Time
    origin: str = Field(
        description=(
            "Where the definition comes from that the run goes by: `saved`, or `file:` and the file's name."
            " Empty if that was not noted."
        )
    )
    version: str = Field(
        description=(
            "Which version of it: the number of a saved version, or the SHA-256 of a file. Empty as `origin`."
        )
    )
    id_used_again: bool = Field(
        description=(
            "Airflow has another run by this id now, which was refused. What is told is of the one before it."
        )
    )
    ended: bool = Field(False, description="Nothing of it goes on.")
    stop: StopAnswer | None = Field(None, description="Null if no one has stopped it.")
    jobs: list[RunJobAnswer]


class ReplanBody(Body):
    """Why the job is planned again."""

    reason: str = Field("", max_length=REASON_LENGTH)


class StartedRunAnswer(Answer):
    """The run that was started."""

    dag_id: str
    run_id: str


class StopBody(Body):
    """Why a run is stopped."""

    reason: str = Field("", max_length=REASON_LENGTH)


class WaiverBody(Body):
    """Why the changes are meant although they go past a limit."""

    reason: str = Field(max_length=TEXT_LENGTH)
