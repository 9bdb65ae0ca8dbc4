"""A container of a directory as a place that records are written to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from directory_sync.definition.models import DirectoryDestination
from directory_sync.endpoints.change import Change, Outcome
from directory_sync.endpoints.ldap import ldif
from directory_sync.endpoints.ldap.connection import read_settings
from directory_sync.endpoints.ldap.identities import read_identities
from directory_sync.endpoints.ldap.names import parent_of
from directory_sync.endpoints.ldap.operations import operations
from directory_sync.endpoints.ldap.read import read_entry
from directory_sync.endpoints.ldap.source import EVERYTHING, LdapSource
from directory_sync.endpoints.ldap.write import RECONNECT_DELAYS, Writer
from directory_sync.endpoints.protocol import ConnectionInfo
from directory_sync.errors import EndpointError, RecordError

_PERSON = ("top", "person", "organizationalPerson")
_INET_ORG_PERSON = (*_PERSON, "inetOrgPerson")
_STANDARD_CLASSES = {
    "user": _INET_ORG_PERSON,
    "inetOrgPerson": _INET_ORG_PERSON,
    "contact": _INET_ORG_PERSON,
    "mail_user": _INET_ORG_PERSON,
    "mail_contact": _INET_ORG_PERSON,
    "group": ("top", "groupOfNames"),
    "organizationalUnit": ("top", "organizationalUnit"),
}
_ACTIVE_DIRECTORY_CLASSES = {
    "user": (*_PERSON, "user"),
    # In Active Directory inetOrgPerson is a kind of user ([MS-ADSC] 2.62).
    "inetOrgPerson": (*_PERSON, "user", "inetOrgPerson"),
    "contact": (*_PERSON, "contact"),
    "mail_user": (*_PERSON, "user"),
    "mail_contact": (*_PERSON, "contact"),
    "group": ("top", "group"),
    "organizationalUnit": ("top", "organizationalUnit"),
}


class LdapDestination(LdapSource):
    """The managed objects of a directory, and the container where new ones go."""

    def __init__(
        self,
        definition: DirectoryDestination,
        connection: ConnectionInfo,
        *,
        reconnect_delays: tuple[float, ...] = RECONNECT_DELAYS,
    ) -> None:
        fixed = definition.container if isinstance(definition.container, str) else None
        base = definition.base or fixed
        if base is None:
            raise EndpointError(
                "the container of new objects is computed, and no base says where existing objects are looked for.",
                endpoint=f"connection {connection.id}",
                remedy="Add base: with the DN below which they are.",
            )
        self._setup(read_settings(connection), base, definition.scope, definition.filter or EVERYTHING)
        self.container = fixed
        self._reconnect_delays = reconnect_delays

    def containers(self) -> tuple[str, ...]:
        """The base, and the container of new objects if that is fixed."""
        return (*super().containers(), *(() if self.container is None else (self.normalise_id(self.container),)))

    def check(self) -> None:
        """Connect, log in, and see that the containers are there and the schema can be read. Raises EndpointError."""
        super().check()
        if self.container is not None and self.container != self.base:
            self._check_container(self.container)

    # -- what can be written ------------------------------------------------------------------------------------------

    @property
    def areas(self) -> tuple[str, ...]:
        """The base and the container of new objects; the whole naming context where that is computed."""
        names = self.server.schema.names
        if self.container is None:
            return (names.normalise(self.server.naming_context_of(self.base)),)
        return tuple(dict.fromkeys((names.normalise(self.base), names.normalise(self.container))))

    @property
    def identity_field(self) -> str | None:
        """`objectGUID` in Active Directory, else `entryUUID` (RFC 4530) if the server has it."""
        return self.server.identity_field

    def identities(self, ids: Collection[str], *, among: int) -> dict[str, bytes]:
        """The identities of objects that are there, by DN; without those that this login may not see."""
        return read_identities(self.server, ids, base=self.base, among=among)

    def object_classes(self, kind: str) -> tuple[str, ...]:
        """The classes of a new object of this kind, as this flavour of directory has them."""
        return (_ACTIVE_DIRECTORY_CLASSES if self.server.root.active_directory else _STANDARD_CLASSES).get(kind, ())

    def mandatory(self, object_classes: Sequence[str]) -> frozenset[str]:
        """Attributes that must be given, without objectClass and those that the server fills in. Raises SchemaError."""
        return self.server.schema.mandatory(object_classes)

    def allowed(self, object_classes: Sequence[str]) -> frozenset[str] | None:
        """Attributes that may be given, lower case; None for `extensibleObject`. Raises SchemaError."""
        return self.server.schema.allowed(object_classes)

    def container_exists(self, id: str) -> bool:
        """Whether a new object can be put there."""
        return self.exists(id)

    def exists(self, id: str) -> bool:
        """Whether there is an object with this DN that the login may see."""
        with self.server.pool.session() as connection:
            return read_entry(self.server.pool, connection, id) is not None

    # -- names --------------------------------------------------------------------------------------------------------

    def new_id(self, naming: str, values: Mapping[str, Sequence[bytes]], container: str) -> str:
        """The DN of a new object. Raises RecordError if the naming attribute has no value, or one that cannot name an object."""
        found = next((held for name, held in values.items() if name.lower() == naming.lower() and held), None)
        if found is None:
            raise RecordError("names the new object, but has no value. Fill it at the source.", field=naming)
        return self.server.schema.names.new_id(naming, found[0], container)

    def parent_id(self, id: str) -> str | None:
        """The container's DN; None at the top."""
        return parent_of(id)

    def renamed_id(self, id: str, values: Mapping[str, Sequence[bytes]], exact: Collection[str] = ()) -> str:
        """The DN that agrees with new values; the same text if it does already. Raises RecordError if a naming value would go."""
        return self.server.schema.names.renamed_id(id, values, exact)

    def naming_values(self, id: str) -> Sequence[tuple[str, bytes]]:  # noqa: ARG002 - what an LDIF file needs
        """None: the naming attribute's values decide about the name, see `renamed_id`."""
        return ()

    def moved_id(self, id: str, container: str) -> str:
        """The DN in another container."""
        return self.server.schema.names.moved_id(id, container)

    # -- writing ------------------------------------------------------------------------------------------------------

    def render(self, change: Change) -> str:
        """The change as LDIF change records (RFC 2849), in the order in which the operations are sent."""
        needed = operations(change, self.server.schema, assertion=False, identity_field=None)
        return ldif.render((*needed.main, *needed.late))

    def write(
        self,
        changes: Iterable[tuple[int, Change]],
        *,
        before_send: Callable[[], None],
        verify: Collection[int] = frozenset(),
    ) -> Iterator[Outcome]:
        """Carry out changes on one connection, many at a time; see `write.Writer`."""
        writer = Writer(self.server, before_send=before_send, verify=verify, delays=self._reconnect_delays)
        return writer.run(changes)
