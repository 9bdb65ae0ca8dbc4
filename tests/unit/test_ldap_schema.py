"""What is made of a server's schema."""

from __future__ import annotations

import pytest

from directory_sync.endpoints.ldap import matching
from directory_sync.errors import SchemaError
from tests.scenarios.schemas import ATTRIBUTE_TYPES, small_schema

SCHEMA = small_schema()


def test_inheritance() -> None:
    """Syntax and equality come from the nearest supertype that says them; names and identifiers mean the same
    attribute.
    """
    for name in ("cn", "commonName", "CN", "2.5.4.3", "cn;lang-de"):
        rule = SCHEMA.rule(name)
        assert rule is not None, name
        assert rule.normalise(b" A  b") == b"a b"
    member = SCHEMA.rule("member")
    assert member is not None
    assert member.reference
    assert member.normalise(b"CN=A , dc=X") == b"cn=a,dc=x"
    assert SCHEMA.rule("nothing") is None


def test_what_can_be_done_with_values() -> None:
    """Without an equality rule, and for passwords, values cannot be named; certificates cannot be asked for
    in filters.
    """
    photo, password, certificate = (
        SCHEMA.rule(name) for name in ("jpegPhoto", "userPassword", "userCertificate;binary")
    )
    assert photo is not None
    assert password is not None
    assert certificate is not None
    assert (photo.equality, password.equality, certificate.equality) == (False, False, True)
    assert (photo.binary, certificate.binary, certificate.name) == (True, True, "userCertificate;binary")
    assert not SCHEMA.assertable("userCertificate")
    assert not SCHEMA.assertable("userPassword")
    assert SCHEMA.assertable("member")
    identity = SCHEMA.rule("entryUUID")
    assert identity is not None
    assert (identity.writable, identity.single) == (False, True)


@pytest.mark.parametrize(
    ("name", "holds"),
    [
        ("userPassword", True),
        ("2.5.4.35;lang-de", True),
        ("OID.1.2.3.91", True),
        ("corpLogin", True),
        ("ntPassword", True),
        ("CORPSECRET;x", True),
        ("corpSecret2", True),
        ("cn", False),
        ("nothing", False),
    ],
)
def test_passwords_under_names_that_only_the_schema_knows(name: str, holds: bool) -> None:
    """Other names, identifiers, and subtypes of an attribute that holds passwords hold them too."""
    schema = small_schema(
        *ATTRIBUTE_TYPES,
        "( 1.2.3.91 NAME ( 'corpLogin' 'ntPassword' ) SUP name )",
        "( 1.2.3.92 NAME 'corpSecret' SUP userPassword )",
        "( 1.2.3.93 NAME 'corpSecret2' SUP corpSecret )",
    )
    assert schema.holds_password(name) is holds
    rule = schema.rule(name.removeprefix("OID."))
    assert rule is None or (rule.password, schema.assertable(name)) == (holds, not holds)


def test_classes() -> None:
    """Mandatory and allowed attributes include those of the classes above; every name of an allowed attribute
    is allowed.
    """
    assert SCHEMA.mandatory(["inetOrgPerson"]) == {"sn", "cn"}
    assert SCHEMA.mandatory(["groupOfNames", "posixAccount"]) == {"member", "commonName", "uid"}
    allowed = SCHEMA.allowed(["2.16.840.1.113730.3.2.2"])
    assert allowed is not None
    assert {"cn", "commonname", "2.5.4.3", "mail", "userpassword", "objectclass"} <= allowed
    assert "member" not in allowed
    assert SCHEMA.allowed(["person", "extensibleObject"]) is None
    assert SCHEMA.with_superclasses(["INETORGPERSON", "robot"]) == ["inetOrgPerson", "person", "top", "robot"]
    with pytest.raises(SchemaError, match="object class robot does not exist"):
        SCHEMA.mandatory(["robot"])


@pytest.mark.parametrize(
    ("normalise", "one", "other", "same"),
    [
        (matching.case_ignore, "Stra\u00dfe", "STRASSE", False),
        (matching.case_ignore, "\u00c4rger", "a\u0308rger", True),
        (matching.case_ignore, "a\u00a0b", "A B", True),
        (matching.case_exact, "A  b ", "A b", True),
        (matching.case_exact, "A b", "a b", False),
        (matching.numeric_string, "1 2", "12", True),
        (matching.telephone_number, "+1 (2)-3", "+1(2)3", True),
        (matching.integer, "007", "7", True),
        (matching.integer, "-0", "0", True),
        (matching.integer, "1.0", "1", False),
        (matching.boolean, "true", "TRUE", True),
        (matching.generalized_time, "20261122120000Z", "20261122110000-01", True),
        (matching.generalized_time, "2026112212.5Z", "202611221230Z", True),
        (matching.generalized_time, "20261122120000Z", "20261122120000", False),
        (matching.generalized_time, "00010101000000+0100", "00010101000000Z", False),
    ],
)
def test_equal_values(normalise: matching.Normalise, one: str, other: str, same: bool) -> None:
    """The normalised forms are equal exactly for values that the rule takes for the same."""
    assert (normalise(one.encode()) == normalise(other.encode())) is same


@pytest.mark.parametrize("rule", list(matching.RULES))
@pytest.mark.parametrize("value", [b"", b"\xff\xfe", b"\x00", b" ", b"-", b"99999999999999Z"], ids=repr)
def test_any_octets(rule: str, value: bytes) -> None:
    """No value makes a rule fail, and a normalised form stays as it is."""
    normalise = matching.RULES[rule]
    assert normalise(normalise(value)) == normalise(value)
