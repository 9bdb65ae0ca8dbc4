"""Tables of runs: the definitions they began with, attempts at their jobs, and what ended them early."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from directory_sync.store.column_types import JsonText, SafeText, UtcDateTime
from directory_sync.store.tables.base import PREFIX, Base, named_so


class DefinitionRow(Base):
    """A definition that runs began with, complete; each text is kept once, and never changed."""

    __tablename__ = f"{PREFIX}definition"

    # SHA-256 of the text as it is stored, hexadecimal; not the digest, which ignores the order of fields: it
    # decides the parts of a row's key, so definitions that differ in it must not stand for each other.
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    definition: Mapped[dict[str, Any]] = mapped_column(JsonText)


class CollectionRunRow(Base):
    """One execution of a collection, by the definition as it was when the run began."""

    __tablename__ = f"{PREFIX}collection_run"
    __table_args__ = (
        UniqueConstraint("collection", "run_id"),
        Index(None, "collection", "started"),
        Index(None, "current_name", "started"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    # What it was called when the run began: with the run's id it names the run, here and in Airflow.
    collection: Mapped[str] = mapped_column(SafeText)
    # What it is called now. All that is asked of a collection's past goes by this.
    current_name: Mapped[str] = mapped_column(SafeText, default=named_so, server_default="")
    run_id: Mapped[str] = mapped_column(SafeText)
    # What the definition is compared by.
    definition_digest: Mapped[str] = mapped_column(String(64))
    # Names its row. No foreign key: to add one, SQLite would have to make the table again.
    definition_key: Mapped[str] = mapped_column(String(64), server_default="")
    # Where it was read, and which version of that; empty for runs of versions that did not note it.
    definition_origin: Mapped[str | None] = mapped_column(SafeText)
    definition_version: Mapped[str | None] = mapped_column(SafeText)
    trigger: Mapped[str] = mapped_column(String(32))
    requester: Mapped[str] = mapped_column(SafeText)
    requester_verified: Mapped[bool]
    reason: Mapped[str] = mapped_column(SafeText)
    preview_only: Mapped[bool]
    started: Mapped[datetime] = mapped_column(UtcDateTime)
    finished: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    state: Mapped[str] = mapped_column(String(32))
    # Which run of Airflow this is: a run id can be deleted there and used again. Empty for a terminal's, and
    # for runs of versions that did not note it.
    triggering_user: Mapped[str | None] = mapped_column(SafeText)
    logical_date: Mapped[datetime | None] = mapped_column(UtcDateTime)
    run_after: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # The token of the lease that a terminal renews as long as the run goes on: without it, the process that
    # ran it is gone.
    lease: Mapped[str | None] = mapped_column(String(32))
    # How each job ended, in the words of the run's end; None where only the attempts say it.
    job_states: Mapped[dict[str, str] | None] = mapped_column(JsonText)
    # How often people were to hear of it, and what the last time said (`store.run_telling`).
    told: Mapped[int] = mapped_column(server_default=text("0"))
    told_mark: Mapped[str | None] = mapped_column(String(64))


class JobRunRow(Base):
    """One attempt at one job in a run."""

    __tablename__ = f"{PREFIX}job_run"
    __table_args__ = (UniqueConstraint("collection_run_id", "job", "attempt"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    collection_run_id: Mapped[int] = mapped_column(ForeignKey(f"{PREFIX}collection_run.id"))
    job: Mapped[str] = mapped_column(SafeText)
    attempt: Mapped[int]
    state: Mapped[str] = mapped_column(String(32), index=True)
    statistics: Mapped[dict[str, int] | None] = mapped_column(JsonText)
    # What its plan would do, where nothing of it was written: it waits, or a limit has stopped it.
    planned: Mapped[dict[str, int] | None] = mapped_column(JsonText)
    message: Mapped[str] = mapped_column(SafeText)
    # What the message says, where pages depend on it (`request_model.MessageCode`); empty for anything else.
    code: Mapped[str] = mapped_column(String(32), server_default="")
    warnings: Mapped[list[str]] = mapped_column(JsonText)
    problems: Mapped[list[dict[str, str]]] = mapped_column(JsonText)
    started: Mapped[datetime] = mapped_column(UtcDateTime)
    finished: Mapped[datetime | None] = mapped_column(UtcDateTime)
    host: Mapped[str] = mapped_column(SafeText)
    pid: Mapped[int]
    # The request that the attempt waits for, which may be one of another run, or that it applies. No foreign
    # key: ended requests are deleted where `request_retention` is set, the result of a job stays.
    request_id: Mapped[int | None] = mapped_column(index=True)
    # The token of the lease that it works under. None for previews, which write nothing, and for attempts of
    # earlier versions.
    lease: Mapped[str | None] = mapped_column(String(32))
    # How far it is, or was when it ended (`run_progress.JobProgress`), and when its process said so last.
    progress: Mapped[dict[str, Any] | None] = mapped_column(JsonText)
    progressed: Mapped[datetime | None] = mapped_column(UtcDateTime)


class EndedRunRow(Base):
    """A run that Airflow has called ended before it was closed here; see `ended_runs`."""

    __tablename__ = f"{PREFIX}ended_run"

    collection: Mapped[str] = mapped_column(SafeText, primary_key=True)
    run_id: Mapped[str] = mapped_column(SafeText, primary_key=True)
    ended: Mapped[datetime] = mapped_column(UtcDateTime)


class RunStopRow(Base):
    """A run that a person has stopped, also one that is still queued in Airflow; see `run_stops`."""

    __tablename__ = f"{PREFIX}run_stop"

    collection: Mapped[str] = mapped_column(SafeText, primary_key=True)
    run_id: Mapped[str] = mapped_column(SafeText, primary_key=True)
    asked: Mapped[datetime] = mapped_column(UtcDateTime)
    asked_by: Mapped[str] = mapped_column(SafeText)
    reason: Mapped[str] = mapped_column(SafeText)
    # When a process of the run said last that it knows, and finishes what is under way.
    seen: Mapped[datetime | None] = mapped_column(UtcDateTime)
