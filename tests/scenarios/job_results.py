"""Results of jobs that were never run, for tests of what shows them."""

from __future__ import annotations

from directory_sync.definition.models import Collection
from directory_sync.endpoints.change import Action, Change, FieldChange, Outcome, Result
from directory_sync.plan.model import LimitCheck, RecordProblem, Statistics
from directory_sync.run.result import JobResult, JobState

HOSTILE = "\x1b[2J\u202eevil\ndirectory-sync: all is well"
"""Clears a terminal, reverses text, and begins a line of its own."""


def collection(*jobs: str) -> Collection:
    """A collection with these jobs; the field `pin` of each is secret."""
    return Collection.model_validate(
        {
            "name": "crew",
            "jobs": [
                {
                    "name": job,
                    "object": "inetOrgPerson",
                    "source": {"connection": "ship", "container": "ou=people,dc=ship"},
                    "destination": {"connection": "office", "container": "ou=people,dc=office"},
                    "fields": {
                        "uid": {"from": "uid", "key": True},
                        "cn": "cn",
                        "sn": "sn",
                        "pin": {"from": "pin", "secret": True},
                    },
                }
                for job in jobs
            ],
        }
    )


CHANGES = (
    Change(
        Action.CREATE,
        "fry",
        "uid=fry,ou=people,dc=office",
        fields=(
            FieldChange("uid", (), (b"fry",)),
            FieldChange("jpegPhoto", (), (b"\xff\xd8\xff" + bytes(509),)),
            FieldChange("pin", (), (b"1077",)),
            FieldChange("userPassword", (), (b"hunter2",)),
        ),
    ),
    Change(
        Action.UPDATE,
        "leela",
        "uid=leela,ou=people,dc=office",
        fields=(
            FieldChange("mail", (b"a@x", b"b@x"), (b"c@x",)),
            FieldChange("title", (), ("Kapitän".encode(),)),
        ),
    ),
    Change(
        Action.UPDATE,
        "ship",
        "cn=ship,ou=groups,dc=office",
        fields=(FieldChange("member", (b"uid=bender",), (b"uid=fry", b"uid=leela"), partial=True),),
    ),
    Change(Action.MOVE, "amy", "uid=amy,ou=people,dc=office", new_object="uid=amy,ou=left,dc=office"),
    Change(
        Action.DELETE,
        HOSTILE,
        f"uid={HOSTILE},ou=people,dc=office",
        fields=(FieldChange("description", (HOSTILE.encode(),), ()),),
    ),
)
"""One change of almost every kind, with values of every kind, in an order that is not that of their
seriousness.
"""


def previewed(job: str = "people", *, changes: tuple[Change, ...] = CHANGES, errors: int = 0) -> JobResult:
    """What a preview of a job gives."""
    problems = tuple(
        RecordProblem(f"key {number}", f"line {number}", "no surname") for number in range(errors)
    )
    return JobResult(
        job=job,
        state=JobState.PREVIEWED,
        statistics=Statistics(read=120, created=len(changes), errors=errors),
        digest="ab" * 32,
        changes=changes,
        problems=problems,
        message="Nothing was written.",
    )


def stopped(job: str = "people") -> JobResult:
    """What a job gives whose plan goes past a limit."""
    return JobResult(
        job=job,
        state=JobState.STOPPED_BY_LIMIT,
        digest="cd" * 32,
        changes=CHANGES,
        limits=(LimitCheck("delete", "", 1, 3, 0, "0"), LimitCheck("create", "", 1, 3, None, "none")),
        message="Stopped before the first write.",
    )


def with_failed_changes(job: str = "people") -> JobResult:
    """What a run of a job gives when one record was wrong, one object had changed and one was refused."""
    return JobResult(
        job=job,
        state=JobState.SUCCESS_WITH_ERRORS,
        statistics=Statistics(read=6, created=1, moved=1, deleted=1, conflicts=1, errors=2),
        digest="ef" * 32,
        changes=CHANGES,
        outcomes={
            1: Outcome(1, Result.CONFLICT, "mail has changed meanwhile"),
            2: Outcome(2, Result.FAILED, "insufficient access"),
            3: Outcome(3, Result.FOUND_DONE),
        },
        problems=(RecordProblem("zoidberg", "line 7", "no surname"),),
        message="Done, but 2 records could not be processed.",
    )


def ended(state: JobState, job: str = "people") -> JobResult:
    """What a job gives that ended like this, without any change."""
    return JobResult(job=job, state=state, message="It ended.")
