"""Looks at a directory: its tree, schema, records and fields, within bounds, and without passwords."""

from __future__ import annotations

import base64
import socket
from collections.abc import Callable, Iterator
from typing import Any

import ldap
import pytest
from ldap.controls.simple import ManageDSAITControl

from directory_sync.errors import EndpointError, LookError, MissingObjectError, SchemaError
from directory_sync.looking import answering, bounds, directory, directory_records
from directory_sync.looking.answers import (
    ANSWER,
    Counted,
    FieldFacts,
    Fields,
    Level,
    Records,
    SchemaFacts,
    ServerFacts,
)
from directory_sync.looking.bounds import Cut
from tests.scenarios import directories
from tests.scenarios.container import Container
from tests.scenarios.looks import given, question
from tests.scenarios.slapd import Database, Slapd

SECRET = "never-to-be-seen"


def look(slapd: Slapd, kind: str, seconds: float = 10, only: tuple[str, ...] = (), **asked: Any) -> Any:
    """What is found; no look ever holds a password."""
    connection = directories.slapd_connection(slapd)
    found = answering.answer(question(kind, **asked), given(connection, classes=only), seconds)
    told = ANSWER.dump_json(found)
    assert SECRET.encode() not in told
    assert slapd.password.encode() not in told
    return found


@pytest.fixture(scope="module")
def big() -> Iterator[Slapd]:
    """100,000 people, half of them in 5,000 containers."""
    suffix = "dc=big,dc=org"
    with Slapd(suffix) as slapd:
        slapd.stop()
        parts = [directories.tree(suffix, "people", "sites")]
        for number in range(5_000):
            name = f"site {number:04d}"
            parts.append(f"dn: ou={name},ou=sites,{suffix}\nobjectClass: organizationalUnit\nou: {name}\n")
        for number in range(100_000):
            above = "ou=people" if number % 2 else f"ou=site {number % 5_000:04d},ou=sites"
            parts.append(
                f"dn: uid=u{number},{above},{suffix}\nobjectClass: inetOrgPerson\nuid: u{number}\n"
                f"cn: Person {number}\nsn: P\nuserPassword: {SECRET}\n"
            )
        slapd.load("\n".join(parts))
        slapd.start()
        yield slapd


def people(container: Container, *entries: dict[str, Any]) -> None:
    for number, values in enumerate(entries):
        attributes = {"objectClass": "inetOrgPerson", "cn": f"p{number}", "sn": "x", **values}
        container.admin.add_s(
            f"cn=p{number},{container.dn}",
            [(name, list(directories.as_bytes(held))) for name, held in attributes.items()],
        )


def fields_of(found: Fields) -> dict[str, FieldFacts]:
    return {each.facts.name: each for each in found.fields}


# -- the server, its tree, its schema ------------------------------------------------------------------------


def test_a_test_tells_what_the_server_is(shared_slapd: Slapd) -> None:
    """Address, login, flavour, naming contexts, and what is unsafe."""
    found = look(shared_slapd, "test", connection="lab")
    assert isinstance(found, ServerFacts)
    assert (found.login, found.flavour) == (shared_slapd.admin, "openldap")
    assert set(found.contexts) == {"dc=example,dc=org", "dc=branch,dc=org"}
    assert "security is none" in found.warnings[0]


def test_the_tree_opens_level_by_level_with_counts(shared_slapd: Slapd, container: Container) -> None:
    """What holds others and is made for that; counts are of everything below, the container not counted."""
    admin = container.admin
    for unit in ("one", "two,with comma"):
        dn = f"ou={unit.replace(',', chr(92) + ',')},{container.dn}"
        admin.add_s(dn, [("objectClass", b"organizationalUnit"), ("ou", unit.encode())])
        admin.add_s(f"ou=deep,{dn}", [("objectClass", b"organizationalUnit")])
        admin.add_s(f"cn=p,ou=deep,{dn}", [("objectClass", b"person"), ("sn", b"x")])
    people(container, {})
    top = look(shared_slapd, "containers", connection="lab")
    assert isinstance(top, Level)
    assert {each.dn for each in top.containers} == {"dc=example,dc=org", "dc=branch,dc=org"}
    level = look(shared_slapd, "containers", connection="lab", under=container.dn)
    assert [each.name for each in level.containers] == ["ou=one", "ou=two\\2Cwith comma"]
    counted = look(shared_slapd, "counts", connection="lab", under=container.dn.upper())
    assert isinstance(counted, Counted)
    assert counted.cut is Cut.NONE
    assert counted.total == 7
    assert sorted(counted.counts.values()) == [2, 2]
    assert {each.dn for each in level.containers} == set(counted.counts)


@pytest.mark.parametrize("named", ["on", "*", "\\", ")(objectClass=*", "(", "\x00", "é"])
def test_containers_are_found_by_a_part_of_their_names(
    shared_slapd: Slapd, container: Container, named: str
) -> None:
    """What is typed is a text, never a part of the filter."""
    container.admin.add_s(f"ou=one,{container.dn}", [("objectClass", b"organizationalUnit")])
    level = look(shared_slapd, "containers", connection="lab", under=container.dn, named=named)
    assert [each.name for each in level.containers] == (["ou=one"] if named == "on" else [])


@pytest.mark.parametrize(
    "dn",
    [
        "nonsense",
        "ou=a\x00b,dc=example,dc=org",
        "cn=config",
        "cn=subschema",
        "dc=org",
        "ou=" + "x" * 7_000,
        ",,",
    ],
)
def test_what_is_no_container_of_the_server_is_told(shared_slapd: Slapd, dn: str) -> None:
    """No look leaves the naming contexts, and none breaks at a name."""
    for kind in ("containers", "counts"):
        with pytest.raises(MissingObjectError) as caught:
            look(shared_slapd, kind, connection="lab", under=dn)
        assert caught.value.remedy
    with pytest.raises(MissingObjectError):
        look(shared_slapd, "records", source={"connection": "lab", "container": dn})


def test_a_container_that_is_gone_is_told(shared_slapd: Slapd, container: Container) -> None:
    """With the nearest that is there."""
    with pytest.raises(MissingObjectError, match="The nearest that is there"):
        look(shared_slapd, "counts", connection="lab", under=f"ou=gone,{container.dn}")


def test_the_schema_says_what_classes_take(shared_slapd: Slapd) -> None:
    """Type, one value or several, what must be given; passwords are marked."""
    found = look(shared_slapd, "schema", connection="lab", classes=["inetOrgPerson"])
    assert isinstance(found, SchemaFacts)
    assert "inetOrgPerson" in found.classes
    facts = {each.name: each for each in found.attributes}
    assert facts["cn"].mandatory
    assert facts["sn"].mandatory
    assert not facts["mail"].mandatory
    assert facts["preferredLanguage"].single
    assert facts["manager"].holds == "reference"
    assert facts["jpegPhoto"].holds == "binary"
    assert facts["userPassword"].secret
    assert "gidNumber" not in facts
    whole = look(shared_slapd, "schema", connection="lab")
    assert {"gidNumber", "cn"} <= {each.name for each in whole.attributes}
    assert next(each for each in whole.attributes if each.name == "gidNumber").holds == "number"
    with pytest.raises(SchemaError):
        look(shared_slapd, "schema", connection="lab", classes=["noSuchClass"])


# -- records and fields --------------------------------------------------------------------------------------


def test_the_first_records_and_their_number(shared_slapd: Slapd, container: Container) -> None:
    """As the filter selects them; long, binary and many values are cut, passwords are absent."""
    people(
        container,
        {
            "userPassword": SECRET,
            "description": "é" * 500,
            "jpegPhoto": b"\xff\xd8\xff" * 10,
            "telephoneNumber": [f"+49 {number}" for number in range(9)],
            "title": "<script>\u202e",
        },
        {},
        {"employeeNumber": "7"},
    )
    place = {"connection": "lab", "container": container.dn, "filter": "(objectClass=person)"}
    found = look(shared_slapd, "records", source=place, most=2)
    assert isinstance(found, Records)
    assert (found.count, found.cut, len(found.records)) == (3, Cut.NONE, 2)
    assert found.hidden == ("userPassword",)
    first = found.records[0]
    assert "userPassword" not in first.values
    assert first.values["description"][0].cut
    assert first.values["description"][0].size == 1_000
    assert first.values["jpegPhoto"][0].binary
    assert (len(first.values["telephoneNumber"]), first.more) == (5, ("telephoneNumber",))
    assert first.values["title"][0].text == "<script>\u202e"
    none = look(shared_slapd, "records", source={**place, "filter": "(employeeNumber=8)"})
    assert (none.count, none.records) == (0, ())
    base = look(shared_slapd, "records", source={**place, "filter": "(objectClass=*)", "scope": "base"})
    assert (base.count, base.records[0].id) == (1, container.dn)


def test_fields_with_samples_and_how_many_are_filled(shared_slapd: Slapd, container: Container) -> None:
    """What the type of objects may have is there too, and what it must have comes first."""
    people(
        container,
        *({"mail": f"p{number}@example.org", "userPassword": SECRET} for number in range(5)),
        {"employeeNumber": "1"},
    )
    place = {"connection": "lab", "container": container.dn, "scope": "one"}
    found = look(shared_slapd, "fields", source=place, object="user", secret=["employeenumber"])
    assert isinstance(found, Fields)
    assert found.sampled == 6
    assert [each.facts.name for each in found.fields][:2] == ["cn", "sn"]
    fields = fields_of(found)
    assert (fields["mail"].filled, len(fields["mail"].samples)) == (5, 3)
    assert [value.text for value in fields["sn"].samples] == ["x"]
    assert (fields["userPassword"].filled, fields["userPassword"].samples) == (5, ())
    assert (fields["employeeNumber"].facts.secret, fields["employeeNumber"].samples) == (True, ())
    assert fields["roomNumber"].filled == 0


def test_an_empty_destination_still_has_the_fields_of_its_objects(
    shared_slapd: Slapd, container: Container
) -> None:
    """They are mapped before there is anything."""
    place = {"connection": "lab", "container": container.dn, "filter": "(objectClass=inetOrgPerson)"}
    found = look(shared_slapd, "fields", destination=place, object="inetOrgPerson")
    assert found.sampled == 0
    assert fields_of(found)["cn"].facts.mandatory
    computed = {"connection": "lab", "container": {"field": "place"}}
    with pytest.raises(LookError, match="Fill in the base"):
        look(shared_slapd, "records", destination=computed)
    with pytest.raises(LookError, match="either"):
        look(shared_slapd, "records")


@pytest.mark.parametrize(
    "filter",
    [
        "(userPassword=a*)",
        "(&(cn=*)(|(sn=x)(userpassword;lang-de=a)))",
        "(2.5.4.35=a)",
        "(:octetStringMatch:=a)",
        "(:dn:caseExactMatch:=a)",
        "(employeeNumber>=5)",
    ],
)
def test_no_filter_asks_about_a_secret(shared_slapd: Slapd, container: Container, filter: str) -> None:
    """How many objects match would tell it, character by character."""
    place = {"connection": "lab", "container": container.dn, "filter": filter}
    for kind in ("records", "fields"):
        with pytest.raises(EndpointError, match="would tell a secret"):
            look(shared_slapd, kind, source=place, secret=["employeeNumber"])


@pytest.mark.parametrize(
    "filter", ["(cn=", "cn=a)(", "(nope=1)", "(objectClass=nope)", "(cn=a\x00b)", "()" * 99]
)
def test_a_wrong_filter_is_told(shared_slapd: Slapd, container: Container, filter: str) -> None:
    """With a remedy, and in an error of the endpoint."""
    with pytest.raises(EndpointError) as caught:
        look(
            shared_slapd, "records", source={"connection": "lab", "container": container.dn, "filter": filter}
        )
    assert caught.value.remedy


def test_only_objects_of_allowed_types_are_seen(shared_slapd: Slapd, container: Container) -> None:
    """Where the rules of connections name object types for a destination; only these are counted, too."""
    people(container, {})
    unit = f"ou=Unit,{container.dn}"
    container.admin.add_s(unit, [("objectClass", b"organizationalUnit")])
    container.admin.add_s(f"cn=g,{unit}", [("objectClass", b"groupOfNames"), ("member", unit.encode())])
    counted = look(
        shared_slapd,
        "counts",
        connection="lab",
        side="destination",
        under=container.dn,
        only=("group", "groupOfNames"),
    )
    assert (counted.total, counted.counts) == (1, {unit: 1})
    container.admin.delete_s(f"cn=g,{unit}")
    container.admin.delete_s(unit)
    place = {"connection": "lab", "container": container.dn}
    assert look(shared_slapd, "records", destination=place).count == 2
    found = look(shared_slapd, "records", destination=place, only=("user", "inetOrgPerson"))
    assert [each.id for each in found.records] == [f"cn=p0,{container.dn}"]
    assert "(objectClass=inetOrgPerson)" in found.filter
    assert look(shared_slapd, "records", destination=place, only=("noObjectIsAllowed",)).count == 0


def test_no_other_server_is_asked(shared_slapd: Slapd, container: Container) -> None:
    """A referral would take the login's password wherever the directory's data say."""
    people(container, {})
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        url = f"ldap://127.0.0.1:{elsewhere.getsockname()[1]}/{container.dn}"
        away = f"cn=away,{container.dn}"
        container.admin.set_option(ldap.OPT_REFERRALS, 0)
        container.admin.add_s(
            away,
            [("objectClass", [b"referral", b"extensibleObject"]), ("cn", b"away"), ("ref", url.encode())],
        )
        place = {"connection": "lab", "container": container.dn}
        assert look(shared_slapd, "records", source=place).count == 2
        assert look(shared_slapd, "counts", connection="lab", under=container.dn).total == 1
        assert look(shared_slapd, "fields", source=place).sampled == 2
        assert look(shared_slapd, "containers", connection="lab", under=container.dn).containers == ()
        for kind, asked in (
            ("records", {"source": {**place, "container": away}}),
            ("counts", {"connection": "lab", "under": f"ou=x,{away}"}),
            ("containers", {"connection": "lab", "under": away}),
        ):
            with pytest.raises(EndpointError):
                look(shared_slapd, kind, **asked)
        elsewhere.settimeout(0.05)
        with pytest.raises(TimeoutError):
            elsewhere.accept()
        container.admin.delete_ext_s(away, serverctrls=[ManageDSAITControl()])


def test_huge_values_are_cut(new_slapd: Callable[..., Slapd]) -> None:
    """Their size is told."""
    suffix = "dc=large,dc=org"
    text = base64.b64encode(b"\xc3\xa9" * 5_000_000).decode()
    entry = (
        f"\ndn: cn=large,ou=people,{suffix}\nobjectClass: inetOrgPerson\ncn: large\nsn: x\n"
        f"description:: {text}\njpegPhoto:: {text}\nuserPassword: {SECRET}\n"
    )
    ldif = f"{directories.tree(suffix, 'people')}\n{entry}"
    slapd = new_slapd(suffix, ldif=ldif)
    place = {"connection": "lab", "container": f"ou=people,{suffix}", "scope": "one"}
    (record,) = look(slapd, "records", source=place).records
    shown = record.values["description"][0]
    assert (shown.size, shown.cut, len(shown.text)) == (10_000_000, True, bounds.CHARACTERS)
    assert (record.values["jpegPhoto"][0].size, record.values["jpegPhoto"][0].text) == (10_000_000, "")
    (sample,) = fields_of(look(slapd, "fields", source=place))["description"].samples
    assert (sample.size, sample.cut) == (10_000_000, True)


# -- large directories, limits -------------------------------------------------------------------------------


def test_a_huge_directory_is_looked_at_within_bounds(big: Slapd) -> None:
    """100,000 entries in one listing, 5,000 containers of which the first are shown, 1,000 sampled."""
    level = look(big, "containers", connection="lab", under=f"ou=sites,{big.suffix}")
    assert (len(level.containers), level.cut) == (bounds.MOST_CONTAINERS, Cut.MOST)
    narrowed = look(big, "containers", connection="lab", under=f"ou=sites,{big.suffix}", named="e 499")
    assert (len(narrowed.containers), narrowed.cut) == (10, Cut.NONE)
    counted = look(big, "counts", connection="lab", under=big.suffix)
    assert (counted.total, counted.cut) == (105_002, Cut.NONE)
    assert counted.counts == {f"ou=people,{big.suffix}": 50_000, f"ou=sites,{big.suffix}": 55_000}
    place = {"connection": "lab", "container": f"ou=people,{big.suffix}", "scope": "one"}
    records = look(big, "records", source=place)
    assert (records.count, len(records.records)) == (50_000, 20)
    fields = look(big, "fields", source=place)
    assert (fields.sampled, fields.cut) == (bounds.MOST_SAMPLED, Cut.MOST)


def test_what_takes_too_long_ends_with_what_was_seen(big: Slapd) -> None:
    """Numbers are then the least that there are."""
    counted = look(big, "counts", connection="lab", under=big.suffix, seconds=0.05)
    assert counted.cut is Cut.TIME
    assert 0 < counted.total < 105_002
    place = {"connection": "lab", "container": f"ou=people,{big.suffix}", "scope": "one"}
    assert look(big, "records", source=place, seconds=0.05).cut is Cut.TIME


def test_more_than_is_counted_is_said(big: Slapd, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory may have millions."""
    monkeypatch.setattr(directory, "MOST_COUNTED", 1_000)
    monkeypatch.setattr(directory_records, "MOST_COUNTED", 1_000)
    counted = look(big, "counts", connection="lab", under=big.suffix)
    assert (counted.total, counted.cut) == (999, Cut.MOST)  # and the container itself
    place = {"connection": "lab", "container": f"ou=people,{big.suffix}"}
    records = look(big, "records", source=place)
    assert (records.count, records.cut) == (1_000, Cut.MOST)


def test_a_limit_of_the_server_is_said(new_slapd: Callable[..., Slapd]) -> None:
    """The look shows what it was given."""
    suffix = "dc=tight,dc=org"
    reader = f"cn=reader,{suffix}"
    lines = [f'limits dn.exact="{reader}" size=10', "access to * by * read by anonymous auth"]
    people = "".join(
        f"\ndn: cn=p{number},ou=people,{suffix}\nobjectClass: person\nsn: x\ncn: p{number}\n"
        for number in range(50)
    )
    login = f"\ndn: {reader}\nobjectClass: person\ncn: reader\nsn: x\nuserPassword: reading\n"
    slapd = new_slapd(
        Database(suffix, lines=lines), ldif=directories.tree(suffix, "people") + "\n" + people + login
    )
    slapd.admin, slapd.password = reader, "reading"
    place = {"connection": "lab", "container": f"ou=people,{suffix}"}
    records = look(slapd, "records", source=place, most=5)
    assert (records.cut, len(records.records)) == (Cut.SERVER, 5)
    assert 5 <= records.count <= 10
    counted = look(slapd, "counts", connection="lab", under=suffix)
    assert counted.cut is Cut.SERVER


def test_five_hundred_attributes_are_listed(new_slapd: Callable[..., Slapd], tmp_path: Any) -> None:
    """A record may have all of them."""
    schema = tmp_path / "many.schema"
    names = [f"many{number}" for number in range(500)]
    lines = [
        f"attributetype ( 1.3.6.1.4.1.99999.1.{number} NAME '{name}' EQUALITY caseIgnoreMatch"
        " SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )"
        for number, name in enumerate(names)
    ]
    schema.write_text("\n".join(lines) + "\n", encoding="utf-8")
    suffix = "dc=many,dc=org"
    entry = f"\ndn: cn=all,ou=people,{suffix}\nobjectClass: person\nobjectClass: extensibleObject\n"
    entry += "sn: x\ncn: all\n"
    entry += "".join(f"{name}: value of {name}\n" for name in names)
    slapd = new_slapd(suffix, schemas=[schema], ldif=directories.tree(suffix, "people") + "\n" + entry)
    place = {"connection": "lab", "container": f"ou=people,{suffix}", "scope": "one"}
    fields = fields_of(look(slapd, "fields", source=place))
    assert {name for name in names if fields[name].filled == 1} == set(names)
    assert fields["many499"].samples[0].text == "value of many499"
    assert len(look(slapd, "records", source=place).records[0].values) > 500
