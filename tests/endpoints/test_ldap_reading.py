"""Listings of a real directory: complete, or refused as incomplete; nothing is taken for absent that could
not be read.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import ldap
import pytest

from directory_sync.endpoints.contract import Record
from directory_sync.endpoints.ldap.source import LdapSource
from directory_sync.errors import EndpointError, IncompleteListing, MissingObjectError, SchemaError
from tests.scenarios import directories
from tests.scenarios.container import Container
from tests.scenarios.delay_proxy import DelayProxy
from tests.scenarios.slapd import Database, Slapd

SUFFIX = "dc=example,dc=org"
READER = f"uid=reader,ou=people,{SUFFIX}"


def people(count: int) -> str:
    """LDIF of a tree with that many people, and a login that is subject to limits."""
    return directories.tree(SUFFIX, "people") + directories.ldif(
        (
            READER,
            {"objectClass": "inetOrgPerson", "uid": "reader", "cn": "r", "sn": "r", "userPassword": "secret"},
        ),
        *(
            (
                f"uid=u{n},ou=people,{SUFFIX}",
                {"objectClass": "inetOrgPerson", "uid": f"u{n}", "cn": f"c{n}", "sn": "s"},
            )
            for n in range(count)
        ),
    )


def limited(slapd: Slapd, **extra: object) -> LdapSource:
    connection = replace(directories.slapd_connection(slapd, **extra), login=READER, password="secret")
    return directories.source(connection, f"ou=people,{SUFFIX}", filter="(uid=u*)")


def ids(source: LdapSource) -> set[str]:
    return {record.id for batch in source.read([]) for record in batch}


@pytest.mark.parametrize("page_size", [1, 7, 10, 1000])
def test_pages(container: Container, page_size: int) -> None:
    """Every object comes exactly once, whatever the page size; also when the last page is exactly full."""
    expected = {container.add(f"uid=u{n}") for n in range(20)}
    connection = directories.slapd_connection(container.slapd, page_size=page_size)
    source = directories.source(connection, container.dn, filter="(uid=*)")
    found = [record.id for batch in source.read(["uid"]) for record in batch]
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize(("scope", "expected"), [("base", [0]), ("one", [1, 2]), ("subtree", [0, 1, 2, 3])])
def test_scope(container: Container, scope: str, expected: list[int]) -> None:
    """The scope decides how deep is read (RFC 4511, section 4.5.1.2)."""
    unit = container.add("ou=unit", objectClass="organizationalUnit")
    child = container.add("uid=fry")
    grandchild = f"uid=leela,{unit}"
    container.admin.add_s(grandchild, [("objectClass", b"inetOrgPerson"), ("cn", b"l"), ("sn", b"l")])
    names = [container.dn, unit, child, grandchild]
    assert ids(container.source(scope=scope)) == {names[n] for n in expected}


def test_only_requested_fields(container: Container) -> None:
    """Only what was asked for comes back, spelled as it was asked for; absent fields are absent."""
    dn = container.add("uid=fry", mail="fry@example.org", jpegPhoto=b"\xff\xd8\xff\x00")
    found = directories.records(
        container.source(filter="(uid=*)"), "MAIL", "surname", "description", "jpegphoto", "commonName", "cn"
    )
    assert found == {
        dn: {
            "MAIL": [b"fry@example.org"],
            "surname": [b"fry"],
            "commonName": [b"fry"],
            "cn": [b"fry"],
            "jpegphoto": [b"\xff\xd8\xff\x00"],
        }
    }


def test_options(container: Container) -> None:
    """`;binary` is about transfer only; values with a language are another attribute description (RFC 4512,
    section 2.5).
    """
    container.add("uid=fry", **{"cn;lang-de": "Freitag", "cn": "Fry"})
    found = next(iter(directories.records(container.source(filter="(uid=*)"), "cn", "cn;LANG-DE").values()))
    assert found == {"cn": [b"Fry"], "cn;LANG-DE": [b"Freitag"]}


def test_non_ascii_and_binary(container: Container) -> None:
    """Values are octets, and come back as they are."""
    values = {"cn": "Zoë 柴 🤖", "description": " leading and trailing ", "jpegPhoto": bytes(range(256))}
    dn = container.add("uid=z", **values)
    found = directories.records(container.source(filter="(uid=z)"), *values)[dn]
    assert found == {
        name: [value if isinstance(value, bytes) else value.encode()] for name, value in values.items()
    }


def test_size_limit_cuts_the_listing(new_slapd: Callable[..., Slapd]) -> None:
    """A listing that the server cuts short is refused, and the message says what was cut, for whom, and what
    helps.
    """
    slapd = new_slapd(
        Database(SUFFIX, lines=[f'limits dn.exact="{READER}" size.soft=10 size.hard=10 size.prtotal=10']),
        ldif=people(30),
    )
    read = 0
    with pytest.raises(IncompleteListing) as caught:
        for batch in limited(slapd, page_size=5).read(["uid"]):
            read += len(batch)
    assert read <= 10
    text = str(caught.value)
    assert f"size limit for login {READER}" in text
    assert f"ou=people,{SUFFIX}" in text
    assert "Raise the server's size limit" in caught.value.remedy
    assert "secret" not in text


def test_size_limit_that_paging_passes(new_slapd: Callable[..., Slapd]) -> None:
    """A size limit below the number of objects does no harm where the server allows paging past it."""
    slapd = new_slapd(
        Database(
            SUFFIX, lines=[f'limits dn.exact="{READER}" size.soft=10 size.hard=10 size.prtotal=unlimited']
        ),
        ldif=people(30),
    )
    assert len(ids(limited(slapd, page_size=5))) == 30


def test_paging_refused(new_slapd: Callable[..., Slapd]) -> None:
    """A server that disables paging for a login is not taken for an empty one."""
    slapd = new_slapd(
        Database(SUFFIX, lines=[f'limits dn.exact="{READER}" size.prtotal=disabled']), ldif=people(3)
    )
    with pytest.raises(IncompleteListing, match=SUFFIX):
        ids(limited(slapd))


def test_referral_inside(container: Container) -> None:
    """A part that another server holds makes the listing incomplete; the referral is told, not followed."""
    manage = ldap.controls.RequestControl(ldap.CONTROL_MANAGEDSAIT, True)
    dn = f"ou=elsewhere,{container.dn}"
    container.admin.add_ext_s(
        dn,
        [
            ("objectClass", [b"referral", b"extensibleObject"]),
            ("ref", b"ldap://other.example/ou=elsewhere,dc=other"),
        ],
        serverctrls=[manage],
    )
    with pytest.raises(
        IncompleteListing, match=r"held by another server: ldap://other\.example/ou=elsewhere"
    ):
        ids(container.source())
    container.admin.delete_ext_s(dn, serverctrls=[manage])
    assert ids(container.source()) == {container.dn}


def test_referral_as_base(container: Container) -> None:
    """A container that is itself on another server is reported as such."""
    manage = ldap.controls.RequestControl(ldap.CONTROL_MANAGEDSAIT, True)
    dn = f"ou=elsewhere,{container.dn}"
    entry = [("objectClass", [b"referral", b"extensibleObject"]), ("ref", b"ldap://other.example/dc=other")]
    container.admin.add_ext_s(dn, entry, serverctrls=[manage])
    with pytest.raises(IncompleteListing, match="Referrals are not followed"):
        ids(directories.source(directories.slapd_connection(container.slapd), dn))
    container.admin.delete_ext_s(dn, serverctrls=[manage])


def test_connection_lost_between_pages(new_slapd: Callable[..., Slapd]) -> None:
    """A listing that breaks off is not complete."""
    slapd = new_slapd(Database(SUFFIX), ldif=people(50))
    with DelayProxy(slapd.port) as proxy:
        source = directories.source(
            directories.slapd_connection(slapd, port=proxy.port, page_size=10), SUFFIX
        )
        pages = source.read(["uid"])
        next(pages)
        proxy.stop_listening()
        proxy.cut()
        with pytest.raises(IncompleteListing, match=f"while {SUFFIX} was listed"):
            list(pages)


def test_page_that_never_comes(new_slapd: Callable[..., Slapd]) -> None:
    """A server that hangs in the middle of a listing is given up after the timeout."""
    slapd = new_slapd(Database(SUFFIX), ldif=people(50))
    pages = directories.source(directories.slapd_connection(slapd, page_size=5, timeout=0.5), SUFFIX).read(
        ["uid"]
    )
    next(pages)
    slapd.suspend()
    try:
        began = time.monotonic()
        with pytest.raises(IncompleteListing, match="did not send the next page in time"):
            list(pages)
        assert time.monotonic() - began < 5
    finally:
        slapd.resume()


def test_container_that_vanishes(container: Container) -> None:
    """A base that does not exist is an error and never an empty listing; what is there of the way is told."""
    source = directories.source(directories.slapd_connection(container.slapd), f"ou=gone,{container.dn}")
    with pytest.raises(MissingObjectError, match=rf"The nearest that is there: {container.dn}"):
        ids(source)


def test_unreadable_container(new_slapd: Callable[..., Slapd]) -> None:
    """A container that the login may not see is an error and never an empty listing."""
    hidden = [
        (
            f'access to dn.subtree="ou=people,{SUFFIX}" attrs=entry,children,uid by dn.exact="{READER}" none'
            " by *"
            " read"
        ),
        "access to * by * read",
    ]
    slapd = new_slapd(
        Database(SUFFIX, lines=["access to attrs=userPassword by anonymous auth by * read", *hidden]),
        ldif=people(3),
    )
    with pytest.raises(EndpointError, match=f"login {READER}"):
        ids(limited(slapd))


def test_bad_filter(container: Container) -> None:
    """A filter that is none is refused with the place in it."""
    with pytest.raises(EndpointError, match=r"\(uid=x.*character"):
        container.source(filter="(uid=x").check()


def test_abandoned_listing(container: Container) -> None:
    """A listing that nobody reads to its end does not disturb the next one."""
    for n in range(12):
        container.add(f"uid=u{n}")
    source = directories.source(directories.slapd_connection(container.slapd, page_size=3), container.dn)
    for _ in range(3):
        next(iter(source.read([])))
    assert len(ids(source)) == 13
    source.close()
    source.close()


def test_several_listings_at_once(container: Container) -> None:
    """Listings that are read in turns do not mix."""
    for n in range(12):
        container.add(f"uid=u{n}")
    source = directories.source(
        directories.slapd_connection(container.slapd, page_size=3), container.dn, filter="(uid=*)"
    )
    pairs = [(one, other) for one, other in zip(source.read(["uid"]), source.read(["cn"]), strict=True)]
    assert sum(len(one) for one, _ in pairs) == sum(len(other) for _, other in pairs) == 12


def test_index(container: Container) -> None:
    """Index yields everything in the naming context that has the field, or only what is within a
    container.
    """
    dn = container.add("uid=fry", employeeNumber="424242")
    other = directories.creation(
        "uid=leela,ou=people,dc=example,dc=org", cn="l", sn="l", employeeNumber="434343"
    )
    container.admin.add_s(other.object, [(field.field, list(field.new)) for field in other.fields])
    source = container.source()
    everywhere = dict(source.index("employeeNumber", None))
    assert everywhere[dn] == [b"424242"]
    assert everywhere[other.object] == [b"434343"]
    assert dict(source.index("EMPLOYEENUMBER", container.dn)) == {dn: [b"424242"]}
    container.admin.delete_s(other.object)
    with pytest.raises(SchemaError, match="no attribute badge"):
        dict(source.index("badge", None))


HOSTILE = [
    "*",
    "(uid=*)",
    ")(uid=*",
    "a\\2a",
    "\\",
    "a*b",
    "Ω≈ç",
    "\x00zero",
    "a)(|(objectClass=*)",
    " two  spaces ",
]


def test_find_hostile_values(container: Container) -> None:
    """Values are data in filters, whatever they look like; each finds exactly its own object."""
    written = {
        container.add(f"uid=h{n}", description=value.encode()): value for n, value in enumerate(HOSTILE)
    }
    source = container.source()
    for dn, value in written.items():
        assert [record.id for record in source.find("description", [value.encode()], ["uid"])] == [dn], value
    assert list(source.find("description", [b"nobody"], ["uid"])) == []
    assert list(source.find("description", [], ["uid"])) == []


def test_find_many(container: Container) -> None:
    """Few values are asked for in filters, many by one listing; both find the same, by the schema's rule."""
    dns = {n: container.add(f"uid=m{n}", employeeType=f"Type {n}") for n in range(5)}
    source = container.source()
    few = [b"TYPE  1", b"type 3", *(b"none %d" % n for n in range(60))]
    many = [*few, *(b"other %d" % n for n in range(1000))]
    expected = [Record(dns[1], {"uid": [b"m1"]}), Record(dns[3], {"uid": [b"m3"]})]
    assert sorted(source.find("employeeType", few, ["uid"])) == expected
    assert sorted(source.find("employeeType", many, ["uid"])) == expected
    assert [r.values for r in source.find("EMPLOYEETYPE", [b"type 1"], ["employeeType"])] == [
        {"employeeType": [b"Type 1"]}
    ]


def test_selects_like_the_server(container: Container) -> None:
    """What `selects` says of a planned object is what the server's listing would say."""
    container.add("uid=fry", mail="fry@example.org", employeeType="Delivery  Boy")
    container.add("uid=leela", employeeType="captain")
    everything = [
        record
        for batch in container.source().read(["objectClass", "uid", "mail", "employeeType", "cn"])
        for record in batch
    ]
    for filter in (
        "(objectClass=person)",
        "(objectClass=inetOrgPerson)",
        "(&(objectClass=person)(mail=*))",
        "(!(mail=*))",
        "(employeeType=DELIVERY BOY)",
        "(surname=f*)",
        "(0.9.2342.19200300.100.1.1=fry)",
        "(|(uid=leela)(unknown=x))",
        "(!(unknown=x))",
        "(!(unknown=*))",
        "(!(uniqueMember=*))",
        "(cn=*l*a)",
    ):
        source = container.source(filter=filter)
        with closing(source):
            wanted = {record.id for record in everything if source.selects(complete(record))}
            assert wanted == ids(source), filter


def complete(record: Record) -> Record:
    """With sn, which the test's people have the same as cn."""
    return record._replace(
        values={**record.values, **({"sn": record.values["cn"]} if "cn" in record.values else {})}
    )


@pytest.mark.parametrize(
    ("scope", "rdn", "expected"),
    [
        ("subtree", "uid=x,ou=deep,", True),
        ("one", "uid=x,ou=deep,", False),
        ("one", "uid=x,", True),
        ("base", "uid=x,", False),
    ],
)
def test_selects_by_place(container: Container, scope: str, rdn: str, expected: bool) -> None:
    """An object outside the scope is not selected, whatever the filter says."""
    source = container.source(scope=scope)
    assert source.selects(Record(f"{rdn}{container.dn.upper()}", {"objectClass": [b"person"]})) is expected
    assert not source.selects(Record("uid=x,ou=people,dc=example,dc=org", {"objectClass": [b"person"]}))


def test_fixture_of_names(new_slapd: Callable[..., Slapd], testdata: Path) -> None:
    """DNs with commas, plus signs, quotes, Unicode, `#` and several values come back and lead to their
    object.
    """
    text = (testdata / "sevenseas" / "TestFixture.ldif").read_text()
    entries = [
        entry
        for entry in text.split("\n\n")
        if "referral" not in entry and "ipHostNumber" not in entry and "alias" not in entry
    ]
    slapd = new_slapd(Database(SUFFIX), ldif=directories.tree(SUFFIX) + "\n\n".join(entries))
    source = directories.source(directories.slapd_connection(slapd), SUFFIX)
    found = ids(source)
    assert len(found) > 15
    names = source.server.schema.names
    assert len({names.normalise(dn) for dn in found}) == len(found)
    with source.server.pool.session() as connection:
        for dn in found - {SUFFIX}:
            rdn, parent = dn, names.ancestors(names.normalise(dn))[0]
            assert connection.search_s(names.normalise(dn), ldap.SCOPE_BASE, attrlist=["1.1"])[0][0] == dn
            assert names.same(names.moved(rdn, parent), dn)
