"""The outbox of mail about requests."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
MAIL = "directory_sync_request_mail"


def upgrade() -> None:
    op.create_table(
        MAIL,
        sa.Column("event_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("queued", TIME, nullable=False),
        sa.Column("due", TIME, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("first_try", TIME, nullable=True),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=f"pk_{MAIL}"),
        sa.ForeignKeyConstraint(
            ["event_id"], ["directory_sync_request_event.id"], name=f"fk_{MAIL}_event_id", ondelete="CASCADE"
        ),
    )
    op.create_index(f"ix_{MAIL}_due", MAIL, ["due"])


def downgrade() -> None:
    op.drop_table(MAIL)
