"""What the REST API answers of connections, and takes to look at endpoints."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from directory_sync.looking.answers import Answer as Found
from directory_sync.looking.questions import Question
from directory_sync.portal.wire.answer import Answer, Body


class UsableConnection(Answer):
    """A connection that you may use."""

    name: str
    type: str = Field(description="Airflow's connection type.")
    sides: list[Literal["source", "destination"]] = Field(description="As which you may use it.")


class ConnectionsAnswer(Answer):
    """The connections that you may use."""

    connections: list[UsableConnection]
    files: list[Literal["source", "destination"]] = Field(
        description="As which you may use files of the data folder."
    )


class LookBody(Body):
    """What to look at."""

    question: Question
    collection: str | None = Field(
        None,
        max_length=250,
        description="The saved collection that you edit; its owners may look as it does.",
    )


class LookAnswer(Answer):
    """What was found; `look` says what was asked."""

    answer: Found
