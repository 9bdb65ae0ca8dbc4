"""What all answers and bodies of the REST API share: how they are read where a server of another version has
made them, and what an error answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)


class Answer(BaseModel):
    """Base of what is answered: made from the objects that it tells of, where they have the same names.

    What a newer server answers besides is ignored.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True)

    absent: ClassVar[Mapping[str, Any]] = {}
    """What counts for a member that a server of an earlier version does not answer."""

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, data: Any, info: ValidationInfo) -> Any:
        if info.context is not _FROM_A_SERVER or not isinstance(data, dict):
            return data
        given = {name: value for name, value in data.items() if value is not None or name not in cls.absent}
        return {**cls.absent, **given}


_FROM_A_SERVER = object()


_Answer = TypeVar("_Answer", bound=Answer)


def read_answer(kind: type[_Answer], data: Any) -> _Answer:
    """Read what a server has answered, which may be of an earlier or a newer version.

    Raises pydantic's ValidationError.
    """
    return kind.model_validate(data, context=_FROM_A_SERVER)


def _perhaps_newer(value: Any, check: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    """A name that only a newer server knows is shown as it is."""
    try:
        return check(value)
    except ValidationError:
        if info.context is _FROM_A_SERVER and isinstance(value, str):
            return value
        raise


Newer = WrapValidator(_perhaps_newer)


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


Time = Annotated[datetime, AfterValidator(_utc)]


class Body(BaseModel):
    """Base of what is taken: a member that does not exist is refused, so that a misspelled one is not
    lost.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)


class Error(Answer):
    """Why something was not done. Nothing was changed."""

    detail: str = Field(description="What is wrong and what to do about it, for people.")
    error: str = Field(
        description=(
            "The kind of error: NotAllowed, AlreadyDecided, NotDecidable, RequestNotFound, QueryError, …"
        )
    )
    by: str = Field("", description="AlreadyDecided: who was first; empty where it was time or a newer plan.")
    at: Time | None = Field(None, description="AlreadyDecided: when.")
    state: str = Field(
        "", description="AlreadyDecided: what the request has become, or what this person has decided before."
    )
    problems: dict[str, str] = Field(
        {}, description="Wrong parameters or members: name → what is wrong and what is right."
    )
