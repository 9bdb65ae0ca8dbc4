"""Our normalised forms say the same as slapd's own matching: the server is the reference."""

from __future__ import annotations

from dataclasses import dataclass

import ldap
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from directory_sync.endpoints.contract import FieldRule
from directory_sync.endpoints.ldap.schema import Schema
from tests.scenarios.container import Container
from tests.scenarios.examples import examples

_letters = st.text(
    alphabet="aAbBéÉÄäß\u017f\u03a3\u03c3\u03c2 ﬁ柴Å\u00c5\u212b\u00a0-", min_size=1, max_size=8
)
_ascii = st.text(alphabet="aAbBzZ -1", min_size=1, max_size=8)
_strategies = {
    "description": st.one_of(
        _letters,
        st.text(
            alphabet=st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"]), min_size=1, max_size=6
        ),
    ),
    "gecos": _ascii,
    "homeDirectory": _ascii,
    "telephoneNumber": st.text(alphabet="+0123 -", min_size=1, max_size=8),
    "x121Address": st.text(alphabet="012 ", min_size=1, max_size=6),
    "uidNumber": st.integers(-1000, 1000).map(str),
}
_settings = settings(
    max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@dataclass
class Server:
    """Asks slapd whether two values of an attribute are the same."""

    container: Container
    schema: Schema
    dn: str

    def rule(self, attribute: str) -> FieldRule:
        rule = self.schema.rule(attribute)
        assert rule is not None
        return rule

    def equal(self, attribute: str, one: bytes, other: bytes) -> bool:
        self.container.admin.modify_s(self.dn, [(ldap.MOD_REPLACE, attribute, one)])
        return bool(self.container.admin.compare_s(self.dn, attribute, other))


@pytest.fixture
def server(container: Container) -> Server:
    """An entry in slapd that takes values of all the attributes."""
    dn = container.add(
        "uid=x",
        objectClass=["inetOrgPerson", "posixAccount", "extensibleObject"],
        cn="x",
        sn="x",
        uidNumber="1",
        gidNumber="1",
        homeDirectory="/",
    )
    return Server(container, container.source().server.schema, dn)


def variants(value: str) -> st.SearchStrategy[str]:
    """The same text written in other ways, which may or may not be the same value."""
    return st.sampled_from(
        [
            value,
            value.upper(),
            value.lower(),
            value.swapcase(),
            value.replace(" ", "  "),
            f" {value} ",
            value.replace("-", ""),
        ]
    )


@pytest.mark.parametrize("attribute", list(_strategies))
def test_like_the_server(server: Server, attribute: str) -> None:
    """Two values have one normalised form exactly if slapd's comparison finds them equal."""

    @_settings
    @given(st.data())
    def agrees(data: st.DataObject) -> None:
        one = data.draw(_strategies[attribute])
        other = data.draw(st.one_of(variants(one), _strategies[attribute]))
        # The one letter known to differ: RFC 4518 folds it to i with a dot above (RFC 3454, table B.2), slapd
        # to a plain i.
        assume("\u0130" not in one + other)
        normalise = server.rule(attribute).normalise
        try:
            same = server.equal(attribute, one.encode(), other.encode())
        except (ldap.INVALID_SYNTAX, ldap.TYPE_OR_VALUE_EXISTS):
            assume(False)
            return
        assert (normalise(one.encode()) == normalise(other.encode())) is same, (one, other, same)

    agrees()


_values = st.text(alphabet='aAbB ,+"\\=;<>#é柴', min_size=1, max_size=6)


def test_names_like_the_server(server: Server) -> None:
    """Two DNs have one normalised form exactly if slapd takes them for the same, whatever they are made
    of.
    """
    names = server.schema.names

    @_settings
    @given(
        _values,
        _values,
        st.sampled_from(["cn", "CN", "commonName", "2.5.4.3", "sn"]),
        st.booleans(),
        st.booleans(),
    )
    @example("a", "A", "2.5.4.3", True, True)
    @example(" a", "a", "cn", False, False)
    def agrees(one: str, other: str, attribute: str, swap: bool, hexadecimal: bool) -> None:
        first = (
            names.child("cn", one.encode(), "uid=x+ou=Y,dc=example")
            if one.strip()
            else "cn=a,uid=x+ou=Y,dc=example"
        )
        text = (
            "".join(f"\\{byte:02x}" for byte in other.encode())
            if hexadecimal
            else ldap.dn.escape_dn_chars(other)
        )
        second = f"{attribute}={text} , {'OU=y + uid=X' if swap else 'uid=x+ou=Y'},DC=Example"
        try:
            same = server.equal("manager", first.encode(), second.encode())
        except ldap.INVALID_SYNTAX:
            assume(False)
            return
        assert names.same(first, second) is same, (first, second, same)

    agrees()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b"20261122120000Z", b"20261122130000+0100"),
        (b"20261122120000Z", b"20261122120000.000Z"),
        (b"202611221200Z", b"20261122120000Z"),
        (b"20261122120000Z", b"20261122120001Z"),
        (b"20261122120000.5Z", b"20261122120000.50Z"),
    ],
)
def test_times(server: Server, one: bytes, other: bytes) -> None:
    """Times are the same moment by RFC 4517, section 3.3.13, whatever the zone and the trailing zeros."""
    rule = server.rule("modifyTimestamp")
    same = rule.normalise(one) == rule.normalise(other)
    assert same is (other != b"20261122120001Z")
    assert rule.check(one) is None


SYNTAX_PROBES = {
    "mail": [b"a@b", "ä@b".encode(), b""],
    "cn": [b"a", b"", b"\xff"],
    "telephoneNumber": [b"+1 (2) 3", b"1_2", b""],
    "uidNumber": [b"1", b"-1", b"01", b"", b"1.0", b"x"],
    "manager": [b"cn=a", b"cn", b"a=\xff", b""],
    "x121Address": [b"1 2", b"a", b""],
    "c": [b"DE", b"D", b"DEU"],
    "jpegPhoto": [b"\xff\xd8\xff"],
    "preferredLanguage": [b"de", b""],
    "postalAddress": [b"a$b", b""],
    "objectClass": [b"extensibleObject"],
}


@pytest.mark.parametrize("attribute", list(SYNTAX_PROBES))
def test_syntax_checks_like_the_server(server: Server, attribute: str) -> None:
    """A value that we refuse, slapd refuses too; what slapd's syntax check refuses, we have refused
    before.
    """
    for value in SYNTAX_PROBES[attribute]:
        kind = ldap.MOD_ADD if attribute == "objectClass" else ldap.MOD_REPLACE
        try:
            server.container.admin.modify_s(server.dn, [(kind, attribute, value)])
            accepted = True
        except ldap.INVALID_SYNTAX:
            accepted = False
        except ldap.TYPE_OR_VALUE_EXISTS:
            accepted = True
        problem = server.rule(attribute).check(value)
        assert (problem is None) is accepted, (value, problem)
