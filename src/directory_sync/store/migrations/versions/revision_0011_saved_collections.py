"""Collections that are saved in the store, with all their versions, and where each name came from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
COLLECTION, VERSION, REVISION = (
    "directory_sync_collection",
    "directory_sync_collection_version",
    "directory_sync_collection_revision",
)
RUN, KNOWN = "directory_sync_collection_run", "directory_sync_known_objects"
_LIVE = sa.text("deleted IS NULL")


def _before() -> sa.Table:
    """The table of collections as revision 0005 has made it; read from here, because there may be no database
    to ask while the statements are only written down.
    """
    return sa.Table(
        COLLECTION,
        sa.MetaData(),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{COLLECTION}"),
        sa.UniqueConstraint("name", name=f"uq_{COLLECTION}_name"),
        sqlite_autoincrement=True,
    )


def _after() -> sa.Table:
    return sa.Table(
        COLLECTION,
        sa.MetaData(),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created", TIME, nullable=False),
        sa.Column("origin", sa.Text(), nullable=True),
        sa.Column("deleted", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name=f"pk_{COLLECTION}"),
        sqlite_autoincrement=True,
    )


def upgrade() -> None:
    with op.batch_alter_table(COLLECTION, copy_from=_before()) as table:
        table.drop_constraint(f"uq_{COLLECTION}_name", type_="unique")
        table.add_column(sa.Column("origin", sa.Text(), nullable=True))
        table.add_column(sa.Column("deleted", TIME, nullable=True))
    op.create_index(
        f"ix_{COLLECTION}_name",
        COLLECTION,
        ["name"],
        unique=True,
        sqlite_where=_LIVE,
        postgresql_where=_LIVE,
    )
    op.create_table(
        VERSION,
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("collection_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("saved", TIME, nullable=False),
        sa.Column("saved_by", sa.Text(), nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("change", sa.Text(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["collection_id"], [f"{COLLECTION}.id"], name=f"fk_{VERSION}_collection_id"),
        sa.PrimaryKeyConstraint("revision", name=f"pk_{VERSION}"),
        sa.UniqueConstraint("collection_id", "number", name=f"uq_{VERSION}_collection_id_number"),
    )
    op.create_table(
        REVISION,
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{REVISION}"),
    )
    op.execute(f"INSERT INTO {REVISION} (id, revision) VALUES (1, 0)")  # noqa: S608 - a constant
    _names_of_files()


def _names_of_files() -> None:
    """Take the names of what Airflow has run until now: that came from files. Which, their next runs say."""
    runs = f"SELECT collection FROM {RUN} WHERE \"trigger\" <> 'terminal'"  # noqa: S608 - constants
    op.execute(f"UPDATE {COLLECTION} SET origin = 'file:' WHERE name IN ({runs})")  # noqa: S608
    op.execute(
        f"INSERT INTO {COLLECTION} (name, origin, created)"  # noqa: S608 - constants
        f" SELECT collection, 'file:', min(started) FROM {RUN}"
        " WHERE \"trigger\" <> 'terminal'"
        f" AND collection NOT IN (SELECT name FROM {COLLECTION}) GROUP BY collection"
    )


def downgrade() -> None:
    op.drop_table(REVISION)
    op.drop_table(VERSION)
    # That version has one collection for each name, and what is deleted is not there.
    op.execute(
        f"DELETE FROM {KNOWN} WHERE collection_id IN"  # noqa: S608 - constants
        f" (SELECT id FROM {COLLECTION} WHERE deleted IS NOT NULL)"
    )
    op.execute(f"DELETE FROM {COLLECTION} WHERE deleted IS NOT NULL")  # noqa: S608 - a constant
    op.drop_index(f"ix_{COLLECTION}_name", COLLECTION)
    with op.batch_alter_table(COLLECTION, copy_from=_after()) as table:
        table.drop_column("deleted")
        table.drop_column("origin")
        table.create_unique_constraint(f"uq_{COLLECTION}_name", ["name"])
