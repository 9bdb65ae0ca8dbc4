"""A container of a directory as a place that records are written to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial

from ldap.controls import RequestControl

from directory_sync.definition.models import DirectoryDestination, Job
from directory_sync.endpoints.change import Change, Outcome
from directory_sync.endpoints.contract import (
    NONE_WITHHELD,
    Can,
    ConnectionInfo,
    Destination,
    Image,
    Surroundings,
)
from directory_sync.endpoints.exchanges import Part
from directory_sync.endpoints.ldap import ldif
from directory_sync.endpoints.ldap.connection import read_settings
from directory_sync.endpoints.ldap.identities import read_children, read_identities
from directory_sync.endpoints.ldap.images import read_images
from directory_sync.endpoints.ldap.link import RECONNECT_DELAYS
from directory_sync.endpoints.ldap.looking import look_at
from directory_sync.endpoints.ldap.read import Spelling, read_entry, rest_of_range
from directory_sync.endpoints.ldap.root_dse import MANAGE_DSA_IT
from directory_sync.endpoints.ldap.server import Server
from directory_sync.endpoints.ldap.source import EVERYTHING, LdapSource
from directory_sync.endpoints.ldap.write import Writer
from directory_sync.endpoints.places import is_certain
from directory_sync.errors import EndpointError


def open_destination(job: Job, surroundings: Surroundings) -> Destination:
    """The job's destination."""
    assert isinstance(job.destination, DirectoryDestination)
    return LdapDestination(job.destination, surroundings.connections.get(job.destination.connection))


class LdapObjects:
    """The classes of a server's objects."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def classes(self, kind: str) -> tuple[str, ...]:
        """The classes of a new object of this kind, as this flavour of directory has them."""
        return self._server.root.behaviour.classes.get(kind, ())

    def mandatory(self, classes: Sequence[str]) -> frozenset[str]:
        """Attributes that must be given, without objectClass and those that the server fills in.

        Raises SchemaError.
        """
        return self._server.schema.mandatory(classes)

    def allowed(self, classes: Sequence[str]) -> frozenset[str] | None:
        """Attributes that may be given, lower case; None for `extensibleObject`. Raises SchemaError."""
        return self._server.schema.allowed(classes)


class LdapDestination(LdapSource):
    """The managed objects of a directory, and the container where new ones go."""

    can = frozenset({Can.BE_FORESEEN, Can.HOLD_OTHERS, Can.RENAME})

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
                "the container of new objects is computed, and no base says where existing objects are looked"
                " for.",
                endpoint=f"connection {connection.id}",
                remedy="Add base: with the DN below which they are.",
            )
        self._setup(read_settings(connection), base, definition.scope, definition.filter or EVERYTHING)
        self.container = fixed
        self._reconnect_delays = reconnect_delays

    def containers(self) -> tuple[str, ...]:
        """The base, and the container of new objects if that is fixed."""
        return (
            *super().containers(),
            *(() if self.container is None else (self.names.normalise(self.container),)),
        )

    def check(self) -> None:
        """Connect, log in, and see that the containers are there and the schema can be read.

        Raises EndpointError.
        """
        super().check()
        if self.container is not None and self.container != self.base:
            self._check_container(self.container)

    # -- what can be written ---------------------------------------------------------------------------------

    @property
    def areas(self) -> tuple[str, ...]:
        """The base and the container of new objects; the whole naming context where that is computed."""
        names = self.server.schema.names
        if self.container is None:
            return (names.normalise(self.server.naming_context_of(self.base)),)
        return tuple(dict.fromkeys((names.normalise(self.base), names.normalise(self.container))))

    @property
    def objects(self) -> LdapObjects:
        """The classes of this flavour of directory, and what the schema says of them."""
        return LdapObjects(self.server)

    @property
    def identity_field(self) -> str | None:
        """`objectGUID`, `nsUniqueId` or `entryUUID`, as the server's flavour has it."""
        return self.server.identity_field

    @property
    def is_identified(self) -> bool:
        """Whether this login may read what names the top of the directory permanently."""
        return is_certain(self.identity)

    def children(self, ids: Collection[str]) -> dict[str, list[str]]:
        """For those of these objects that hold others: DNs of what is directly below them."""
        return read_children(self.server, ids)

    def identities(self, ids: Collection[str], *, among: int) -> dict[str, bytes]:
        """The identities of objects that are there, by DN; without those that this login may not see."""
        return read_identities(self.server, ids, base=self.base, among=among)

    def exists(self, id: str) -> bool:
        """Whether there is an object with this DN that the login may see."""
        with self.server.pool.session() as connection:
            return read_entry(self.server.pool, connection, id) is not None

    def stored(self, id: str, field: str, values: Sequence[bytes]) -> Collection[bytes]:
        """Without those that OpenLDAP's overlay `dynlist` computes: it does not, where the control
        ManageDsaIT asks for that.

        (slapo-dynlist(5). Asking so for whole listings would turn referrals into entries, and let filters
        miss computed values.)
        """
        server = self.server
        if not server.root.behaviour.computes_values or MANAGE_DSA_IT not in server.root.controls:
            return values
        spelling = Spelling(server.schema, [field])
        with server.pool.session() as connection:
            entry = read_entry(
                server.pool, connection, id, spelling.asked, controls=[RequestControl(MANAGE_DSA_IT, True)]
            )
            if entry is None:
                # Planned by an earlier job: nothing is computed yet.
                return values
            held = spelling.apply(entry, partial(rest_of_range, connection, id)).get(field, [])
        rule = server.schema.rule(field)
        normalise = rule.normalise if rule is not None else bytes
        there = set(map(normalise, held))
        return [value for value in values if normalise(value) in there]

    # -- writing ---------------------------------------------------------------------------------------------

    images_at_once = 200

    def images(self, ids: Collection[str]) -> Sequence[Image]:
        """Objects with all attributes that this login may read."""
        return read_images(self.server, ids, delays=self._reconnect_delays)

    def render(self, change: Change, part: Part = Part.WHOLE) -> str:
        """The change as LDIF change records (RFC 2849), in the order in which the operations are sent."""
        return ldif.render_change(change, self.server.schema, part)

    def look(self, changes: Iterable[tuple[int, Change]], *, renamed: Mapping[str, str]) -> Iterator[Outcome]:
        """Tell by looking at the objects the results of changes; see `looking.look_at`."""
        return look_at(self.server, changes, renamed=renamed)

    def write(
        self,
        changes: Iterable[tuple[int, Change]],
        *,
        before_send: Callable[[], None],
        verify: Collection[int] = frozenset(),
        withheld: Mapping[int, str] = NONE_WITHHELD,
        absent: Collection[int] = frozenset(),
    ) -> Iterator[Outcome]:
        """Apply changes on one connection, many at a time; see `write.Writer`."""
        writer = Writer(
            self.server,
            before_send=before_send,
            verify=verify,
            withheld=withheld,
            absent=absent,
            delays=self._reconnect_delays,
        )
        return writer.run(changes)
