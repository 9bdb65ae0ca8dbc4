"""Distinguished names in an LDIF file: comparing, naming, renaming and moving, without a server's schema (RFC
4514).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

import ldap
import ldap.dn

from directory_sync.definition.attribute_names import one_type
from directory_sync.endpoints.blanks import BLANKS
from directory_sync.errors import RecordError

Rdn = list[tuple[str, str, int]]

DN_FIELD = "dn"
"""A field that is no attribute: the entry's name."""


def parse(dn: str) -> list[Rdn]:
    """The RDNs of a name, the object's own first. Raises ValueError for what is no DN."""
    try:
        parsed: list[Rdn] = ldap.dn.str2dn(dn)
    except ldap.DECODING_ERROR:
        raise ValueError(f"{dn!r} is no DN") from None
    return parsed


def normalise(dn: str) -> str:
    """A form that is equal for two spellings of one name: types and values without case, runs of spaces as
    one.

    Nearly all naming attributes have the equality rule caseIgnoreMatch (RFC 4519), which ignores the same
    differences. What is no DN stays as it is.
    """
    try:
        parsed = parse(dn)
    except ValueError:
        return dn
    return ldap.dn.dn2str(  # type: ignore[no-any-return]
        [sorted((one_type(type_), _fold(value), 0) for type_, value, _ in rdn) for rdn in parsed]
    )


def child(type_: str, value: bytes, container: str) -> str:
    """The DN of an object named by an attribute in a container (`""`: at the top).

    Raises RecordError for a binary value.
    """
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise RecordError(
            "the value is binary and cannot name an entry. Name it by a text.", field=type_
        ) from None
    # Blanks around a name are no part of it (RFC 4518, section 2.6).
    text = text.strip(BLANKS)
    if not text:
        raise RecordError("the value is empty and cannot name an entry. Map a value to it.", field=type_)
    name = f"{type_}={ldap.dn.escape_dn_chars(text)}"
    return f"{name},{container}" if container else name


def parent(dn: str) -> str | None:
    """The DN of the container; None for a name with a single RDN or none."""
    parsed = parse(dn)
    return ldap.dn.dn2str(parsed[1:]) if len(parsed) > 1 else None


def moved(dn: str, container: str) -> str:
    """The DN with the same RDN in another container."""
    parsed = parse(dn)
    return ldap.dn.dn2str([*parsed[:1], *parse(container)])  # type: ignore[no-any-return]


def renamed(dn: str, values: Mapping[str, Sequence[bytes]]) -> str:
    """The DN whose RDN agrees with new values; the same text if it does already.

    Raises RecordError if a naming value goes.
    """
    parsed = parse(dn)
    if not parsed:
        return dn
    lower = {name.lower(): held for name, held in values.items()}
    rdn: Rdn = []
    for type_, value, flags in parsed[0]:
        new = lower.get(type_.lower())
        if new is None or _fold(value) in {_fold(held.decode(errors="replace")) for held in new}:
            rdn.append((type_, value, flags))
        elif not new:
            raise RecordError(
                f"the entry {dn} is named by this attribute, so it cannot be empty. Map a value to it.",
                field=type_,
            )
        else:
            rdn.append((type_, parse(child(type_, new[0], ""))[0][0][1], flags))
    return dn if rdn == parsed[0] else ldap.dn.dn2str([rdn, *parsed[1:]])


def naming_values(dn: str) -> list[tuple[str, bytes]]:
    """Types and values of the RDN."""
    return [(type_, value.encode()) for type_, value, _ in (parse(dn) or [[]])[0] if value]


def same_text(one: bytes, other: bytes) -> bool:
    """Whether two naming values are the same to a reader who ignores case and runs of spaces."""
    return _fold(one.decode(errors="replace")) == _fold(other.decode(errors="replace"))


def _fold(value: str) -> str:
    return re.sub(" +", " ", (value or "").strip(" ")).casefold()


def text_of(rdns: Sequence[Rdn]) -> str:
    """The string form of parsed RDNs (RFC 4514)."""
    return ldap.dn.dn2str(rdns)  # type: ignore[no-any-return]


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


def is_within(dn: str, container: str) -> bool:
    """Whether a normalised DN is a normalised container's, or that of something below it."""
    if dn == container or not container:
        return True
    # A comma inside a value is escaped, so a suffix that begins at a bare comma is a container.
    return dn.endswith("," + container) and len(parse(dn)) > len(parse(container)) and _above(dn, container)


def rebased(dn: str, old: str, new: str) -> str:
    """The DN of what is at or below `old` after that was renamed to `new`."""
    below = len(parse(dn)) - len(parse(old))
    return text_of([*parse(dn)[:below], *parse(new)]) if below else new


def _above(dn: str, container: str) -> bool:
    return text_of(parse(dn)[-len(parse(container)) :]) == container


class LdifNames:
    """How entries of an LDIF file are named.

    Args:
        maps_dn: the job maps `dn`; then that decides alone about names, to the letter.
    """

    def __init__(self, *, maps_dn: bool = False) -> None:
        self._maps_dn = maps_dn

    def normalise(self, id: str) -> str:
        """Names are compared without regard to case and runs of spaces."""
        return normalise(id)

    def path(self, id: str) -> tuple[str, ...]:
        """A file has no containers."""
        return (normalise(id),)

    def parent(self, id: str) -> str | None:
        """The DN above; None at the top."""
        return parent(id)

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
            return child(naming, held[0], container)
        raise RecordError(f"the entry has no dn and no {naming} to be named by. Map one of them.")

    def renamed(self, id: str, values: Mapping[str, Sequence[bytes]], exact: Collection[str] = ()) -> str:  # noqa: ARG002
        """The DN that agrees with the values. Raises RecordError."""
        # It is among the values only if the entry is to have another one.
        given = next((held for name, held in values.items() if name.lower() == DN_FIELD), None)
        if given is not None:
            return checked(given[0] if given else b"")
        return id if self._maps_dn else renamed(id, values)

    def moved(self, id: str, container: str) -> str:
        """The DN with the same RDN in another container."""
        return moved(id, container)

    def fixed_values(self, id: str) -> Sequence[tuple[str, bytes]]:
        """The values of the RDN."""
        return naming_values(id)

    def is_made_of(self, id: str, field: str, value: bytes) -> bool:  # noqa: ARG002
        """No: nothing in a file has to be unique but names."""
        return False

    def temporary(self, id: str, identity: bytes, number: int) -> None:  # noqa: ARG002
        """None: a file is written in one step."""
        return
