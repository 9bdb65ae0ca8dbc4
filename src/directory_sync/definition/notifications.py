"""Who a collection tells about its runs, and about which of them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, Tag

from directory_sync.definition.approval import Approvers
from directory_sync.definition.basics import Model, Text, by_shape

OWNERS = "owners"
"""Stands in `to` for the collection's owners."""


class NotifyWhen(StrEnum):
    """What a run must have done for people to hear of it; `run.triggers` says which runs these are."""

    ALWAYS = "always"
    RECORDS_UPDATED = "records_updated"
    ERRORS = "errors"
    FAILURE = "failure"


AnyAddressee = Annotated[
    Annotated[Text, Tag("<text>")] | Annotated[Approvers, Tag("<Approvers>")],
    by_shape(
        "a mail address, owners, or {users: […], roles: […]}", str, users="Approvers", roles="Approvers"
    ),
]


class Notifications(Model):
    """Who hears about a run."""

    when: NotifyWhen = Field(
        description="Which runs are reported: all, those that changed something, those with errors or"
        " conflicts, or those in which a job failed."
    )
    to: Annotated[list[AnyAddressee], Field(min_length=1)] = Field(
        description="Each item is a mail address, `owners`, or `{users: […], roles: […]}`."
    )
