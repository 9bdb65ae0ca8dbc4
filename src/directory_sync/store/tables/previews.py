"""Tables of questions what a definition would do, and their answers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from directory_sync.store.column_types import JsonText, SafeText, UtcDateTime
from directory_sync.store.tables.base import PREFIX, Base


class PreviewRow(Base):
    """A question that a person has asked: what a definition would do; see `previews`. Kept for a day.

    What the answer holds are runs of the name `settings.PREVIEWS_DAG_ID` that are told apart by its id.
    """

    __tablename__ = f"{PREFIX}preview"

    # Random: who may see the runs of the internal DAG sees it, so nothing follows from knowing it.
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    asked_by: Mapped[str] = mapped_column(SafeText, index=True)
    # Of the person, when asking: connections are judged by them where the text is theirs.
    roles: Mapped[list[str]] = mapped_column(JsonText)
    collection: Mapped[str] = mapped_column(SafeText)
    # A `previews.QuestionKind`.
    kind: Mapped[str] = mapped_column(String(8))
    text: Mapped[str] = mapped_column(Text)
    # The saved version that is asked about, or that an edit is compared with; None for neither.
    version: Mapped[int | None]
    revision: Mapped[int | None]
    jobs: Mapped[list[str]] = mapped_column(JsonText)
    # The only run of Airflow that may take it.
    run_id: Mapped[str] = mapped_column(SafeText)
    # A `previews.PreviewState`.
    state: Mapped[str] = mapped_column(String(16))
    asked: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    expires: Mapped[datetime] = mapped_column(UtcDateTime)
    begun: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # When its worker was last heard of, and how far it was then (`previews.Progress`).
    alive: Mapped[datetime | None] = mapped_column(UtcDateTime)
    progress: Mapped[dict[str, Any] | None] = mapped_column(JsonText)
    finished: Mapped[datetime | None] = mapped_column(UtcDateTime)
    message: Mapped[str] = mapped_column(SafeText, server_default="")


class PreviewEffectsRow(Base):
    """What an edit causes at one job: how its plan differs from the one by the saved version."""

    __tablename__ = f"{PREFIX}preview_effects"

    preview_id: Mapped[str] = mapped_column(ForeignKey(f"{PREFIX}preview.id"), primary_key=True)
    job: Mapped[str] = mapped_column(SafeText, primary_key=True)
    old_plan_id: Mapped[int | None] = mapped_column(ForeignKey(f"{PREFIX}plan.id"), index=True)
    new_plan_id: Mapped[int | None] = mapped_column(ForeignKey(f"{PREFIX}plan.id"), index=True)
    # Both plans were made of the same listings.
    same_listing: Mapped[bool]
    # `Effects.counts_to_json`, and `Effects.places` compressed.
    counts: Mapped[list[dict[str, Any]]] = mapped_column(JsonText)
    places: Mapped[bytes] = mapped_column(LargeBinary)
