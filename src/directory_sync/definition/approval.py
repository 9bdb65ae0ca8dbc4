"""Approval policies in a definition."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, Tag, model_validator

from directory_sync.definition.basics import Model, Text, by_shape
from directory_sync.definition.times import Duration

LONGEST_NAME = 250
"""Characters that the name of a person or role may have."""
_JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"  # some scripts need them


def impossible_name(name: str) -> str:
    """Why no user or role of Airflow can have this name; empty if one can.

    A request for such a person would never be decided.
    """
    if not name.strip():
        return "is empty"
    if name != name.strip():
        return "begins or ends with a blank"
    if len(name) > LONGEST_NAME:
        return f"has {len(name):,} characters, and a name has at most {LONGEST_NAME}"
    if not all(character.isprintable() or character in _JOINERS for character in name):
        return "holds a line break or another character that cannot be seen"
    return ""


class Approvers(Model):
    """People by user name, and everyone who has one of the roles."""

    users: list[Text] = Field(default_factory=list, description="User names.")
    roles: list[Text] = Field(default_factory=list, description="Roles or groups.")

    @model_validator(mode="after")
    def _names_someone(self) -> Self:
        if not self.users and not self.roles:
            raise ValueError("names no one: give users or roles")
        return self


class Escalation(Model):
    """Who is asked next when no one has decided."""

    after: Duration = Field(description="Time without a decision.")
    levels: list[
        Annotated[
            Annotated[Approvers, Tag("<Approvers>")] | Annotated[Literal["manager"], Tag("<text>")],
            by_shape("manager, or {users: […], roles: […]}", str, users="Approvers", roles="Approvers"),
        ]
    ] = Field(default_factory=list, description="Next approvers, in order; `manager` is the approver's own.")
    default: Approvers | None = Field(None, description="Last instance.")


def _parse_require(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"[1-9]\d{0,3}", value):
        return int(value)
    if value in ("any", "all") or (isinstance(value, int) and not isinstance(value, bool) and value > 0):
        return value
    raise ValueError("expected any, all, or the number of people who must agree")


ChangeKind = Literal["create", "update", "delete", "move", "disable"]


class ApprovalPolicy(Model):
    """Which runs of a job need approval, and by whom."""

    approvers: Approvers = Field(description="Who may approve.")
    when: Literal["always", "manual", "over_limit"] = Field(
        "always",
        description=(
            "`always`, `manual` (scheduled runs go straight through, except the first one of a job that is"
            " new or was edited) or `over_limit`."
        ),
    )
    changes: list[ChangeKind] | None = Field(None, description="Only plans with such changes need approval.")
    fields: list[Text] | None = Field(None, description="Only plans that touch such fields need approval.")
    require: Annotated[
        Literal["any", "all"] | Annotated[int, Field(ge=1)], BeforeValidator(_parse_require)
    ] = Field("any", description="How many must agree: `any`, `all` or a number.")
    self_approval: Literal["forbid", "allow", "auto"] = Field(
        "forbid", description="May the requester approve?"
    )
    escalation: Escalation | None = Field(None, description="What happens when no one decides.")
    expires: Duration | None = Field(None, description="A request that is not decided ends after this time.")


AnyApproval = Annotated[
    Annotated[Literal["none"], Tag("<text>")] | Annotated[ApprovalPolicy, Tag("<ApprovalPolicy>")],
    by_shape(
        "none, or a policy with approvers",
        str,
        **dict.fromkeys(ApprovalPolicy.model_fields, "ApprovalPolicy"),
    ),
]
