"""The table of who works where."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from directory_sync.store.column_types import SafeText, UtcDateTime
from directory_sync.store.tables.base import PREFIX, Base


class LeaseRow(Base):
    """The right of one holder to work on one area of one server or file, until it expires."""

    __tablename__ = f"{PREFIX}lease"

    id: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[str] = mapped_column(String(32), index=True)
    resource: Mapped[str] = mapped_column(SafeText)
    area: Mapped[str] = mapped_column(SafeText)
    holder: Mapped[str] = mapped_column(SafeText)
    acquired: Mapped[datetime] = mapped_column(UtcDateTime)
    expires: Mapped[datetime] = mapped_column(UtcDateTime)
