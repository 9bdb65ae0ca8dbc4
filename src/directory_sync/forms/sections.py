"""The sections of forms: which keys a page shows together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

from directory_sync.definition.models import Collection, Job
from directory_sync.forms.controls import Field
from directory_sync.forms.derive import field_of
from directory_sync.forms.endpoints import endpoint_field
from directory_sync.forms.offers import offered
from directory_sync.forms.schedules import schedule_control
from directory_sync.forms.words import label_of


@dataclass(frozen=True, slots=True)
class Section:
    """Keys that are shown together.

    Attributes:
        name: in addresses and names.
        title: its heading.
        fields: gives the keys; asked each time, since kinds of endpoints can be added.
    """

    name: str
    title: str
    fields: Callable[[], Iterable[Field]]


def _of_collection(*keys: str) -> Callable[[], Iterable[Field]]:
    return cache(lambda: tuple(field_of(Collection, key) for key in keys))


def _of_job(*keys: str) -> Callable[[], Iterable[Field]]:
    return cache(lambda: tuple(offered(field_of(Job, key)) for key in keys))


@cache
def _schedule() -> Iterable[Field]:
    schedule = Field(
        "schedule",
        label_of("Collection", "schedule"),
        schedule_control(),
        "Several are allowed. Without any, the collection runs only by hand.",
    )
    return (schedule, *(field_of(Collection, key) for key in ("timezone", "start", "end")))


DETAILS = Section("details", "Details", _of_collection("name", "title", "description", "owners", "tags"))
SCHEDULE = Section("schedule", "Schedule", _schedule)
NOTIFICATIONS = Section("notifications", "Notifications", _of_collection("notifications"))
COLLECTION_LIMITS = Section("limits", "Limits of all jobs", _of_collection("limits", "limit_window"))
COLLECTION_APPROVAL = Section("approval", "Approval of all jobs", _of_collection("approval"))

JOB_DETAILS = Section("details", "Details", _of_job("name", "description", "on_failure", "enabled"))
SOURCE = Section("source", "Source", lambda: [endpoint_field("source")])
DESTINATION = Section("destination", "Destination", lambda: [endpoint_field("destination")])
MISSING = Section(
    "missing",
    "Missing Records",
    _of_job("missing_at_destination", "missing_at_source", "returning", "remove"),
)
LIMITS = Section("limits", "Limits", _of_job("limits", "limit_window"))
APPROVAL = Section("approval", "Approval", _of_job("approval", "wait_for_approval"))
SETTINGS = Section("settings", "Settings", _of_job("records", "retries"))

OF_COLLECTION = (DETAILS, SCHEDULE, NOTIFICATIONS, COLLECTION_LIMITS, COLLECTION_APPROVAL)
OF_JOB = (JOB_DETAILS, SOURCE, DESTINATION, MISSING, LIMITS, APPROVAL, SETTINGS)
