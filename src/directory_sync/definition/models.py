"""What a job collection is: the pydantic models behind the definition file, and nothing that needs a connection.

`directory_sync.definition.loading` reads files into these models; `directory_sync.definition.checks` finds what a model alone
cannot say. The models are the one source of truth for the JSON Schema, for the reference in the docs and for every default.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    PlainValidator,
    StringConstraints,
    Tag,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

NAME_PATTERN = r"^[a-z][a-z0-9_]*$"
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN, max_length=100)]
Text = Annotated[str, StringConstraints(min_length=1)]


class Model(BaseModel):
    """Frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, str_max_length=1_000_000)


def _by_shape(expected: str, text: type | None = None, **models: str) -> Discriminator:
    """Tell the members of a union apart by the shape of the value alone, so that an error speaks of one member only.

    Args:
        expected: completes "expected …" in the error.
        text: tag `<text>` is for values of this type.
        models: key that only this mapping has → its tag without the brackets; the tag is also the model's own name.
    """

    def tag(value: Any) -> str | None:
        if text is not None and isinstance(value, text):
            return "<text>"
        if isinstance(value, list | tuple):
            return "<list>"
        if isinstance(value, Model):
            return f"<{type(value).__name__}>"
        if isinstance(value, dict):
            return next((f"<{model}>" for key, model in models.items() if key in value), None)
        return None

    return Discriminator(tag, custom_error_type="shape", custom_error_message=f"expected {expected}")


# -- durations and schedules ------------------------------------------------------------------------------------------

_DURATION_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DURATION = re.compile(r"^(?:\d+[smhdw])+$")


def parse_duration(value: object) -> timedelta:
    """Read `15m`, `2d` or `1h30m` (units s, m, h, d, w) as a positive duration."""
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str) or not _DURATION.match(value):
        raise ValueError("expected a duration such as 15m, 12h or 2d (units s, m, h, d, w)")
    try:
        duration = timedelta(
            **{
                _DURATION_UNITS[unit]: sum(int(number) for number, u in re.findall(r"(\d+)([smhdw])", value) if u == unit)
                for unit in _DURATION_UNITS
            }
        )
    except OverflowError:
        raise ValueError("this duration is too long") from None
    if duration <= timedelta(0):
        raise ValueError("a duration must be longer than nothing")
    return duration


def format_duration(duration: timedelta) -> str:
    """Write a duration so that `parse_duration` reads the same one back."""
    seconds, parts = int(duration.total_seconds()), []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        if seconds >= size:
            parts.append(f"{seconds // size}{unit}")
            seconds %= size
    return "".join(parts)


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": _DURATION.pattern, "examples": ["15m", "2d"]}),
]


class Every(Model):
    """A fixed interval between two firings."""

    every: Duration = Field(description="Interval between two firings, for example `15m`.")


_SCHEDULE = _by_shape("a cron expression, a preset such as '@daily', {every: 15m}, a list of these, or null", str, every="Every")
Schedule = Annotated[Annotated[str, Tag("<text>")] | Annotated[Every, Tag("<Every>")], _SCHEDULE]
"""A cron expression or preset, or a fixed interval."""
Schedules = Annotated[
    Annotated[str, Tag("<text>")]
    | Annotated[Every, Tag("<Every>")]
    | Annotated[list[Schedule], Field(min_length=1), Tag("<list>")],
    _SCHEDULE,
]

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?P<time>[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?")


def parse_moment(value: object) -> date | datetime:
    """Read `2026-01-31`, `2026-01-31 18:00` or `2026-01-31T18:00:00+01:00` (ISO 8601, RFC 3339)."""
    if isinstance(value, date):
        return value
    match = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise ValueError("expected a date such as 2026-01-31 or a time such as 2026-01-31T18:00")
    try:
        return datetime.fromisoformat(match[0]) if match["time"] else date.fromisoformat(match[0])
    except ValueError:
        raise ValueError("there is no such date or time") from None


Moment = Annotated[
    datetime | date,
    PlainValidator(parse_moment),
    PlainSerializer(lambda moment: moment.isoformat(), return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": f"^{_MOMENT.pattern.replace('?P<time>', '')}$", "examples": ["2026-01-31"]}),
]


# -- field mappings ---------------------------------------------------------------------------------------------------


class FieldMapping(Model):
    """What every field of a mapping may say, whatever its value comes from."""

    key: bool = Field(False, description="This field matches source records with destination objects.")
    new_only: bool = Field(False, description="Written when the object is created, never again.")
    keep_if_empty: bool = Field(False, description="An absent source value leaves the destination's value alone.")
    secret: bool = Field(False, description="Never stored or shown; only a keyed fingerprint is kept.")
    delimiter: Text | None = Field(None, description="Splits or joins values where one side is single-valued.")


class Copy(FieldMapping):
    """The source field's values, unchanged."""

    from_: Text = Field(alias="from", description="Source field.")


class Static(FieldMapping):
    """A fixed text; may hold variables such as `%TODAY%`."""

    static: Annotated[
        Annotated[str, Tag("<text>")] | Annotated[list[str], Field(min_length=1), Tag("<list>")],
        _by_shape("a text or a list of texts", str),
    ] = Field(description="The text, or a list of texts.")


class Join(FieldMapping):
    """Two or more fields with a separator; absent ones are left out."""

    join: Annotated[list[Text], Field(min_length=2)] = Field(description="Source fields, in order.")
    separator: str = Field(" ", description="Between two parts.")


class Left(FieldMapping):
    """The first characters of a field."""

    left: Text = Field(description="Source field.")
    length: Annotated[int, Field(ge=1)] = Field(description="Number of characters.")


class Substring(FieldMapping):
    """A part of a field."""

    substring: Text = Field(description="Source field.")
    start: Annotated[int, Field(ge=0)] = Field(0, description="Number of characters to skip.")
    length: Annotated[int, Field(ge=1)] | None = Field(None, description="Number of characters; to the end if absent.")


class Resolve(FieldMapping):
    """The DN of the destination object that corresponds to the one the source field names."""

    resolve: Text = Field(description="Source field that holds DNs.")
    match: Text = Field(description="Field that has the same value on both sides.")
    within: Text | None = Field(None, description="Container to look in; default: the whole naming context.")


class Map(FieldMapping):
    """A table of codes and their values."""

    map: Text = Field(description="Source field.")
    values: dict[str, str] = Field(description="Value for each code.")
    default: str | None = Field(None, description="Value for any other code; without it, no value.")


class Template(FieldMapping):
    """A sandboxed Jinja2 expression over the source record."""

    template: Text = Field(description="Jinja2 text; variables are the source's field names.")


class Script(FieldMapping):
    """A Python function of a module that the deployment allows."""

    script: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$")] = Field(
        description="Dotted path of the function."
    )


class PasswordRule(Model):
    """How a generated password looks."""

    length: Annotated[int, Field(ge=8, le=256)] = Field(16, description="Number of characters.")
    upper: bool = Field(True, description="Capital letters.")
    lower: bool = Field(True, description="Small letters.")
    digits: bool = Field(True, description="Digits.")
    symbols: str = Field("", description="Further characters.")
    exclude_similar: bool = Field(True, description="Leave out characters that look alike (0O, 1lI).")
    shared: bool = Field(False, description="One password for all objects of a run instead of one each.")


class GeneratePassword(FieldMapping):
    """A random password, made at the moment of the write."""

    generate_password: PasswordRule = Field(description="How it looks.")


class Members(FieldMapping):
    """Group members, looked up at the destination by a field; never created."""

    members: Text = Field(description="Source field that holds the members' DNs.")
    match: Text = Field(description="Field that has the same value on both sides.")
    within: Text | None = Field(None, description="Container to look in; default: the whole naming context.")


_SOURCE_KEYS: dict[str, type[FieldMapping]] = {
    "from": Copy,
    "static": Static,
    "join": Join,
    "left": Left,
    "substring": Substring,
    "resolve": Resolve,
    "map": Map,
    "template": Template,
    "script": Script,
    "generate_password": GeneratePassword,
    "members": Members,
}
FIELD_SOURCES = tuple(_SOURCE_KEYS)
"""The keys of which each field mapping has exactly one."""


def _field_tag(value: Any) -> str | None:
    if isinstance(value, FieldMapping):
        return f"<{type(value).__name__}>"
    if isinstance(value, dict):
        present = [model for key, model in _SOURCE_KEYS.items() if key in value or (key == "from" and "from_" in value)]
        return f"<{present[0].__name__}>" if len(present) == 1 else None
    return None


class _Shorthand:
    """A plain name stands for `{from: name}`, in values and in the JSON Schema."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(
            lambda value: {"from": value} if isinstance(value, str) else value, handler(source)
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        name = {"type": "string", "minLength": 1, "description": "Source field; short for `{from: …}`."}
        return {"anyOf": [name, *handler(schema)["oneOf"]]}


AnyField = Annotated[
    Annotated[Copy, Tag("<Copy>")]
    | Annotated[Static, Tag("<Static>")]
    | Annotated[Join, Tag("<Join>")]
    | Annotated[Left, Tag("<Left>")]
    | Annotated[Substring, Tag("<Substring>")]
    | Annotated[Resolve, Tag("<Resolve>")]
    | Annotated[Map, Tag("<Map>")]
    | Annotated[Template, Tag("<Template>")]
    | Annotated[Script, Tag("<Script>")]
    | Annotated[GeneratePassword, Tag("<GeneratePassword>")]
    | Annotated[Members, Tag("<Members>")],
    Discriminator(
        _field_tag,
        custom_error_type="field_source",
        custom_error_message=f"expected the name of a source field, or a mapping with exactly one of {', '.join(_SOURCE_KEYS)}",
    ),
]
AnyFieldOrName = Annotated[AnyField, _Shorthand()]


# -- endpoints --------------------------------------------------------------------------------------------------------


class Scope(StrEnum):
    """How deep a directory is searched (RFC 4511, section 4.5.1.2)."""

    SUBTREE = "subtree"
    ONE = "one"
    BASE = "base"


class DirectorySource(Model):
    """Objects of a directory."""

    connection: Text = Field(description="Airflow connection of type `ldap`.")
    container: Text = Field(description="DN below which records are read.")
    scope: Scope = Field(Scope.SUBTREE, description="`subtree`, `one` level, or the `base` object only.")
    filter: Text = Field("(objectClass=*)", description="LDAP filter (RFC 4515).")


class SqlSource(Model):
    """Rows of a database."""

    connection: Text = Field(description="Airflow connection of a database.")
    table: Text | None = Field(None, description="Table or view.")
    query: Text | None = Field(None, description="Query; a source only.")

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.table is None) == (self.query is None):
            raise ValueError("needs exactly one of table, query")
        return self


class FileEndpoint(Model):
    """A CSV, TSV, Excel or LDIF file; its ending says which."""

    file: Text = Field(description="Path, relative to the data folder.")
    connection: Text | None = Field(None, description="Airflow connection of an object store; default: the data folder.")
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)] | None = Field(
        None, description="CSV: between two values; default `,` for .csv, a tab for .tsv."
    )
    encoding: Text = Field("utf-8", description="CSV: character encoding.")
    sheet: Text | None = Field(None, description="Excel: name of the sheet.")


class FieldContainer(Model):
    """The container's DN is in a source field."""

    field: Text = Field(description="Source field.")


class TemplateContainer(Model):
    """The container's DN is computed."""

    template: Text = Field(description="Jinja2 text that gives a DN; values are escaped.")


AnyContainer = Annotated[
    Annotated[Text, Tag("<text>")]
    | Annotated[FieldContainer, Tag("<FieldContainer>")]
    | Annotated[TemplateContainer, Tag("<TemplateContainer>")],
    _by_shape("a DN, {field: NAME} or {template: TEXT}", str, field="FieldContainer", template="TemplateContainer"),
]


class UnmanagedMatch(StrEnum):
    """What to do with an object that has a record's key but is not managed."""

    REFUSE = "refuse"
    REUSE = "reuse"


class DirectoryDestination(Model):
    """Objects of a directory, and where new ones go."""

    connection: Text = Field(description="Airflow connection of type `ldap`.")
    container: AnyContainer = Field(description="DN where new objects go; or `{field: …}` or `{template: …}`.")
    base: Text | None = Field(None, description="DN below which existing objects are looked for; default: a fixed container.")
    scope: Scope = Field(Scope.SUBTREE, description="`subtree`, `one` level, or the `base` object only.")
    filter: Text | None = Field(None, description="LDAP filter: what is managed there.")
    move_existing: bool = Field(False, description="Move an object whose computed container changed.")
    unmanaged_match: UnmanagedMatch = Field(
        UnmanagedMatch.REFUSE, description="An object with a record's key outside base or filter: `refuse` or `reuse`."
    )


class SqlDestination(Model):
    """Rows of a table."""

    connection: Text = Field(description="Airflow connection of a database.")
    table: Text = Field(description="Table.")


def _endpoint_tag(*, directory: type[Model], sql: type[Model]) -> Discriminator:
    def tag(value: Any) -> str | None:
        if isinstance(value, Model):
            return f"<{type(value).__name__}>"
        if not isinstance(value, dict):
            return None
        model = FileEndpoint if "file" in value else sql if "table" in value or "query" in value else directory
        return f"<{model.__name__}>"

    return Discriminator(
        tag, custom_error_type="shape", custom_error_message="expected a mapping such as {connection: …, container: …}"
    )


AnySource = Annotated[
    Annotated[DirectorySource, Tag("<DirectorySource>")]
    | Annotated[SqlSource, Tag("<SqlSource>")]
    | Annotated[FileEndpoint, Tag("<FileEndpoint>")],
    _endpoint_tag(directory=DirectorySource, sql=SqlSource),
]
AnyDestination = Annotated[
    Annotated[DirectoryDestination, Tag("<DirectoryDestination>")]
    | Annotated[SqlDestination, Tag("<SqlDestination>")]
    | Annotated[FileEndpoint, Tag("<FileEndpoint>")],
    _endpoint_tag(directory=DirectoryDestination, sql=SqlDestination),
]


# -- limits -----------------------------------------------------------------------------------------------------------


class LimitKind(StrEnum):
    """What a limit counts."""

    CREATE = "create"
    UPDATE = "update"
    CLEAR = "clear"
    DELETE = "delete"
    DISABLE = "disable"
    MOVE = "move"
    MEMBERS = "members"


class Limit(Model):
    """The most changes of one kind: a percentage, a number, both (the smaller counts), or no limit at all."""

    percent: Annotated[float, Field(ge=0, le=100)] | None = None
    count: Annotated[int, Field(ge=0)] | None = None


_PERCENT = re.compile(r"\d{1,3}(\.\d{1,15})?%")
_COUNT = re.compile(r"\d{1,15}")


def parse_limit(value: object) -> Limit:
    """Read `10%`, `500`, `[10%, 500]` or `none`.

    Nothing at all (an empty value) is refused: a limit is only lifted by saying so.
    """
    if isinstance(value, Limit):
        return value
    if value == "none":
        return Limit()
    percent: float | None = None
    count: int | None = None
    for part in value if isinstance(value, list | tuple) and value else (value,):
        text = str(part) if isinstance(part, str | int) and not isinstance(part, bool) else ""
        if _PERCENT.fullmatch(text) and percent is None and float(text[:-1]) <= 100:
            percent = float(text[:-1])
        elif _COUNT.fullmatch(text) and count is None:
            count = int(text)
        else:
            raise ValueError("expected a number, a percentage up to 100% such as 10%, a list of both as [10%, 200], or none")
    return Limit(percent=percent, count=count)


def format_limit(limit: Limit) -> str | int | list[str | int]:
    """Write a limit so that `parse_limit` reads the same one back."""
    percent = None
    if limit.percent is not None:
        digits = repr(limit.percent)
        percent = f"{format(limit.percent, '.15f').rstrip('0') if 'e' in digits else digits.removesuffix('.0')}%"
    if percent is None:
        return "none" if limit.count is None else limit.count
    return percent if limit.count is None else [percent, limit.count]


_PERCENT_SCHEMA = {"type": "string", "pattern": rf"^{_PERCENT.pattern}$"}
_COUNT_SCHEMA = {"type": "integer", "minimum": 0}
_LIMIT_SCHEMA = {
    "anyOf": [
        _COUNT_SCHEMA,
        _PERCENT_SCHEMA,
        {"const": "none"},
        {"type": "array", "items": {"anyOf": [_COUNT_SCHEMA, _PERCENT_SCHEMA]}, "minItems": 1, "maxItems": 2},
    ],
    "examples": [500, "10%", ["10%", 200], "none"],
}
AnyLimit = Annotated[Limit, PlainValidator(parse_limit), PlainSerializer(format_limit), WithJsonSchema(_LIMIT_SCHEMA)]
Limits = dict[LimitKind, AnyLimit]


# -- approval and notifications ---------------------------------------------------------------------------------------


class Approvers(Model):
    """People by user name, and everybody who has one of the roles."""

    users: list[Text] = Field(default_factory=list, description="User names.")
    roles: list[Text] = Field(default_factory=list, description="Roles or groups.")

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if not self.users and not self.roles:
            raise ValueError("names nobody: give users or roles")
        return self


class Escalation(Model):
    """Who is asked next when nobody has acted."""

    after: Duration = Field(description="Time without a decision.")
    levels: list[
        Annotated[
            Annotated[Approvers, Tag("<Approvers>")] | Annotated[Literal["manager"], Tag("<text>")],
            _by_shape("manager, or {users: […], roles: […]}", str, users="Approvers", roles="Approvers"),
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
        "always", description="`always`, `manual` (scheduled runs go straight through) or `over_limit`."
    )
    changes: list[ChangeKind] | None = Field(None, description="Only plans with such changes need approval.")
    fields: list[Text] | None = Field(None, description="Only plans that touch such fields need approval.")
    require: Annotated[Literal["any", "all"] | Annotated[int, Field(ge=1)], BeforeValidator(_parse_require)] = Field(
        "any", description="How many must agree: `any`, `all` or a number."
    )
    self_approval: Literal["forbid", "allow", "auto"] = Field("forbid", description="May the requester approve?")
    escalation: Escalation | None = Field(None, description="What happens when nobody acts.")
    expires: Duration | None = Field(None, description="A request that nobody answers ends after this time.")


AnyApproval = Annotated[
    Annotated[Literal["none"], Tag("<text>")] | Annotated[ApprovalPolicy, Tag("<ApprovalPolicy>")],
    _by_shape("none, or a policy with approvers", str, **dict.fromkeys(ApprovalPolicy.model_fields, "ApprovalPolicy")),
]


class Notifications(Model):
    """Who hears about a run."""

    when: Literal["always", "records_updated", "errors", "failure"] = Field(description="Which runs are reported.")
    to: Annotated[list[Text], Field(min_length=1)] = Field(description="Mail addresses.")


# -- jobs -------------------------------------------------------------------------------------------------------------


class ObjectKind(StrEnum):
    """What a job moves; the destination's flavour decides the object classes."""

    USER = "user"
    INET_ORG_PERSON = "inetOrgPerson"
    CONTACT = "contact"
    GROUP = "group"
    ORGANIZATIONAL_UNIT = "organizationalUnit"
    MAIL_USER = "mail_user"
    MAIL_CONTACT = "mail_contact"
    ROW = "row"


class FailureAction(StrEnum):
    """What a job's failure means for the jobs after it."""

    ABORT = "abort"
    CONTINUE = "continue"


class MoveMissing(Model):
    """Objects whose record is gone are moved, and disabled if asked for."""

    move: Text = Field(description="DN of the container they go to.")
    disable: bool = Field(False, description="Disable them too.")


class ChangedSince(Model):
    """Only records whose timestamp field is newer than the last run."""

    changed_since: Text = Field(description="Timestamp field of the source.")


class Job(Model):
    """Moves records of one object type from a source to a destination."""

    name: Name = Field(description="Unique in the collection; the task id.")
    description: str = Field("", description="For people.")
    template: Name | None = Field(None, description="Job template that gives every key not set here.")
    on_failure: FailureAction = Field(FailureAction.ABORT, description="`abort` or `continue`.")
    source: AnySource = Field(description="Where records come from.")
    destination: AnyDestination = Field(description="Where objects are written.")
    object: ObjectKind = Field(description="Object type.")
    object_classes: Annotated[list[Text], Field(min_length=1)] | None = Field(
        None, description="Object classes of new objects, instead of the kind's."
    )
    rdn: Text | None = Field(None, description="Naming attribute; default cn, ou for organizational units.")
    missing_at_destination: Literal["create", "skip"] = Field("create", description="`create` or `skip`.")
    missing_at_source: Annotated[
        Annotated[Literal["skip", "delete", "disable"], Tag("<text>")] | Annotated[MoveMissing, Tag("<MoveMissing>")],
        _by_shape('skip, delete, disable, or {move: "DN", disable: true}', str, move="MoveMissing"),
    ] = Field("skip", description="`skip`, `delete`, `disable`, or `{move: DN, disable: true}`.")
    returning: Literal["report", "restore"] = Field(
        "report", description="A moved or disabled object whose record is back: `report` it, or `restore` it."
    )
    records: Annotated[
        Annotated[Literal["all", "changed"], Tag("<text>")] | Annotated[ChangedSince, Tag("<ChangedSince>")],
        _by_shape("all, changed, or {changed_since: FIELD}", str, changed_since="ChangedSince"),
    ] = Field("all", description="`all` records, only `changed` ones, or `{changed_since: FIELD}`.")
    fields: Annotated[dict[Text, AnyFieldOrName], Field(min_length=1)] = Field(
        description="Destination field: where its value comes from."
    )
    limits: Limits = Field(default_factory=dict, description="Most changes of each kind.")
    approval: AnyApproval | None = Field(None, description="Approval policy; default: the collection's.")
    wait_for_approval: bool = Field(False, description="The jobs after this one wait until it is decided.")
    retries: Annotated[int, Field(ge=0, le=100)] = Field(0, description="How often a failed job is tried again.")

    @property
    def naming_attribute(self) -> str:
        """The attribute that forms the RDN of new objects."""
        return self.rdn or ("ou" if self.object is ObjectKind.ORGANIZATIONAL_UNIT else "cn")

    @property
    def keys(self) -> tuple[str, ...]:
        """The destination fields that match records with objects, in definition order."""
        return tuple(name for name, mapping in self.fields.items() if mapping.key)


class Collection(Model):
    """An ordered list of jobs with one schedule. One Airflow DAG."""

    name: Name = Field(description="Unique; the DAG id.")
    title: str | None = Field(None, description="Shown instead of the name.")
    description: str = Field("", description="For people.")
    template: Name | None = Field(None, description="Collection template that gives every key not set here.")
    owners: list[Text] = Field(default_factory=list, description="Who is responsible.")
    tags: list[Text] = Field(default_factory=list, description="For finding it.")
    schedule: Schedules | None = Field(
        None, description="Cron, a preset such as `@daily`, `{every: 15m}`, a list of these, or null: only by hand."
    )
    timezone: str = Field("UTC", description="IANA time zone of the schedule.")
    start: Moment | None = Field(None, description="No firing before.")
    end: Moment | None = Field(None, description="No firing after.")
    paused: bool = Field(True, description="A new collection does nothing by itself before somebody switches it on.")
    notifications: Notifications | None = Field(None, description="Mail about runs; default: none.")
    approval: AnyApproval = Field("none", description="Default policy of the jobs.")
    limits: Limits = Field(default_factory=dict, description="Limits of the jobs, where they say nothing else.")
    jobs: Annotated[list[Job], Field(min_length=1)] = Field(description="In the order they run.")

    def job(self, name: str) -> Job:
        """Return the job of that name. Raises KeyError if there is none."""
        for job in self.jobs:
            if job.name == name:
                return job
        raise KeyError(name)

    def policy_of(self, job: Job) -> ApprovalPolicy | None:
        """The approval policy that counts for a job: its own, or the collection's; None means none is needed."""
        policy = self.approval if job.approval is None else job.approval
        return policy if isinstance(policy, ApprovalPolicy) else None

    def limits_of(self, job: Job) -> Limits:
        """The limits that definitions give a job: its own over the collection's."""
        return {**self.limits, **job.limits}
