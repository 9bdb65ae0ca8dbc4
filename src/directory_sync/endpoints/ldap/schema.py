"""What the server's schema says of attributes and object classes (RFC 4512, section 4.2), read when first
asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

from ldap.schema import AttributeType, ObjectClass, SubSchema
from ldap.schema.models import DITContentRule

from directory_sync.definition.passwords import is_password
from directory_sync.endpoints.contract import FieldRule
from directory_sync.endpoints.dn_names import DnNames
from directory_sync.endpoints.ldap import matching, syntaxes
from directory_sync.endpoints.ldap.flavours.generic import GenericServer
from directory_sync.errors import SchemaError

DN_SYNTAXES = frozenset((syntaxes.DISTINGUISHED_NAME, "1.3.6.1.4.1.1466.115.121.1.34"))

_NAMES_REMEMBERED = 10_000

_ASSERTABLE = frozenset((*matching.RULES, "distinguishedNameMatch", "objectIdentifierMatch"))


def base_name(attribute: str) -> str:
    """An attribute description without its options (RFC 4512, section 2.5), lower case."""
    return attribute.partition(";")[0].strip().lower()


class Schema:
    """One server's schema, for attributes and classes.

    Args:
        subentry: attribute → values of the subschema subentry.
        behaviour: what the schema does not say.
        endpoint: how messages name the directory.
    """

    def __init__(
        self,
        subentry: Mapping[str, Sequence[bytes]],
        *,
        behaviour: GenericServer,
        endpoint: str,
    ) -> None:
        # Uniqueness is not our concern: a server's schema is as it is. Microsoft's has duplicate identifiers.
        self._parsed = SubSchema(dict(subentry), check_uniqueness=0)
        self._behaviour = behaviour
        self._endpoint = endpoint
        self._attributes: dict[str, Any] = {}
        for oid in self._parsed.listall(AttributeType):
            attribute = self._parsed.get_obj(AttributeType, oid)
            for name in (attribute.oid, *attribute.names):
                self._attributes.setdefault(name.lower(), attribute)
        # Bounded, because names come from a definition, but also from whatever DN someone writes.
        self.canonical: Callable[[str], str] = lru_cache(_NAMES_REMEMBERED)(self._canonical)
        """One lower-case name for an attribute, whichever of its names or identifiers is given; without
        options.
        """
        self.names = DnNames(self.canonical, self._normaliser, self._is_valid)
        self.rule: Callable[[str], FieldRule | None] = cache(self._rule)
        self.holds_password: Callable[[str], bool] = lru_cache(_NAMES_REMEMBERED)(self._holds_password)
        """Whether an attribute holds passwords, whichever of its names is given: they are never shown or
        compared, and servers do not give them back as written.
        """
        self._normaliser_of = cache(self._find_normaliser)

    # -- attributes ------------------------------------------------------------------------------------------

    def attribute_names(self) -> Collection[str]:
        """Every name of every attribute, as the schema writes it."""
        return {name for attribute in self._attributes.values() for name in attribute.names}

    def _canonical(self, attribute: str) -> str:
        base = base_name(attribute).removeprefix("oid.")
        known = self._attributes.get(base)
        return (known.names[0] if known.names else known.oid).lower() if known is not None else base

    def described(self, attribute: str) -> str:
        """`canonical` with the options that are part of the description; `binary` is only about transfer (RFC
        4522).
        """
        base, _, options = attribute.partition(";")
        kept = sorted(option for option in options.lower().split(";") if option and option != "binary")
        return ";".join((self.canonical(base), *kept))

    def transferred(self, attribute: str) -> str:
        """An attribute's description as it is written with: some syntaxes have no other form than `;binary`
        (RFC 4522).
        """
        known = self._attributes.get(base_name(attribute))
        if known is None or not self._behaviour.transfers_as_binary:
            return attribute
        if (self._inherited(known, "syntax") or "") not in syntaxes.TRANSFERRED_AS_BINARY:
            return attribute
        return attribute if "binary" in attribute.lower().split(";")[1:] else f"{attribute};binary"

    def _rule(self, name: str) -> FieldRule | None:
        attribute = self._attributes.get(base_name(name))
        if attribute is None:
            return None
        syntax_oid = self._inherited(attribute, "syntax") or ""
        syntax = syntaxes.SYNTAXES.get(syntax_oid, syntaxes.UNKNOWN)
        written = attribute.names[0] if attribute.names else attribute.oid
        spelled = next((known for known in attribute.names if known.lower() == base_name(name)), written)
        canonical = self.canonical(name)
        return FieldRule(
            name=spelled + name.strip()[len(base_name(name)) :],
            described=self.described(name),
            single=bool(attribute.single_value),
            # Passwords are stored in another form than they are written in, so that no old value can be
            # named.
            equality=not self.holds_password(name)
            and (self._is_compared_by_syntax(attribute) or self._equality(attribute) is not None),
            reference=syntax_oid in DN_SYNTAXES,
            binary=syntax.binary,
            writable=not (
                attribute.no_user_mod or attribute.collective or canonical in self._behaviour.read_only
            ),
            password=self.holds_password(name),
            normalise=self._normaliser(canonical),
            spelled=self._spelling(canonical, syntax_oid),
            canonical=syntax.canonical,
            check=syntax.check,
        )

    def _spelling(self, canonical: str, syntax: str) -> matching.Normalise:
        """The form of a value in which equal spellings are equal, as far as the server keeps them."""
        if syntax not in DN_SYNTAXES and canonical != "objectclass":
            return matching.exact
        if self._behaviour.respells_references:
            return self._normaliser(canonical)
        return self.names.spelled_value

    def _holds_password(self, attribute: str) -> bool:
        known = self._attributes.get(base_name(attribute).removeprefix("oid."))
        return is_password(attribute) or any(
            is_password(name) for each in self._upwards(known) for name in (each.oid, *each.names)
        )

    def _upwards(self, attribute: Any) -> Iterator[Any]:
        """An attribute and its supertypes (RFC 4512, section 2.5.1)."""
        seen = set()
        while attribute is not None and attribute.oid not in seen:
            seen.add(attribute.oid)
            yield attribute
            attribute = self._attributes.get(attribute.sup[0].lower()) if attribute.sup else None

    def _inherited(self, attribute: Any, element: str) -> Any:
        """The first value on the way up the supertypes."""
        values = (getattr(each, element) for each in self._upwards(attribute))
        return next((value for value in values if value is not None), None)

    def _equality(self, attribute: Any) -> str | None:
        rule = self._inherited(attribute, "equality")
        return None if rule is None else matching.RULE_NAMES.get(rule, rule)

    def _is_compared_by_syntax(self, attribute: Any) -> bool:
        """Whether the server takes the syntax's rule.

        Without one, octets such as pictures are not told apart everywhere.
        """
        if self._behaviour.compares_by_syntax:
            return True
        if not self._behaviour.compares_the_rest_by_syntax or self._equality(attribute) is not None:
            return False
        syntax = syntaxes.SYNTAXES.get(self._inherited(attribute, "syntax") or "")
        return syntax is not None and not syntax.binary

    def _is_valid(self, attribute: str, value: bytes) -> bool:
        rule = self.rule(attribute)
        return rule is None or rule.check(value) is None

    def _normaliser(self, attribute: str) -> matching.Normalise:
        return self._normaliser_of(attribute)

    def _find_normaliser(self, name: str) -> matching.Normalise:
        attribute = self._attributes.get(base_name(name))
        if attribute is None:
            # Nothing is known of it; naming attributes are nearly always compared without regard to case.
            return matching.case_ignore
        if self.canonical(name) == "objectclass":
            return self.normalise_class
        syntax = self._inherited(attribute, "syntax") or ""
        if syntax == syntaxes.DISTINGUISHED_NAME:
            return self.names.normalise_value
        if self._is_compared_by_syntax(attribute):
            return syntaxes.SYNTAXES.get(syntax, syntaxes.UNKNOWN).normalise
        return matching.RULES.get(self._equality(attribute) or "", matching.exact)

    def syntax(self, name: str) -> str:
        """The identifier of an attribute's syntax; empty if it has none that is known."""
        attribute = self._attributes.get(base_name(name))
        return "" if attribute is None else self._inherited(attribute, "syntax") or ""

    def assertable(self, name: str) -> bool:
        """Whether a filter can ask for a value in the form that the attribute holds (not so for certificates,
        say).
        """
        attribute = self._attributes.get(base_name(name))
        if attribute is None or self.holds_password(name):
            return False
        return self._is_compared_by_syntax(attribute) or self._equality(attribute) in _ASSERTABLE

    # -- object classes --------------------------------------------------------------------------------------

    def normalise_class(self, value: bytes) -> bytes:
        """One lower-case name for an object class, given by name or identifier."""
        found = self._parsed.get_obj(ObjectClass, value.decode(errors="replace").strip())
        return (
            value.lower()
            if found is None
            else (found.names[0] if found.names else found.oid).lower().encode()
        )

    def has_class(self, name: str) -> bool:
        """Whether there is an object class of this name or identifier."""
        return self._parsed.get_obj(ObjectClass, name) is not None

    def class_names(self) -> Collection[str]:
        """Every name of every object class, as the schema writes it."""
        classes = (self._parsed.get_obj(ObjectClass, oid) for oid in self._parsed.listall(ObjectClass))
        return {name for each in classes for name in each.names}

    def with_superclasses(self, names: Iterable[str]) -> list[str]:
        """The classes and everything they inherit from, as the schema writes them.

        Unknown ones stay as they are.
        """
        found: dict[str, None] = {}
        for name in names:
            known = self._parsed.get_obj(ObjectClass, name)
            for each in self._lineage(known) if known is not None else ():
                found.setdefault(each.names[0] if each.names else each.oid)
            if known is None:
                found.setdefault(name)
        return list(found)

    def mandatory(self, object_classes: Sequence[str]) -> frozenset[str]:
        """Attributes that objects of these classes must have and that the server does not fill in itself;
        without objectClass.

        Raises SchemaError for a class that the schema does not have.
        """
        found: dict[str, str] = {}
        for definition in self._definitions(object_classes):
            for name in definition.must:
                found.setdefault(self.canonical(name), name)
        return frozenset(
            name
            for canonical, name in found.items()
            if canonical != "objectclass"
            and canonical not in self._behaviour.server_filled
            and (rule := self.rule(name)) is not None
            and rule.writable
        )

    def allowed(self, object_classes: Sequence[str]) -> frozenset[str] | None:
        """Every name, lower case, of attributes that objects of these classes may have; None if they may have
        any.
        """
        found: set[str] = set()
        for definition in self._definitions(object_classes):
            if any(name.lower() == "extensibleobject" for name in definition.names):
                return None
            for name in (*definition.must, *definition.may):
                attribute = self._attributes.get(name.lower())
                found.update(
                    map(str.lower, (attribute.oid, *attribute.names) if attribute is not None else (name,))
                )
        return frozenset(found)

    def _definitions(self, object_classes: Sequence[str]) -> Iterator[Any]:
        """The classes, those above them, and the content rules that add auxiliary ones (RFC 4512, section
        4.1.6).
        """
        for name in object_classes:
            known = self._parsed.get_obj(ObjectClass, name)
            if known is None:
                raise SchemaError(
                    f"object class {name} does not exist in the directory's schema.",
                    endpoint=self._endpoint,
                    remedy="Correct object_classes, or have the schema extended.",
                )
            for each in self._lineage(known):
                yield each
                content = self._parsed.get_obj(DITContentRule, each.oid)
                if content is not None:
                    yield content
                    for auxiliary in content.aux:
                        found = self._parsed.get_obj(ObjectClass, auxiliary)
                        if found is not None:
                            yield found if self._behaviour.auxiliaries_demand else _Optional(found)

    def _lineage(self, object_class: Any) -> Iterator[Any]:
        seen = set()
        waiting = [object_class]
        while waiting:
            each = waiting.pop(0)
            if each.oid in seen:
                continue
            seen.add(each.oid)
            yield each
            waiting.extend(
                found for name in each.sup if (found := self._parsed.get_obj(ObjectClass, name)) is not None
            )


class _Optional:
    """An auxiliary class that an object may have: none of its attributes is demanded."""

    def __init__(self, object_class: Any) -> None:
        self.names = object_class.names
        self.must: tuple[str, ...] = ()
        self.may = (*object_class.must, *object_class.may)
