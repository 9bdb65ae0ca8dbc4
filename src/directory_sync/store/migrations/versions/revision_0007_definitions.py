"""Each definition is kept once, and runs name it; what it was read from is noted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

RUN, DEFINITION = "directory_sync_collection_run", "directory_sync_definition"


def upgrade() -> None:
    op.create_table(
        DEFINITION,
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=f"pk_{DEFINITION}"),
    )
    op.execute(
        f"INSERT INTO {DEFINITION} (digest, definition) SELECT definition_digest, definition FROM {RUN}"  # noqa: S608 - constants
        f" WHERE id IN (SELECT max(id) FROM {RUN} GROUP BY definition_digest)"
    )
    op.drop_column(RUN, "definition")
    op.add_column(RUN, sa.Column("definition_origin", sa.Text(), nullable=True))
    op.add_column(RUN, sa.Column("definition_version", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column(RUN, "definition_version")
    op.drop_column(RUN, "definition_origin")
    # SQLite takes no new column without a value for the rows that are there, and keeps the default.
    op.add_column(RUN, sa.Column("definition", sa.Text(), server_default="{}", nullable=False))
    op.execute(
        f"UPDATE {RUN} SET definition ="  # noqa: S608 - constants
        f" (SELECT d.definition FROM {DEFINITION} d WHERE d.digest = definition_digest)"
        f" WHERE definition_digest IN (SELECT digest FROM {DEFINITION})"
    )
    op.drop_table(DEFINITION)
