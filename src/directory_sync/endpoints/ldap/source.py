"""A container of a directory as a place that records are read from."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Sequence
from dataclasses import replace
from functools import cached_property

import ldap

from directory_sync.definition import filters
from directory_sync.definition.models import DirectorySource, Job, Scope
from directory_sync.definition.problems import nearest
from directory_sync.definition.regions import Region
from directory_sync.dn import NameSyntaxError, parse
from directory_sync.endpoints.contract import (
    Batch,
    Can,
    ConnectionInfo,
    FieldRule,
    Record,
    Source,
    Surroundings,
)
from directory_sync.endpoints.dn_names import DnNames
from directory_sync.endpoints.evidence import Asked, End, Evidence, witnessed
from directory_sync.endpoints.ldap.connection import LdapSettings, read_settings
from directory_sync.endpoints.ldap.filter_check import check_filter
from directory_sync.endpoints.ldap.operations import any_of, equals
from directory_sync.endpoints.ldap.read import listing, read_entry
from directory_sync.endpoints.ldap.server import Server
from directory_sync.errors import EndpointError, MissingObjectError, SchemaError

EVERYTHING = "(objectClass=*)"
_SCOPES = {Scope.BASE: ldap.SCOPE_BASE, Scope.ONE: ldap.SCOPE_ONELEVEL, Scope.SUBTREE: ldap.SCOPE_SUBTREE}
_FIND_AT_ONCE = 50
_FIND_ONE_BY_ONE = 1000


def open_source(job: Job, surroundings: Surroundings) -> Source:
    """The job's source."""
    assert isinstance(job.source, DirectorySource)
    return LdapSource(job.source, surroundings.connections.get(job.source.connection))


class LdapSource:
    """The objects in a container that a filter selects.

    Safe to use in a forked child: it makes connections of its own.
    """

    can = frozenset({Can.BE_FORESEEN})

    def __init__(self, definition: DirectorySource, connection: ConnectionInfo) -> None:
        self._setup(read_settings(connection), definition.container, definition.scope, definition.filter)

    def _setup(self, settings: LdapSettings, base: str, scope: Scope, filter: str) -> None:
        self.settings = settings
        self.server = Server(settings)
        self.base = base
        self.scope = scope
        self.filter = filter

    # -- what it is ------------------------------------------------------------------------------------------

    @property
    def label(self) -> str:
        """How messages name it."""
        return f"{self.settings.label}, {self.base}"

    @property
    def names(self) -> DnNames:
        """DNs, as the server's schema compares them."""
        return self.server.schema.names

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is unsafe about the connection, one sentence each."""
        return self.settings.warnings

    @cached_property
    def identity(self) -> str:
        """The same for two endpoints exactly if they reach the same naming context, on whichever of its
        replicas.
        """
        return self.server.identity_of(self.server.naming_context_of(self.base))

    @cached_property
    def reached(self) -> frozenset[str]:
        """Names of all places that the search may reach."""
        return self.server.reached_below(self.base)

    def containers(self) -> tuple[str, ...]:
        """The container that is read."""
        return (self.names.normalise(self.base),)

    def check(self) -> None:
        """Connect, log in, and see that the container is there and the schema can be read.

        Raises EndpointError.
        """
        self._check_container(self.base)
        parsed = self._parsed_filter()
        check_filter(parsed, self.server.schema, label=self.label)

    def _check_container(self, dn: str) -> None:
        self.server.naming_context_of(dn)
        with self.server.pool.session() as connection:
            found = read_entry(self.server.pool, connection, dn)
        if found is None:
            raise MissingObjectError(
                f"the container {dn} does not exist, or this login may not see it.",
                endpoint=self.settings.label,
                remedy="Correct the container in the definition, create it, or grant read access.",
            )

    @property
    def region(self) -> Region:
        """Where objects are looked for."""
        return Region(self.names.path(self.base), self.scope)

    def fields(self) -> Collection[str] | None:
        """Every attribute of the schema."""
        return self.server.schema.attribute_names()

    def no_field(self, name: str) -> SchemaError:
        """Names the attribute of the schema that is nearest."""
        near = nearest(name, self.fields() or ())
        return SchemaError(
            f"the directory's schema has no attribute {name}.",
            endpoint=self.settings.label,
            remedy=f"Did you mean {near}?" if near else "Correct the name.",
        )

    def rule(self, name: str) -> FieldRule | None:
        """What the schema says of an attribute."""
        return self.server.schema.rule(name)

    # -- reading ---------------------------------------------------------------------------------------------

    def read(self, fields: Sequence[str]) -> Generator[Batch, None, Evidence]:
        """Yield all selected objects, page by page. Complete, or raises."""
        asked = Asked(self.base, self.settings.connection_id, self.scope.value, self.filter)
        return witnessed(self._listing(self.base, _SCOPES[self.scope], self.filter, fields), asked)

    def index(self, field: str, within: str | None) -> Iterator[tuple[str, list[bytes]]]:
        """Yield (DN, values) of every object that has the attribute, in the naming context or within a
        container.
        """
        base = within or self.server.naming_context_of(self.base)
        attribute = self._known(field)
        for batch in self._listing(base, ldap.SCOPE_SUBTREE, f"({attribute}=*)", [attribute]):
            for record in batch:
                values = record.values.get(attribute)
                if values:
                    yield record.id, list(values)

    def find(self, field: str, values: Sequence[bytes], fields: Sequence[str]) -> Iterator[Record]:
        """Yield every object of the naming context in whose attribute one of the values is."""
        attribute = self._known(field)
        rule = self.server.schema.rule(attribute)
        normalise = rule.normalise if rule else bytes
        wanted = {normalise(value): value for value in values}
        context = self.server.naming_context_of(self.base)
        known = attribute.lower() in {name.lower() for name in fields}
        asked = list(fields) if known else [*fields, attribute]
        spelled = next((name for name in asked if name.lower() == attribute.lower()), attribute)
        seen: set[str] = set()
        for wanted_here in _finding(attribute, list(wanted.values())):
            for batch in self._listing(context, ldap.SCOPE_SUBTREE, wanted_here, asked):
                for record in batch:
                    # An object whose values fall into two of the filters is found twice.
                    if record.id in seen or not any(
                        normalise(value) in wanted for value in record.values.get(spelled, ())
                    ):
                        continue
                    seen.add(record.id)
                    yield (
                        record
                        if known
                        else Record(record.id, {k: v for k, v in record.values.items() if k != spelled})
                    )

    def _listing(
        self, base: str, scope: int, filter: str, fields: Sequence[str]
    ) -> Generator[list[Record], None, End]:
        server = self.server
        server.naming_context_of(base)
        return (
            yield from listing(
                server.pool,
                server.root,
                server.schema,
                base=base,
                scope=scope,
                filter=filter,
                attributes=fields,
            )
        )

    def _known(self, field: str) -> str:
        if self.server.schema.rule(field) is None:
            raise self.no_field(field)
        return field.strip()

    # -- selecting -------------------------------------------------------------------------------------------

    def selects(self, record: Record) -> bool:
        """Whether an object that is planned would be in the listing: by its place, and by what the filter
        says of its values.
        """
        names = self.server.schema.names
        within = names.normalise(record.id)
        base = names.normalise(self.base)
        above = names.ancestors(within)
        if self.scope is Scope.BASE:
            inside = within == base
        elif self.scope is Scope.ONE:
            inside = bool(above) and above[0] == base
        else:
            inside = within == base or base in above
        return (
            inside
            and filters.matches(self._canonical_filter, self._values(record), self._filter_form) is True
        )

    @cached_property
    def _canonical_filter(self) -> filters.Filter:
        return self._with_canonical_names(self._parsed_filter())

    def _with_canonical_names(self, filter: filters.Filter) -> filters.Filter:
        """The filter with every attribute under its one name, as `_values` has them."""
        match filter:
            case filters.And(inner) | filters.Or(inner):
                return replace(filter, filters=tuple(map(self._with_canonical_names, inner)))
            case filters.Not(inner):
                return filters.Not(self._with_canonical_names(inner))
            case filters.Extensible(None):
                return filter
            case filters.Present(attribute) if self.server.schema.rule(attribute) is None:
                # Undefined, as all that asks about an attribute without a schema (RFC 4511, section 4.5.1.7);
                # not false.
                return filters.Equality(attribute, b"")
            case _:
                return replace(
                    filter,
                    attribute=_with_options(
                        self.server.schema.canonical(filter.attribute or ""), filter.attribute or ""
                    ),
                )

    def _parsed_filter(self) -> filters.Filter:
        try:
            return filters.parse(self.filter)
        except ValueError as error:
            raise EndpointError(
                f"the filter {self.filter} cannot be read: {error}.",
                endpoint=self.label,
                remedy="Correct it in the definition (RFC 4515).",
            ) from None

    def _values(self, record: Record) -> dict[str, list[bytes]]:
        """The values as a filter sees them: every attribute under its one name, classes with those above
        them.
        """
        schema = self.server.schema
        values: dict[str, list[bytes]] = {}
        for name, found in record.values.items():
            values.setdefault(_with_options(schema.canonical(name), name), []).extend(found)
        classes = [value.decode(errors="replace") for value in values.get("objectclass", ())]
        if classes:
            values["objectclass"] = [name.encode() for name in schema.with_superclasses(classes)]
            category = self.server.root.behaviour.category_of(classes)
            if category is not None and "objectcategory" not in values:
                values["objectcategory"] = [category]
        return values

    def _filter_form(self, attribute: str, value: bytes) -> bytes:
        schema = self.server.schema
        if schema.canonical(attribute) == "objectcategory":
            return _short_category(value)
        rule = schema.rule(attribute)
        if rule is None:
            raise ValueError(attribute)
        return rule.normalise(value)

    def close(self) -> None:
        """Close all idle connections. May be called twice."""
        self.server.close()


def _with_options(canonical: str, name: str) -> str:
    _, semicolon, options = name.lower().partition(";")
    return canonical + semicolon + options


def _short_category(value: bytes) -> bytes:
    try:
        rdns = parse(value.decode())
    except (NameSyntaxError, UnicodeDecodeError):
        return value.lower()
    return rdns[0][0].value.lower().encode() if rdns else value.lower()


def _finding(attribute: str, values: Sequence[bytes]) -> Iterator[str]:
    """Filters that together find all objects with one of the values: a few values each, or all objects at
    once.
    """
    if len(values) > _FIND_ONE_BY_ONE:
        yield f"({attribute}=*)"
        return
    for start in range(0, len(values), _FIND_AT_ONCE):
        yield any_of([equals(attribute, value) for value in values[start : start + _FIND_AT_ONCE]])
