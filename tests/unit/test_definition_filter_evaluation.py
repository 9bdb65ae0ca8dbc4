"""What a filter says of an object in memory, in the three-valued logic of RFC 4511, section 4.5.1.7."""

from __future__ import annotations

import pytest

from directory_sync.definition.filters import matches, parse

VALUES = {
    "cn": [b"Ida Example"],
    "objectclass": [b"top", b"person"],
    "mail": [b"ida@corp.example", b"i@corp.example"],
    "useraccountcontrol": [b"514"],
    "uidnumber": [b"1000"],
    "whencreated": [b"20260101000000.0Z"],
    "sn;lang-de": [b"Beispiel"],
    "photo": [b"\xff\x00"],
}


def normalise(attribute: str, value: bytes) -> bytes:
    """Case and runs of blanks do not matter; numbers are numbers."""
    if attribute == "uidnumber" and not value.isdigit():
        raise ValueError("not a number")
    return b" ".join(value.lower().split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(cn=ida  EXAMPLE)", True),
        ("(cn=ida)", False),
        ("(title=x)", False),
        ("(title=*)", False),
        ("(CN=*)", True),
        ("(mail=i@corp.example)", True),
        ("(cn=ida*)", True),
        ("(cn=*exam*)", True),
        ("(cn=i*a*e)", True),
        ("(cn=ida *)", True),
        ("(cn=*a e*)", True),
        ("(cn=ida*ida*)", False),
        ("(mail=ida@*ida@corp.example)", False),
        ("(cn=*example*e)", False),
        (r"(photo=\ff*)", True),
        ("(uidNumber>=999)", True),
        ("(uidNumber>=1000)", True),
        ("(uidNumber<=999)", False),
        ("(uidNumber<=10000)", True),
        ("(uidNumber=abc)", None),
        ("(uidNumber>=abc)", None),
        ("(whenCreated>=20251231235959.0Z)", True),
        ("(whenCreated<=20251231235959.0Z)", False),
        ("(cn~=ida example)", True),
        ("(cn~=ida exampel)", None),
        ("(title~=x)", False),
        ("(userAccountControl:1.2.840.113556.1.4.803:=2)", True),
        ("(userAccountControl:1.2.840.113556.1.4.803:=514)", True),
        ("(userAccountControl:1.2.840.113556.1.4.803:=3)", False),
        ("(userAccountControl:1.2.840.113556.1.4.804:=3)", True),
        ("(userAccountControl:1.2.840.113556.1.4.804:=1)", False),
        ("(title:1.2.840.113556.1.4.803:=2)", False),
        ("(userAccountControl:1.2.840.113556.1.4.803:=x)", None),
        ("(member:1.2.840.113556.1.4.1941:=cn=x)", None),
        ("(cn:=ida example)", True),
        ("(cn:dn:=ida example)", None),
        ("(:1.2.3:=x)", None),
        ("(sn=beispiel)", True),
        ("(sn;lang-de=beispiel)", True),
        ("(sn;lang-fr=beispiel)", False),
        ("(&)", True),
        ("(|)", False),
        ("(!(cn=x))", True),
        ("(!(uidNumber=abc))", None),
        ("(&(cn=*)(uidNumber=abc))", None),
        ("(&(cn=x)(uidNumber=abc))", False),
        ("(|(cn=*)(uidNumber=abc))", True),
        ("(|(cn=x)(uidNumber=abc))", None),
        ("(&(objectClass=person)(!(userAccountControl:1.2.840.113556.1.4.803:=2)))", False),
    ],
)
def test_evaluation(text: str, expected: bool | None) -> None:
    """Undefined is neither true nor false, and `not` leaves it so."""
    assert matches(parse(text), VALUES, normalise) is expected


def test_values_that_cannot_be_normalised_are_undefined() -> None:
    """A value against its syntax does not become a match or a mismatch by accident."""
    assert matches(parse("(uidNumber=5)"), {"uidnumber": [b"x"]}, normalise) is None


def test_substrings_when_blanks_around_change_the_form() -> None:
    """A normaliser that cannot take a piece of a value makes the answer Undefined."""
    assert matches(parse("(uidNumber=1*)"), VALUES, normalise) is None
