"""A server's schema is read once in each process: it takes longer than most of what a test does with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from ldap.schema import SubSchema

from directory_sync.endpoints.ldap import schema


def keep_schemas() -> None:
    """From now on, in this process and its children; nothing changes a schema that was read."""
    schema.SubSchema = _read  # type: ignore[attr-defined]


def _read(subentry: Mapping[str, Sequence[bytes]], check_uniqueness: int = 1) -> Any:
    return _known(tuple((name, tuple(values)) for name, values in subentry.items()), check_uniqueness)


@lru_cache(16)
def _known(subentry: tuple[tuple[str, tuple[bytes, ...]], ...], check_uniqueness: int) -> Any:
    return SubSchema({name: list(values) for name, values in subentry}, check_uniqueness=check_uniqueness)
