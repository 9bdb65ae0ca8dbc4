"""What listings in tests say of how they ended."""

from __future__ import annotations

from datetime import UTC, datetime

from directory_sync.endpoints.evidence import End, Evidence

_BEGUN = datetime(2026, 11, 30, 6, 0, tzinfo=UTC)


def evidence_of(end: End = End.LAST_PAGE, *, entries: int = 3) -> Evidence:
    """That of a listing of a container which has ended so."""
    pages = 1 if end is End.LAST_PAGE else 0
    return Evidence(
        "ship",
        "ou=people,dc=ship",
        "subtree",
        "(uid=*)",
        entries,
        pages,
        end,
        _BEGUN,
        _BEGUN.replace(second=2),
    )
