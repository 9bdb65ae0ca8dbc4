"""One outbox for mail about requests, runs and whatever else comes; what waits in the old one moves over."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
MAIL, OUTBOX, EVENT = "directory_sync_request_mail", "directory_sync_outbox", "directory_sync_request_event"
_KEPT = "queued, due, tries, first_try, problem, claim, progress"
"""A sender at work keeps its claim, and the addresses that it has begun and reached stay noted."""


def upgrade() -> None:
    op.create_table(
        OUTBOX,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("topic", sa.String(16), nullable=False),
        sa.Column("subject_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("queued", TIME, nullable=False),
        sa.Column("due", TIME, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("first_try", TIME, nullable=True),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("claim", sa.String(32), nullable=True),
        sa.Column("progress", sa.Text(), nullable=True),
        sa.Column("unreached", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=f"pk_{OUTBOX}"),
        sa.UniqueConstraint(
            "topic", "subject_id", "kind", "event_id", name=f"uq_{OUTBOX}_topic_subject_id_kind_event_id"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(f"ix_{OUTBOX}_due", OUTBOX, ["due"])
    moved = ", ".join(f"m.{name}" for name in _KEPT.split(", "))
    op.execute(
        f"INSERT INTO {OUTBOX} (topic, subject_id, kind, event_id, {_KEPT})"  # noqa: S608 - constants
        f" SELECT 'request', e.request_id, e.kind, e.id, {moved}"
        f" FROM {MAIL} m JOIN {EVENT} e ON e.id = m.event_id ORDER BY e.id"
    )
    op.drop_table(MAIL)


def downgrade() -> None:
    op.create_table(
        MAIL,
        sa.Column("event_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("queued", TIME, nullable=False),
        sa.Column("due", TIME, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("first_try", TIME, nullable=True),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("claim", sa.String(32), nullable=True),
        sa.Column("progress", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("event_id", name=f"pk_{MAIL}"),
        sa.ForeignKeyConstraint(
            ["event_id"], [f"{EVENT}.id"], name=f"fk_{MAIL}_event_id", ondelete="CASCADE"
        ),
    )
    op.create_index(f"ix_{MAIL}_due", MAIL, ["due"])
    op.execute(
        f"INSERT INTO {MAIL} (event_id, {_KEPT})"  # noqa: S608 - constants
        f" SELECT event_id, {_KEPT} FROM {OUTBOX}"
        f" WHERE topic = 'request' AND event_id IN (SELECT id FROM {EVENT})"
    )
    op.drop_table(OUTBOX)
