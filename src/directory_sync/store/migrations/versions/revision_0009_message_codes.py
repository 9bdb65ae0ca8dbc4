"""What a stored message says is a code where pages depend on it, instead of being told from its words."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import context, op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

JOB_RUN, REQUEST = "directory_sync_job_run", "directory_sync_request"


def upgrade() -> None:
    op.add_column(JOB_RUN, sa.Column("code", sa.String(32), server_default="", nullable=False))
    op.add_column(REQUEST, sa.Column("result_code", sa.String(32), server_default="", nullable=False))
    op.execute(f"UPDATE {JOB_RUN} SET code = 'done' WHERE message = 'Done.'")  # noqa: S608 - a constant
    if not context.is_offline_mode():
        _fill()


def downgrade() -> None:
    op.drop_column(REQUEST, "result_code")
    op.drop_column(JOB_RUN, "code")


_RESULTS = sa.text(f"SELECT id, result FROM {REQUEST} WHERE result IS NOT NULL")  # noqa: S608 - a constant
_DONE = sa.text(f"UPDATE {REQUEST} SET result_code = 'done' WHERE id = :id")  # noqa: S608 - a constant


def _fill() -> None:
    connection = op.get_bind()
    done = [
        {"id": id}
        for id, result in connection.execute(_RESULTS).all()
        if (json.loads(result) or {}).get("message") == "Done."
    ]
    if done:
        connection.execute(_DONE, done)
