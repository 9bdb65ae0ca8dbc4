"""Requests for approval: the requests, who they ask, what people decided, and everything that happened to
them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
REQUEST = "directory_sync_request"


def upgrade() -> None:
    op.create_table(
        REQUEST,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("collection", sa.Text(), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("collection_run_id", sa.Integer(), nullable=False),
        sa.Column("plan_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("live_key", sa.LargeBinary(16), nullable=True),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("waives", sa.Text(), nullable=False),
        sa.Column("requester", sa.Text(), nullable=False),
        sa.Column("requester_verified", sa.Boolean(), nullable=False),
        sa.Column("requester_may_decide", sa.Boolean(), nullable=False),
        sa.Column("trigger", sa.String(32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("statistics", sa.Text(), nullable=False),
        sa.Column("changes", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("filed", TIME, nullable=False),
        sa.Column("expires", TIME, nullable=True),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("escalates", TIME, nullable=True),
        sa.Column("decided", TIME, nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("successor_id", sa.Integer(), nullable=True),
        sa.Column("applied", TIME, nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=f"pk_{REQUEST}"),
        sa.ForeignKeyConstraint(
            ["collection_run_id"],
            ["directory_sync_collection_run.id"],
            name=f"fk_{REQUEST}_collection_run_id",
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["directory_sync_plan.id"], name=f"fk_{REQUEST}_plan_id"),
        sa.ForeignKeyConstraint(["successor_id"], [f"{REQUEST}.id"], name=f"fk_{REQUEST}_successor_id"),
        sa.UniqueConstraint("live_key", name=f"uq_{REQUEST}_live_key"),
        sqlite_autoincrement=True,
    )
    for columns in (
        ("state", "id"),
        ("requester", "id"),
        ("collection", "job", "id"),
        ("collection_run_id",),
        ("plan_id",),
        ("successor_id",),
    ):
        op.create_index("_".join(("ix", REQUEST, *columns)), REQUEST, list(columns))
    op.create_table(
        f"{REQUEST}_assignee",
        sa.Column("request_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("why", sa.String(16), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.PrimaryKeyConstraint("request_id", "kind", "name", name=f"pk_{REQUEST}_assignee"),
        sa.ForeignKeyConstraint(["request_id"], [f"{REQUEST}.id"], name=f"fk_{REQUEST}_assignee_request_id"),
    )
    op.create_index(f"ix_{REQUEST}_assignee_kind_name", f"{REQUEST}_assignee", ["kind", "name"])
    op.create_table(
        f"{REQUEST}_decision",
        sa.Column("request_id", sa.Integer(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column("approve", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("request_id", "person", name=f"pk_{REQUEST}_decision"),
        sa.ForeignKeyConstraint(["request_id"], [f"{REQUEST}.id"], name=f"fk_{REQUEST}_decision_request_id"),
    )
    op.create_index(f"ix_{REQUEST}_decision_person", f"{REQUEST}_decision", ["person"])
    op.create_table(
        f"{REQUEST}_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("data", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=f"pk_{REQUEST}_event"),
        sa.ForeignKeyConstraint(["request_id"], [f"{REQUEST}.id"], name=f"fk_{REQUEST}_event_request_id"),
        sqlite_autoincrement=True,
    )
    op.create_index(f"ix_{REQUEST}_event_request_id_kind", f"{REQUEST}_event", ["request_id", "kind"])


def downgrade() -> None:
    for table in ("event", "decision", "assignee"):
        op.drop_table(f"{REQUEST}_{table}")
    op.drop_table(REQUEST)
