"""Tables of requests for approval: who is asked, who decided, and what happened."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, false
from sqlalchemy.orm import Mapped, mapped_column

from directory_sync.store.column_types import JsonText, SafeText, UtcDateTime
from directory_sync.store.tables.base import PREFIX, Base, named_so


class RequestRow(Base):
    """The approval of one plan: asked for, and perhaps given."""

    __tablename__ = f"{PREFIX}request"
    __table_args__ = (
        Index(None, "state", "id"),
        Index(None, "requester", "id"),
        Index(None, "collection", "job", "id"),
        Index(None, "current_name", "job", "id"),
        # Links in mails, and gates, name a request by its number: it is never given to another one.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    # As it was called when the request was filed; `current_name` as for a run.
    collection: Mapped[str] = mapped_column(SafeText)
    current_name: Mapped[str] = mapped_column(SafeText, default=named_so, server_default="")
    job: Mapped[str] = mapped_column(SafeText)
    collection_run_id: Mapped[int] = mapped_column(ForeignKey(f"{PREFIX}collection_run.id"), index=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey(f"{PREFIX}plan.id"), index=True)
    digest: Mapped[str] = mapped_column(String(64))
    # Set while the request is pending: the database itself refuses a second one for the same job.
    live_key: Mapped[bytes | None] = mapped_column(LargeBinary(16), unique=True)
    policy: Mapped[dict[str, Any]] = mapped_column(JsonText)
    # The limits that the plan goes past, as `LimitCheck.to_json` gives them.
    waives: Mapped[list[dict[str, Any]]] = mapped_column(JsonText)
    # Asked for after a limit had stopped the job; a later run that makes the same plan uses it.
    waiver: Mapped[bool] = mapped_column(server_default=false())
    requester: Mapped[str] = mapped_column(SafeText)
    requester_verified: Mapped[bool]
    requester_may_decide: Mapped[bool]
    # Who asks for a waiver, which is not who has started the run.
    asked_by: Mapped[str | None] = mapped_column(SafeText)
    # What people are told of the place: the collection's title, and where the job reads and writes.
    title: Mapped[str | None] = mapped_column(SafeText)
    source: Mapped[str | None] = mapped_column(SafeText)
    destination: Mapped[str | None] = mapped_column(SafeText)
    trigger: Mapped[str] = mapped_column(String(32))
    reason: Mapped[str] = mapped_column(SafeText)
    description: Mapped[str] = mapped_column(SafeText)
    statistics: Mapped[dict[str, int]] = mapped_column(JsonText)
    changes: Mapped[int]
    state: Mapped[str] = mapped_column(String(32))
    filed: Mapped[datetime] = mapped_column(UtcDateTime)
    expires: Mapped[datetime | None] = mapped_column(UtcDateTime)
    level: Mapped[int]
    escalates: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_by: Mapped[str | None] = mapped_column(SafeText)
    # When someone began to carry it out; from then on it can no longer be withdrawn.
    begun: Mapped[datetime | None] = mapped_column(UtcDateTime)
    successor_id: Mapped[int | None] = mapped_column(ForeignKey(f"{PREFIX}request.id"), index=True)
    applied: Mapped[datetime | None] = mapped_column(UtcDateTime)
    result: Mapped[dict[str, Any] | None] = mapped_column(JsonText)
    # What the message in the result says, as for a job.
    result_code: Mapped[str] = mapped_column(String(32), server_default="")
    # Names everything about it that stays as it was filed (`store.seals`); None for requests of earlier
    # versions.
    seal: Mapped[str | None] = mapped_column(String(64))
    # Of a saved collection: the version of its run, and those that no other person had approved, as
    # `SavedDefinition.to_json` gives it.
    saved: Mapped[dict[str, Any] | None] = mapped_column(JsonText)


class RequestAssigneeRow(Base):
    """A person or a role that was asked to decide."""

    __tablename__ = f"{PREFIX}request_assignee"
    __table_args__ = (Index(None, "kind", "name"),)

    request_id: Mapped[int] = mapped_column(ForeignKey(f"{PREFIX}request.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    name: Mapped[str] = mapped_column(SafeText, primary_key=True)
    why: Mapped[str] = mapped_column(String(16))
    level: Mapped[int]
    since: Mapped[datetime] = mapped_column(UtcDateTime)


class RequestEditorRow(Base):
    """A person who may not decide because they saved what the request asks for, as people are told apart
    (`approval.people.identity`): it is not in their inbox.
    """

    __tablename__ = f"{PREFIX}request_editor"

    request_id: Mapped[int] = mapped_column(ForeignKey(f"{PREFIX}request.id"), primary_key=True)
    person: Mapped[str] = mapped_column(SafeText, primary_key=True)


class RequestDecisionRow(Base):
    """What one person decided. No one counts twice."""

    __tablename__ = f"{PREFIX}request_decision"

    request_id: Mapped[int] = mapped_column(ForeignKey(f"{PREFIX}request.id"), primary_key=True)
    person: Mapped[str] = mapped_column(SafeText, primary_key=True, index=True)
    roles: Mapped[list[str]] = mapped_column(JsonText)
    verified: Mapped[bool]
    approve: Mapped[bool]
    reason: Mapped[str] = mapped_column(SafeText)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class RequestEventRow(Base):
    """One thing that happened to a request."""

    __tablename__ = f"{PREFIX}request_event"
    __table_args__ = (Index(None, "request_id", "kind"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    request_id: Mapped[int] = mapped_column(ForeignKey(f"{PREFIX}request.id"))
    kind: Mapped[str] = mapped_column(String(16))
    actor: Mapped[str] = mapped_column(SafeText)
    text: Mapped[str] = mapped_column(SafeText)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    data: Mapped[dict[str, Any] | None] = mapped_column(JsonText)
