"""What a job knows and claims, which run of Airflow a stored run is, and limits as data instead of text."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
RUN, PLAN, REQUEST = "directory_sync_collection_run", "directory_sync_plan", "directory_sync_request"
JOB_RUN, CHANGE, MAIL = "directory_sync_job_run", "directory_sync_change", "directory_sync_request_mail"
COLLECTION, KNOWN = "directory_sync_collection", "directory_sync_known_objects"


def upgrade() -> None:
    # Column by column: Alembic's batch mode would make the tables anew on SQLite, without AUTOINCREMENT.
    op.add_column(RUN, sa.Column("triggering_user", sa.Text(), nullable=True))
    op.add_column(RUN, sa.Column("logical_date", TIME, nullable=True))
    op.add_column(RUN, sa.Column("run_after", TIME, nullable=True))
    op.add_column(PLAN, sa.Column("matched", sa.LargeBinary(), nullable=True))
    op.add_column(PLAN, sa.Column("digest_version", sa.Integer(), server_default=sa.text("1"), nullable=False))
    op.add_column(JOB_RUN, sa.Column("planned", sa.Text(), nullable=True))
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
        sa.Column("created_names", sa.LargeBinary(), nullable=False),
        sa.Column("claims", sa.Boolean(), nullable=False),
        sa.Column("complete", TIME, nullable=True),
        sa.ForeignKeyConstraint(["collection_id"], [f"{COLLECTION}.id"], name=f"fk_{KNOWN}_collection_id"),
        sa.PrimaryKeyConstraint("collection_id", "job", name=f"pk_{KNOWN}"),
    )
    op.create_index(f"ix_{KNOWN}_destination", KNOWN, ["destination"])
    _waives_as_data()
    _places_of_requests()


def downgrade() -> None:
    _waives_as_text()
    op.drop_index(f"ix_{KNOWN}_destination", KNOWN)
    op.drop_table(KNOWN)
    op.drop_table(COLLECTION)
    op.drop_column(MAIL, "progress")
    op.drop_column(MAIL, "claim")
    for name in ("destination", "source", "title", "asked_by"):
        op.drop_column(REQUEST, name)
    op.drop_column(CHANGE, "name")
    op.drop_column(JOB_RUN, "planned")
    op.drop_column(PLAN, "digest_version")
    op.drop_column(PLAN, "matched")
    op.drop_column(RUN, "run_after")
    op.drop_column(RUN, "logical_date")
    op.drop_column(RUN, "triggering_user")


_WAIVING = sa.text(f"SELECT r.id, r.waives, p.header FROM {REQUEST} r JOIN {PLAN} p ON p.id = r.plan_id WHERE r.waives <> '[]'")  # noqa: S608
_UPDATE = sa.text(f"UPDATE {REQUEST} SET waives = :waives WHERE id = :id")  # noqa: S608 - constants


def _waives_as_data() -> None:
    """What a request waives stood there in words; the plan that it is about has the same limits as data."""
    connection = op.get_bind()
    for id, waives, header in connection.execute(_WAIVING).all():
        limits = [limit | {"recent": 0} for limit in json.loads(header)["limits"]]
        past = [limit for limit in limits if limit["allowed"] is not None and limit["planned"] > limit["allowed"]]
        # A request without its plan's limits would let nothing pass; one that names others than its plan goes past likewise.
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
    " (SELECT e.actor FROM directory_sync_request_event e WHERE e.request_id = r.id AND e.kind = 'filed') actor"
    f" FROM {REQUEST} r JOIN {RUN} c ON c.id = r.collection_run_id"
)
_PLACES = sa.text(
    f"UPDATE {REQUEST} SET title = :title, source = :source, destination = :destination, asked_by = :asked_by"  # noqa: S608
    " WHERE id = :id"
)


def _places_of_requests() -> None:
    """What requests that are there already say of their place; from the definition that their run began with."""
    connection = op.get_bind()
    for id, job_name, waiver, definition, actor in connection.execute(_FILED).all():
        collection = json.loads(definition)
        job: dict[str, Any] = next((job for job in collection.get("jobs", ()) if job.get("name") == job_name), {})
        places = {"title": collection.get("title"), "asked_by": (actor or None) if waiver else None}
        for side in ("source", "destination"):
            places[side] = _place(job.get(side) or {}) or None
        connection.execute(_PLACES, {"id": id, **places})


def _place(endpoint: dict[str, Any]) -> str:
    container = endpoint.get("container")
    if container is not None and not isinstance(container, str):
        container = f"{endpoint.get('base') or ''}, container computed"
    where = endpoint.get("file") or endpoint.get("table") or container or ("a query" if endpoint.get("query") else "")
    return f"{endpoint['connection']}: {where}" if endpoint.get("connection") else where
