"""The tables: what was run, what was planned, who agreed to it, what became of it, and who works where.

Rows of changes, outcomes, decisions, request events and versions of collections are never updated. All names
start with `directory_sync_`, so that the tables may live in a database with others.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from directory_sync.store.column_types import JsonText, SafeText, UtcDateTime

PREFIX = "directory_sync_"
VERSION_TABLE = f"{PREFIX}alembic_version"

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Every table of the store."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)


def _named_so(context: Any) -> str:
    """What the collection of a new row is called: as it was begun or filed."""
    name: str = context.get_current_parameters()["collection"]
    return name


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
    current_name: Mapped[str] = mapped_column(SafeText, default=_named_so, server_default="")
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
    # key: ended requests are deleted where `request_retention` is set, what became of a job stays.
    request_id: Mapped[int | None] = mapped_column(index=True)
    # The token of the lease that it works under. None for previews, which write nothing, and for attempts of
    # earlier versions.
    lease: Mapped[str | None] = mapped_column(String(32))
    # How far it is, or was when it ended (`run_progress.JobProgress`), and when its process said so last.
    progress: Mapped[dict[str, Any] | None] = mapped_column(JsonText)
    progressed: Mapped[datetime | None] = mapped_column(UtcDateTime)


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
    # The request that allows it to be carried out; set when that begins. None where no approval was needed.
    request_id: Mapped[int | None]
    # What the job will know once the plan has been applied (`Findings.pack`).
    findings: Mapped[bytes | None] = mapped_column(LargeBinary)
    # How many objects it deletes, disables or moves, and how many members it removes from groups; None where
    # nobody has counted.
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
    """What became of one change. The first one recorded stands."""

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


class CollectionRow(Base):
    """A collection by the id that stays when it is renamed: what its jobs know and claim hangs on it, and its
    saved versions do.
    """

    __tablename__ = f"{PREFIX}collection"
    __table_args__ = (
        # A name belongs to one collection at a time.
        Index(
            None,
            "name",
            unique=True,
            sqlite_where=text("deleted IS NULL"),
            postgresql_where=text("deleted IS NULL"),
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(SafeText)
    # `saved`, or `file:` and the file's name; empty where only terminals have run it.
    origin: Mapped[str | None] = mapped_column(SafeText)
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    deleted: Mapped[datetime | None] = mapped_column(UtcDateTime)


class CollectionVersionRow(Base):
    """What a saved collection was from one moment on; its deletion is a version, too."""

    __tablename__ = f"{PREFIX}collection_version"
    __table_args__ = (UniqueConstraint("collection_id", "number"),)

    # Ascends over all collections, in the order in which versions can be seen; see `saved_collections`.
    revision: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    collection_id: Mapped[int] = mapped_column(ForeignKey(f"{PREFIX}collection.id"))
    number: Mapped[int]
    # The collection may have another name later.
    name: Mapped[str] = mapped_column(SafeText)
    text: Mapped[str] = mapped_column(Text)
    saved: Mapped[datetime] = mapped_column(UtcDateTime)
    saved_by: Mapped[str] = mapped_column(SafeText)
    verified: Mapped[bool]
    # Of the person, when saving.
    roles: Mapped[list[str]] = mapped_column(JsonText)
    comment: Mapped[str] = mapped_column(SafeText)
    # Codes and facts of what is different from the version before.
    change: Mapped[list[dict[str, Any]]] = mapped_column(JsonText)
    deleted: Mapped[bool]


class CollectionRevisionRow(Base):
    """One row with the newest revision of saved collections: the lock under which the next one is made."""

    __tablename__ = f"{PREFIX}collection_revision"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    revision: Mapped[int]


class PinRow(Base):
    """A collection that a person has pinned to their dashboard."""

    __tablename__ = f"{PREFIX}pin"

    # As people are told apart (`approval.people.identity`).
    person: Mapped[str] = mapped_column(SafeText, primary_key=True)
    # What it is called now.
    collection: Mapped[str] = mapped_column(SafeText, primary_key=True)


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


class KnownObjectsRow(Base):
    """What one job knows at its destination: the objects that it has created or matched. One row per job.

    `known`, `absent` and `created_names` are sorted 16-byte entries one after the other; see `known_objects`.
    """

    __tablename__ = f"{PREFIX}known_objects"

    collection_id: Mapped[int] = mapped_column(ForeignKey(f"{PREFIX}collection.id"), primary_key=True)
    job: Mapped[str] = mapped_column(SafeText, primary_key=True)
    # Where it knows them, and from where: if one of the two changes, nothing is known any more.
    destination: Mapped[str] = mapped_column(SafeText, index=True)
    source: Mapped[str] = mapped_column(SafeText)
    known: Mapped[bytes] = mapped_column(LargeBinary)
    # Those of the known objects that had no record at the last complete run: the job does not claim them.
    absent: Mapped[bytes] = mapped_column(LargeBinary)
    # Objects that have a record though the job does not know them (16 bytes each): by identity, and by hashed
    # name.
    held: Mapped[bytes] = mapped_column(LargeBinary)
    held_names: Mapped[bytes] = mapped_column(LargeBinary)
    # Created objects whose identity nobody has seen yet, by a hash of their name.
    created_names: Mapped[bytes] = mapped_column(LargeBinary)
    # Whether the job may create objects, and is enabled: else it claims nothing.
    claims: Mapped[bool]
    complete: Mapped[datetime | None] = mapped_column(UtcDateTime)


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
    current_name: Mapped[str] = mapped_column(SafeText, default=_named_so, server_default="")
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
    # When somebody began to carry it out; from then on it can no longer be withdrawn.
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
    """What one person decided. Nobody counts twice."""

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
