"""Pieces of listings that a throwaway server does not send by itself."""

from __future__ import annotations

from unittest.mock import create_autospec

import pytest
from ldap.ldapobject import SimpleLDAPObject

from directory_sync.dn import NameSyntaxError
from directory_sync.endpoints.contract import Record
from directory_sync.endpoints.ldap.connection import Flavour
from directory_sync.endpoints.ldap.flavours.active_directory import ActiveDirectory
from directory_sync.endpoints.ldap.flavours.directory_389 import Directory389
from directory_sync.endpoints.ldap.read import Broken, Spelling, _records, rest_of_range
from directory_sync.endpoints.ldap.root_dse import interpret
from tests.scenarios.schemas import small_schema


def server(values: int, at_once: int) -> SimpleLDAPObject:
    """A connection to a server that sends so many values of `member` at once."""
    connection = create_autospec(SimpleLDAPObject, instance=True)
    connection.timeout = 1

    def search(
        dn: str, _scope: int, _filter: str, attributes: list[str], **_: object
    ) -> list[tuple[str | None, dict[str, list[bytes]]]]:
        first = int(attributes[0].partition("range=")[2].partition("-")[0])
        last = min(first + at_once, values)
        end = "*" if last == values else str(last - 1)
        return [
            (None, {}),
            (dn, {f"member;range={first}-{end}": [b"%d" % n for n in range(first, last)], "member": []}),
        ]

    connection.search_ext_s.side_effect = search
    return connection


def test_ranges_are_read_to_their_end() -> None:
    """A first piece is completed with as many requests as the server wants."""
    connection = server(10, 3)
    spelling = Spelling(small_schema(), ["MEMBER", "cn"])
    found = spelling.apply(
        {"member;range=0-2": [b"0", b"1", b"2"], "member": [], "cn": [b"g"]},
        lambda name, first: rest_of_range(connection, "cn=g", name, first),
    )
    assert found == {"MEMBER": [b"%d" % n for n in range(10)], "cn": [b"g"]}
    assert connection.search_ext_s.call_count == 3


def test_a_record_that_is_made_in_haste_is_whole() -> None:
    """It has every part that a record has: what reads it takes them by their places."""
    spelling = Spelling(small_schema(), ["cn"])
    (record,) = _records([("cn=a", {"cn": [b"a"]})], server(0, 1), spelling)
    assert record == Record("cn=a", {"cn": [b"a"]})
    assert len(record) == len(Record._fields)


@pytest.mark.parametrize(
    "answer",
    [
        [],
        [("cn=g", {})],
        [("cn=g", {"member;range=4-*": [b"x"]})],
        [("cn=g", {"member;range=3-5": []})],
        [(None, ["ldap://x"])],
    ],
)
def test_pieces_that_do_not_fit(answer: list[object]) -> None:
    """A piece that is missing, empty or begins elsewhere makes the listing incomplete."""
    connection = create_autospec(SimpleLDAPObject, instance=True)
    connection.timeout = 1
    connection.search_ext_s.return_value = answer
    with pytest.raises(Broken, match="the values of member of cn=g came only up to number 3"):
        rest_of_range(connection, "cn=g", "member", 3)


def test_attributes_nobody_asked_for() -> None:
    """Subtypes and options that a server adds are left out; an attribute asked for under two names comes
    under both.
    """
    spelling = Spelling(small_schema(), ["sn", "surname", "userCertificate"])
    found = spelling.apply(
        {"sn": [b"s"], "cn": [b"c"], "sn;lang-de": [b"d"], "userCertificate;binary": [b"\x30"]},
        lambda name, first: [],
    )
    assert found == {"sn": [b"s"], "surname": [b"s"], "userCertificate": [b"\x30"]}
    assert Spelling(small_schema(), []).asked == ["1.1"]


def test_root_dse() -> None:
    """Flavours are recognised, a configured one wins; a DN belongs to the deepest naming context above it."""
    entry = {
        "objectClass": [b"top", b"OpenLDAProotDSE"],
        "namingContexts": [b"dc=x", b"ou=y,dc=x", b"", b"not a dn"],
        "supportedControl": [b"1.2.840.113556.1.4.319"],
    }
    root = interpret(entry, Flavour.AUTO)
    assert root.flavour is Flavour.OPENLDAP
    assert isinstance(interpret(entry, Flavour.ACTIVE_DIRECTORY).behaviour, ActiveDirectory)
    capable = {**entry, "supportedCapabilities": [b"1.2.840.113556.1.4.800"]}
    assert isinstance(interpret(capable, Flavour.AUTO).behaviour, ActiveDirectory)
    assert interpret({}, Flavour.AUTO).flavour is Flavour.GENERIC
    assert root.naming_context_of("cn=a, OU = Y,DC=x") == "ou=y,dc=x"
    assert root.naming_context_of("cn=a,ou=z,dc=x") == "dc=x"
    assert root.naming_context_of("DC=X") == "dc=x"
    assert root.naming_context_of(f"cn={'a' * 10_000},dc=x") == "dc=x"
    assert interpret({"namingContexts": [b"dc=x"]}, Flavour.AUTO).naming_context_of("dc=xx") is None
    with pytest.raises(NameSyntaxError):
        root.naming_context_of("nonsense")


@pytest.mark.parametrize(
    ("name", "version", "is_389"),
    [
        (b"389 Project", b"389-Directory/2.3.1 B2025.016.1616", True),
        (b"Fedora Project", b"389-Directory/1.2.11", True),
        (b"389 Project", None, True),
        (b"OpenLDAP 389", None, False),
        (b"Oracle Corporation", b"Oracle-Directory-Server-Enterprise-Edition/11.1.1.7.0", False),
        (None, None, False),
    ],
)
def test_the_vendor_tells_389_directory_server(
    name: bytes | None, version: bytes | None, *, is_389: bool
) -> None:
    """It has no flavour of its own, so that a configured one does not hide it."""
    entry = {"vendorName": [name] if name else [], "vendorVersion": [version] if version else []}
    for flavour in (Flavour.AUTO, Flavour.GENERIC):
        assert isinstance(interpret(entry, flavour).behaviour, Directory389) is is_389
