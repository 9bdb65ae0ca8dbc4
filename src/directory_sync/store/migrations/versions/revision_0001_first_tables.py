"""First tables: runs, job runs, plans, changes, outcomes, leases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "directory_sync_collection_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("collection", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.Column("definition_digest", sa.String(64), nullable=False),
        sa.Column("trigger", sa.String(32), nullable=False),
        sa.Column("requester", sa.Text(), nullable=False),
        sa.Column("requester_verified", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("preview_only", sa.Boolean(), nullable=False),
        sa.Column("started", TIME, nullable=False),
        sa.Column("finished", TIME, nullable=True),
        sa.Column("state", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_directory_sync_collection_run"),
        sa.UniqueConstraint(
            "collection", "run_id", name="uq_directory_sync_collection_run_collection_run_id"
        ),
    )
    op.create_index(
        "ix_directory_sync_collection_run_collection_started",
        "directory_sync_collection_run",
        ["collection", "started"],
    )
    op.create_table(
        "directory_sync_job_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("collection_run_id", sa.Integer(), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("statistics", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("warnings", sa.Text(), nullable=False),
        sa.Column("problems", sa.Text(), nullable=False),
        sa.Column("started", TIME, nullable=False),
        sa.Column("finished", TIME, nullable=True),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_directory_sync_job_run"),
        sa.ForeignKeyConstraint(
            ["collection_run_id"],
            ["directory_sync_collection_run.id"],
            name="fk_directory_sync_job_run_collection_run_id",
        ),
        sa.UniqueConstraint(
            "collection_run_id",
            "job",
            "attempt",
            name="uq_directory_sync_job_run_collection_run_id_job_attempt",
        ),
    )
    op.create_table(
        "directory_sync_plan",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job_run_id", sa.Integer(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("header", sa.Text(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("stored", TIME, nullable=False),
        sa.Column("apply_started", TIME, nullable=True),
        sa.Column("apply_finished", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_directory_sync_plan"),
        sa.ForeignKeyConstraint(
            ["job_run_id"], ["directory_sync_job_run.id"], name="fk_directory_sync_plan_job_run_id"
        ),
    )
    op.create_index("ix_directory_sync_plan_complete_stored", "directory_sync_plan", ["complete", "stored"])
    op.create_index("ix_directory_sync_plan_digest", "directory_sync_plan", ["digest"])
    op.create_index("ix_directory_sync_plan_job_run_id", "directory_sync_plan", ["job_run_id"])
    op.create_table(
        "directory_sync_change",
        sa.Column("plan_id", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("object_hash", sa.LargeBinary(16), nullable=False),
        sa.Column("new_object_hash", sa.LargeBinary(16), nullable=True),
        sa.Column("identity_hash", sa.LargeBinary(16), nullable=True),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("plan_id", "sequence", name="pk_directory_sync_change"),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["directory_sync_plan.id"], name="fk_directory_sync_change_plan_id"
        ),
    )
    op.create_index("ix_directory_sync_change_object_hash", "directory_sync_change", ["object_hash"])
    for column in ("new_object_hash", "identity_hash"):
        present = sa.text(f"{column} IS NOT NULL")
        op.create_index(
            f"ix_directory_sync_change_{column}",
            "directory_sync_change",
            [column],
            sqlite_where=present,
            postgresql_where=present,
        )
    op.create_table(
        "directory_sync_outcome",
        sa.Column("plan_id", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("result", sa.String(16), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("recorded", TIME, nullable=False),
        sa.PrimaryKeyConstraint("plan_id", "sequence", name="pk_directory_sync_outcome"),
        sa.ForeignKeyConstraint(
            ["plan_id", "sequence"],
            ["directory_sync_change.plan_id", "directory_sync_change.sequence"],
            name="fk_directory_sync_outcome_plan_id_sequence",
        ),
    )
    op.create_table(
        "directory_sync_lease",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(32), nullable=False),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("acquired", TIME, nullable=False),
        sa.Column("expires", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_directory_sync_lease"),
    )
    op.create_index("ix_directory_sync_lease_token", "directory_sync_lease", ["token"])


def downgrade() -> None:
    for table in ("lease", "outcome", "change", "plan", "job_run", "collection_run"):
        op.drop_table(f"directory_sync_{table}")
