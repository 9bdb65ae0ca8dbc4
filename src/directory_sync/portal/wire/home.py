"""What the REST API answers for the card on Airflow's Home."""

from __future__ import annotations

from pydantic import Field

from directory_sync.portal.wire.answer import Answer, Time


class HomeRequestAnswer(Answer):
    """A request that you may decide."""

    id: int
    collection: str
    job: str
    text: str = Field(description="What it asks for, in words.")
    expires: Time | None
    path: str = Field(description="Of its page inside Airflow, without the host.")


class HomeRunAnswer(Answer):
    """A run of a collection that you may see."""

    collection: str
    run_id: str
    state: str = Field(description="`running`, or the run's state.")
    text: str = Field(description="The state in words.")
    preview_only: bool
    at: Time = Field(description="When it ended; when it began, if it has not ended.")
    path: str = Field(
        description="Of its page inside Airflow, without the host; of its collection's, if Airflow has no"
        " such run."
    )


class HomeAnswer(Answer):
    """What waits for you, what failed lately and what runs now."""

    waiting: int = Field(description="How many requests you may decide.")
    requests: list[HomeRequestAnswer] = Field(description="The newest five.")
    inbox_path: str = Field(description="Of the list of all of them inside Airflow, without the host.")
    failed: int = Field(description="How many runs of the last day failed or had errors; at most 200.")
    failed_runs: list[HomeRunAnswer] = Field(description="The newest five.")
    running: int = Field(description="How many runs work on a job now; at most 200.")
    running_runs: list[HomeRunAnswer] = Field(description="The newest five.")
