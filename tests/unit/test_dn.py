"""Names of objects, as far as no schema is needed."""

from __future__ import annotations

from directory_sync.definition.checks.syntax import dn_wrong
from directory_sync.dn import comparable


def test_octets_are_not_the_text_that_spells_them() -> None:
    """A value that begins with `#` is the octets behind it (RFC 4514, section 2.4)."""
    assert comparable("o=#0401") != comparable("o=0401")
    assert comparable("o=#0401") == comparable("O=#0401")


def test_a_definition_names_no_endless_dn() -> None:
    """One that is longer than any directory takes is refused there; names that servers send are not."""
    endless = f"cn={'a' * 10_000},dc=x"
    assert dn_wrong(endless) is not None
    assert comparable(endless) is not None
