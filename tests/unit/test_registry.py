"""The registry of endpoints: what its lines name is there."""

from __future__ import annotations

import pytest

from directory_sync.endpoints.registry import KINDS, load

_NAMED = [name for kind in KINDS.values() for name in (kind.source, kind.destination, kind.ldif) if name]


@pytest.mark.parametrize("name", _NAMED)
def test_what_a_line_names_is_there(name: str) -> None:
    """Modules are imported when a job needs them, so a wrong name would show in a run only."""
    assert callable(load(name))


def test_every_kind_can_be_read_or_written() -> None:
    """A line that opens nothing would promise what is not there."""
    assert all(kind.source or kind.destination for kind in KINDS.values())
