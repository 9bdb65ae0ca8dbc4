"""The registry of endpoints: what its lines name is there."""

from __future__ import annotations

import pytest

from directory_sync.definition.addresses import EXCEL, FILE_KINDS
from directory_sync.endpoints.registry import KINDS, load

_KINDS = [*KINDS.values(), *FILE_KINDS]
_NAMED = [name for kind in _KINDS for name in (kind.source, kind.destination, kind.ldif) if name]


@pytest.mark.parametrize("name", _NAMED)
def test_what_a_line_names_is_there(name: str) -> None:
    """Modules are imported when a job needs them, so a wrong name would show in a run only."""
    assert callable(load(name))


def test_every_kind_can_be_read_or_written() -> None:
    """A line that opens nothing would promise what is not there. Excel is named as not supported yet."""
    assert [kind for kind in _KINDS if not (kind.source or kind.destination)] == [EXCEL]
