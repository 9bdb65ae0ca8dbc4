"""People pin collections to their dashboard."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

PIN = "directory_sync_pin"


def upgrade() -> None:
    op.create_table(
        PIN,
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("collection", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("person", "collection", name=f"pk_{PIN}"),
    )


def downgrade() -> None:
    op.drop_table(PIN)
