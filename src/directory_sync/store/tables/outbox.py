"""The table of mail that is due."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from directory_sync.store.column_types import JsonText, SafeText, UtcDateTime
from directory_sync.store.tables.base import PREFIX, Base


class OutboxRow(Base):
    """Something that people have yet to hear about: what has happened to a request or to a run.

    The row goes when they have.
    """

    __tablename__ = f"{PREFIX}outbox"
    __table_args__ = (
        # Also what finds the mail of a subject that is deleted.
        UniqueConstraint("topic", "subject_id", "kind", "event_id"),
        {"sqlite_autoincrement": True},
    )

    # In the order in which things happened.
    id: Mapped[int] = mapped_column(primary_key=True)
    topic: Mapped[str] = mapped_column(String(16))
    # No foreign keys: each topic has a table of its own, whose deletions take their mail with them.
    subject_id: Mapped[int]
    kind: Mapped[str] = mapped_column(SafeText)
    # Of a request: the event in its history. 0 where a kind of event happens once.
    event_id: Mapped[int]
    queued: Mapped[datetime] = mapped_column(UtcDateTime)
    due: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    tries: Mapped[int]
    first_try: Mapped[datetime | None] = mapped_column(UtcDateTime)
    problem: Mapped[str] = mapped_column(SafeText)
    # Who sends it, as long as `due` is ahead; and which address was begun or reached when, until a history
    # says it.
    claim: Mapped[str | None] = mapped_column(String(32))
    progress: Mapped[dict[str, Any] | None] = mapped_column(JsonText)
    # Who was given up, where no history says it.
    unreached: Mapped[list[dict[str, Any]] | None] = mapped_column(JsonText)
