"""What all tables share: their common base, and how they and their constraints are named."""

from __future__ import annotations

from typing import Any

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

PREFIX = "directory_sync_"
VERSION_TABLE = f"{PREFIX}alembic_version"

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Every table of the store."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)


def named_so(context: Any) -> str:
    """What the collection of a new row is called: as it was begun or filed."""
    name: str = context.get_current_parameters()["collection"]
    return name
