"""Questions what a definition would do, and what an edit would cause."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

PREVIEW, EFFECTS = "directory_sync_preview", "directory_sync_preview_effects"
PLAN = "directory_sync_plan"


def upgrade() -> None:
    op.create_table(
        PREVIEW,
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("collection", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=True),
        sa.Column("jobs", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("asked", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
        sa.Column("begun", sa.DateTime(timezone=True), nullable=True),
        sa.Column("alive", sa.DateTime(timezone=True), nullable=True),
        sa.Column("progress", sa.Text(), nullable=True),
        sa.Column("finished", sa.DateTime(timezone=True), nullable=True),
        sa.Column("message", sa.Text(), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("id", name=f"pk_{PREVIEW}"),
    )
    op.create_index(f"ix_{PREVIEW}_asked_by", PREVIEW, ["asked_by"])
    op.create_index(f"ix_{PREVIEW}_asked", PREVIEW, ["asked"])
    op.create_table(
        EFFECTS,
        sa.Column("preview_id", sa.String(32), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("old_plan_id", sa.Integer(), nullable=True),
        sa.Column("new_plan_id", sa.Integer(), nullable=True),
        sa.Column("same_listing", sa.Boolean(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("places", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["preview_id"], [f"{PREVIEW}.id"], name=f"fk_{EFFECTS}_preview_id"),
        sa.ForeignKeyConstraint(["old_plan_id"], [f"{PLAN}.id"], name=f"fk_{EFFECTS}_old_plan_id"),
        sa.ForeignKeyConstraint(["new_plan_id"], [f"{PLAN}.id"], name=f"fk_{EFFECTS}_new_plan_id"),
        sa.PrimaryKeyConstraint("preview_id", "job", name=f"pk_{EFFECTS}"),
    )
    for column in ("old_plan_id", "new_plan_id"):
        op.create_index(f"ix_{EFFECTS}_{column}", EFFECTS, [column])


def downgrade() -> None:
    op.drop_table(EFFECTS)
    op.drop_table(PREVIEW)
