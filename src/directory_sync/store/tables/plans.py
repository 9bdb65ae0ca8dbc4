"""Tables of plans: their changes, the result of each, and how its object was before."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from directory_sync.store.column_types import JsonText, SafeText, UtcDateTime
from directory_sync.store.tables.base import PREFIX, Base


class PlanRow(Base):
    """The head of a plan. Its changes count only once `complete` is set."""

    __tablename__ = f"{PREFIX}plan"
    __table_args__ = (Index(None, "complete", "stored"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    job_run_id: Mapped[int] = mapped_column(ForeignKey(f"{PREFIX}job_run.id"), index=True)
    destination: Mapped[str] = mapped_column(SafeText)
    digest: Mapped[str] = mapped_column(String(64), index=True)
    # Of the canonical form that the digest was made with; see `plan.digest`.
    digest_version: Mapped[int] = mapped_column(server_default=text("1"))
    header: Mapped[dict[str, Any]] = mapped_column(JsonText)
    complete: Mapped[bool]
    state: Mapped[str] = mapped_column(String(32), index=True)
    stored: Mapped[datetime] = mapped_column(UtcDateTime)
    apply_started: Mapped[datetime | None] = mapped_column(UtcDateTime)
    apply_finished: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # The request that allows it to be applied; set when that begins. None where no approval was needed.
    request_id: Mapped[int | None]
    # What the job will know once the plan has been applied (`Findings.pack`).
    findings: Mapped[bytes | None] = mapped_column(LargeBinary)
    # How many objects it deletes, disables or moves, and how many members it removes from groups; None where
    # no one has counted.
    removals: Mapped[int | None]
    memberships: Mapped[int | None]
    # Names what the digest does not cover and people are shown (`store.seals`); None for plans of earlier
    # versions.
    seal: Mapped[str | None] = mapped_column(String(64))
    # Names the texts that its changes are found by; None while nothing has filled them in.
    search_seal: Mapped[str | None] = mapped_column(String(64))


class PlanPatternsRow(Base):
    """A plan's changes summed up by pattern; none for plans of earlier versions."""

    __tablename__ = f"{PREFIX}plan_patterns"

    plan_id: Mapped[int] = mapped_column(
        ForeignKey(f"{PREFIX}plan.id"), primary_key=True, autoincrement=False
    )
    # `Patterns.to_json`, and `Patterns.places` compressed.
    lines: Mapped[dict[str, Any]] = mapped_column(JsonText)
    places: Mapped[bytes] = mapped_column(LargeBinary)
    seal: Mapped[str] = mapped_column(String(64))


class ChangeRow(Base):
    """One change of a plan: its canonical form, and the columns that it is found by."""

    __tablename__ = f"{PREFIX}change"
    # Most changes neither rename nor carry an identity: those take no room in the index.
    __table_args__ = tuple(
        Index(
            None,
            column,
            sqlite_where=text(f"{column} IS NOT NULL"),
            postgresql_where=text(f"{column} IS NOT NULL"),
        )
        for column in ("new_object_hash", "identity_hash")
    )

    plan_id: Mapped[int] = mapped_column(ForeignKey(f"{PREFIX}plan.id"), primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    action: Mapped[str] = mapped_column(String(16))
    # Hashes, not texts: they are shorter, and a PostgreSQL index entry holds at most 2,704 bytes, which a DN
    # may exceed.
    object_hash: Mapped[bytes] = mapped_column(LargeBinary(16), index=True)
    new_object_hash: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    identity_hash: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    payload: Mapped[str] = mapped_column(Text)
    # What people call the object; no part of the canonical form. Empty where nothing but the key is known.
    name: Mapped[str | None] = mapped_column(SafeText)
    # What it is found by: names, key, fields and values, none of them secret (`plan.canonical`).
    search: Mapped[str] = mapped_column(Text, server_default="")


class OutcomeRow(Base):
    """The result of one change. The first one recorded stands."""

    __tablename__ = f"{PREFIX}outcome"
    __table_args__ = (
        ForeignKeyConstraint(
            ["plan_id", "sequence"], [f"{PREFIX}change.plan_id", f"{PREFIX}change.sequence"]
        ),
    )

    plan_id: Mapped[int] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    result: Mapped[str] = mapped_column(String(16))
    message: Mapped[str] = mapped_column(SafeText)
    recorded: Mapped[datetime] = mapped_column(UtcDateTime)


class BeforeImageRow(Base):
    """One object as it was read just before a change of it was sent; without secrets."""

    __tablename__ = f"{PREFIX}before_image"
    __table_args__ = (
        ForeignKeyConstraint(
            ["plan_id", "sequence"], [f"{PREFIX}change.plan_id", f"{PREFIX}change.sequence"]
        ),
    )

    plan_id: Mapped[int] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    object: Mapped[str] = mapped_column(SafeText)
    # Field → values, as in a report; the names of those that were left out as secret stand next to them.
    fields: Mapped[dict[str, Any]] = mapped_column(JsonText)
    left_out: Mapped[list[str]] = mapped_column(JsonText)
    taken: Mapped[datetime] = mapped_column(UtcDateTime)
    seal: Mapped[str] = mapped_column(String(64))
