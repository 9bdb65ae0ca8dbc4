"""Listings that are complete or raise: paged searches (RFC 2696) and ranges of many-valued attributes
(MS-ADTS 3.1.1.3.1.3.3).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import Any

import ldap
from ldap.controls import RequestControl, SimplePagedResultsControl
from ldap.ldapobject import SimpleLDAPObject

from directory_sync.endpoints.contract import Record
from directory_sync.endpoints.evidence import End, Ending
from directory_sync.endpoints.ldap import errors
from directory_sync.endpoints.ldap.root_dse import DOMAIN_SCOPE, PAGED_RESULTS, RootDse
from directory_sync.endpoints.ldap.schema import Schema
from directory_sync.endpoints.ldap.session import SessionPool
from directory_sync.errors import EndpointError, IncompleteListing

Attributes = dict[str, list[bytes]]
NO_ATTRIBUTES = "1.1"
"""Asks for no attribute at all (RFC 4511, section 4.5.1.8)."""

_RANGE = re.compile(r"^(?P<name>.+);range=(?P<first>\d+)-(?P<last>\d+|\*)$", re.IGNORECASE)


def listing(
    pool: SessionPool,
    root: RootDse,
    schema: Schema,
    *,
    base: str,
    scope: int,
    filter: str,
    attributes: Sequence[str],
) -> Generator[list[Record], None, End]:
    """Yield everything that a search finds, page by page, and return how the end was told.

    Returns only after the server said that the listing is complete, else raises IncompleteListing (cut
    short, broken off, referrals), MissingObjectError (no such base) or another EndpointError.

    The records spell attributes as they are spelled in `attributes`.
    """
    settings = pool.settings
    spelling = Spelling(schema, attributes)
    connection = pool.open()
    finished = False
    pages = Ending(
        _pages(
            connection, root, settings.page_size, base=base, scope=scope, filter=filter, asked=spelling.asked
        )
    )
    try:
        for entries in pages:
            yield _records(entries, connection, spelling)
        finished = True
    except ldap.LDAPError as error:
        raise errors.search_error(error, endpoint=settings.label, base=base, login=settings.login) from None
    except UnicodeDecodeError as error:
        raise IncompleteListing(
            f"the server sent a name below {base} that is not UTF-8: {error}.",
            endpoint=settings.label,
            remedy="Repair the object on the server.",
        ) from None
    except _Referred as referral:
        raise IncompleteListing(
            f"a part of {base} is held by another server: {referral}. Referrals are not followed.",
            endpoint=settings.label,
            remedy=(
                "Choose a container without that part, or make a connection to the server that holds all of"
                " it."
            ),
        ) from None
    except Broken as broken:
        raise IncompleteListing(
            f"the listing of {base} did not come to a proper end: {broken}.",
            endpoint=settings.label,
            remedy="Run the job again; if it stays so, look at the server's log.",
        ) from None
    finally:
        # A listing that no one reads to its end leaves a page underway; a new connection is cheaper than
        # sorting that out.
        if finished:
            pool.release(connection)
        else:
            pool.discard(connection)
    return pages.said


class _Referred(Exception):
    """The server sent a search reference."""


class Broken(Exception):
    """The server did something that a complete listing does not hold."""


def _pages(
    connection: SimpleLDAPObject,
    root: RootDse,
    page_size: int,
    *,
    base: str,
    scope: int,
    filter: str,
    asked: Sequence[str],
) -> Generator[list[tuple[str, Attributes]], None, End]:
    controls: list[Any] = []
    paged = PAGED_RESULTS in root.controls and scope != ldap.SCOPE_BASE
    page = SimplePagedResultsControl(True, size=page_size, cookie="")
    if paged:
        controls.append(page)
    if DOMAIN_SCOPE in root.controls:
        # Active Directory then answers for this domain only, and sends no references to others (MS-ADTS
        # 3.1.1.3.4.1.2).
        controls.append(RequestControl(DOMAIN_SCOPE, True))

    def request() -> int:
        return int(connection.search_ext(base, scope, filter, list(asked), serverctrls=controls))

    message = request()
    seen_cookies: set[bytes] = set()
    while True:
        _, entries, _, answered, _, _ = connection.result4(message, ldap.MSG_ALL, connection.timeout)
        if not paged:
            yield _without_references(entries)
            return End.WHOLE_ANSWER
        cookie = next((c.cookie for c in answered or () if c.controlType == PAGED_RESULTS), None)
        if cookie is None:
            raise Broken("the server did not say whether more pages follow")
        more = bool(cookie)
        if more:
            if not entries and cookie in seen_cookies:
                raise Broken("the server keeps sending the same empty page")
            seen_cookies = {cookie} if entries else seen_cookies | {cookie}
            page.cookie = cookie
            # Asked for before this page is looked at, so that the server works while we do.
            message = request()
        yield _without_references(entries)
        if not more:
            return End.LAST_PAGE


def _without_references(entries: list[tuple[str | None, Any]]) -> list[tuple[str, Attributes]]:
    for name, urls in entries:
        if name is None:
            raise _Referred(", ".join(map(str, urls)))
    return entries  # type: ignore[return-value]


def _records(
    entries: list[tuple[str, Attributes]], connection: SimpleLDAPObject, spelling: Spelling
) -> list[Record]:
    right = spelling.right
    return [
        _record(
            (
                name,
                found
                if found.keys() <= right
                else spelling.apply(found, partial(rest_of_range, connection, name)),
                "",
                False,
                0,
            )
        )
        for name, found in entries
    ]


_record = partial(tuple.__new__, Record)
"""`Record._make`, at a third of its time: there are two for every object of a run in which nothing changes.
"""


def rest_of_range(connection: SimpleLDAPObject, dn: str, attribute: str, first: int) -> list[bytes]:
    """The values from number `first` to the end, fetched piece by piece."""
    values: list[bytes] = []
    while True:
        wanted = f"{attribute};range={first}-*"
        found = connection.search_ext_s(
            dn, ldap.SCOPE_BASE, "(objectClass=*)", [wanted], timeout=connection.timeout
        )
        entries = [entry for name, entry in found if name is not None]
        match, piece = next(
            (
                (m, v)
                for entry in entries
                for key, v in entry.items()
                if (m := _RANGE.match(key)) and m["name"].lower() == attribute.lower()
            ),
            (None, []),
        )
        if match is None or int(match["first"]) != first or not piece:
            raise Broken(f"the values of {attribute} of {dn} came only up to number {first}")
        values.extend(piece)
        if match["last"] == "*":
            return values
        first = int(match["last"]) + 1


def whole_values(entry: Attributes, rest: Callable[[str, int], list[bytes]]) -> Attributes:
    """All attributes of an entry as the server names them; `rest(name, first)` fetches what a range left
    out.
    """
    result: Attributes = {}
    for written, received in entry.items():
        ranged = _RANGE.match(written) if ";" in written else None
        name = ranged["name"] if ranged else written
        values = (
            received + rest(name, int(ranged["last"]) + 1) if ranged and ranged["last"] != "*" else received
        )
        # Active Directory sends the plain name without values next to the range.
        if values:
            result[name] = result.get(name, []) + values
    return result


class Spelling:
    """Maps attribute names as a server writes them to the names that were asked for.

    Servers answer in their own spelling (case, another of the attribute's names, `;binary`), and send
    subtypes and options that no one asked for.
    """

    def __init__(self, schema: Schema, attributes: Sequence[str]) -> None:
        self._schema = schema
        self._wanted: dict[str, tuple[str, ...]] = {}
        for asked in attributes:
            ranged = _RANGE.match(asked)
            name = ranged["name"] if ranged else asked
            described = schema.described(name)
            self._wanted[described] = (*self._wanted.get(described, ()), name)
        self.asked = list(attributes) or [NO_ATTRIBUTES]
        self.right: set[str] = set()
        """Names that servers write exactly as they were asked for."""
        self._known: dict[str, tuple[str, ...]] = {}

    def apply(self, found: Attributes, rest: Callable[[str, int], list[bytes]]) -> Attributes:
        """The attributes under the names that were asked for; `rest(name, first)` fetches what a range left
        out.
        """
        result: Attributes = {}
        for written, received in found.items():
            ranged = _RANGE.match(written) if ";" in written else None
            names = self._names(ranged["name"] if ranged else written)
            partly = names and ranged and ranged["last"] != "*"
            values = (
                received + rest(ranged["name"], int(ranged["last"]) + 1) if ranged and partly else received
            )
            # Active Directory sends the plain name without values next to the range.
            for name in names if values else ():
                result[name] = result[name] + values if name in result else values
        return result

    def _names(self, written: str) -> tuple[str, ...]:
        if written not in self._known:
            self._known[written] = names = self._wanted.get(self._schema.described(written), ())
            if names == (written,):
                self.right.add(written)
        return self._known[written]


def read_entry(
    pool: SessionPool,
    connection: SimpleLDAPObject,
    dn: str,
    attributes: Sequence[str] = (),
    filter: str = "(objectClass=*)",
    controls: Sequence[RequestControl] = (),
) -> Attributes | None:
    """One object's attributes as the server writes them; None if it is not there. Raises EndpointError."""
    settings = pool.settings
    try:
        found = connection.search_ext_s(
            dn,
            ldap.SCOPE_BASE,
            filter,
            list(attributes) or [NO_ATTRIBUTES],
            serverctrls=list(controls),
            timeout=settings.timeout,
        )
    except (ldap.NO_SUCH_OBJECT, ldap.INVALID_DN_SYNTAX):
        return None
    except ldap.LDAPError as error:
        raise _translated(error, settings.label, dn, settings.login) from None
    return next((entry for name, entry in found if name is not None), None)


def _translated(error: ldap.LDAPError, endpoint: str, base: str, login: str) -> EndpointError:
    if isinstance(error, (*errors.CONNECTION_LOST, *errors.BUSY)):
        return errors.unavailable(error, endpoint)
    return errors.search_error(error, endpoint=endpoint, base=base, login=login)
