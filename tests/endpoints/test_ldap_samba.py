"""Active Directory (a Samba domain controller): what it does in its own way."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import ldap
import pytest
from ldap.ldapobject import SimpleLDAPObject

from directory_sync.endpoints.change import Action, Change, FieldChange, Result
from directory_sync.endpoints.contract import ConnectionInfo, Record
from directory_sync.endpoints.ldap import read, session
from directory_sync.endpoints.ldap.connection import Flavour
from directory_sync.endpoints.ldap.destination import LdapDestination
from directory_sync.errors import AuthenticationError, EndpointError, SecurityError
from tests.scenarios import directories
from tests.scenarios.certificates import Authority
from tests.scenarios.directories import Values, creation, deletion, records, update, write, write_one
from tests.scenarios.samba import Samba

_numbers = itertools.count()


@pytest.fixture
def connection(samba: Samba, authority: Authority) -> ConnectionInfo:
    """The administrator's connection, over LDAPS with the right authority."""
    return ConnectionInfo(
        "corp",
        "ldap",
        samba.address,
        None,
        samba.admin,
        samba.password,
        extra={"ca_certificate": str(authority.ca)},
    )


@pytest.fixture
def admin(connection: ConnectionInfo) -> Iterator[SimpleLDAPObject]:
    """A session to change the domain behind the endpoint's back."""
    opened = session.connect(directories.source(connection, "DC=corp,DC=example").settings)
    yield opened
    opened.unbind_s()


@pytest.fixture
def unit(admin: SimpleLDAPObject, samba: Samba) -> str:
    """DN of a fresh organizational unit."""
    dn = f"OU=Test{next(_numbers)},{samba.suffix}"
    admin.add_s(dn, [("objectClass", b"organizationalUnit")])
    return dn


@pytest.fixture
def endpoint(connection: ConnectionInfo, unit: str) -> Iterator[LdapDestination]:
    """A destination for the fresh unit."""
    with closing(directories.destination(connection, unit)) as opened:
        yield opened


def user(endpoint: LdapDestination, name: str, unit: str, **attributes: Values) -> Change:
    account = f"{name}{next(_numbers)}"
    dn = endpoint.names.new("CN", {"cn": [name.encode()]}, unit)
    return creation(
        dn, objectClass=endpoint.objects.classes("user"), cn=name, sAMAccountName=account, **attributes
    )


def identity(endpoint: LdapDestination, dn: str) -> bytes:
    (found,) = (values for name, values in records(endpoint, "objectGUID").items() if name == dn)
    return found["objectGUID"][0]


def test_what_the_server_says(endpoint: LdapDestination) -> None:
    """The flavour, the identity and the schema come from the server."""
    endpoint.check()
    assert endpoint.server.root.flavour is Flavour.ACTIVE_DIRECTORY
    assert endpoint.identity_field == "objectGUID"
    assert endpoint.objects.classes("group") == ("top", "group")
    assert endpoint.objects.mandatory(endpoint.objects.classes("user")) == {"cn"}
    allowed = endpoint.objects.allowed(endpoint.objects.classes("user"))
    assert allowed is not None
    assert {"mail", "samaccountname", "uidnumber"} <= allowed
    assert "member" not in allowed


@pytest.mark.parametrize(
    ("name", "same", "other"),
    [
        ("sAMAccountName", b"FRY", b"leela"),
        ("member", b"cn=fry , DC=corp", b"cn=leela,dc=corp"),
        ("userAccountControl", b"0512", b"514"),
    ],
)
def test_rules_by_syntax(endpoint: LdapDestination, name: str, same: bytes, other: bytes) -> None:
    """Without matching rules in the schema the syntax decides what is equal (MS-ADTS 3.1.1.2.2.2)."""
    rule = endpoint.rule(name)
    assert rule is not None
    values = {"sAMAccountName": b"fry", "member": b"CN=Fry,dc=corp", "userAccountControl": b"512"}
    assert rule.normalise(values[name]) == rule.normalise(same) != rule.normalise(other)
    assert rule.equality
    for server_only in ("objectGUID", "objectSid", "whenCreated", "memberOf"):
        own = endpoint.rule(server_only)
        assert own is not None
        assert not own.writable


def test_life_of_a_user(endpoint: LdapDestination, unit: str, admin: SimpleLDAPObject) -> None:
    """Create, update, rename across units, delete: memberships follow, and the object stays the same one."""
    left = f"OU=Left,{unit}"
    fry = user(endpoint, "Philip J. Fry", unit, mail="fry@x", description='Ärger, "quoted" + plus')
    group_dn = f"CN=Crew,{unit}"
    group = creation(
        group_dn,
        objectClass=endpoint.objects.classes("group"),
        cn="Crew",
        member=fry.object,
        after=[fry.object],
    )
    outcomes = write(endpoint, [creation(left, objectClass="organizationalUnit"), fry, group])
    assert [outcome.result for outcome in outcomes] == [Result.DONE] * 3
    guid = identity(endpoint, fry.object)
    new = f"CN=Fry\\, Philip,{left}"
    change = update(
        fry.object,
        {"cn": ("Philip J. Fry", "Fry, Philip"), "mail": ("fry@x", "philip@x"), "title": ([], "Boy")},
        identity=guid,
        new_object=new,
    )
    assert write_one(endpoint, change).result is Result.DONE
    assert write_one(endpoint, change).result is Result.FOUND_DONE
    assert identity(endpoint, new) == guid
    assert records(endpoint, "member")[group_dn] == {"member": [new.encode()]}
    assert (
        write_one(endpoint, deletion(Record(new, {"mail": [b"philip@x"]}), identity=guid)).result
        is Result.DONE
    )
    assert "member" not in admin.search_s(group_dn, ldap.SCOPE_BASE, attrlist=["member"])[0][1]


def test_members(endpoint: LdapDestination, unit: str) -> None:
    """Members come and go one by one; one that does not exist is named."""
    users = [user(endpoint, name, unit) for name in ("a", "b", "c")]
    group = creation(
        f"CN=G,{unit}",
        objectClass=endpoint.objects.classes("group"),
        cn="G",
        member=[users[0].object, users[1].object],
    )
    write(endpoint, [*users, group])

    def change(old: list[str], new: list[str]) -> Change:
        fields = (FieldChange("member", directories.as_bytes(old), directories.as_bytes(new), partial=True),)
        return Change(Action.UPDATE, "G", group.object, fields=fields)

    assert write_one(endpoint, change([users[0].object], [users[2].object])).result is Result.DONE
    assert sorted(records(endpoint, "member")[group.object]["member"]) == sorted(
        [users[1].object.encode(), users[2].object.encode()]
    )
    assert write_one(endpoint, change([users[0].object], [users[2].object])).result is Result.FOUND_DONE
    outcome = write_one(endpoint, change([], [f"CN=nobody,{unit}"]))
    assert (outcome.result, "member: a value names an object that does not exist" in outcome.message) == (
        Result.FAILED,
        True,
    )


def test_ranges(
    connection: ConnectionInfo, endpoint: LdapDestination, unit: str, admin: SimpleLDAPObject
) -> None:
    """A many-valued attribute that comes in pieces is read to its end."""
    users = [user(endpoint, f"m{n}", unit) for n in range(23)]
    group = creation(
        f"CN=G,{unit}",
        objectClass=endpoint.objects.classes("group"),
        cn="G",
        member=[change.object for change in users],
    )
    write(endpoint, [*users, group])
    # Samba sends pieces only when asked for them; Active Directory does so by itself from 1,500 values on.
    with closing(directories.source(connection, unit, filter="(cn=G)")) as source:
        found = [record for batch in source.read(["member;range=0-6", "cn"]) for record in batch]
    assert found == [Record(group.object, {"cn": [b"G"], "member": found[0].values["member"]})]
    assert sorted(found[0].values["member"]) == sorted(change.object.encode() for change in users)
    rest = read.rest_of_range(admin, group.object, "member", 20)
    assert len(rest) == 3


def test_changed_in_between(endpoint: LdapDestination, unit: str, admin: SimpleLDAPObject) -> None:
    """Active Directory has no assertions, so objects are looked at before they are changed: nothing unseen is
    overwritten.
    """
    fry = user(endpoint, "Fry", unit, description=["one", "two"], title="Boy")
    assert write_one(endpoint, fry).result is Result.DONE
    guid = identity(endpoint, fry.object)
    before = admin.search_s(fry.object, ldap.SCOPE_BASE)[0][1]
    changes = [
        update(fry.object, {"title": ("Captain", "Admiral")}, identity=guid),
        update(fry.object, {"description": ([], "three")}, identity=guid),
        update(fry.object, {"title": ("Boy", "x")}, identity=bytes(16)),
        deletion(Record(fry.object, {"title": [b"Boy"], "description": [b"one"]}), identity=guid),
        user(endpoint, "Fry", unit, title="Captain")._replace(key="again"),
    ]
    for change in changes:
        outcome = write_one(endpoint, change)
        assert outcome.result is Result.CONFLICT, outcome
    # The object that is meant is nowhere, and another has its name: there is nothing left to delete, and that
    # one stays.
    gone = deletion(Record(fry.object, {"title": [b"Boy"]}), identity=bytes(16))
    assert write_one(endpoint, gone).result is Result.FOUND_DONE
    assert admin.search_s(fry.object, ldap.SCOPE_BASE)[0][1] == before
    admin.rename_s(fry.object, "CN=Philip", None)
    outcome = write_one(endpoint, update(fry.object, {"title": ("Boy", "x")}, identity=guid))
    assert (outcome.result, f"it is now CN=Philip,{unit}" in outcome.message) == (Result.CONFLICT, True)


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"badge": "1"}, "badge: the directory's schema has no such attribute"),
        ({"countryCode": "abc"}, "countryCode: a value does not have the form"),
        ({"c": "GERMANY"}, "c: a value"),
        ({"displayName": ["a", "b"]}, "displayName: the attribute holds only one value"),
        ({"manager": "CN=nobody,DC=corp,DC=example"}, "manager: a value names an object that does not exist"),
    ],
)
def test_refused(endpoint: LdapDestination, unit: str, attributes: dict[str, Values], words: str) -> None:
    """What Active Directory refuses is told in the same words as for other servers, whatever result code it
    uses.
    """
    change = user(endpoint, "Fry", unit, **attributes)
    outcome = write_one(endpoint, change)
    assert outcome.result is Result.FAILED
    assert (
        f"connection corp (ldaps://{endpoint.settings.host}:636): {change.object}: {words}" in outcome.message
    )


def test_system_attribute(endpoint: LdapDestination, unit: str) -> None:
    """What only the server sets is told as such."""
    fry = user(endpoint, "Fry", unit)
    assert write_one(endpoint, fry).result is Result.DONE
    change = Change(
        Action.UPDATE, "f", fry.object, fields=(FieldChange("sAMAccountType", (b"805306368",), (b"1",)),)
    )
    outcome = write_one(endpoint, change)
    assert outcome.result is Result.FAILED
    assert "sAMAccountType: only the server itself sets this attribute" in outcome.message


def test_names_are_exchanged(endpoint: LdapDestination, unit: str, admin: SimpleLDAPObject) -> None:
    """Three users go round by way of a temporary name; a group and a manager mean the same people
    afterwards.
    """
    users = [user(endpoint, name, unit) for name in ("A", "B", "C", "D")]
    assert {outcome.result for outcome in write(endpoint, users)} == {Result.DONE}
    dns = [change.object for change in users[:3]]
    group = creation(f"CN=G,{unit}", objectClass=endpoint.objects.classes("group"), cn="G", member=[dns[0]])
    boss = update(users[3].object, {"manager": ([], dns[0])})
    assert {outcome.result for outcome in write(endpoint, [group, boss])} == {Result.DONE}
    before = {dn: identity(endpoint, dn) for dn in dns}
    changes = []
    for number, dn in enumerate(dns):
        then = dns[(number + 1) % 3]
        old, new = (each.partition(",")[0][3:] for each in (dn, then))
        changes.append(
            update(dn, {"cn": (old, new), "title": ([], old)}, new_object=then, identity=before[dn])
        )
    via = endpoint.names.temporary(dns[0], before[dns[0]], 0)
    outcomes = write(endpoint, [changes[0]._replace(via=via), *reversed(changes[1:])])
    assert [outcome.message for outcome in outcomes] == [""] * 3
    for number, dn in enumerate(dns):
        then = dns[(number + 1) % 3]
        assert identity(endpoint, then) == before[dn]
        assert records(endpoint, "title")[then]["title"] == [dn.partition(",")[0][3:].encode()]
    assert records(endpoint, "member")[group.object]["member"] == [dns[1].encode()]
    assert records(endpoint, "manager")[users[3].object]["manager"] == [dns[1].encode()]


def test_account_name_in_use(endpoint: LdapDestination, unit: str) -> None:
    """An account name that another object has is not taken for an object of the same name."""
    fry = user(endpoint, "Fry", unit)
    clash = user(endpoint, "Other", unit)._replace(fields=fry.fields[:1] + fry.fields[2:])
    clash = clash._replace(fields=(*clash.fields, FieldChange("cn", (), (b"Other",))))
    outcomes = write(endpoint, [fry])
    outcomes += write(endpoint, [clash])
    assert [outcome.result for outcome in outcomes] == [Result.DONE, Result.FAILED]
    assert (
        f"{fry.object} has the same sAMAccountName, and the directory lets only one object have it"
        in outcomes[1].message
    )


def test_container_that_is_not_empty(endpoint: LdapDestination, unit: str) -> None:
    """A container with children is not deleted, and the message says why."""
    inner = f"OU=Inner,{unit}"
    write(endpoint, [creation(inner, objectClass="organizationalUnit"), user(endpoint, "Fry", inner)])
    outcome = write_one(endpoint, deletion(Record(inner, {})))
    assert (outcome.result, "there are objects below it" in outcome.message) == (Result.FAILED, True)


def test_insufficient_access(endpoint: LdapDestination, unit: str, connection: ConnectionInfo) -> None:
    """A login that may not write: the message says which right is missing."""
    secret = '"Geheim#2024x"'
    account = user(endpoint, "weak", unit, unicodePwd=secret.encode("utf-16-le"), userAccountControl="512")
    assert write_one(endpoint, account).result is Result.DONE
    (name,) = next(field.new for field in account.fields if field.field == "sAMAccountName")
    weak = replace(connection, login=f"{name.decode()}@corp.example", password="Geheim#2024x")
    with closing(directories.destination(weak, unit)) as limited:
        for change in (
            user(limited, "x", unit),
            update(account.object, {"userAccountControl": ("512", "514")}),
        ):
            outcome = write_one(limited, change)
            assert outcome.result is Result.FAILED
            assert "the login may not do this" in outcome.message


def test_weak_password(endpoint: LdapDestination, unit: str) -> None:
    """A password that breaks the domain's rules is told as such, without the password."""
    outcome = write_one(endpoint, user(endpoint, "Fry", unit, unicodePwd='"abc"'.encode("utf-16-le")))
    assert outcome.result is Result.FAILED
    assert "unicodePwd: the password does not meet the directory's rules" in outcome.message
    assert '"abc"' not in outcome.message


def failure(connection: ConnectionInfo) -> EndpointError:
    with pytest.raises(EndpointError) as caught:
        directories.source(connection, "DC=corp,DC=example").check()
    return caught.value


def test_logins(connection: ConnectionInfo, endpoint: LdapDestination, unit: str) -> None:
    """Active Directory's codes for refused logins become sentences; anonymous sessions see nothing."""
    error = failure(replace(connection, password="mistaken"))
    assert isinstance(error, AuthenticationError)
    assert "user name or password is wrong" in error.message
    account = user(
        endpoint, "off", unit, unicodePwd='"Geheim#2024x"'.encode("utf-16-le"), userAccountControl="514"
    )
    assert write_one(endpoint, account).result is Result.DONE
    (name,) = next(field.new for field in account.fields if field.field == "sAMAccountName")
    error = failure(replace(connection, login=f"{name.decode()}@corp.example", password="Geheim#2024x"))
    assert "the account is disabled. Enable the account." in str(error)
    error = failure(replace(connection, login="", password=""))
    assert isinstance(error, AuthenticationError)
    assert "Enter a login" in error.remedy


def test_encryption_is_demanded(connection: ConnectionInfo, samba: Samba) -> None:
    """A plain login is refused by the domain, and the message says what to set; StartTLS works."""
    error = failure(replace(connection, extra={"security": "none"}))
    assert isinstance(error, SecurityError)
    assert "Set security in the connection's extra to ldaps or starttls" in error.remedy
    directories.source(
        replace(connection, extra={**connection.extra, "security": "starttls"}), samba.suffix
    ).check()
    untrusted = failure(replace(connection, extra={}))
    assert isinstance(untrusted, SecurityError)
    assert "ca_certificate" in untrusted.remedy


def test_selects_by_category(endpoint: LdapDestination, connection: ConnectionInfo, unit: str) -> None:
    """A planned user is in the listing that names the category by its short name, as it will be once it is
    written.
    """
    change = user(endpoint, "Fry", unit)
    planned = Record(change.object, {field.field: list(field.new) for field in change.fields})
    assert write_one(endpoint, change).result is Result.DONE
    for filter, expected in (
        ("(&(objectCategory=person)(objectClass=user))", True),
        ("(objectCategory=CN=Person,CN=Schema,CN=Configuration,DC=corp,DC=example)", True),
        ("(objectCategory=group)", False),
        ("(&(objectClass=user)(!(objectCategory=person)))", False),
    ):
        with closing(directories.source(connection, unit, filter=filter)) as source:
            assert source.selects(planned) is expected
            assert (change.object in records(source)) is expected
