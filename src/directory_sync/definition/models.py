"""What a job collection is: the pydantic models behind the definition file, and nothing that needs a
connection.

`directory_sync.definition.loading` reads files into these models; `directory_sync.definition.checks` finds
what a model alone cannot say. The models are the one source of truth for the JSON Schema, for the reference
in the docs and for every default.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, Tag

from directory_sync.definition.addresses import (
    AnyContainer,
    AnyDestination,
    AnySource,
    DirectoryDestination,
    DirectorySource,
    FieldContainer,
    FileEndpoint,
    FileMode,
    Scope,
    SqlDestination,
    SqlSource,
    TemplateContainer,
    UnmanagedMatch,
)
from directory_sync.definition.approval import (
    AnyApproval,
    ApprovalPolicy,
    Approvers,
    ChangeKind,
    Escalation,
)
from directory_sync.definition.basics import NAME_PATTERN, Model, Name, Text, by_shape
from directory_sync.definition.limits import AnyLimit, Limit, LimitKind, Limits, format_limit, parse_limit
from directory_sync.definition.mappings import (
    FIELD_SOURCES,
    AnyField,
    AnyFieldOrName,
    Copy,
    FieldMapping,
    GeneratePassword,
    Join,
    Left,
    LookUp,
    Map,
    Members,
    OnMissing,
    PasswordRule,
    Resolve,
    Script,
    Static,
    Substring,
    Template,
    Transformation,
)
from directory_sync.definition.notifications import OWNERS, AnyAddressee, Notifications, NotifyWhen
from directory_sync.definition.times import (
    Duration,
    Every,
    Moment,
    Schedule,
    Schedules,
    Window,
    format_duration,
    parse_duration,
    parse_moment,
)

__all__ = [
    "FIELD_SOURCES",
    "NAME_PATTERN",
    "OWNERS",
    "AnyAddressee",
    "AnyApproval",
    "AnyContainer",
    "AnyDestination",
    "AnyField",
    "AnyFieldOrName",
    "AnyLimit",
    "AnySource",
    "ApprovalPolicy",
    "Approvers",
    "ChangeKind",
    "ChangedSince",
    "Collection",
    "Copy",
    "DirectoryDestination",
    "DirectorySource",
    "DisableMissing",
    "Duration",
    "Escalation",
    "Every",
    "FailureAction",
    "FieldContainer",
    "FieldMapping",
    "FileEndpoint",
    "FileMode",
    "GeneratePassword",
    "Job",
    "Join",
    "Left",
    "Limit",
    "LimitKind",
    "Limits",
    "LookUp",
    "Map",
    "Members",
    "Model",
    "Moment",
    "MoveMissing",
    "Name",
    "Notifications",
    "NotifyWhen",
    "ObjectKind",
    "OnMissing",
    "PasswordRule",
    "Removal",
    "Resolve",
    "Schedule",
    "Schedules",
    "Scope",
    "Script",
    "SqlDestination",
    "SqlSource",
    "Static",
    "Substring",
    "Template",
    "TemplateContainer",
    "Text",
    "Transformation",
    "UnmanagedMatch",
    "Window",
    "format_duration",
    "format_limit",
    "parse_duration",
    "parse_limit",
    "parse_moment",
]


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


class Removal(StrEnum):
    """Which objects a job may delete, disable or move because their record is missing."""

    KNOWN = "known"
    ALL = "all"


class MoveMissing(Model):
    """Objects whose record is gone are moved, and disabled if asked for; later deleted, if asked for."""

    move: Text = Field(description="DN of the container they go to.")
    disable: bool = Field(False, description="Disable them too.")
    delete: Duration | None = Field(
        None, description="Delete them when the record has been missing for this long."
    )


class DisableMissing(Model):
    """Objects whose record is gone are disabled now and deleted later."""

    disable: Literal["now"] = Field(description="`now`.")
    delete: Duration = Field(description="Delete them when the record has been missing for this long.")


class ChangedSince(Model):
    """Only records whose timestamp field is newer than the last run."""

    changed_since: Text = Field(description="Timestamp field of the source.")


class Job(Model):
    """Moves records of one object type from a source to a destination."""

    name: Name = Field(description="Unique in the collection; the task id.")
    description: str = Field("", description="For people.")
    template: Name | None = Field(None, description="Job template that gives every key not set here.")
    enabled: bool = Field(True, description="`false` leaves the job out of runs.")
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
        Annotated[Literal["skip", "delete", "disable"], Tag("<text>")]
        | Annotated[MoveMissing, Tag("<MoveMissing>")]
        | Annotated[DisableMissing, Tag("<DisableMissing>")],
        by_shape(
            'skip, delete, disable, {move: "DN", disable: true}, or {disable: now, delete: 30d}',
            str,
            move="MoveMissing",
            disable="DisableMissing",
        ),
    ] = Field(
        "skip",
        description=(
            "`skip`, `delete`, `disable`, `{move: DN, disable: true}`, or in steps `{disable: now, delete:"
            " 30d}`."
        ),
    )
    remove: Removal = Field(
        Removal.KNOWN,
        description="What may be deleted, disabled or moved: objects that this job has created or matched"
        " before (`known`), or everything that base and filter select (`all`).",
    )
    returning: Literal["report", "restore"] = Field(
        "report", description="A moved or disabled object whose record is back: `report` it, or `restore` it."
    )
    records: Annotated[
        Annotated[Literal["all", "changed"], Tag("<text>")] | Annotated[ChangedSince, Tag("<ChangedSince>")],
        by_shape("all, changed, or {changed_since: FIELD}", str, changed_since="ChangedSince"),
    ] = Field("all", description="`all` records, only `changed` ones, or `{changed_since: FIELD}`.")
    fields: Annotated[dict[Text, AnyFieldOrName], Field(min_length=1)] = Field(
        description="Destination field: where its value comes from."
    )
    limits: Limits = Field(default_factory=dict, description="Most changes of each kind.")
    limit_window: Window | None = Field(
        None,
        description="Earlier removals count for this long; default: the collection's. `0`: one run only.",
    )
    approval: AnyApproval | None = Field(None, description="Approval policy; default: the collection's.")
    wait_for_approval: bool = Field(False, description="The jobs after this one wait until it is decided.")
    retries: Annotated[int, Field(ge=0, le=100)] = Field(
        0, description="How often a failed job is tried again."
    )

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
        None,
        description=(
            "Cron, a preset such as `@daily`, `{every: 15m}`, a list of these, or null: only by hand."
        ),
    )
    timezone: str = Field("UTC", description="IANA time zone of the schedule.")
    start: Moment | None = Field(None, description="No scheduled run before this time.")
    end: Moment | None = Field(None, description="No scheduled run after this time.")
    paused: bool = Field(
        True, description="A new collection runs nothing by itself until it is switched on in Airflow."
    )
    notifications: Notifications | None = Field(None, description="Mail about runs; default: none.")
    approval: AnyApproval = Field("none", description="Default policy of the jobs.")
    limits: Limits = Field(
        default_factory=dict, description="Limits of the jobs, where they say nothing else."
    )
    limit_window: Window = Field(
        timedelta(hours=24), description="Earlier removals count for this long. `0`: one run only."
    )
    jobs: Annotated[list[Job], Field(min_length=1)] = Field(description="In the order they run.")

    def job(self, name: str) -> Job:
        """Return the job of that name. Raises KeyError if there is none."""
        for job in self.jobs:
            if job.name == name:
                return job
        raise KeyError(name)

    @property
    def enabled_jobs(self) -> list[Job]:
        """The jobs that runs have, in their order."""
        return [job for job in self.jobs if job.enabled]

    def policy_of(self, job: Job) -> ApprovalPolicy | None:
        """The approval policy that counts for a job: its own, or the collection's; None means none is
        needed.
        """
        policy = self.approval if job.approval is None else job.approval
        return policy if isinstance(policy, ApprovalPolicy) else None

    def limits_of(self, job: Job) -> Limits:
        """The limits that definitions give a job: its own over the collection's."""
        return {**self.limits, **job.limits}

    def window_of(self, job: Job) -> timedelta:
        """How long ago removals count against a job's limits too; zero for one run only."""
        return self.limit_window if job.limit_window is None else job.limit_window
