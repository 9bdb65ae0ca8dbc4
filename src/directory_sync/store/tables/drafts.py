"""The table of drafts: definitions that people are still writing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from directory_sync.store.column_types import JsonText, SafeText, UtcDateTime
from directory_sync.store.tables.base import PREFIX, Base


class DraftRow(Base):
    """A definition that a person is writing in the wizard; see `drafts`. Only they see it."""

    __tablename__ = f"{PREFIX}draft"

    # Random: an address tells nothing of how many there are.
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    # The name exactly as Airflow has it: it lets the person see what they wrote (`approval.people`).
    person: Mapped[str] = mapped_column(SafeText, index=True)
    # A `drafts.DraftKind`.
    kind: Mapped[str] = mapped_column(String(16))
    # The saved collection that is edited, by what it is called now, and the version that the edit was begun
    # from; empty and None for what is new, None too where that collection was deleted since.
    collection: Mapped[str] = mapped_column(SafeText)
    version: Mapped[int | None]
    # It may be incomplete or wrong: nothing that was typed is refused.
    text: Mapped[str] = mapped_column(SafeText)
    # What lists call it.
    title: Mapped[str] = mapped_column(SafeText)
    comment: Mapped[str] = mapped_column(SafeText)
    # What the last step has ticked, by the names of its ticks; a tick that was never seen is missing.
    ticks: Mapped[dict[str, Any]] = mapped_column(JsonText)
    # Grows with each write: two windows notice each other.
    number: Mapped[int]
    begun: Mapped[datetime] = mapped_column(UtcDateTime)
    changed: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
