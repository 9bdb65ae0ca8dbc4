"""How entries of an LDIF file are named: like those of a directory, without a server's schema."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from directory_sync.definition.attribute_names import one_type
from directory_sync.dn import naming_values, parse
from directory_sync.endpoints.dn_names import DnNames
from directory_sync.errors import RecordError

DN_FIELD = "dn"
"""A field that is no attribute: the entry's name."""


def folded(value: bytes) -> bytes:
    """A value that names an entry without regard to case, and with runs of spaces as one.

    Nearly all naming attributes have the equality rule caseIgnoreMatch (RFC 4519), which ignores the same
    differences.
    """
    text = value.decode(errors="surrogateescape").strip(" ")
    return re.sub(" +", " ", text).casefold().encode(errors="surrogateescape")


def same_text(one: bytes, other: bytes) -> bool:
    """Whether two naming values are the same to a reader who ignores case and runs of spaces."""
    return folded(one) == folded(other)


class LdifNames(DnNames):
    """DNs of an LDIF file.

    Args:
        maps_dn: the job maps `dn`; then that decides alone about names, to the letter.
    """

    def __init__(self, *, maps_dn: bool = False) -> None:
        super().__init__(one_type, lambda _: folded)
        self._maps_dn = maps_dn

    def path(self, id: str) -> tuple[str, ...]:
        """A file has no containers."""
        return (self.normalise(id),)

    def made_of(self, naming: str) -> tuple[str, ...]:  # noqa: ARG002 - whatever it is named by
        """The DN, which is a field here."""
        return (DN_FIELD,)

    def new(self, naming: str, values: Mapping[str, Sequence[bytes]], container: str) -> str:
        """The DN of a new entry: a mapped `dn`, else the naming attribute in the container, at the top for
        the empty text.

        Raises RecordError if there is neither.
        """
        lower = {name.lower(): held for name, held in values.items()}
        if held := lower.get(DN_FIELD):
            return checked(held[0])
        if held := lower.get(naming.lower()):
            return self.child(naming, held[0], container)
        raise RecordError(f"the entry has no dn and no {naming} to be named by. Map one of them.")

    def renamed(self, id: str, values: Mapping[str, Sequence[bytes]], exact: Collection[str] = ()) -> str:
        """The DN that agrees with the values. Raises RecordError."""
        # It is among the values only if the entry is to have another one.
        given = next((held for name, held in values.items() if name.lower() == DN_FIELD), None)
        if given is not None:
            return checked(given[0] if given else b"")
        return id if self._maps_dn else super().renamed(id, values, exact)

    def fixed_values(self, id: str) -> Sequence[tuple[str, bytes]]:
        """The values of the RDN."""
        return naming_values(id)

    def is_made_of(self, id: str, field: str, value: bytes) -> bool:  # noqa: ARG002
        """No: nothing in a file has to be unique but names."""
        return False

    def temporary(self, id: str, identity: bytes, number: int) -> None:  # noqa: ARG002
        """None: a file is written in one step."""
        return


def checked(value: bytes) -> str:
    """A DN that a mapping gave. Raises RecordError if it is none."""
    try:
        dn = value.decode()
        if parse(dn):
            return dn
    except ValueError:
        pass
    if not value:
        raise RecordError("the entry has no dn, so it cannot be named. Map a value to it.", field="dn")
    raise RecordError(
        f"{value.decode(errors='replace')!r} is no DN. Correct the mapping or the source's value.", field="dn"
    )


NAMES = LdifNames()
"""For whatever is about DNs alone."""


def is_below(dn: str, container: str) -> bool:
    """Whether a normalised DN is somewhere below another one."""
    # Nearly all are told by the first question, which costs nothing.
    return dn.endswith(f",{container}") and container in NAMES.ancestors(dn)
