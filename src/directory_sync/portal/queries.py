"""What can be asked for in an address: lists of requests, changes of a plan, comparisons.

Pages, the REST API and its description read the same models.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from annotated_types import Interval
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError
from starlette.requests import Request

from directory_sync.approval.request import EventKind
from directory_sync.approval.states import RequestState
from directory_sync.definition.problems import nearest
from directory_sync.endpoints.change import Action, Result
from directory_sync.errors import QueryError
from directory_sync.plan.patterns.model import MOST_LINES
from directory_sync.printable import printable
from directory_sync.run.result import JobState
from directory_sync.store.request_model import NAME_LENGTH, SEARCH_LENGTH, RequestFilter
from directory_sync.store.requests import LARGEST_PAGE

LARGEST_NUMBER = 2**31 - 1
LARGEST_SEQUENCE = LARGEST_NUMBER - 1
LARGEST_LIMIT = 1_000
"""Changes or differences on a page."""

_OWN = "own_words"
"""Type of a problem whose message is ours already."""


def _whole(text: object) -> object:
    """Nothing but digits is a number here; pydantic takes `+1` and `1_000` as well."""
    if isinstance(text, str) and not (text.isascii() and text.isdigit() and len(text) <= 20):
        raise ValueError
    return text


def _moment(text: object, *, end: bool) -> object:
    """A day or a point in time, UTC unless it says otherwise; with `end`, a day means the midnight after
    it.
    """
    if not isinstance(text, str):
        return text
    try:
        if len(text) == len("2026-01-31"):
            day = datetime.combine(date.fromisoformat(text), time(), UTC)
            return day + timedelta(days=1) if end else day
        # In an address a plus sign that no one has encoded arrives as a blank.
        moment = datetime.fromisoformat(text.replace(" ", "+") if text[-6:-5] == " " else text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise PydanticCustomError(
            _OWN,
            "{given} is not a date or time. Write 2026-01-31 or 2026-01-31T18:00Z.",
            {"given": _quoted(text)},
        ) from None


_Text = Annotated[str, StringConstraints(max_length=SEARCH_LENGTH)]
_Name = Annotated[str, StringConstraints(max_length=NAME_LENGTH)]
_DIGITS = BeforeValidator(_whole)
_Start = Annotated[datetime, BeforeValidator(functools.partial(_moment, end=False))]
_End = Annotated[datetime, BeforeValidator(functools.partial(_moment, end=True))]


class Query(BaseModel):
    """Base of what can be asked for: the parameters of an address, by their names there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def read(
        cls, parameters: Iterable[tuple[str, str]], *, strict: bool = False, **where_not_given: object
    ) -> Self:
        """Read an address. Empty parameters count as not given, as forms send them.

        Args:
            parameters: name and value, as in the address; `QueryParams.multi_items()`.
            strict: refuse parameters that do not exist. Otherwise they are ignored: a page's address has
                others too.
            where_not_given: values that count in place of the usual defaults.

        Raises QueryError with every problem, by the parameter's name.
        """
        known = cls.schemas()
        given: dict[str, list[str]] = {}
        for name, value in parameters:
            if value.strip() and (strict or name in known):
                given.setdefault(name, []).append(value.strip())
        values: dict[str, object] = {}
        problems: dict[str, str] = {}
        for name, texts in given.items():
            if "items" in known.get(name, {}):
                values[name] = list(dict.fromkeys(texts))
            elif len(texts) > 1 and name in known:
                problems[name] = "This may be given only once."
            else:
                values[name] = texts[0]
        try:
            query = cls.model_validate(where_not_given | values)
        except ValidationError as error:
            for each in error.errors(include_url=False):
                name = str(each["loc"][0])
                if name in known:
                    problems.setdefault(name, _in_words(each, known[name]))
                else:
                    problems[_quoted(name)] = _unknown(name, known)
            raise QueryError(problems) from None
        if problems:
            raise QueryError(problems)
        return query

    @classmethod
    def read_what_is_right(
        cls, parameters: list[tuple[str, str]]
    ) -> tuple[Self, list[tuple[str, str]], Mapping[str, str]]:
        """Read an address as far as it is right: the query, the parameters without those that are wrong, and
        what is wrong with these, by their names.
        """
        try:
            return cls.read(parameters), parameters, {}
        except QueryError as error:
            right = [(name, value) for name, value in parameters if name not in error.problems]
            return cls.read(right), right, error.problems

    @classmethod
    def of_call(cls, request: Request) -> Self:
        """FastAPI dependency of the REST API: what a call asks for. Raises QueryError."""
        return cls.read(request.query_params.multi_items(), strict=True)

    @classmethod
    def openapi(cls) -> dict[str, Any]:
        """What a route of the REST API that depends on `of_call` adds to its description."""
        properties = cls.model_json_schema()["properties"]
        return {
            "parameters": [
                {
                    "name": name,
                    "in": "query",
                    "required": False,
                    "description": properties[name]["description"],
                    "schema": schema,
                }
                for name, schema in cls.schemas().items()
            ]
        }

    @classmethod
    @functools.cache
    def schemas(cls) -> Mapping[str, dict[str, Any]]:
        """Each parameter's JSON Schema by its name, in the order of the description."""
        schema = cls.model_json_schema()
        return {name: _plain(each, schema.get("$defs", {})) for name, each in schema["properties"].items()}


def _plain(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """What an address can say: no null, and each choice by name."""
    kinds = [
        definitions[each["$ref"].rpartition("/")[2]] if "$ref" in each else each
        for each in schema.get("anyOf", [schema])
        if each.get("type") != "null"
    ]
    plain = {name: kinds[0][name] for name in ("type", "minimum", "maximum") if name in kinds[0]}
    if choices := [name for kind in kinds for name in kind.get("enum", [kind.get("const")]) if name]:
        plain["enum"] = choices
    if "items" in kinds[0]:
        plain["items"] = _plain(kinds[0]["items"], definitions)
    if schema.get("default") not in (None, "", []):
        plain["default"] = schema["default"]
    return plain


def _in_words(error: ErrorDetails, schema: Mapping[str, Any]) -> str:
    text = str(error["input"])
    if error["type"] == _OWN:
        return error["msg"]
    if error["type"] == "string_too_long":
        most = error["ctx"]["max_length"]
        return f"This has {len(text):,} characters; at most {most:,} are possible."
    if known := schema.get("items", schema).get("enum"):
        near = nearest(text, known)
        hint = f"Did you mean {near}?" if near else f"Possible: {', '.join(known)}."
        return f"{_quoted(text)} is not a valid value. {hint}"
    return f"{_quoted(text)} must be a whole number from {schema['minimum']:,} to {schema['maximum']:,}."


def _unknown(name: str, known: Mapping[str, Any]) -> str:
    near = nearest(name, list(known))
    hint = f"Did you mean {near}?" if near else f"There are: {', '.join(known)}."
    return f"There is no such parameter. {hint}"


def _quoted(text: str) -> str:
    """A text from an address as part of a message: short, and harmless wherever it is shown."""
    return f"“{printable(text if len(text) <= 40 else f'{text[:40]}…')}”"


class ListKind(StrEnum):
    """The three lists."""

    INBOX = "inbox"
    MINE = "mine"
    ALL = "all"


class ListQuery(Query):
    """One page of one list of requests. Whether the collections asked for may be seen is not decided here."""

    kind: ListKind = Field(
        ListKind.INBOX, alias="list", description="Which list. `all` is for administrators."
    )
    collections: tuple[_Name, ...] = Field((), alias="collection", description="Only of these collections.")
    job: _Name | None = Field(None, description="Only of the job of this name.")
    run_id: _Text | None = Field(None, description="Only those that this run has filed.")
    requester: _Name | None = Field(None, description="Who started the run.")
    approver: _Name | None = Field(None, description="A user who was asked by name.")
    decided_by: _Name | None = Field(None, description="A person who approved, denied or cancelled it.")
    object: _Text | None = Field(
        None,
        description="Part of the id of an object that the plan changes; letters in any case. Slow on large"
        " plans.",
    )
    description: _Text | None = Field(
        None, description="Part of the description or of the requester's reason; letters in any case."
    )
    states: tuple[RequestState, ...] = Field((), alias="state", description="Only in one of these states.")
    event: EventKind | None = Field(None, description="Only those to which this has happened.")
    filed_from: _Start | None = Field(
        None,
        alias="from",
        description="Filed on this day or later: `2026-01-31`, or a time such as `2026-01-31T18:00Z`.",
    )
    filed_before: _End | None = Field(
        None, alias="until", description="Filed on this day or earlier; a time is not included itself."
    )
    before: Annotated[int, Interval(ge=0, le=LARGEST_NUMBER), _DIGITS] | None = Field(
        None, description="`next` of the page before."
    )
    limit: Annotated[int, Interval(ge=1, le=LARGEST_PAGE), _DIGITS] = Field(
        50, description="The most on a page."
    )

    @property
    def filter(self) -> RequestFilter:
        """All but collections and paging, as the store takes it."""
        return RequestFilter(**self.model_dump(exclude={"kind", "collections", "before", "limit"}))


class Order(StrEnum):
    """In which order changes are shown."""

    CONSEQUENCE = "consequence"
    PLAN = "plan"


class ChangeQuery(Query):
    """A page of a plan's changes; `after` is the place in the plan of the change after which it begins."""

    search: _Text = Field(
        "",
        description="Part of the key, of an object's id before or after, of a field's name or of a value;"
        " letters in any case. Values of secret fields are not searched.",
    )
    field: _Name = Field("", description="Only changes of the field of this name; letters in any case.")
    action: Action | None = Field(None, description="Only such changes.")
    result: Result | Literal["open"] | None = Field(
        None, description="Only such; `open` are those of which nothing has become yet."
    )
    pattern: Annotated[int, Interval(ge=0, le=MOST_LINES), _DIGITS] | None = Field(
        None,
        description="Only the changes of this line of the plan's patterns, as `patterns` numbers them; 0 for"
        " those without a line of their own. They come in the plan's order.",
    )
    order: Order = Field(
        default_factory=lambda: Order.PLAN,  # pages have another default, so the description names none
        description="The plan's, or the kinds with the worst consequences first.",
    )
    after: Annotated[int, Interval(ge=0, le=LARGEST_SEQUENCE), _DIGITS] | None = Field(
        None, description="`next` of the page before."
    )
    limit: Annotated[int, Interval(ge=1, le=LARGEST_LIMIT), _DIGITS] = Field(
        100, description="The most on a page."
    )


class ReportQuery(ChangeQuery):
    """A page of a run's report: the changes of all its jobs, one job after the other."""

    job: _Name | None = Field(None, description="Only of the job of this name.")
    at: _Name | None = Field(
        None, description="The job in which the page begins: `next_job` of the page before."
    )


class LogQuery(Query):
    """Which lines of which task's log."""

    job: _Name = Field("", description="The task of this job.")
    task: _Name = Field("", description="The task of this id.")
    number: Annotated[int, Interval(ge=1, le=LARGEST_NUMBER), _DIGITS] | None = Field(
        None, alias="try", description="Which try, from 1. Left out: the last one."
    )
    level: Literal["debug", "info", "warning", "error", "critical"] | None = Field(
        None, description="Only lines of this level or a graver one."
    )
    search: _Text = Field("", description="Part of a line; letters in any case.")


class ComparisonQuery(Query):
    """A page of what differs between two plans; `after` counts differences."""

    other: Annotated[int, Interval(ge=1, le=LARGEST_NUMBER), _DIGITS] | None = Field(
        None,
        alias="with",
        description="Number of the other request. Left out: the one that this one has replaced, else the"
        " job's last one before it.",
    )
    after: Annotated[int, Interval(ge=0, le=LARGEST_NUMBER), _DIGITS] = Field(
        0, description="`next` of the page before."
    )
    limit: Annotated[int, Interval(ge=1, le=LARGEST_LIMIT), _DIGITS] = Field(
        100, description="The most on a page."
    )


class EffectQuery(Query):
    """A page of what an edit causes; `after` counts objects."""

    group: Annotated[int, Interval(ge=1, le=100), _DIGITS] | None = Field(
        None, description="Only the objects of this group, as `groups` numbers them from 1."
    )
    search: _Text = Field(
        "",
        description="Only objects of which a change, by the saved or by the edited definition, has this text"
        " in its key, an object's id, a field's name or a value; letters in any case. Values of secret fields"
        " are not searched.",
    )
    after: Annotated[int, Interval(ge=0, le=LARGEST_NUMBER), _DIGITS] = Field(
        0, description="`next` of the page before."
    )
    limit: Annotated[int, Interval(ge=1, le=LARGEST_LIMIT), _DIGITS] = Field(
        50, description="The most on a page."
    )


class CollectionKind(StrEnum):
    """Where a collection is kept."""

    SAVED = "saved"
    FILE = "file"


class CollectionState(StrEnum):
    """Whether a collection can run by itself."""

    ON = "on"
    OFF = "off"
    BROKEN = "broken"


class CollectionSort(StrEnum):
    """What a list of collections is sorted by."""

    NAME = "name"
    JOBS = "jobs"
    LAST_RUN = "last_run"
    OUTCOME = "outcome"
    TIMES = "times"
    CHANGED = "changed"
    NEXT_RUN = "next_run"
    OWNER = "owner"
    SCHEDULE = "schedule"


class SortedQuery(Query):
    """A page of a list that columns filter and sort; `skip` counts rows before it."""

    where: tuple[_Text, ...] = Field(
        (),
        description="A column, an operator and a value, as in `source.contains.head`; several of them all"
        " count.",
    )
    order: Literal["up", "down"] = Field("up", description="`down` for the largest or latest first.")
    skip: Annotated[int, Interval(ge=0, le=LARGEST_NUMBER), _DIGITS] = Field(0, description="To begin after.")
    limit: Annotated[int, Interval(ge=1, le=LARGEST_PAGE), _DIGITS] = Field(50, description="On a page.")

    @property
    def descending(self) -> bool:
        """Whether the largest or latest comes first."""
        return self.order == "down"


class CollectionQuery(SortedQuery):
    """A page of the list of collections."""

    search: _Text = Field(
        "",
        description="Part of the name, title, description, path, an owner, a tag or a job; letters in any"
        " case.",
    )
    kind: CollectionKind | None = Field(None, description="Only saved ones, or only those from files.")
    state: CollectionState | None = Field(None, description="Only those switched on, off, or broken.")
    outcome: JobState | Literal["running", "succeeded", "nothing_to_do"] | None = Field(
        None,
        description="Only if the last run ended so. `success` is `succeeded` (something was written) and"
        " `nothing_to_do`.",
    )
    owner: _Name | None = Field(None, description="Only those of this owner; letters in any case.")
    sort: CollectionSort = Field(CollectionSort.NAME, description="What they are sorted by.")


class JobSort(StrEnum):
    """What a list of jobs is sorted by."""

    JOB = "job"
    COLLECTION = "collection"
    SOURCE = "source"
    DESTINATION = "destination"
    OBJECT = "object"
    ENABLED = "enabled"
    LAST_RUN = "last_run"
    OUTCOME = "outcome"
    NEXT_RUN = "next_run"
    TIMES = "times"
    CHANGED = "changed"


class JobQuery(SortedQuery):
    """A page of the list of jobs."""

    search: _Text = Field(
        "",
        description="Part of the job's name or description, of its collection, source or destination; letters"
        " in any case.",
    )
    connection: _Name | None = Field(None, description="Only those that use this connection.")
    sort: JobSort = Field(JobSort.JOB, description="What they are sorted by.")


class RunQuery(Query):
    """A page of the list of runs."""

    search: _Text = Field(
        "", description="Part of a run's id, of who started it or of the reason; letters in any case."
    )
    collection: _Name | None = Field(None, description="Only of this collection.")
    outcome: JobState | Literal["running", "succeeded", "nothing_to_do"] | None = Field(
        None,
        description="Only those that ended so. `success` is `succeeded` (something was written) and"
        " `nothing_to_do`.",
    )
    requester: _Name | None = Field(None, description="Who started it.")
    trigger: Literal["scheduled", "manual", "terminal"] | None = Field(
        None, description="What started it: the schedule, a person, or a command in a terminal."
    )
    kind: Literal["runs", "previews"] | None = Field(None, description="Only runs, or only previews.")
    started_from: _Start | None = Field(
        None, alias="from", description="Started on this day or later: `2026-01-31`."
    )
    started_before: _End | None = Field(None, alias="until", description="Started on this day or earlier.")
    before: Annotated[int, Interval(ge=0, le=LARGEST_NUMBER), _DIGITS] | None = Field(
        None, description="`next` of the page before."
    )
    limit: Annotated[int, Interval(ge=1, le=LARGEST_PAGE), _DIGITS] = Field(
        50, description="The most on a page."
    )
