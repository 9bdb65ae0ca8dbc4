"""People write collections in steps: what is not finished is kept as a draft."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

DRAFT = "directory_sync_draft"


def upgrade() -> None:
    op.create_table(
        DRAFT,
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("collection", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("ticks", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("begun", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{DRAFT}"),
    )
    op.create_index(f"ix_{DRAFT}_person", DRAFT, ["person"])
    op.create_index(f"ix_{DRAFT}_changed", DRAFT, ["changed"])


def downgrade() -> None:
    op.drop_table(DRAFT)
