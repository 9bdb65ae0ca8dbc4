"""Each definition is kept once, and runs name it; what it was read from is noted."""

from __future__ import annotations

import hashlib

import sqlalchemy as sa
from alembic import context, op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

RUN, DEFINITION = "directory_sync_collection_run", "directory_sync_definition"
_BATCH = 200


def upgrade() -> None:
    op.create_table(
        DEFINITION,
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=f"pk_{DEFINITION}"),
    )
    op.add_column(RUN, sa.Column("definition_key", sa.String(64), server_default="", nullable=False))
    if context.is_offline_mode():
        _write_down()
    else:
        _fill()
    op.drop_column(RUN, "definition")
    op.add_column(RUN, sa.Column("definition_origin", sa.Text(), nullable=True))
    op.add_column(RUN, sa.Column("definition_version", sa.Text(), nullable=True))


# One row for each text, not for each digest: definitions of one digest may differ in the order of fields,
# which decides the keys of rows, and each run goes on by the order that it began with.
_RUNS = sa.text(
    f"SELECT id, definition FROM {RUN} WHERE id > :last ORDER BY id LIMIT :count"  # noqa: S608 - constants
)
_INSERT = sa.text(f"INSERT INTO {DEFINITION} (key, definition) VALUES (:key, :definition)")  # noqa: S608
_NAME = sa.text(f"UPDATE {RUN} SET definition_key = :key WHERE id IN :runs").bindparams(  # noqa: S608
    sa.bindparam("runs", expanding=True)
)


def _fill() -> None:
    connection = op.get_bind()
    kept: set[str] = set()
    last = -1
    while batch := connection.execute(_RUNS, {"last": last, "count": _BATCH}).all():
        runs: dict[str, list[int]] = {}
        for run, definition in batch:
            key = hashlib.sha256(definition.encode()).hexdigest()
            runs.setdefault(key, []).append(run)
            if key not in kept:
                kept.add(key)
                connection.execute(_INSERT, {"key": key, "definition": definition})
        for key, named in runs.items():
            connection.execute(_NAME, {"key": key, "runs": named})
        last = batch[-1].id


def _write_down() -> None:
    # SQLite cannot compute the hash. Any name that no other text has will do: a later run by the same text
    # keeps it again, under its hash.
    op.execute(
        f"INSERT INTO {DEFINITION} (key, definition)"  # noqa: S608 - constants
        f" SELECT CAST(min(id) AS VARCHAR(64)), definition FROM {RUN} GROUP BY definition"
    )
    op.execute(
        f"UPDATE {RUN} SET definition_key ="  # noqa: S608 - constants
        f" (SELECT d.key FROM {DEFINITION} d WHERE d.definition = {RUN}.definition)"
    )


def downgrade() -> None:
    op.drop_column(RUN, "definition_version")
    op.drop_column(RUN, "definition_origin")
    # SQLite takes no new column without a value for the rows that are there, and keeps the default.
    op.add_column(RUN, sa.Column("definition", sa.Text(), server_default="{}", nullable=False))
    op.execute(
        f"UPDATE {RUN} SET definition ="  # noqa: S608 - constants
        f" (SELECT d.definition FROM {DEFINITION} d WHERE d.key = definition_key)"
        f" WHERE definition_key IN (SELECT key FROM {DEFINITION})"
    )
    op.drop_column(RUN, "definition_key")
    op.drop_table(DEFINITION)
