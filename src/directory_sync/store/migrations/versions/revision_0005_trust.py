"""What a job knows and claims, which run of Airflow a stored run is, and limits as data instead of text."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from typing import Any

import sqlalchemy as sa
from alembic import context, op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
RUN, PLAN, REQUEST = "directory_sync_collection_run", "directory_sync_plan", "directory_sync_request"
JOB_RUN, CHANGE, OUTCOME = "directory_sync_job_run", "directory_sync_change", "directory_sync_outcome"
MAIL = "directory_sync_request_mail"
_OPEN = ((RUN, "finished"), (JOB_RUN, "state"), (PLAN, "state"))
"""What each run looks for: what was left open."""
COLLECTION, KNOWN = "directory_sync_collection", "directory_sync_known_objects"
ENDED = "directory_sync_ended_run"


def upgrade() -> None:
    # Column by column: Alembic's batch mode would rebuild the tables on SQLite, without AUTOINCREMENT.
    op.add_column(RUN, sa.Column("triggering_user", sa.Text(), nullable=True))
    op.add_column(RUN, sa.Column("logical_date", TIME, nullable=True))
    op.add_column(RUN, sa.Column("run_after", TIME, nullable=True))
    op.add_column(RUN, sa.Column("lease", sa.String(32), nullable=True))
    op.add_column(PLAN, sa.Column("findings", sa.LargeBinary(), nullable=True))
    op.add_column(PLAN, sa.Column("removals", sa.Integer(), nullable=True))
    op.add_column(PLAN, sa.Column("memberships", sa.Integer(), nullable=True))
    op.add_column(
        PLAN, sa.Column("digest_version", sa.Integer(), server_default=sa.text("1"), nullable=False)
    )
    for table in (PLAN, REQUEST):
        op.add_column(table, sa.Column("seal", sa.String(64), nullable=True))
    op.add_column(JOB_RUN, sa.Column("planned", sa.Text(), nullable=True))
    op.add_column(JOB_RUN, sa.Column("lease", sa.String(32), nullable=True))
    op.add_column(CHANGE, sa.Column("name", sa.Text(), nullable=True))
    for name in ("asked_by", "title", "source", "destination"):
        op.add_column(REQUEST, sa.Column(name, sa.Text(), nullable=True))
    op.add_column(MAIL, sa.Column("claim", sa.String(32), nullable=True))
    op.add_column(MAIL, sa.Column("progress", sa.Text(), nullable=True))
    op.create_table(
        COLLECTION,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{COLLECTION}"),
        sa.UniqueConstraint("name", name=f"uq_{COLLECTION}_name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        KNOWN,
        sa.Column("collection_id", sa.Integer(), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("known", sa.LargeBinary(), nullable=False),
        sa.Column("absent", sa.LargeBinary(), nullable=False),
        sa.Column("held", sa.LargeBinary(), nullable=False),
        sa.Column("held_names", sa.LargeBinary(), nullable=False),
        sa.Column("created_names", sa.LargeBinary(), nullable=False),
        sa.Column("claims", sa.Boolean(), nullable=False),
        sa.Column("complete", TIME, nullable=True),
        sa.ForeignKeyConstraint(["collection_id"], [f"{COLLECTION}.id"], name=f"fk_{KNOWN}_collection_id"),
        sa.PrimaryKeyConstraint("collection_id", "job", name=f"pk_{KNOWN}"),
    )
    op.create_index(f"ix_{KNOWN}_destination", KNOWN, ["destination"])
    op.create_table(
        ENDED,
        sa.Column("collection", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("ended", TIME, nullable=False),
        sa.PrimaryKeyConstraint("collection", "run_id", name=f"pk_{ENDED}"),
    )
    for table, column in _OPEN:
        op.create_index(f"ix_{table}_{column}", table, [column])
    if not context.is_offline_mode():
        # There is nothing to read while the statements are only written down.
        _waives_as_data()
        _places_of_requests()
        _known_from_outcomes()


def downgrade() -> None:
    if not context.is_offline_mode():
        _waives_as_text()
    for table, column in _OPEN:
        op.drop_index(f"ix_{table}_{column}", table)
    op.drop_table(ENDED)
    op.drop_index(f"ix_{KNOWN}_destination", KNOWN)
    op.drop_table(KNOWN)
    op.drop_table(COLLECTION)
    op.drop_column(MAIL, "progress")
    op.drop_column(MAIL, "claim")
    for table in (REQUEST, PLAN):
        op.drop_column(table, "seal")
    for name in ("destination", "source", "title", "asked_by"):
        op.drop_column(REQUEST, name)
    op.drop_column(CHANGE, "name")
    op.drop_column(JOB_RUN, "lease")
    op.drop_column(JOB_RUN, "planned")
    op.drop_column(PLAN, "digest_version")
    op.drop_column(PLAN, "memberships")
    op.drop_column(PLAN, "removals")
    op.drop_column(PLAN, "findings")
    op.drop_column(RUN, "lease")
    op.drop_column(RUN, "run_after")
    op.drop_column(RUN, "logical_date")
    op.drop_column(RUN, "triggering_user")


_WAIVING = sa.text(
    f"SELECT r.id, r.waives, p.header FROM {REQUEST} r JOIN {PLAN} p ON p.id = r.plan_id"  # noqa: S608
    " WHERE r.waives <> '[]'"
)
_UPDATE = sa.text(f"UPDATE {REQUEST} SET waives = :waives WHERE id = :id")  # noqa: S608 - constants


def _waives_as_data() -> None:
    """What a request waives stood there in words; the plan that it is about has the same limits as data."""
    connection = op.get_bind()
    for id, waives, header in connection.execute(_WAIVING).all():
        limits = [limit | {"recent": 0} for limit in json.loads(header)["limits"]]
        past = [
            limit for limit in limits if limit["allowed"] is not None and limit["planned"] > limit["allowed"]
        ]
        # A request without its plan's limits would let nothing pass; one that names others than its plan goes
        # past likewise.
        kept = past if len(past) == len(json.loads(waives)) else []
        connection.execute(_UPDATE, {"id": id, "waives": json.dumps(kept, separators=(",", ":"))})


def _waives_as_text() -> None:
    connection = op.get_bind()
    for id, waives, _ in connection.execute(_WAIVING).all():
        texts = list(map(_in_words, json.loads(waives)))
        connection.execute(_UPDATE, {"id": id, "waives": json.dumps(texts, separators=(",", ":"))})


def _in_words(limit: dict[str, Any]) -> str:
    subject = f" of {limit['subject']}" if limit["subject"] else ""
    why = f" ({limit['limit']} of {limit['base']})" if "%" in limit["limit"] else ""
    return f"limit {limit['kind']}{subject}: {limit['planned']} planned, {limit['allowed']} allowed{why}"


_FILED = sa.text(
    "SELECT r.id, r.job, r.waiver, c.definition,"  # noqa: S608 - constants
    " (SELECT e.actor FROM directory_sync_request_event e WHERE e.request_id = r.id AND e.kind = 'filed')"
    f" actor FROM {REQUEST} r JOIN {RUN} c ON c.id = r.collection_run_id"
)
_PLACES = sa.text(
    f"UPDATE {REQUEST} SET title = :title, source = :source, destination = :destination, asked_by = :asked_by"  # noqa: S608
    " WHERE id = :id"
)


def _places_of_requests() -> None:
    """What requests that are there already say of their place; from the definition that their run began
    with.
    """
    connection = op.get_bind()
    for id, job_name, waiver, definition, actor in connection.execute(_FILED).all():
        collection = json.loads(definition)
        job: dict[str, Any] = next(
            (job for job in collection.get("jobs", ()) if job.get("name") == job_name), {}
        )
        places = {"title": collection.get("title"), "asked_by": (actor or None) if waiver else None}
        for side in ("source", "destination"):
            places[side] = _place(job.get(side) or {}) or None
        connection.execute(_PLACES, {"id": id, **places})


def _place(endpoint: dict[str, Any]) -> str:
    container = endpoint.get("container")
    if container is not None and not isinstance(container, str):
        container = f"{endpoint.get('base') or ''}, container computed"
    where = (
        endpoint.get("file")
        or endpoint.get("table")
        or container
        or ("a query" if endpoint.get("query") else "")
    )
    return f"{endpoint['connection']}: {where}" if endpoint.get("connection") else where


# -- what jobs know, from what they have done ----------------------------------------------------------------

_JOBS = sa.text(
    f"SELECT p.id, p.destination, j.job, r.collection, r.definition, r.started FROM {PLAN} p "  # noqa: S608 - constants
    f"JOIN {JOB_RUN} j ON j.id = p.job_run_id JOIN {RUN} r ON r.id = j.collection_run_id "
    "WHERE p.complete AND p.apply_started IS NOT NULL ORDER BY p.id"
)
_DONE = sa.text(
    f"SELECT c.action, c.object_hash, c.new_object_hash, c.payload FROM {CHANGE} c "  # noqa: S608 - constants
    f"JOIN {OUTCOME} o ON o.plan_id = c.plan_id AND o.sequence = c.sequence "
    "WHERE c.plan_id = :plan AND o.result IN ('done', 'found_done') ORDER BY c.sequence"
)


class _Known:
    """What one job knows by its recorded outcomes: identities, and hashed names where it has seen no
    identity.
    """

    def __init__(self, destination: str, source: str) -> None:
        self.place = (destination, source)
        self.identities: set[bytes] = set()
        self.names: set[bytes] = set()

    def take(self, action: str, name: bytes, new_name: bytes | None, payload: str) -> None:
        shown = json.loads(payload).get("identity") if '"identity":' in payload else None
        identity = None if shown is None else _compact(shown)
        self.names.discard(name)
        if identity is not None:
            self.identities.add(identity)
        if action == "delete":
            if identity is not None:
                self.identities.discard(identity)
        elif identity is None:
            self.names.add(name if new_name is None else new_name)


def _known_from_outcomes() -> None:
    connection = op.get_bind()
    known: dict[tuple[str, str], _Known] = {}
    created: dict[str, Any] = {}
    for plan, destination, job, collection, definition, started in connection.execute(_JOBS).all():
        source = _source_of(json.loads(definition), job)
        if source is None:
            continue
        created.setdefault(collection, started)
        of_job = known.get((collection, job))
        if of_job is None or of_job.place != (destination, source):
            # Of another source or destination nothing is known.
            of_job = known[collection, job] = _Known(destination, source)
        for row in connection.execute(_DONE, {"plan": plan}):
            of_job.take(
                row.action,
                bytes(row.object_hash),
                row.new_object_hash and bytes(row.new_object_hash),
                row.payload,
            )
    for collection, started in created.items():
        connection.execute(
            sa.text(f"INSERT INTO {COLLECTION} (name, created) VALUES (:name, :created)"),  # noqa: S608 - a constant
            {"name": collection, "created": started},
        )
    for (collection, job), of_job in known.items():
        destination, source = of_job.place
        connection.execute(
            sa.text(
                f"INSERT INTO {KNOWN} (collection_id, job, destination, source, "  # noqa: S608 - constants
                "known, absent, held, held_names, created_names, claims) "
                "SELECT id, :job, :destination, :source, :known, :none, :none, :none, :names, :claims "
                f"FROM {COLLECTION} WHERE name = :name"
            ),
            {
                "name": collection,
                "job": job,
                "destination": destination,
                "source": source,
                "known": b"".join(sorted(of_job.identities)),
                "none": b"",
                "names": b"".join(sorted(of_job.names)),
                "claims": False,
            },
        )


def _source_of(definition: dict[str, Any], job: str) -> str | None:
    """Names the place that a job reads, as `run.learning` does."""
    source = next((each["source"] for each in definition["jobs"] if each["name"] == job), None)
    if source is None:
        return None
    if "file" in source:
        return f"file {source.get('connection') or ''} {source['file']}"
    if "container" in source:
        return f"directory {source['connection']} {source['container'].casefold()}"
    return f"database {source['connection']} {source.get('table') or 'query'}"


def _compact(shown: str | dict[str, str]) -> bytes:
    """An identity as `plan.past` keeps it."""
    identity = shown.encode() if isinstance(shown, str) else base64.b64decode(shown["base64"])
    if len(identity) == 16:
        return identity
    try:
        return uuid.UUID(identity.decode()).bytes
    except ValueError:
        return hashlib.blake2b(identity, digest_size=16).digest()
