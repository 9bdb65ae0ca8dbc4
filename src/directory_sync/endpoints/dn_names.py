"""When DNs name the same object, and what they become when objects are created, renamed and moved."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence

from directory_sync.dn import (
    PLAIN_RDN,
    SPECIAL,
    Ava,
    NameSyntaxError,
    Rdn,
    escaped,
    format_rdn,
    join,
    naming,
    parent_of,
    parse,
    split,
)
from directory_sync.endpoints.blanks import BLANKS, stripped
from directory_sync.endpoints.ldap.matching import Normalise, case_ignore
from directory_sync.errors import RecordError

_PARENTS_REMEMBERED = 50_000


def _is_plain(value: str) -> bool:
    """Whether a value is made of ASCII letters and digits with single spaces between them, so that nothing is
    to be escaped.
    """
    if not value.isascii():
        return False
    return value.isalnum() or (
        "  " not in value and value.replace(" ", "").isalnum() and value.strip() == value
    )


class DnNames:
    """DNs as one schema, or what stands in for it, understands them.

    Args:
        canonical: an attribute's one name, in lower case, whichever of its names or identifiers is given.
        normaliser: gives the normalised form of an attribute's values.
        is_valid: whether an attribute can hold a value.
    """

    def __init__(
        self,
        canonical: Callable[[str], str],
        normaliser: Callable[[str], Normalise],
        is_valid: Callable[[str, bytes], bool] = lambda attribute, value: True,
    ) -> None:
        self._canonical = canonical
        self._normaliser = normaliser
        self._is_valid = is_valid
        self._parents: dict[str, str] = {}
        self._folding: dict[str, str] = {}
        """Attributes that are compared without regard to case, as they are spelled → their one name."""
        self._ancestors: dict[str, list[str]] = {}

    def normalise(self, dn: str) -> str:
        """Equal for two DNs exactly if they name the same object. A text that is no DN stays as it is."""
        rdn, _, parent = dn.partition(",")
        attribute, _, value = rdn.partition("=")
        # Nearly all names of most directories. What is known of attribute and parent was found out the long
        # way below.
        if parent in self._parents and attribute in self._folding and _is_plain(value):
            return f"{self._folding[attribute]}={value.lower()},{self._parents[parent]}"
        if not SPECIAL.search(dn):
            rdn, comma, parent = dn.partition(",")
            match = PLAIN_RDN.fullmatch(rdn)
            if match is not None and (parent.strip() or not comma):
                try:
                    above = self._normalised_parent(parent) if comma else ""
                except NameSyntaxError:
                    return dn
                if (
                    match[1] not in self._folding
                    and self._normaliser(self._canonical(match[1])) is case_ignore
                ):
                    self._folding[match[1]] = self._canonical(match[1])
                return join(self._normalised_rdn((Ava(match[1], match[2]),)), above)
        try:
            parts = parse(dn)
        except NameSyntaxError:
            return dn
        return ",".join(map(self._normalised_rdn, parts))

    def normalise_value(self, value: bytes) -> bytes:
        """`normalise` for attribute values."""
        try:
            return self.normalise(value.decode()).encode()
        except UnicodeDecodeError:
            return value

    def spelled_value(self, value: bytes) -> bytes:
        """A form of DNs that keeps the case of their values, and nothing else of how they are written."""
        try:
            parts = parse(value.decode())
        except (NameSyntaxError, UnicodeDecodeError):
            return value
        return ",".join("+".join(sorted(map(self._spelled_ava, rdn))) for rdn in parts).encode(
            errors="surrogateescape"
        )

    def _spelled_ava(self, ava: Ava) -> str:
        return (
            f"{self._canonical(ava.attribute)}={'#' + ava.value if ava.hexadecimal else escaped(ava.value)}"
        )

    def _normalised_parent(self, dn: str) -> str:
        known = self._parents.get(dn)
        if known is None:
            known = ",".join(map(self._normalised_rdn, parse(dn)))
            if len(self._parents) >= _PARENTS_REMEMBERED:
                self._parents.clear()
            self._parents[dn] = known
        return known

    def _normalised_rdn(self, rdn: Rdn) -> str:
        if len(rdn) == 1:
            return self._normalised_ava(rdn[0])
        return "+".join(sorted(map(self._normalised_ava, rdn)))

    def _normalised_ava(self, ava: Ava) -> str:
        attribute = self._canonical(ava.attribute)
        if ava.hexadecimal:
            return f"{attribute}=#{ava.value}"
        value = self._normaliser(attribute)(ava.value.encode()).decode(errors="surrogateescape")
        return f"{attribute}={escaped(value)}"

    def same(self, one: str, other: str) -> bool:
        """Whether two DNs name the same object."""
        return one == other or self.normalise(one) == self.normalise(other)

    def ancestors(self, normalised: str) -> Sequence[str]:
        """Normalised DNs of all containers above, nearest first."""
        parent = parent_of(normalised)
        if parent is None:
            return []
        known = self._ancestors.get(parent)
        if known is None:
            known = [parent, *self.ancestors(parent)]
            if len(self._ancestors) >= _PARENTS_REMEMBERED:
                self._ancestors.clear()
            self._ancestors[parent] = known
        return known

    def is_within(self, dn: str, container: str) -> bool:
        """Whether an object is the container itself or somewhere below it."""
        inner, outer = self.normalise(dn), self.normalise(container)
        return not outer or inner == outer or outer in self.ancestors(inner)

    def path(self, id: str) -> tuple[str, ...]:
        """The normalised DNs of the containers above an object, from the top downwards, and its own."""
        normalised = self.normalise(id)
        return (*reversed(self.ancestors(normalised)), normalised)

    def parent(self, id: str) -> str | None:
        """The container's DN; None at the top."""
        return parent_of(id)

    def made_of(self, naming: str) -> tuple[str, ...]:
        """The naming attribute."""
        return (naming.lower(),)

    def new(self, naming: str, values: Mapping[str, Sequence[bytes]], container: str) -> str:
        """The DN of a new object.

        Raises RecordError if the naming attribute has no value, or one that cannot name an object.
        """
        found = next((held for name, held in values.items() if name.lower() == naming.lower() and held), None)
        if found is None:
            raise RecordError("names the new object, but has no value. Fill it at the source.", field=naming)
        return self.child(naming, found[0], container)

    def child(self, attribute: str, value: bytes, container: str) -> str:
        """The DN of an object in a container. Raises RecordError for a value that cannot name one."""
        try:
            text = value.decode()
        except UnicodeDecodeError:
            raise RecordError(
                "names the object, but its value is not UTF-8 text. Convert it at the source.",
                field=attribute,
            ) from None
        # Blanks around a name are no part of it (RFC 4518, section 2.6).
        text = text.strip(BLANKS)
        if not text:
            raise RecordError("names the object, but has no value. Fill it at the source.", field=attribute)
        return join(format_rdn((Ava(attribute.partition(";")[0], text),)), container)

    def renamed(self, id: str, values: Mapping[str, Sequence[bytes]], exact: Collection[str] = ()) -> str:
        """The DN that agrees with new values of the naming attributes; the same text if it does already.

        `exact`: attributes, lower case, whose spelling counts.

        Raises RecordError if a naming attribute would lose its value.
        """
        new_values = {self._canonical(name): found for name, found in values.items()}
        to_the_letter = set(map(self._canonical, exact))
        try:
            rdn, parent = split(id)
            avas = parse(rdn)[0]
        except NameSyntaxError as error:
            raise RecordError(f"{error}, so it cannot be renamed.") from None
        attributes = [self._canonical(ava.attribute) for ava in avas]
        renamed = tuple(
            self._renamed(ava, new_values.get(attribute), exact=attribute in to_the_letter)
            for ava, attribute in zip(avas, attributes, strict=True)
        )
        return id if renamed == avas else join(format_rdn(renamed), parent)

    def _renamed(self, ava: Ava, values: Sequence[bytes] | None, *, exact: bool) -> Ava:
        if values is None:
            return ava
        normalise = self._normaliser(self._canonical(ava.attribute))
        now = normalise(ava.value.encode())
        same = [value for value in values if normalise(value) == now]
        if same and (not exact or ava.value.encode() in same):
            return ava
        chosen = stripped((same or values)[0]) if values else b""
        if not chosen:
            raise RecordError(
                "names the object and would lose its value. Fill it at the source, or set keep_if_empty:"
                " true.",
                field=ava.attribute,
            )
        try:
            return Ava(ava.attribute, chosen.decode())
        except UnicodeDecodeError:
            raise RecordError(
                "names the object, but its new value is not UTF-8 text.", field=ava.attribute
            ) from None

    def fixed_values(self, id: str) -> Sequence[tuple[str, bytes]]:  # noqa: ARG002 - what an LDIF file needs
        """None: the naming attribute's values decide about the name, see `renamed`."""
        return ()

    def is_made_of(self, id: str, field: str, value: bytes) -> bool:
        """Whether a normalised value of an attribute is one of the RDN's."""
        try:
            rdn = naming(id)
        except NameSyntaxError:
            return False
        canonical = self._canonical(field)
        normalise = self._normaliser(canonical)
        return any(
            self._canonical(ava.attribute) == canonical and normalise(ava.value.encode()) == value
            for ava in rdn
        )

    def temporary(self, id: str, identity: bytes, number: int) -> str | None:
        """A DN in the same container with another value of the first naming attribute, made from the
        identity.

        None if none of the values that can be made has the form that the attribute demands.
        """
        try:
            rdn, parent = split(id)
            first, *others = parse(rdn)[0]
        except (NameSyntaxError, ValueError, IndexError):
            return None
        digest = hashlib.blake2b(b"%d:%b" % (number, identity), digest_size=6)
        # Text for most attributes, digits for those that hold numbers. Short: Active Directory's cn has at
        # most 64 characters.
        for value in (f"exchange-{digest.hexdigest()}", str(int.from_bytes(digest.digest()) % 10**9)):
            if self._is_valid(first.attribute, value.encode()):
                return join(format_rdn((Ava(first.attribute, value), *others)), parent)
        return None

    def moved(self, id: str, container: str) -> str:
        """The DN of an object after moving it to another container; the same text if it is there already."""
        try:
            rdn, parent = split(id)
        except NameSyntaxError as error:
            raise RecordError(f"{error}, so it cannot be moved.") from None
        return id if self.same(parent, container) else join(rdn, container)
